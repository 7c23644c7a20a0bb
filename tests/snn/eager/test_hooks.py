"""Hooks of a chain in a run over time."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from autograd import Cell, nn, value_and_grad
from autograd.errors import CompileError

X = np.random.default_rng(0).uniform(0, 3, (6, 2, 4)).astype(np.float32)


class Around(Cell):
    """The same chain in a Cell of another class, whose hooks a run has always called."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def initial_state(self, x):
        return self.net.initial_state(x)

    def construct(self, x, state):
        return self.net(x, state)


def chain():
    return nn.SequentialCell(nn.Dense(4, 5, rng=0), snn.LIFNode(beta=0.9), nn.SequentialCell(nn.Dense(5, 3, rng=1), nn.ReLU()))


def listened(net, hooked, mode):
    """Return output, gradients and what each kind of hook saw."""
    seen = {"pre": [], "forward": [], "backward": []}
    hooked.register_forward_pre_hook(lambda cell, inputs: seen["pre"].append(inputs[0].asnumpy()))
    hooked.register_forward_hook(lambda cell, inputs, out: seen["forward"].append(out))
    hooked.register_backward_hook(lambda cell, grad_input, grad_output: seen["backward"].append(grad_input[0].asnumpy()))
    out = None

    def loss(x):
        nonlocal out
        out = snn.run(net, x, mode=mode).out
        return (out * out).sum()

    _, gradient = value_and_grad(loss)(X)
    return out.asnumpy(), np.asarray(gradient), seen


@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_hooks_of_a_chain_see_each_step_as_those_of_any_cell(mode):
    net, inner = chain(), chain()
    plain, other = chain(), Around(inner)
    got, gradient, seen = listened(net, net, mode)
    want, expected, others = listened(other, inner, mode)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(got, snn.run(plain, X).out.asnumpy())
    np.testing.assert_array_equal(gradient, expected)
    assert np.abs(gradient).max() > 0
    assert got.any()
    for kind in ("pre", "backward"):
        assert len(seen[kind]) == len(others[kind]) == 6
        np.testing.assert_array_equal(seen[kind], others[kind])
    np.testing.assert_array_equal([out.asnumpy() for out, _ in seen["forward"]], got)
    assert [state.keys() for _, state in seen["forward"]] == [{"1"}] * 6


def test_a_hook_of_a_chain_within_takes_the_place_of_what_goes_through_until_it_is_removed():
    net = chain()
    before = snn.run(net, X).out.asnumpy()
    handles = [
        net[2].register_forward_pre_hook(lambda cell, inputs: (2 * inputs[0],)),
        net[2].register_forward_hook(lambda cell, inputs, out: out + 1),
    ]
    after = snn.run(net, X).out.asnumpy()
    assert after.min() >= 1
    assert not np.allclose(after, before + 1)
    for handle in handles:
        handle.remove()
    np.testing.assert_array_equal(snn.run(net, X).out.asnumpy(), before)


@pytest.mark.parametrize("place", [0, 2])
def test_the_compiled_mode_refuses_a_chain_with_hooks_until_they_are_removed(place):
    net = chain()
    cell = net if not place else net[2]
    before = snn.run(net, X, mode="compiled").out.asnumpy()
    handle = cell.register_forward_hook(lambda cell, inputs, out: None)
    with pytest.raises(CompileError, match=r"SequentialCell.*: expected a chain without hooks, got one with a hook"):
        snn.run(net, X, mode="compiled")
    handle.remove()
    np.testing.assert_array_equal(snn.run(net, X, mode="compiled").out.asnumpy(), before)
