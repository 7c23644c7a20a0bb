"""Settings of a MindSpore program."""

import pytest

import autograd as ms
from autograd import Cell, Tensor, context, grad
from autograd.errors import ArgumentError, BpropError

from .helpers import plain


@pytest.fixture(autouse=True)
def _settings_stay(monkeypatch):
    monkeypatch.setattr(context, "_settings", dict(context._settings))


class Net(Cell):
    @ms.jit
    def construct(self, x):
        return x * 2

    def bprop(self, x, out, dout):
        return (dout * 3,)


@pytest.mark.parametrize("mode", [ms.GRAPH_MODE, ms.PYNATIVE_MODE])
def test_both_modes_run_eagerly(mode):
    ms.set_context(mode=mode, device_target="CPU", check_bprop=True, save_graphs=False)
    assert (ms.get_context("mode"), ms.get_context("device_id")) == (mode, None)
    seen = []
    net = Net()
    net.register_forward_hook(lambda cell, inputs, out: seen.append(plain(out)))
    assert plain(grad(net)(Tensor([1.0]))) == [3.0]
    assert seen == [[2.0]]


@pytest.mark.parametrize("check", [True, False])
def test_what_a_bprop_returns_is_always_checked(check):
    class Wrong(Net):
        def bprop(self, x, out, dout):
            return dout, dout

    ms.set_context(check_bprop=check)
    with pytest.raises(BpropError):
        grad(Wrong())(Tensor([1.0]))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"device_target": "GPU"}, "set_context: expected device_target to be 'CPU', got 'GPU'"),
        ({"mode": 2}, "set_context: expected mode to be 0 or 1, got 2"),
        ({"speed": 1}, "set_context: expected one of mode, device_target, check_bprop, .*, got 'speed'"),
    ],
)
def test_a_setting_that_cannot_be_had_is_an_error_and_none_is_taken(settings, says):
    with pytest.raises(ArgumentError, match=says):
        ms.set_context(check_bprop=True, **settings)
    assert ms.get_context("check_bprop") is False


def test_an_unknown_setting_cannot_be_read():
    with pytest.raises(ArgumentError, match=r"get_context: expected one of mode, .*, got 'speed'"):
        ms.get_context("speed")


def test_jit_leaves_a_function_as_it_is():
    def double(x):
        return x * 2

    assert ms.jit(double) is double
    assert ms.ms_function(double) is double
    assert ms.jit(jit_level="O1")(double) is double
