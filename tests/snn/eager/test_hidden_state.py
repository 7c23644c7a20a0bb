"""A membrane in an attribute, as in SpikingJelly: the next run continues from it, with a warning."""

import copy
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import snn
from autograd import nn, ops
from snn.eager.watch import look_for_hidden_state

X = np.random.default_rng(0).random((6, 4, 3), np.float32)


class Hidden(nn.Cell):
    """A neuron that keeps its membrane for itself."""

    def __init__(self, start=None):
        super().__init__()
        self.v = start

    def construct(self, x):
        v = x if self.v is None else 0.9 * self.v + x
        z = (v > 1).astype(x.dtype)
        self.v = v - z
        return z


def runs(net, count, **options):
    """Return how often each of some runs warned."""
    found = []
    for _ in range(count):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            out, _, _ = snn.run(net, X, **options)
        assert np.any(out)
        found.append([str(w.message) for w in caught])
        assert all(w.filename == __file__ for w in caught)
    return found


@pytest.mark.parametrize("mode", ["auto", "eager", "python"])
@pytest.mark.parametrize("start", [None, 0.0, ops.zeros((4, 3))], ids=["None", "number", "Tensor"])
@pytest.mark.parametrize("chain", [False, True])
def test_a_run_that_goes_on_from_a_tensor_in_an_attribute_is_said_once(chain, start, mode):
    net = nn.SequentialCell(Hidden(start), snn.IFNode(v_threshold=0.5)) if chain else Hidden(start)
    first, second, third = runs(net, 3, mode=mode)
    where = r"layer '0' (Hidden)" if chain else "Hidden"
    assert first == third == []
    assert len(second) == 1
    assert second[0].startswith(f"snn.run: {where} continued from the Tensor that an earlier run left in its attribute 'v'.")
    assert "construct(x, state) -> (out, state)" in second[0]
    assert runs(copy.deepcopy(net), 2, mode=mode)[1]  # a copy is another net


def test_a_net_that_is_put_back_by_hand_has_no_warning():
    net = Hidden()
    for _ in range(3):
        net.v = None
        assert runs(net, 1) == [[]]


class Looked(nn.Cell):
    """A layer that leaves something to look at, makes a constant when it is first needed, and counts."""

    def __init__(self):
        super().__init__()
        self.scale = None
        self.calls = 0

    def construct(self, x):
        self.scale = 2 * ops.ones_like(x) if self.scale is None else self.scale
        self.calls += 1
        self.last = x * self.scale
        return self.last


@pytest.mark.parametrize("mode", ["eager", "auto"])
def test_what_is_no_state_has_no_warning(mode):
    net = nn.SequentialCell(nn.Dense(3, 3, weight_init="ones", rng=0), Looked(), snn.LIFNode(beta=0.9), nn.Dropout(rng=0))
    assert runs(net.set_train(), 3, mode=mode) == [[], [], []]


def test_runs_at_once_and_an_interrupted_first_run_do_no_harm():
    net, before = snn.IFNode(), {}
    for _ in range(3):  # as threads come to it that have begun before any of them had ended
        look_for_hidden_state(net, before)

    class Stopped(dict):
        def __setitem__(self, name, value):
            super().__setitem__(name, value)
            raise KeyboardInterrupt

    interrupted = Stopped()
    with pytest.raises(KeyboardInterrupt):
        look_for_hidden_state(SimpleNamespace(kept=lambda: interrupted), before)
    net = snn.IFNode()
    net.kept().update(interrupted)
    for _ in range(3):
        look_for_hidden_state(net, before)
