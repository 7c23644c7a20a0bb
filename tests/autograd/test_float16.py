"""Sums over float16 are computed in float32 and rounded once, forward and backward: in float16 they stop at 2,048 ones."""

import numpy as np
import pytest

from autograd import Tensor, grad, nn, ops, optim

N = 4096
rng = np.random.default_rng(0)
COLUMNS = rng.uniform(0.5, 1.5, (N, 3)).astype(np.float16)
LABELS = rng.integers(0, 3, N)

REDUCTIONS = {
    "sum": lambda x: x.sum(0),
    "sum of all": lambda x: x.reshape(-1)[:6000].sum(),
    "sum_to_size": lambda x: ops.sum_to_size(x, (3,)),
    "ReduceSum": lambda x: ops.ReduceSum()(x, 0),
    "mean": lambda x: x.mean(0),
    "mean of all": lambda x: x.mean(),
    "ReduceMean": lambda x: ops.ReduceMean(keep_dims=True)(x, 0),
    "var": lambda x: x.var(0),
    "var, ddof": lambda x: x.var(0, 1, keepdims=True),
    "std": lambda x: x.std(0),
    "cumsum": lambda x: x.cumsum(0)[1000::500],
    "prod": lambda x: (x * 0 + 1.0009765625).prod(0),
    "logsumexp": lambda x: ops.logsumexp(x, 0),
    "softmax": lambda x: ops.softmax(x, 0) * 1000,
    "log_softmax": lambda x: ops.log_softmax(x, 0),
    "cross_entropy": lambda x: ops.cross_entropy(x, labels=LABELS) * 1000,
    "CrossEntropyLoss": lambda x: nn.CrossEntropyLoss()(x, LABELS),
    "MSELoss": lambda x: nn.MSELoss()(x, x * 0.5),
    "norm": lambda x: ops.norm(x),
    "addn": lambda x: ops.addn(list(x)),
    "einsum": lambda x: ops.einsum("ti,ti->i", x, x),
    "matmul": lambda x: ops.matmul(x.T, x),
    "max, ties": lambda x: ops.max(x * 0 + 1, 0) * 1000,
    "broadcast": lambda x: (x[:3, 0] + x) * 1,
    "gather": lambda x: ops.gather(x[0], np.zeros(N, int)),
    "many uses": lambda x: tuple(x[0] * 1 for _ in range(N)),
    "many slices": lambda x: tuple(x[0, 0] for _ in range(N)),
    "unstack": lambda x: tuple(x[0] * part for part in ops.unstack(x)),
}


def close(found, right):
    """Compare with float64, to rounding of float16 relative to the largest."""
    assert found.dtype == np.float16
    right = np.asarray(right)
    assert np.abs(right).max() > 0
    np.testing.assert_allclose(np.asarray(found, float), right, rtol=2e-3, atol=4e-3 * np.abs(right).max() + 1e-7)


@pytest.mark.parametrize("fn", REDUCTIONS.values(), ids=REDUCTIONS)
def test_values_and_gradients_are_those_of_float64(fn):
    half, double = Tensor(COLUMNS), Tensor(COLUMNS.astype(float))
    found, right = fn(half), fn(double)
    if not isinstance(found, tuple):
        close(found, right)
    gradient, exact = grad(fn)(half), grad(fn)(double)
    assert np.isfinite(gradient.array).all()
    if np.abs(exact.array).max() > 1e-3:
        close(gradient, exact)


def test_the_gradient_of_a_product():
    x = np.full((N, 2), 1.0009765625)
    close(grad(lambda x: x.prod(0))(Tensor(x, "float16")), grad(lambda x: x.prod(0))(Tensor(x)))


def test_the_second_order_is_that_of_float64():
    cubes = lambda x: tuple(x * x * x for _ in range(N // 4))  # noqa: E731
    x = np.array([0.5, 1.5])
    close(grad(grad(cubes))(Tensor(x, "float16")), grad(grad(cubes))(Tensor(x)))


def test_a_mean_of_more_than_float16_can_count():
    ones = Tensor(np.ones(70_000, np.float16))
    assert ones.mean().item() == 1.0
    assert ops.logsumexp(ones * 0).item() == np.float16(np.log(70_000))
    assert (ones * 2).var().item() == 0.0
    assert np.unique(grad(lambda x: x.mean())(ones)).tolist() == [np.float16(1 / 70_000)]
    assert np.unique(grad(ops.max)(ones)).tolist() == [np.float16(1 / 70_000)]
    scores = Tensor(np.zeros((70_000, 2), np.float16))
    gradient = grad(lambda s: ops.cross_entropy(s, labels=np.zeros(70_000, int)))(scores)
    assert np.unique(gradient).tolist() == [np.float16(-0.5 / 70_000), np.float16(0.5 / 70_000)]


def test_norms_beyond_float16_on_the_way():
    large = Tensor(np.full(3, 300, np.float16))
    assert ops.norm(large).item() == np.float16(300 * 3**0.5)
    clipped = ops.clip_by_norm(large, 1.0)
    assert (clipped.dtype, np.unique(clipped).tolist()) == (np.float16, [np.float16(3**-0.5)])
    tiny = Tensor(np.full(4, 60_000, np.float16))
    (clipped,), norm = optim.clip_by_norm([tiny], 1e-4)
    assert norm == 120_000
    assert clipped.dtype == np.float16
    assert np.allclose(clipped, 5e-5, rtol=0.01)


def test_a_scale_of_the_loss_beyond_float16():
    w = nn.Dense(1, 1, dtype="float16", weight_init="ones", has_bias=False).weight
    optim.SGD([w], 1.0, loss_scale=2.0**17)([Tensor([[2.0**15]], "float16")])
    assert w.item() == 0.75
