"""numpy's functions on Tensors: plain arrays, and an error where they would lose a gradient."""

import math
import operator

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, grad, no_grad, ops, trace, value_and_grad
from autograd.errors import AutogradError, CompileError, GradientError

A, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.5, 1.5], [2.5, 3.5]])

FLOATS = {
    "np.exp": (lambda x: np.exp(x), "np.exp", "exp"),
    "np.absolute": (lambda x: np.abs(x), "np.absolute", None),
    "np.negative": (lambda x: np.negative(x), "np.negative", None),
    "np.mean": (lambda x: np.mean(x), "np.mean", "mean"),
    "np.sum": (lambda x: np.sum(x, axis=0), "np.sum", "sum"),
    "np.add.reduce": (lambda x: np.add.reduce(x), "np.add", "add"),
    "np.maximum": (lambda x: np.maximum(x, 0.0), "np.maximum", "maximum"),
    "np.where": (lambda x: np.where(B > 1, x, 0.0), "np.where", "where"),
    "np.concatenate": (lambda x: np.concatenate([x, x]), "np.concatenate", "concat"),
    "np.stack": (lambda x: np.stack([B, x], axis=1), "np.stack", "stack"),
    "np.dot": (lambda x: np.dot(x, B), "np.dot", "matmul"),
    "np.einsum": (lambda x: np.einsum("ij,jk->ik", x, B), "np.einsum", "einsum"),
    "np.clip": (lambda x: np.clip(x, 1.0, 2.0), "np.clip", "clip"),
    "np.transpose": (lambda x: np.transpose(x), "np.transpose", "transpose"),
    "np.linalg.norm": (lambda x: np.linalg.norm(x), "np.norm", None),
    "np.split": (lambda x: np.split(x, 2)[1], "np.split", "split"),
    "np.add with where": (lambda x: np.add(x, 1.0, where=True), "np.add", "add"),
}  # by what is called: how, its name in the error, ours if there is one of this name


@pytest.mark.parametrize("case", FLOATS)
def test_a_function_of_numpy_gives_the_plain_array(case):
    out, want = FLOATS[case][0](Tensor(A)), FLOATS[case][0](A)
    assert type(out) is type(want)
    assert out.dtype == want.dtype
    assert np.array_equal(out, want)


@pytest.mark.parametrize("case", FLOATS)
def test_where_it_would_lose_a_gradient_it_is_an_error_that_names_ours(case):
    function, name, ours = FLOATS[case]
    instead = f"Use ops.{ours}, or take the values" if ours else "Use "
    message = rf"{name}: expected Tensors that are not being differentiated, got one that is; an array .*\. {instead}"
    for differentiate in (grad, value_and_grad, lambda f: grad(grad(f))):
        with pytest.raises(GradientError, match=message):
            differentiate(lambda x: ops.sum(x * Tensor(function(x * x))))(Tensor(A))
    w = Parameter(A)
    with pytest.raises(GradientError, match=message):
        grad(lambda: Tensor(function(w)) * w, None, w)()


def test_what_is_no_float_loses_nothing():
    seen = []

    def f(x):
        seen.extend([
            np.shape(x), np.ndim(x), np.size(x), np.argmax(x), np.isfinite(x).all(), np.array_equal(x, A), np.allclose(x, A),
            np.array2string(x * 2), np.count_nonzero(x), np.result_type(x), np.iscomplexobj(x),
        ])  # fmt: skip
        return x * x

    assert np.array_equal(grad(f)(Tensor(A)), 2 * A)
    assert seen[:7] == [(2, 2), 2, 4, 3, True, True, True]


def test_constants_inside_a_transform_are_plain_numbers():
    out = grad(lambda x: (x * np.exp(Tensor(B))).sum())(Tensor(A))
    np.testing.assert_allclose(out, np.exp(B), rtol=1e-15)
    with_mean = grad(lambda x: x * np.mean(x.numpy()))(Tensor(A))  # said to be a constant
    assert np.array_equal(with_mean, np.full((2, 2), A.mean()))
    stopped = grad(lambda x: x * Tensor(np.mean(ops.stop_gradient(x))))(Tensor(A))
    assert np.array_equal(stopped, with_mean)


def test_without_recording_nothing_is_lost():
    def f(x):
        with no_grad():
            scale = np.mean(x)
        return x * scale

    assert np.array_equal(grad(f)(Tensor(A)), np.full((2, 2), A.mean()))


def test_making_an_array_of_what_is_differentiated_is_an_error():
    def stored(x):
        kept = np.zeros((2, 2))
        kept[0] = x[0] * 2
        return x * Tensor(kept)

    for function in (lambda x: x * Tensor(np.asarray(x * 2)), lambda x: x * np.array(x * 2, np.float32), stored):
        with pytest.raises(GradientError, match=r"np.asarray, .*: expected .* Use a function of autograd.ops, or"):
            grad(function)(Tensor(A))
        function(Tensor(A))
    assert np.array_equal(grad(lambda x: x * (x * 2).numpy())(Tensor(A)), 2 * A)


@pytest.mark.parametrize("function", [float, math.exp, math.isnan, math.floor, complex])
def test_a_python_number_of_what_is_differentiated_is_an_error(function):
    with pytest.raises(GradientError, match=r"float, or a function of math.*Use a function of autograd.ops; or .*x\.item\(\)"):
        grad(lambda x: x * function(x))(Tensor(2.0))
    assert function(Tensor(2.0)) == function(2.0)


@pytest.mark.parametrize("function", [round, lambda x: round(x, 1), math.trunc])
def test_rounding_gives_the_number_of_python_and_is_an_error_where_a_gradient_passes(function):
    for value in (-2.5625, 3.5, 7):
        out, want = function(Tensor(value)), function(value)
        assert (out, type(out)) == (want, type(want))
    with pytest.raises(
        GradientError, match=r"(round|math\.trunc): expected .*Use a function of autograd.ops; or .*x\.item\(\)"
    ):
        grad(lambda x: x * function(x))(Tensor(2.0))
    assert function(Tensor(2**60 + 1)) == 2**60 + 1
    with pytest.raises(AutogradError, match="expected one element"):
        function(Tensor(A))


def test_divmod_is_two_operations():
    for x, y in ((Tensor(7.5), 2.0), (7.5, Tensor(2.0)), (Tensor(-7.5), Tensor(2.0)), (Tensor(7), 2)):
        whole, rest = divmod(x, y)
        assert (whole.item(), rest.item()) == divmod(Tensor(x).item(), Tensor(y).item())
    assert grad(lambda x: divmod(x, 2.0)[1])(Tensor(7.5)).item() == 1.0
    assert grad(lambda x: divmod(7.5, x)[1])(Tensor(2.0)).item() == -3.0


WAYS = {
    "float": float,
    "math.sqrt": math.sqrt,
    "round": lambda x: round(x, 3),
    "np.asarray": lambda x: float(np.asarray(x)),
    "np.exp": lambda x: float(np.exp(x)),
    "np.add into an array": lambda x: float(np.add(np.ones(()), x, out=np.zeros(()))),
    "Tensor of a list": lambda x: Tensor([x, x])[0],
    "from_dlpack": lambda x: float(np.from_dlpack(x)),
}


def left_behind(released):
    """Return a Tensor from inside an earlier transform."""
    kept = []

    def f(x):
        kept.append(x * x if released else x)
        return kept[0] * x

    grad(f)(Tensor(2.0))
    assert kept[0].node is not None
    return kept[0]


def constants(x):
    """Return Tensors with a node that do not depend on x."""
    inner = []

    def f(y):
        inner.append(y * y * 3.0)
        return inner[0] * y

    found = [left_behind(True), left_behind(False), grad(lambda y: y * y)(Tensor(2.0)), grad(f)(Tensor(2.0)), inner[0]]
    assert all(one.node is not None for one in found)
    return found


def variables(x):
    """Return Tensors that depend on x, some by the gradient of an inner transform."""
    w = Parameter(np.float32(2.0))
    seen = []

    def inside(y):
        seen.append(y * 2.0)
        return y * y

    found = [x, x * 1.0, grad(lambda y: y * x)(Tensor(2.0)), grad(lambda y: y * y)(x), grad(lambda: w * w * x, None, w)()]
    grad(inside)(x)
    return [*found, seen[0]]


@pytest.mark.parametrize("way", WAYS)
def test_only_what_the_running_transforms_differentiate_is_no_constant(way):
    read = WAYS[way]

    def f(x):
        for one in constants(x):
            read(one)
        for one in variables(x):
            with pytest.raises(GradientError, match="being differentiated"):
                read(one)
            with no_grad():
                read(one)
        return x * x

    for differentiate in (grad, lambda f: grad(grad(f)), lambda f: grad(lambda x: f(x) * 1.0)):
        differentiate(f)(Tensor(2.0))
    read(left_behind(False))


def test_a_weight_of_an_outer_transform_is_no_constant_and_one_of_an_ended_transform_is():
    w, u = Parameter(np.float32(2.0)), Parameter(np.float32(3.0))

    def inner(x):
        with pytest.raises(GradientError, match="being differentiated"):
            float(w)
        return x * w * float(u)

    grad(lambda: grad(inner)(Tensor(2.0)), None, w)()

    def f():
        grad(lambda: u * u, None, u)()
        return w * float(u)

    assert grad(f, None, w)().item() == 3.0


def test_a_transform_without_recording_outside_takes_outer_values_as_constants():
    def f(x):
        with no_grad():
            d = grad(lambda y: y * y * float(x))(Tensor(2.0))
        return x * d

    assert grad(f)(Tensor(3.0)).item() == 12.0


def test_numbers_that_are_asked_for_as_constants_and_whole_ones_are_given():
    ways = (lambda x: x.item(), lambda x: x.tolist(), int, lambda x: float(f"{x:.1f}"), lambda x: float(ops.stop_gradient(x)))
    for way in ways:
        assert grad(lambda x, way=way: x * way(x))(Tensor(2.0)).item() == 2.0

    def unrecorded(x):
        with no_grad():
            return x * float(x)

    assert grad(lambda x: x + unrecorded(x))(Tensor(2.0)).item() == 1.0


def test_an_array_that_adds_up_tensors_stays_an_array_unless_a_gradient_passes():
    total = np.zeros((2, 2))
    kept = total
    total += Tensor(A)
    total -= Tensor(B)
    assert total is kept
    assert np.array_equal(total, A - B)

    def f(x):
        total = np.zeros((2, 2))
        total += x * x
        return Tensor(total) * x

    with pytest.raises(GradientError, match=r"np.add into an array, as \+= does: .* Use ops.add, or take"):
        grad(f)(Tensor(A))


OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow, operator.matmul,
    operator.gt, operator.ge, operator.lt, operator.le, operator.eq, operator.ne,
]  # fmt: skip
UFUNCS = [
    np.add, np.subtract, np.multiply, np.true_divide, np.floor_divide, np.remainder, np.power, np.matmul,
    np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal,
]  # fmt: skip


@pytest.mark.parametrize(("op", "ufunc"), list(zip(OPERATORS, UFUNCS, strict=True)), ids=[u.__name__ for u in UFUNCS])
def test_an_operator_with_an_array_on_the_left_is_ours(op, ufunc):
    left, x = np.full((2, 2), 2.0), Tensor(A)
    for out in (op(left, x), ufunc(left, x), ufunc(Tensor(left), x)):
        assert type(out) is Tensor
        np.testing.assert_allclose(out, op(left, A), rtol=1e-15)
    kind = op(left, x).dtype.kind
    if kind == "f" and op not in (operator.floordiv,):
        want = grad(lambda x: op(Tensor(left), x))(x)
        assert np.array_equal(grad(lambda x: op(left, x))(x), want)
        assert np.array_equal(grad(lambda x: ufunc(left, x))(x), want)
        assert np.abs(want.array).max() > 0


def test_a_number_of_numpy_and_a_bool_array_on_the_left():
    x = Tensor([1.0, 2.0])
    assert type(np.float64(2) * x) is Tensor
    assert (np.array([True, False]) & (x > 0)).numpy().tolist() == [True, False]
    assert (np.array([True, False]) | (x > 0)).numpy().tolist() == [True, True]
    assert np.array_equal(grad(lambda x: np.float64(2) * x)(x), [2.0, 2.0])


def test_a_masked_array_on_the_left_is_refused_as_on_the_right():
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    with pytest.raises(AutogradError, match="an array without a mask"):
        masked * Tensor([1.0, 2.0])


def test_while_a_cell_is_traced_the_error_names_the_operation():
    class Own(Cell):
        def construct(self, x):
            return np.exp(x)

    with pytest.raises(CompileError, match=r"numpy_protocol.py, line \d+, in construct: .*np.exp of a Tensor. Use ops.exp"):
        trace(Own(), np.dtype("float32"))


def test_numpy_is_asnumpy():
    x, w = Tensor(A), Parameter(A)
    assert x.numpy() is x.asnumpy() is x.array
    assert w.numpy() is w.array
    assert w.data is w
    assert type(w.value()) is Tensor
    assert w.value().array is w.array
