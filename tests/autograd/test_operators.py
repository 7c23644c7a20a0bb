"""Operations as objects, under MindSpore's names."""

import inspect

import numpy as np
import pytest

from autograd import Tensor, grad, ops
from autograd.operator import Operator

from .helpers import x23

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
Y = np.array([[2.0, 2.0, 2.0], [3.0, 5.0, 8.0]], np.float32)
SMALL = X / 10

# Name: options at construction, inputs, what numpy says
OBJECTS = {
    "Abs": ((), (-X,), X), "Add": ((), (X, Y), X + Y), "Cast": ((), (X, np.int32), X.astype(np.int32)),
    "Ceil": ((), (SMALL,), np.ceil(SMALL)), "Cos": ((), (X,), np.cos(X)), "Div": ((), (X, Y), X / Y),
    "Equal": ((), (X, Y), X == Y), "Erf": ((), ([0.0],), np.float32([0])), "Exp": ((), (X,), np.exp(X)),
    "Floor": ((), (SMALL,), np.floor(SMALL)), "FloorDiv": ((), (X, Y), X // Y), "Greater": ((), (X, 2), X > 2),
    "GreaterEqual": ((), (X, Y), X >= Y), "Less": ((), (X, Y), X < Y), "LessEqual": ((), (X, Y), X <= Y),
    "Log": ((), (X,), np.log(X)), "LogicalAnd": ((), (X > 1, Y > 2), (X > 1) & (Y > 2)),
    "LogicalNot": ((), (X > 1,), X <= 1), "LogicalOr": ((), (X > 1, Y > 2), (X > 1) | (Y > 2)),
    "Maximum": ((), (X, Y), np.maximum(X, Y)), "Minimum": ((), (X, Y), np.minimum(X, Y)), "Mod": ((), (X, Y), X % Y),
    "Mul": ((), (X, Y), X * Y), "Neg": ((), (X,), -X), "NotEqual": ((), (X, Y), X != Y), "Pow": ((), (X, 2), X**2),
    "ReLU": ((), (X - 3,), np.maximum(X - 3, 0)), "ReLU6": ((), (X * 2,), np.clip(X * 2, 0, 6)),
    "Round": ((), (SMALL,), np.round(SMALL)), "Select": ((), (X > 2, X, Y), np.where(X > 2, X, Y)),
    "Sigmoid": ((), ([0.0],), np.float32([0.5])), "Sign": ((), (X - 2,), np.sign(X - 2)), "Sin": ((), (X,), np.sin(X)),
    "Sqrt": ((), (X,), np.sqrt(X)), "Square": ((), (X,), X * X), "Sub": ((), (X, Y), X - Y),
    "Tanh": ((), (X,), np.tanh(X)), "GeLU": (("none",), ([0.0],), np.float32([0])),
    "Gather": ((), (X, [2, 0], 1), X[:, [2, 0]]), "OneHot": ((), ([1, 0], 2, 1.0, 0.0), np.float32([[0, 1], [1, 0]])),
    "MatMul": ((False, True), (X, Y), X @ Y.T), "BatchMatMul": ((True,), (X[None], Y[None]), (X.T @ Y)[None]),
    "Softmax": ((0,), (np.zeros((2, 3), np.float32),), np.full((2, 3), 0.5, np.float32)),
    "LogSoftmax": ((), (np.zeros((2, 2), np.float32),), np.full((2, 2), -np.log(2), np.float32)),
    "ReduceMax": ((True,), (X, 1), X.max(1, keepdims=True)), "ReduceMean": ((), (X,), X.mean()),
    "ReduceMin": ((), (X, 0), X.min(0)), "ReduceProd": ((), (X, (0, 1)), X.prod()), "ReduceSum": ((), (X, -1), X.sum(-1)),
    "Argmax": ((1,), (X,), X.argmax(1)), "CumSum": ((), (X, 0), X.cumsum(0)),
    "BroadcastTo": (((2, 2, 3),), (X,), np.broadcast_to(X, (2, 2, 3))), "Concat": ((1,), ((X, Y),), np.hstack([X, Y])),
    "ExpandDims": ((), (X, 0), X[None]), "Flatten": ((), (X[None],), X.reshape(1, 6)),
    "Reshape": ((), (X, (3, 2)), X.reshape(3, 2)), "Squeeze": ((0,), (X[None],), X),
    "Stack": ((1,), ((X, Y),), np.stack([X, Y], 1)),
    "Atan": ((), (X,), np.arctan(X)), "IsFinite": ((), (X,), np.ones_like(X, bool)), "IsNan": ((), (X,), X != X),
    "Log1p": ((), (X,), np.log1p(X)), "FloorMod": ((), (X, Y), X % Y), "RealDiv": ((), (X, Y), X / Y),
    "Argmin": ((1,), (X,), X.argmin(1)), "ReduceAll": ((), (X > 1,), np.all(X > 1)),
    "ReduceAny": ((True,), (X > 1, 1), np.any(X > 1, 1, keepdims=True)), "OnesLike": ((), (X,), np.ones_like(X)),
    "ZerosLike": ((), (X,), np.zeros_like(X)), "Pad": ((((1, 0), (0, 2)),), (X,), np.pad(X, ((1, 0), (0, 2)))),
    "ReverseV2": ((1,), (X,), X[:, ::-1]), "Split": ((1, 3), (X,), np.stack(np.split(X, 3, 1))),
    "Transpose": ((), (X, (1, 0)), X.T), "Unstack": ((1,), (X,), np.moveaxis(X, 1, 0)),
}  # fmt: skip


def test_every_operator_class_is_listed():
    classes = {n for n in ops.__all__ if inspect.isclass(getattr(ops, n)) and issubclass(getattr(ops, n), Operator)}
    assert set(OBJECTS) == classes


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_computes_what_numpy_does(name):
    options, inputs, want = OBJECTS[name]
    out = getattr(ops, name)(*options)(*inputs)
    got = np.stack([o.array for o in out]) if isinstance(out, tuple) else out.array
    assert (got.shape, got.dtype) == (np.shape(want), np.asarray(want).dtype)
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_has_a_docstring(name):
    assert getattr(ops, name).__doc__


def test_options_by_name():
    assert ops.ReduceSum(keep_dims=True)(x23(), 1).shape == (2, 1)
    assert repr(ops.ReduceSum(keep_dims=True)) == "ReduceSum(keepdims=True)"
    assert repr(ops.ReLU()) == "ReLU()"


def test_an_object_is_differentiable():
    assert grad(ops.ReLU6())(Tensor([-1.0, 3.0, 7.0])).array.tolist() == [0.0, 1.0, 0.0]
    assert grad(grad(ops.Sigmoid()))(Tensor([-1.0, 1.0])).array == pytest.approx([0.090858, -0.090858], abs=1e-6)


def test_gelu_is_the_tanh_form_as_an_object():
    x = Tensor([0.5, -1.0])
    assert np.array_equal(ops.GeLU()(x).array, ops.gelu(x, approximate="tanh").array)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ops.ReduceSum(dim=True), r"ReduceSum\(\) has the options keep_dims, not dim"),
        (lambda: ops.ReLU(3), r"ReLU\(\) takes at most 0 arguments, got 1"),
        (lambda: ops.ReLU(inplace=True), r"ReLU\(\) has the options none, not inplace"),
    ],
)
def test_unknown_options_are_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()
