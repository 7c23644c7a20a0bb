"""Hypothesis profiles, and a guard against tests that leave global state behind."""

import gc
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from autograd.state import state

# Pauses of the machine make drawing examples slow, whatever the strategy.
ANYWHERE = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", max_examples=15, derandomize=True, **ANYWHERE)
settings.register_profile("thorough", max_examples=300, **ANYWHERE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _no_global_state_leaks():
    before = np.geterr(), np.random.get_state()[1].tobytes()  # noqa: NPY002 - the global generator must stay untouched
    yield
    assert (state.recording, state.linking, state.watched) == (False, False, {})
    assert before == (np.geterr(), np.random.get_state()[1].tobytes())  # noqa: NPY002


@pytest.fixture(autouse=True, scope="module")
def _collector_sees_one_module():
    """Hide the objects of earlier modules from the garbage collector, which would need seconds for compiled code."""
    gc.collect()
    gc.freeze()
