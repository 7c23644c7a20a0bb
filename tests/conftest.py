"""Hypothesis profiles, and a guard against tests that leave global state behind."""

import gc
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from autograd.state import state

# Examples are drawn slowly where the machine pauses, which says nothing of a strategy.
ANYWHERE = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", max_examples=15, derandomize=True, **ANYWHERE)
settings.register_profile("thorough", max_examples=300, **ANYWHERE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _no_global_state_leaks():
    before = np.geterr(), np.random.get_state()[1].tobytes()  # noqa: NPY002 - it is this one that must stay untouched
    yield
    assert (state.recording, state.linking, state.watched) == (False, False, {})
    assert before == (np.geterr(), np.random.get_state()[1].tobytes())  # noqa: NPY002


@pytest.fixture(autouse=True, scope="module")
def _collector_sees_one_module():
    """Hide from the collector what other modules left: with all that was compiled, each look at it would take seconds."""
    gc.collect()
    gc.freeze()
