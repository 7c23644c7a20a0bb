"""A step with side effects is refused; with mode="auto" a warning says so once, and the net runs step by step."""

import warnings

import numpy as np
import pytest

import snn
from autograd import Tensor, nn, ops
from autograd.errors import CompileError

X = np.random.default_rng(0).random((5, 4, 3), np.float32)
LEFT = None


class Attribute(snn.Neuron):
    def charge(self, x, state):
        self.last = state
        return state + x


class Listed(snn.Neuron):
    def __init__(self):
        super().__init__()
        self.seen = []

    def charge(self, x, state):
        self.seen.append(state)
        return state + x


class Named(snn.Neuron):
    def __init__(self):
        super().__init__()
        self.seen = {}

    def charge(self, x, state):
        self.seen["v"] = state
        return state + x


class Counted(snn.Neuron):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def charge(self, x, state):
        self.calls += 1
        return state + x


class Global(snn.Neuron):
    def charge(self, x, state):
        global LEFT
        LEFT = state
        return state + x


@pytest.fixture(params=[Attribute, Listed, Named, Counted, Global], ids=lambda kind: kind.__name__)
def kind(request):
    yield request.param
    globals()["LEFT"] = None


def test_what_a_step_leaves_behind_is_refused(kind):
    with pytest.raises(CompileError, match=rf"{kind.__name__}\.construct: expected a step that changes only its state"):
        snn.run(kind(), X, mode="python")


def test_it_is_said_once_and_runs_step_by_step(kind, monkeypatch):
    monkeypatch.setattr("snn.compiled.auto.against", lambda *args: None)  # as if it were worth while
    node, expected = kind(), snn.run(kind(), X, mode="eager")[0]
    assert np.any(expected)
    said = []
    for _ in range(3):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            np.testing.assert_array_equal(snn.run(node, X)[0], expected)
        said.append(len(caught))
    assert said == [1, 0, 0]


class Clock(nn.Cell):
    """Counts the steps in a state of one number."""

    def initial_state(self, x):
        return {"v": ops.zeros_like(x), "t": Tensor([0.0])}

    def construct(self, x, state):
        t = state["t"] + 1
        return x * t, {"v": x + state["v"], "t": t}


def test_a_state_that_is_not_one_value_a_neuron_is_refused_by_name(monkeypatch):
    expected = snn.run(Clock(), X, mode="eager")[0]
    np.testing.assert_array_equal(expected, X * np.arange(1, 6, dtype=np.float32)[:, None, None])
    text = r"Clock, state: expected a value for each neuron, \[4, 3\], got \[1\] Float32"
    with pytest.raises(CompileError, match=text):
        snn.run(Clock(), X, mode="python")
    monkeypatch.setattr("snn.compiled.auto.against", lambda *args: None)
    with pytest.warns(UserWarning, match=text):
        np.testing.assert_array_equal(snn.run(Clock(), X)[0], expected)
