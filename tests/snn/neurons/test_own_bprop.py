"""A neuron with its own bprop, over time: this bprop is its derivative at every order, whatever is recorded."""

import numpy as np
import pytest

import snn
from autograd import Cell, GradOperation, Parameter, Tensor, grad, nn, ops
from autograd.errors import BpropError, GradientError
from tests.snn.helpers.nets import bits, currents


class Own(Cell):
    """The integrate-and-fire neuron with the backward of a whole step written by hand."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale

    def construct(self, x, v):
        v = v + x
        spike = (v > 1).astype(v.dtype)
        return spike, v - spike

    def bprop(self, x, v, out, dout):
        dspike, dv = dout
        s = ops.sigmoid(5.0 * (x + v - 1))
        dh = dv + (dspike - dv) * (5.0 * s * (1 - s))
        return dh * self.scale, dh


def loss_of(node, record):
    def loss(x, v0):
        out, v, recorded = snn.run(node, x, state=v0, record=record)
        weights = np.random.default_rng(1).normal(size=(2, *out.shape))
        total = (out * weights[0]).sum() + ops.square(v).sum()
        return total + sum((ops.sin(r) * weights[1]).sum() for r in recorded.values())

    return loss


def start(shape):
    return Tensor(np.random.default_rng(2).normal(0, 0.3, shape))


@pytest.mark.parametrize("record", [(), ("v",), ("v", "spike", "x")], ids=str)
def test_first_and_second_order_are_those_of_the_neuron_whose_backward_it_is(record):
    x, v0 = Tensor(currents((6, 2, 3), np.float64)), start((2, 3))
    for order in (1, 2):
        found = []
        for node in (Own(), snn.IFNode()):
            fn = loss_of(node, record)
            if order == 2:
                first = grad(fn, (0, 1))
                fn = lambda x, v0, first=first: sum(ops.square(g).sum() for g in first(x, v0))  # noqa: E731
            found.append([g.asnumpy() for g in grad(fn, (0, 1))(x, v0)])
        for own, ours in zip(*found, strict=True):
            assert np.abs(ours).max() > 0.1
            np.testing.assert_allclose(own, ours, rtol=1e-10, atol=1e-12)


def test_it_is_this_bprop_that_is_used_and_no_other():
    x, v0 = Tensor(currents((6, 2, 3), np.float64)), start((2, 3))
    (x1, v1), (x3, v3) = (grad(loss_of(Own(scale), ()), (0, 1))(x, v0) for scale in (1.0, 3.0))
    np.testing.assert_allclose(x3.asnumpy(), 3 * x1.asnumpy(), rtol=1e-14)
    assert bits(v3) == bits(v1)


def test_weights_behind_and_before_it_have_their_gradients():
    def weights_of(node):
        net = nn.SequentialCell(nn.Dense(3, 4, rng=1), node, nn.Dense(4, 2, rng=2), snn.LIFNode(beta=0.5))
        return grad(lambda x: snn.run(net, x)[0], None, weights=net.trainable_params())(currents((6, 2, 3)))

    for own, ours in zip(weights_of(Own()), weights_of(snn.IFNode()), strict=True):
        assert np.abs(ours.asnumpy()).max() > 0
        np.testing.assert_allclose(own.asnumpy(), ours.asnumpy(), rtol=1e-4, atol=1e-6)


class Weighted(Cell):
    """A neuron with a Parameter that its bprop supplies, or hides."""

    def __init__(self, supplies):
        super().__init__()
        self.gain, self.supplies = Parameter(np.array([0.5, 1.0, 2.0])), supplies

    def construct(self, x, v):
        v = 0.5 * v + self.gain * x
        return v, v

    def bprop(self, x, v, out, dout):
        dv = dout[0] + dout[1]
        grads = dv * self.gain, 0.5 * dv
        return (grads, {self.gain: (dv * x).sum(0)}) if self.supplies else grads


def test_a_parameter_that_the_bprop_supplies_is_summed_over_time():
    x = currents((5, 2, 3), np.float64)
    node = Weighted(supplies=True)
    by_gain = grad(lambda x: snn.run(node, x)[0], None, weights=node.gain)(x)
    traces = np.zeros_like(x)
    for t in range(5):  # d v_t / d gain = sum over s <= t of 0.5^(t-s) x_s
        traces[t] = (0.5 * traces[t - 1] if t else 0) + x[t]
    np.testing.assert_allclose(by_gain.asnumpy(), traces.sum((0, 1)), rtol=1e-12)


def test_a_parameter_that_the_bprop_hides_is_an_error_that_names_both():
    net = nn.SequentialCell({"own": Weighted(supplies=False)})
    with pytest.raises(GradientError, match=r"gradient through Weighted: .* no gradient for Parameter 'own\.gain'"):
        grad(lambda x: snn.run(net, x)[0], None, weights=net.trainable_params())(currents((3, 2, 3), np.float64))


class Short(Own):
    def bprop(self, x, v, out, dout):
        return (dout[0],)


def test_a_bprop_that_forgets_the_state_is_an_error():
    with pytest.raises(BpropError) as error:
        GradOperation()(lambda x: snn.run(Short(), x)[0])(Tensor(currents((3, 2, 3))))
    assert str(error.value) == (
        "Short.bprop: expected a tuple with one gradient for each of 2 inputs, got 1 value. "
        "Every input of construct takes a slot, even one that is not a Tensor; None stands for zero."
    )
