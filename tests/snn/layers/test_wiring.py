"""One-to-one weights, feedback through a layer, shared weights, constraints on a net."""

import io

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, nn, ops, optim, value_and_grad
from autograd.errors import ArgumentError, CellError, ShapeError, StateError
from autograd.optim import constraints
from tests.snn.helpers.compare import assert_as_eager, assert_equal, everything

T, N, F = 7, 3, 4
SURROGATE = {"surrogate_function": snn.surrogate.atan()}
every_mode = pytest.mark.parametrize("mode", ["eager", "python", "compiled"])


def drawn(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


# One to one


def test_each_feature_has_a_weight():
    layer, x = snn.OneToOne(F, weight_init=drawn(F, seed=1), bias_init=drawn(F, seed=2), has_bias=True), drawn(T, N, F)
    net = nn.SequentialCell(layer, snn.IFNode(**SURROGATE))
    for mode in ("eager", "compiled"):
        np.testing.assert_allclose(snn.run(layer, x, mode=mode).out, x * drawn(F, seed=1) + drawn(F, seed=2), rtol=1e-6)
    out, _, _ = assert_as_eager(net, Tensor(x), "python")
    assert out.asnumpy().any()
    assert all(g.asnumpy().any() for g in everything(net, Tensor(x), "python")[1])
    assert repr(layer) == "OneToOne(4, has_bias=True)"
    with pytest.raises(ShapeError, match=r"an input \[..., 4\], got Tensor\[3, 5\]|an input \[..., 4\], got"):
        layer(np.ones((N, 5), np.float32))
    with pytest.raises(ArgumentError, match="features to be a positive int"):
        snn.OneToOne(0)


class Loop(Cell):
    """Neurons to which their own spikes come back, one by one."""

    def __init__(self):
        super().__init__()
        self.node, self.back = snn.IFNode(**SURROGATE), snn.OneToOne(F, weight_init=drawn(F, seed=1) / 2)

    def initial_state(self, x):
        return self.node.initial_state(x), ops.zeros_like(x)

    def construct(self, x, state):
        spike, v = self.node(x + self.back(state[1]), state[0])
        return spike, (v, spike)


def test_in_feedback_it_steps_with_the_neurons():
    out, _, _ = assert_as_eager(Loop(), Tensor(drawn(T, N, F) + 0.5), "python")
    assert 0 < out.asnumpy().mean() < 1


# Through a layer


def images(dtype=np.float32):
    return drawn(T, N, 2, 5, 4, dtype=dtype) + 0.3


def convolved(dtype=np.float32, node=None):
    weight = np.random.default_rng(1).integers(-2, 3, (2, 2, 3, 3)) / 4
    return snn.RecurrentThrough(
        node or snn.LIFNode(beta=0.5, **SURROGATE), nn.Conv2d(2, 2, 3, weight_init=weight, dtype=dtype)
    )


@every_mode
def test_what_fired_comes_back_through_the_convolution(mode):
    layer, x = convolved(np.float64), images(np.float64)
    spike, v, outs = np.zeros(x.shape[1:]), np.zeros(x.shape[1:]), []
    padded = np.zeros((N, 2, 7, 6))
    for xt in x:  # a plain loop over the places of the kernel
        padded[:, :, 1:-1, 1:-1] = spike
        back = np.zeros(x.shape[1:])
        for o, i, a, b in np.ndindex(2, 2, 3, 3):
            back[:, o] += layer.back.weight.asnumpy()[o, i, a, b] * padded[:, i, a : a + 5, b : b + 4]
        v = 0.5 * v + xt + back
        spike = (v > 1).astype(float)
        v = v - spike
        outs.append(spike)
    out, state, _ = snn.run(layer, x, mode=mode)
    np.testing.assert_array_equal(out, outs)
    np.testing.assert_allclose(state.v, v, atol=1e-12)
    assert 0 < out.asnumpy().mean() < 1


@pytest.mark.parametrize("how", ["fresh", "state", "mask"])
@pytest.mark.parametrize("node", [None, "several states"])
def test_all_is_as_in_the_eager_mode(how, node):
    layer = convolved(np.float64, snn.CurrentLIFNode(alpha=0.5, beta=0.5, **SURROGATE) if node else None)
    net = nn.SequentialCell(
        nn.Conv2d(2, 2, 3, rng=0, dtype=np.float64), layer, nn.Flatten(), nn.Dense(40, 2, rng=1, dtype=np.float64)
    )
    x = Tensor(images(np.float64))
    options = {"mask": np.random.default_rng(5).random((T, N)) < 0.7} if how == "mask" else {}
    options |= {"state": snn.run(net, x).state} if how == "state" else {}
    expected, by = everything(net, x, "eager", record=["spike", "v", "x"], **options)
    found, found_by = everything(net, x, "python", record=["spike", "v", "x"], **options)
    assert list(found[2]) == list(expected[2])
    for a, b in zip((found[0], *found[2].values(), *found_by), (expected[0], *expected[2].values(), *by), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)
    assert expected[2]["1.spike"].asnumpy().any()
    assert all(g.asnumpy().any() for g in by)


def test_explain_says_that_it_runs_step_by_step():
    file = io.StringIO()
    through = snn.RecurrentThrough(
        snn.LIFNode(beta=0.5), nn.SequentialCell(nn.Conv2d(2, 2, 3), nn.AvgPool2d(3, 1, pad_mode="same"))
    )
    snn.explain(nn.SequentialCell(through), images(), file=file)
    assert "has a state: runs step by step, as in eager mode: its layer cannot step inside a compiled loop" in file.getvalue()


def test_through_a_dense_layer_it_is_a_recurrent_layer():
    weight, x = np.random.default_rng(1).integers(-1, 2, (F, F)), drawn(T, N, F) + 0.5
    through = snn.RecurrentThrough(snn.IFNode(), nn.Dense(F, F, weight_init=weight, has_bias=False))
    layer = snn.Recurrent(snn.IFNode(), F, weight_init=weight)
    first, second = (snn.run(net, x, mode="python") for net in (through, layer))
    assert_equal(first.out, second.out)
    assert first.out.asnumpy().any()


def test_what_is_wrong_with_it_is_said():
    with pytest.raises(CellError, match="a neuron, such as"):
        snn.RecurrentThrough(nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3))
    with pytest.raises(CellError, match="a layer without state, such as"):
        snn.RecurrentThrough(snn.IFNode(), snn.IFNode())
    with pytest.raises(ArgumentError, match="a layer for one time step"):
        snn.RecurrentThrough(snn.IFNode(), snn.PSN(4))
    layer = snn.RecurrentThrough(snn.IFNode(), nn.Conv2d(2, 3, 3))
    for mode in ("eager", "compiled"):
        with pytest.raises(ShapeError, match=r"currents in the shape of the input, \[3, 2, 5, 4\], got"):
            snn.run(layer, images(), mode=mode)


@pytest.mark.parametrize(
    "build", [lambda: snn.RecurrentThrough(snn.IFNode(), nn.Dense(F, F, rng=0)), lambda: snn.Recurrent(snn.IFNode(), F)]
)
def test_a_step_wants_a_state_of_its_own(build):
    layer, x = build(), np.ones((N, F), np.float32)
    start, name = layer.initial_state(x), type(layer).__name__
    with pytest.raises(StateError, match=rf"{name}: expected an input and a state, layer\(x, state\), got no state"):
        layer(x)
    with pytest.raises(StateError, match=f"{name}, state: expected v and spike, got ndarray"):
        layer(x, np.zeros((N, F)))
    with pytest.raises(StateError, match=rf"{name}, state spike: expected \[{N}, {F}\], as the input, got"):
        layer(x, start._replace(spike=np.zeros((N + 1, F), np.float32)))
    out, after = layer(2 * x, start)
    assert out.asnumpy().any()
    assert_equal(after.spike, out)


# Shared weights


def test_a_layer_that_stands_twice_gets_both_gradients():
    shared = nn.Dense(F, F, rng=0, dtype=np.float64)
    net = nn.SequentialCell(shared, snn.IFNode(**SURROGATE), shared, snn.LIFNode(beta=0.5, **SURROGATE))
    apart = nn.SequentialCell(
        nn.Dense(F, F, weight_init=shared.weight.asnumpy(), bias_init=shared.bias.asnumpy(), dtype=np.float64), net[1],
        nn.Dense(F, F, weight_init=shared.weight.asnumpy(), bias_init=shared.bias.asnumpy(), dtype=np.float64), net[3],
    )  # fmt: skip
    x = 2 * drawn(T, N, F, dtype=np.float64) + 1
    for mode in ("eager", "python"):
        found = [
            value_and_grad(lambda one=one: (snn.run(one, x, mode=mode).out ** 2).sum(), None, one.trainable_params())()  # noqa: B023
            for one in (net, apart)
        ]
        (value, (weight, bias)), (other, (w1, b1, w2, b2)) = found
        assert value.item() == other.item() > 0
        np.testing.assert_allclose(weight, w1.asnumpy() + w2.asnumpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(bias, b1.asnumpy() + b2.asnumpy(), rtol=1e-10, atol=1e-12)
        assert w1.asnumpy().any()
        assert w2.asnumpy().any()


# Constraints


def test_signs_of_presynaptic_neurons_hold_while_a_net_learns():
    rng = np.random.default_rng(0)
    signs = np.where(np.arange(12) < 9, 1, -1)
    layer = snn.Recurrent(snn.LIFNode(beta=0.9, **SURROGATE), 12, lateral="others", rng=rng)
    net = nn.SequentialCell(nn.Dense(F, 12, rng=rng), layer)
    adam = optim.Adam(
        [{"params": [net[0].weight, net[0].bias]}, {"params": [layer.weight], "constraint": constraints.Signs(signs)}], 0.05
    )
    x, target = np.abs(drawn(20, 8, F)), 0.3
    step = value_and_grad(lambda: ((snn.run(net, x).out.mean(0) - target) ** 2).mean(), None, adam.params)
    losses = []
    for _ in range(20):
        loss, gradients = step()
        adam(gradients)
        losses.append(loss.item())
        assert (layer.weight.asnumpy() * signs >= 0).all()
    assert losses[-1] < losses[0] / 2
    assert layer.weight.asnumpy().any()
