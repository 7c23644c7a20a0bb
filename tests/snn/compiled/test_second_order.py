"""Derivatives of second order through a compiled run are those of the eager one."""

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, grad, nn, tree, value_and_grad
from tests.snn.helpers.compare import assert_close
from tests.snn.helpers.neurons import AdaptiveNode, whole_dense

T, N, F = 5, 2, 6


def nets():
    rng = np.random.default_rng(0)
    lif = snn.LIFNode(Parameter(np.array(2.0)), beta=Parameter(np.full(9, 0.5)))
    recurrent = snn.Recurrent(snn.LIFNode(2.0, beta=0.5), 9, weight_init=rng.integers(-1, 2, (9, 9)), dtype=np.float64)
    to_itself = snn.Recurrent(snn.IFNode(2.0), 9, lateral="self", weight_init=rng.integers(-1, 2, 9), dtype=np.float64)
    dense = lambda i, o: whole_dense(rng, i, o, np.float64)  # noqa: E731
    return {
        "neuron": snn.LIFNode(beta=0.5),
        "Dense, neuron, Dense": nn.SequentialCell(dense(F, 9), lif, dense(9, 3)),
        "Dense, two states": nn.SequentialCell(dense(F, 9), AdaptiveNode(9, np.float64)),
        "Dense, recurrent": nn.SequentialCell(dense(F, 9), recurrent, dense(9, 3), snn.LeakyReadout(beta=0.5)),
        "Dense, to itself": nn.SequentialCell(dense(F, 9), to_itself),
    }


@pytest.mark.parametrize(
    ("name", "masked", "mode"),
    [
        *((name, masked, "python") for name in nets() for masked in (False, True)),
        ("Dense, neuron, Dense", False, "compiled"),
        ("Dense, recurrent", True, "compiled"),
    ],
)
def test_second_order_is_that_of_the_eager_run(name, masked, mode):
    rng = np.random.default_rng(1)
    net, x = nets()[name], Tensor(rng.integers(0, 3, (T, N, F)).astype(np.float64))
    mask = rng.random((T, N)) > 0.3 if masked else None
    parameters = net.trainable_params()

    def second(mode):
        def loss(x):
            out, state, records = snn.run(net, x, record=("v",), mask=mask, mode=mode)
            return sum((part * part * 0.5 + part).sum() for part in [out, *tree.leaves(state), *records.values()])

        def size(x):
            gradients = grad(loss, 0, parameters or None)(x)
            return sum((d * d).sum() for d in tree.leaves(gradients))

        return value_and_grad(size, 0, parameters or None)(x)

    found, expected = second(mode), second("eager")
    assert_close(found, expected)
    assert all(np.abs(d.array).max() > 0 for d in tree.leaves(expected)[:2])


@pytest.mark.parametrize("dtype", [bool, np.int64])
def test_second_order_on_events_that_have_no_gradient_themselves(dtype):
    beta, x = Parameter(np.float32(0.5)), np.random.default_rng(0).random((T, N, F)) < 0.5
    node = snn.LIFNode(beta=beta)

    def second(mode):
        def loss():
            out, v, records = snn.run(node, x.astype(dtype), record=("v",), mode=mode)
            assert out.array.any()
            return (v * v).sum() + (records["v"] * records["v"]).sum() + out.sum()

        gradient = grad(loss, None, beta)
        return gradient(), grad(lambda: gradient() * gradient(), None, beta)()

    eager, compiled = second("eager"), second("python")
    assert all(abs(number.item()) > 1 for number in eager)
    assert_close(compiled, eager)
