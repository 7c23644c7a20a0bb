"""Gradients of several batches as one, against torch and against one large batch."""

import numpy as np
import pytest

from autograd import Tensor, nn, optim, value_and_grad
from autograd.errors import ArgumentError, DTypeError, ShapeError


def gradient(net, x, y):
    def loss():
        return ((net(Tensor(x)) - y) ** 2).mean(1).mean()

    return value_and_grad(loss, None, net.trainable_params())()[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mean_by_samples_is_the_gradient_of_one_batch(dtype):
    torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
    rng = np.random.default_rng(0)
    net, x, y = nn.Dense(3, 2, dtype=dtype, rng=rng), rng.random((7, 3)).astype(dtype), rng.random((7, 2)).astype(dtype)
    gradients = optim.Accumulator()
    for first, last in ((0, 4), (4, 6), (6, 7)):
        gradients.add(gradient(net, x[first:last], y[first:last]), last - first)
    assert len(gradients) == 3
    found = gradients.take()
    assert len(gradients) == 0
    weight, bias = (torch.tensor(p.asnumpy(), requires_grad=True) for p in net.trainable_params())
    ((torch.tensor(x) @ weight.T + bias - torch.tensor(y)) ** 2).mean().backward()
    for mine, whole, theirs in zip(found, gradient(net, x, y), (weight.grad, bias.grad), strict=True):
        assert mine.dtype == dtype
        assert mine.asnumpy().any()
        np.testing.assert_allclose(mine, whole, rtol=1e-5)
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def test_a_single_gradient_comes_back_as_it_is():
    given = (Tensor(np.array([0.1, 3e-39], np.float32)),)
    gradients = optim.Accumulator()
    gradients.add(given, 3)
    assert gradients.take() == given


def test_float16_is_summed_in_float32_and_nothing_given_changes():
    g = Tensor(np.array([60000.0, 1e-7], np.float16))
    before = g.asnumpy().copy()
    gradients = optim.Accumulator()
    for _ in range(4096):
        gradients.add((g,), 2)
    (found,) = gradients.take()
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, before)
    np.testing.assert_array_equal(g, before)


def test_what_does_not_fit_is_refused():
    gradients = optim.Accumulator()
    with pytest.raises(ArgumentError, match=r"Accumulator.take: expected gradients to be added first, got none"):
        gradients.take()
    gradients.add((Tensor(np.zeros(3)),))
    with pytest.raises(ShapeError, match=r"expected gradients of the shapes \[\(3,\)\], got \[\(2,\)\]"):
        gradients.add((Tensor(np.zeros(2)),))
    with pytest.raises(DTypeError, match=r"Accumulator.add: expected gradients, one for each Parameter"):
        gradients.add(Tensor(1.0))
    for weight in (0, -1.0, True, float("nan"), float("inf"), np.inf, "2"):
        with pytest.raises(ArgumentError, match="expected a positive weight"):
            gradients.add((Tensor(np.zeros(3)),), weight)
    with pytest.raises(DTypeError, match=r"expected gradients of \['float64'\], got \['float32'\]"):
        gradients.add((Tensor(np.zeros(3, np.float32)),))
    assert len(gradients) == 1
    gradients.add((Tensor(np.ones(3)),))
    assert gradients.take()[0].asnumpy().tolist() == [0.5, 0.5, 0.5]
