"""The gradient of a whole network, each spike replaced by its surrogate's primitive, by finite differences.

A spike has no derivative that differences could find. With the primitive in its place the network is smooth, and its gradient
can be checked without autograd. A network whose surrogate has the primitive forward and the derivative as its bprop must
have the same gradient. It computes gradients as a spiking network does, and differs from one in the step alone.
"""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, check_grad, grad, nn, ops
from snn import surrogate
from tests.snn.helpers.each import each

NAMES = [name for name in surrogate.__all__ if name != "Surrogate"]
NODES = {
    "IF": lambda **k: snn.IFNode(**k),
    "LIF, tau": lambda **k: snn.LIFNode(tau=2.5, decay_input=False, **k),
    "LIF, tau, decay_input": lambda **k: snn.LIFNode(tau=2.5, decay_input=True, **k),
    "LIF, beta": lambda **k: snn.LIFNode(beta=0.8, **k),
    "LIF, beta, decay_input": lambda **k: snn.LIFNode(beta=0.8, decay_input=True, **k),
    "LIF, learnable": lambda v_threshold=1.0, **k: snn.LIFNode(
        Parameter(np.full(1, v_threshold)), tau=Parameter(np.array([3.0])), decay_input=False, **k
    ),
}
OPTIONS = [
    {"v_threshold": 0.8},
    {"v_threshold": 0.8, "spike_value": "unit", "fire_at_threshold": True},
    {"v_threshold": 0.8, "v_reset": 0.0},
    {"v_threshold": 0.8, "v_reset": -0.3, "spike_value": "unit"},
]

every_name = pytest.mark.parametrize("name", NAMES)
every_node = pytest.mark.parametrize("node", NODES.values(), ids=NODES)
every_option = pytest.mark.parametrize("options", OPTIONS, ids=str)


class Smooth(Cell):
    """The primitive of a surrogate and nothing else: autograd differentiates it like any function."""

    def __init__(self, name):
        super().__init__()
        self.primitive = getattr(surrogate, name)().primitive

    def construct(self, u):
        return self.primitive(u)


class SmoothWithBprop(Smooth):
    """The primitive forward and, in its own bprop, the derivative."""

    def __init__(self, name):
        super().__init__(name)
        self.derivative = getattr(surrogate, name)().derivative

    def bprop(self, u, out, dout):
        return (dout * self.derivative(u),)


def build(step, node, **options):
    return nn.SequentialCell(
        nn.Dense(3, 4, rng=1, dtype=np.float64), node(surrogate_function=step, **options),
        nn.Dense(4, 2, rng=2, dtype=np.float64), node(surrogate_function=step, **options),
    )  # fmt: skip


def inputs(seed=4):
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, 1.0, (4, 2, 3)), rng.normal(0.2, 0.4, (2, 4)), rng.normal(0.2, 0.4, (2, 2))


def outputs(net, x, v1, v2):
    out, state, record = snn.run(net, x, state={"1": v1, "3": v2}, record=("v", "v_before_reset", "spike"))
    return out, state["1"], state["3"], record["1.v"], record["1.spike"], record["3.v_before_reset"]


def weighed(net):
    """Return a scalar of everything that comes out of a run, each element weighed differently."""

    def loss(*given):
        rng = np.random.default_rng(8)
        return sum((out * rng.normal(size=out.shape)).sum() for out in outputs(net, *given))

    return loss


@every_name
def test_gradients_by_input_and_state_are_those_by_finite_differences(name):
    net = build(Smooth(name), NODES["LIF, beta"])
    check_grad(lambda *given: outputs(net, *given), inputs(), rtol=1e-4, atol=1e-6)


@every_option
@every_node
def test_they_are_for_every_neuron_and_option(node, options):
    net = build(Smooth("atan"), node, **options)
    check_grad(lambda *given: outputs(net, *given), inputs(), rtol=1e-5, atol=1e-7)


@every_option
@every_node
def test_gradients_by_weights_are_those_by_finite_differences(node, options):
    net = build(Smooth("sigmoid"), node, **options)
    loss, given, eps = weighed(net), inputs(), 1e-6
    weights = net.trainable_params()
    assert len(weights) == (4 if node is not NODES["LIF, learnable"] else 8)
    for weight, gradient in zip(weights, grad(loss, None, weights=weights)(*given), strict=True):
        start, numeric = weight.asnumpy().copy(), np.zeros(weight.shape)
        for index in np.ndindex(weight.shape):
            sides = []
            for step in (eps, -eps):
                moved = start.copy()
                moved[index] += step
                weight.set_data(moved)
                sides.append(loss(*given).item())
            numeric[index] = (sides[0] - sides[1]) / (2 * eps)
        weight.set_data(start)
        assert np.abs(numeric).max() > 1e-3
        np.testing.assert_allclose(gradient.asnumpy(), numeric, rtol=1e-5, atol=1e-6)


@every_name
@each(node=NODES.values(), options=OPTIONS)
def test_a_bprop_with_the_derivative_gives_the_gradient_of_the_smooth_network(name, node, options):
    found = []
    for step in (Smooth(name), SmoothWithBprop(name)):
        net = build(step, node, **options)
        by_inputs, by_weights = grad(weighed(net), (0, 1, 2), weights=net.trainable_params())(*inputs())
        found.append([g.asnumpy() for g in (*by_inputs, *by_weights)])
    for plain, with_bprop in zip(*found, strict=True):
        np.testing.assert_allclose(with_bprop, plain, rtol=1e-9, atol=1e-12)


@every_name
def test_the_same_chain_with_the_step_in_it_is_what_a_spiking_network_differentiates(name):
    """One neuron and one step: the gradient of a spiking net is the chain's, taken where the membrane is."""
    made = getattr(surrogate, name)()
    dense = nn.Dense(3, 2, rng=5, dtype=np.float64)
    x = np.random.default_rng(6).normal(size=(1, 2, 3))
    u = dense(x[0]) - 1.0
    (by_weight, _) = grad(lambda x: snn.run(nn.SequentialCell(dense, snn.IFNode(surrogate_function=made)), x)[0], None,
                          weights=dense.trainable_params())(x)  # fmt: skip
    expected = made.derivative(u).asnumpy().T @ x[0]
    np.testing.assert_allclose(by_weight.asnumpy(), expected, rtol=1e-12, atol=1e-15)


def test_second_order_of_the_smooth_network_by_finite_differences():
    net = build(Smooth("atan"), NODES["LIF, beta"])
    check_grad(lambda x: 100 * ops.square(snn.run(net, x)[0]).sum(), inputs()[0], order=2, rtol=1e-4, atol=1e-6)


def test_second_order_through_the_bprop_is_that_of_the_smooth_network():
    x = inputs()[0]
    found = []
    for step in (Smooth("atan"), SmoothWithBprop("atan")):
        net = build(step, NODES["LIF, beta"])
        first = grad(lambda x, net=net: 100 * ops.square(snn.run(net, x)[0]).sum())
        found.append(grad(lambda x, first=first: ops.square(first(x)).sum())(x).asnumpy())
    assert np.abs(found[0]).max() > 1
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-12)


def test_a_detached_reset_lets_no_gradient_through_it():
    """By hand for two steps of one neuron: v1 = h1 - s1 with s1 cut off, h2 = v1 + x2."""
    node = snn.IFNode(surrogate_function=Smooth("sigmoid"), detach_reset=True)
    x = np.array([0.9, 0.4]).reshape(2, 1, 1)
    by_x = grad(lambda x: snn.run(node, x)[0][1].sum())(x).asnumpy().ravel()
    s = 1 / (1 + np.exp(-5 * (0.9 - 1)))
    h2 = 0.9 - s + 0.4
    g2 = surrogate.sigmoid().derivative(h2 - 1.0).item()
    np.testing.assert_allclose(by_x, [g2, g2], rtol=1e-6)
