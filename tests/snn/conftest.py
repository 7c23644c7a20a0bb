"""Fixtures that several test files of the compiled mode share."""

import contextlib

import pytest

from snn.engine import tuning


@pytest.fixture
def tune():
    """Return a function that sets fields of the tuning for the rest of the test."""
    with contextlib.ExitStack() as stack:
        yield lambda **fields: stack.enter_context(tuning.using(**fields))
