"""Hypothesis profiles, and a guard against tests that leave global state behind."""

import gc
import os

import numpy as np
import pytest
from hypothesis import settings

from autograd.state import state

settings.register_profile("default", max_examples=15, deadline=None, derandomize=True, database=None)
settings.register_profile("thorough", max_examples=300, deadline=None, database=None)
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
