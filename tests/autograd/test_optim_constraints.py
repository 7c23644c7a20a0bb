"""Constraints that hold from the start of an optimizer and after each of its steps."""

import pickle

import numpy as np
import pytest

from autograd import Parameter, Tensor, optim
from autograd.errors import ArgumentError, ShapeError
from autograd.optim import constraints

SIGNS = np.array([1, -1, 1, 1, -1])
MASK = np.random.default_rng(3).random((4, 5)) < 0.5
KINDS = {
    "mask": (constraints.Mask(MASK), lambda w: not w[~MASK].any()),
    "signs": (constraints.Signs(SIGNS), lambda w: (w * SIGNS >= 0).all()),
    "signs by output": (constraints.Signs(SIGNS[:4, None]), lambda w: (w * SIGNS[:4, None] >= 0).all()),
    "low": (constraints.Within(low=0.0), lambda w: (w >= 0).all()),
    "limits": (constraints.Within(-0.1, np.linspace(0.1, 0.3, 5)), lambda w: (w <= np.linspace(0.1, 0.3, 5) + 1e-7).all()),
    "norm": (constraints.MaxNorm(0.3), lambda w: (np.sqrt((w**2).sum(1)) <= 0.3 * (1 + 1e-6)).all()),
    "several": (
        [constraints.Signs(SIGNS), constraints.Within(high=0.2), constraints.Mask(MASK)],
        lambda w: (w * SIGNS >= 0).all() and w.max() <= 0.2001 and not w[~MASK].any(),
    ),
}  # fmt: skip
kinds = pytest.mark.parametrize(("constraint", "holds"), KINDS.values(), ids=KINDS)
optimizers = [optim.SGD, optim.Adam, lambda p, lr: optim.SGD(p, lr, momentum=0.9)]


@kinds
@pytest.mark.parametrize("kind", optimizers, ids=["SGD", "Adam", "momentum"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_it_holds_from_the_first_step_on(constraint, holds, kind, dtype):
    rng = np.random.default_rng(0)
    w, other = Parameter(rng.standard_normal((4, 5)).astype(dtype)), Parameter(np.ones(3, dtype))
    before = w.asnumpy().copy()
    assert not holds(before.astype(np.float32))
    adam = kind([{"params": [other]}, {"params": [w], "constraint": constraint}], 0.1)
    for _ in range(5):
        assert holds(w.asnumpy().astype(np.float32) * (1 - 1e-3 * (dtype == np.float16)))
        assert w.asnumpy().any()
        assert w.dtype == dtype
        last = w.asnumpy().copy()
        adam([Tensor(np.ones(3, dtype)), Tensor(rng.standard_normal((4, 5)).astype(dtype))])
    assert (w.asnumpy() != last).any()
    assert (other.asnumpy() != 1).all()


@kinds
def test_what_satisfies_it_stays(constraint, holds):
    w = np.random.default_rng(0).standard_normal((4, 5))
    for one in constraint if isinstance(constraint, list) else [constraint]:
        once = one(w)
        np.testing.assert_allclose(one(once), once, rtol=1e-15)
        assert once.any()
        assert not np.shares_memory(w, once)
        assert pickle.loads(pickle.dumps(one))(w).tolist() == once.tolist()


def test_a_function_is_one_too_and_a_frozen_parameter_stays():
    w = Parameter(np.array([1.0, -2.0, 3.0]))
    sgd = optim.SGD([{"params": [w], "constraint": lambda v: v / np.abs(v).sum()}], 0.1)
    np.testing.assert_allclose(np.abs(w.asnumpy()).sum(), 1)
    sgd([Tensor(np.array([1.0, 1.0, 0.0]))])
    np.testing.assert_allclose(np.abs(w.asnumpy()).sum(), 1)
    w.requires_grad = False
    w.array = np.array([5.0, 5.0, 5.0])
    sgd([Tensor(np.zeros(3))])
    assert w.asnumpy().tolist() == [5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("dtype", "row"),
    [(np.float16, [300, 400]), (np.float32, [3e20, 4e20]), (np.float64, [3e200, 4e200]), (np.float64, [3e-200, 4e-200])],
)
def test_a_norm_is_measured_whatever_its_size(dtype, row):
    most = 1.0 if row[0] > 1 else 1e-200
    w = np.array([row, [0, 0], [most / 2, 0]], dtype)
    found = constraints.MaxNorm(most)(w)
    assert found.dtype == dtype
    np.testing.assert_allclose(found[0], [0.6 * most, 0.8 * most], rtol=1e-3 if dtype == np.float16 else 1e-6)
    np.testing.assert_array_equal(found[1:], w[1:])


@pytest.mark.parametrize(
    "constraint", [constraints.Signs([1, -1]), constraints.Within(-1, 1), constraints.MaxNorm(1.0)], ids=repr
)
def test_what_is_no_number_is_not_hidden(constraint):
    found = constraint(np.array([[np.nan, np.nan], [0.5, -0.5]]))
    assert np.isnan(found[0]).all()
    assert found[1].tolist() == [0.5, -0.5]


def test_what_is_wrong_is_said():
    w = Parameter(np.ones((4, 5)))
    for wrong in (1.0, "positive", constraints.Mask):
        with pytest.raises(ArgumentError, match="SGD: expected a constraint, or a list of them, got"):
            optim.SGD([{"params": [w], "constraint": wrong}], 0.1)
    with pytest.raises(ShapeError, match=r"Signs: expected an array of signs that broadcasts to the Parameter, \[4, 5\], got"):
        optim.SGD([{"params": [w], "constraint": constraints.Signs(np.ones(4))}], 0.1)
    with pytest.raises(ShapeError, match=r"SGD, .*: expected values \[4, 5\], got ndarray \[4\]"):
        optim.SGD([{"params": [w], "constraint": lambda v: v[:, 0]}], 0.1)
    with pytest.raises(ArgumentError, match="signs of 1 and -1"):
        constraints.Signs([1, 0])
    with pytest.raises(ArgumentError, match=r"low of at most high, got 1\.0 and 0\.0"):
        constraints.Within(1.0, 0.0)
    with pytest.raises(ArgumentError, match="a mask of bools"):
        constraints.Mask([1, 0])
    for wrong in (0, -1.0, np.inf):
        with pytest.raises(ArgumentError, match="most as a number above 0"):
            constraints.MaxNorm(wrong)
