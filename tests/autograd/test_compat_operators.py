"""MindSpore's operations that the core does not have."""

import numpy as np
import pytest

from autograd import Parameter, Tensor, dtype, float32, grad, int32, ops
from autograd.compat import operators
from autograd.errors import ArgumentError, DTypeError
from autograd.operator import Operator

from .helpers import plain, x23

X = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], np.float32)

# Name: options at construction, inputs, what numpy says
OBJECTS = {
    "Shape": ((), (X,), (2, 3)), "Rank": ((), (X,), 2), "Size": ((), (X,), 6), "Depend": ((), (X, "done"), X),
    "Identity": ((), (X,), X), "Fill": ((), (int32, (2,), 7), np.int32([7, 7])),
    "Ones": ((), ((2,), int32), np.ones(2, np.int32)),
    "Zeros": ((), (2, float32), np.zeros(2, np.float32)), "Eye": ((), (2, 3, float32), np.eye(2, 3, dtype=np.float32)),
    "AddN": ((), ((X, X, X),), 3 * X), "Reciprocal": ((), (X,), 1 / X), "Rsqrt": ((), (X * X,), 1 / abs(X)),
    "Softplus": ((), (X,), np.logaddexp(0, X)), "MaskedFill": ((), (X, X < 0, 0.0), np.maximum(X, 0)),
    "Tile": ((), (X, (2, 1)), np.tile(X, (2, 1))), "TensorAdd": ((), (X, X), X + X),
    "Assign": ((), (Parameter(X), -X), -X), "AssignAdd": ((), (Parameter(X), X), 2 * X),
    "AssignSub": ((), (Parameter(X), X), 0 * X),
}  # fmt: skip

# Second names of operations of the core, with what they are called there
SECOND = {
    "absolute": "abs", "negative": "neg", "subtract": "sub", "multiply": "mul", "true_divide": "div", "divide": "div",
    "floor_div": "floordiv", "floor_mod": "mod", "tensor_pow": "pow", "arctan": "atan", "select": "where", "gt": "greater",
    "ge": "greater_equal", "lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal", "cat": "concat",
    "permute": "transpose", "unbind": "unstack", "unsqueeze": "expand_dims", "reverse": "flip",
    "mm": "matmul", "bmm": "matmul",
    "reduce_sum": "sum", "reduce_mean": "mean", "reduce_max": "max", "reduce_min": "min", "reduce_prod": "prod", "amax": "max",
    "amin": "min", "reduce_all": "all", "reduce_any": "any",
}  # fmt: skip


def test_every_operator_class_is_listed():
    found = {n for n in operators.__all__ if isinstance(getattr(ops, n), type) and issubclass(getattr(ops, n), Operator)}
    assert set(OBJECTS) <= found
    assert found - set(OBJECTS) == set()


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_computes_what_numpy_does(name):
    options, inputs, want = OBJECTS[name]
    out = getattr(ops, name)(*options)(*inputs)
    got = out.array if isinstance(out, Tensor) else out
    assert np.asarray(got).dtype == np.asarray(want).dtype
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("name", SECOND)
def test_second_names(name):
    assert getattr(ops, name) is getattr(ops, SECOND[name])


def test_the_parts_that_mindspore_divides_operations_into():
    assert ops.operations is ops.functional is ops.composite is ops
    assert {"HyperMap", "Assign", "clip_by_value", "functional", "relu"} <= set(dir(ops))
    assert dtype.float32 == ops.dtype(x23()) == float32


@pytest.mark.parametrize("f", [ops.softplus, ops.reciprocal, ops.rsqrt, ops.norm, lambda x: ops.addn([x, x * x])])
def test_derivatives(f):
    x = np.array([0.5, 1.5])
    step = 1e-6
    moved = [(float(f(Tensor(x + d)).sum()) - float(f(Tensor(x - d)).sum())) / (2 * step) for d in step * np.eye(2)]
    np.testing.assert_allclose(grad(f)(Tensor(x)).array, moved, rtol=1e-7)


def test_softplus_does_not_overflow():
    assert plain(ops.softplus(Tensor([-1e4, 0.0, 1e4]))) == [0.0, pytest.approx(np.log(2)), 1e4]
    assert plain(grad(ops.softplus)(Tensor([-1e4, 0.0, 1e4]))) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("name", ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceAll", "ReduceAny"])
@pytest.mark.parametrize("axis", [(), []])
def test_no_axes_are_all_of_them_for_a_reduction_as_an_object(name, axis):
    x = x23() > 2 if name in ("ReduceAll", "ReduceAny") else x23()
    assert plain(getattr(ops, name)()(x, axis)) == plain(getattr(ops, name)()(x))
    assert getattr(ops, name)(True)(x, axis).shape == (1, 1)


# Parameters


def test_assign_changes_the_parameter_and_returns_it():
    w = Parameter([1.0, 2.0])
    assert ops.assign(w, Tensor([3.0, 4.0])) is w
    assert ops.assign_add(w, 1) is w
    assert ops.assign_sub(w, [0.0, 5.0]) is w
    assert plain(w) == [4.0, 0.0]


def test_what_is_assigned_in_a_function_is_a_constant():
    w, count = Parameter([2.0]), Parameter(0)

    def f(x):
        y = x * w
        ops.assign_add(count, 1)
        ops.assign(w, y)
        return y * w

    assert plain(grad(f, (0,), w)(Tensor([3.0]))) == (([12.0],), [24.0])
    assert (plain(w), plain(count)) == ([6.0], 1)


def test_a_tensor_cannot_be_assigned_to():
    with pytest.raises(DTypeError, match=r"ops.assign: expected a Parameter, got .* A Tensor does not change"):
        ops.assign(Tensor([1.0]), Tensor([1.0]))


# Clipping


def test_clip_by_value_of_structures():
    assert plain(ops.clip_by_value(x23(), 2, Tensor(5.0))) == [[2.0, 2.0, 3.0], [4.0, 5.0, 5.0]]
    assert plain(ops.clip_by_value((Tensor([3.0]), [Tensor([-3.0])]), -1, 1)) == ([1.0], [[-1.0]])


@pytest.mark.parametrize("clip", [ops.clip_by_norm, ops.clip_by_global_norm])
def test_clip_by_norm_takes_all_together(clip):
    x = (Tensor([3.0]), Tensor([0.0, 4.0]))
    assert plain(clip(x, 1.0)) == ([pytest.approx(0.6)], [0.0, pytest.approx(0.8)])
    assert plain(clip(x, Tensor([10.0]))) == ([3.0], [0.0, 4.0])
    with pytest.raises(ArgumentError, match=r"ops.clip_by_norm: expected a positive max_norm, got 0"):
        clip(x, 0)


def test_a_norm_may_be_given():
    assert plain(ops.clip_by_global_norm((Tensor([3.0]),), 1.0, use_norm=Tensor(6.0))) == ([0.5],)


def test_clipping_differentiates():
    x = Tensor([3.0, 4.0])
    unit = x.array / 5
    np.testing.assert_allclose(
        grad(lambda x: ops.clip_by_norm(x, 1.0)[0])(x).array, (np.eye(2)[0] - unit[0] * unit) / 5, rtol=1e-5
    )
