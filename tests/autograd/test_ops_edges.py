"""Kinks, ties, steps, empty and infinite inputs of operations; most cases are the behaviour table's."""

import numpy as np
import pytest
from scipy import special

from autograd import Tensor, grad, ops
from autograd.errors import ArgumentError

from .helpers import f64, plain

INF = float("inf")


@pytest.mark.parametrize(
    ("fn", "x", "gradient"),
    [
        pytest.param(ops.relu, [-1.0, 0.0, 1.0], [0, 0, 1], id="relu"),
        pytest.param(ops.relu6, [-1.0, 0.0, 1.0, 6.0, 7.0], [0, 0, 1, 1, 0], id="relu6"),
        pytest.param(ops.abs, [-1.0, 0.0, 1.0], [-1, 0, 1], id="abs"),
        pytest.param(lambda x: ops.clip(x, 0.0, 1.0), [-1.0, 0.0, 0.5, 1.0, 2.0], [0, 0.5, 1, 0.5, 0], id="clip"),
        pytest.param(lambda x: ops.clip(x, min=0.0), [-1.0, 0.0, 0.5], [0, 0.5, 1], id="clip below"),
        pytest.param(lambda x: ops.maximum(x, [1.0, 3.0, 0.0]), [1.0, 2.0, 3.0], [0.5, 0, 1], id="maximum"),
        pytest.param(lambda x: ops.minimum(x, [1.0, 3.0, 0.0]), [1.0, 2.0, 3.0], [0.5, 1, 0], id="minimum"),
        pytest.param(lambda x: ops.maximum([1.0, 3.0, 0.0], x), [1.0, 2.0, 3.0], [0.5, 0, 1], id="maximum, right"),
        pytest.param(ops.max, [1.0, 3.0, 3.0], [0, 0.5, 0.5], id="max of two ties"),
        pytest.param(ops.max, [3.0, 3.0, 3.0], [1 / 3] * 3, id="max of three ties"),
        pytest.param(ops.min, [3.0, 1.0, 1.0], [0, 0.5, 0.5], id="min of two ties"),
        pytest.param(lambda x: ops.max(x, 0), [[1.0, 2.0], [1.0, 0.0]], [[0.5, 1], [0.5, 0]], id="max along an axis"),
        pytest.param(lambda x: ops.where(x > 0, x * 2, x * 3), [-1.0, 0.0, 1.0], [3, 3, 2], id="where"),
        pytest.param(lambda x: x**2, [0.0, 4.0], [0, 8], id="square as a power"),
        pytest.param(lambda x: x**1, [0.0, 4.0], [1, 1], id="first power"),
        pytest.param(lambda x: x**0, [0.0, 4.0], [0, 0], id="power zero"),
        pytest.param(lambda x: x ** Tensor([0.0, 0.0]), [0.0, 4.0], [0, 0], id="tensor power zero"),
        pytest.param(lambda y: 0.0**y, [1.0, 2.0], [0, 0], id="power of zero"),
        pytest.param(lambda y: (-2.0) ** y, [2.0, 3.0], [0, 0], id="power of a negative number"),
        pytest.param(lambda y: ops.pow([-2.0, 0.0], y), [2.0, 3.0], [0, 0], id="power of tensors that are not positive"),
        pytest.param(lambda x: ops.greater(x, 0), [-1.0, 0.0, 1.0], [0, 0, 0], id="greater"),
        pytest.param(lambda x: (x > 0).astype(x.dtype), [-1.0, 0.0, 1.0], [0, 0, 0], id="greater, cast"),
        pytest.param(lambda x: (x > 0).astype(x.dtype) * x, [-1.0, 0.0, 1.0], [0, 0, 1], id="greater times x"),
        pytest.param(lambda x: ops.sign(x) * x, [-1.0, 0.0, 2.0], [-1, 0, 1], id="sign"),
        pytest.param(lambda x: ops.round(x) * x, [-1.2, 0.3, 2.0], [-1, 0, 2], id="round"),
        pytest.param(lambda x: ops.floor(x) * x, [-1.2, 0.3, 2.0], [-2, 0, 2], id="floor"),
        pytest.param(lambda x: ops.ceil(x) * x, [-1.2, 0.3, 2.0], [-1, 1, 2], id="ceil"),
        pytest.param(lambda x: x // 1 * x, [-1.2, 0.3, 2.0], [-2, 0, 2], id="floordiv"),
        pytest.param(lambda x: x % 1.0, [-1.2, 0.3], [1, 1], id="mod"),
        pytest.param(lambda x: ops.logical_and(x > 0, x < 2).astype(x.dtype) * x, [-1.0, 1.0, 3.0], [0, 1, 0], id="logical"),
        # MindSpore passes the gradient straight through these casts; ours is zero, as DESIGN.md has it.
        pytest.param(lambda x: x.astype("int32").astype("float64") * 2, [-1.5, 0.0, 1.5], [0, 0, 0], id="int and back"),
        pytest.param(lambda x: x.astype("bool").astype("float64") * 2, [-1.5, 0.0, 1.5], [0, 0, 0], id="bool and back"),
        pytest.param(lambda x: x.astype("float16") * 2, [-1.0, 0.0, 1.0], [2, 2, 2], id="float16 and back"),
        pytest.param(ops.prod, [0.0, 2.0, 3.0], [6, 0, 0], id="prod, one zero"),
        pytest.param(ops.prod, [0.0, 0.0, 3.0], [0, 0, 0], id="prod, two zeros"),
        pytest.param(lambda x: ops.unstack(x)[1] * 5, [1.0, 2.0, 3.0], [0, 5, 0], id="unstack, one used"),
        pytest.param(lambda x: ops.split(x, [1], 0)[0] * 5, [1.0, 2.0, 3.0], [5, 0, 0], id="split, one used"),
    ],
)
def test_gradient_where_the_function_is_not_smooth(fn, x, gradient):
    np.testing.assert_allclose(grad(fn)(f64(x)).array, gradient, rtol=1e-15)


@pytest.mark.parametrize(
    ("fn", "x", "gradient"),
    [
        pytest.param(ops.sqrt, [0.0, 4.0], [INF, 0.25], id="sqrt"),
        pytest.param(ops.log, [0.0, 2.0], [INF, 0.5], id="log"),
        pytest.param(lambda x: 1 / x, [0.0, 2.0], [-INF, -0.25], id="quotient"),
    ],
)
def test_infinite_slopes_are_infinite_and_numpy_warns(fn, x, gradient):
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert plain(grad(fn)(f64(x))) == gradient


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_a_polynomial_at_zero_are_numbers(order):
    fn = lambda x: x**2 + x**3  # noqa: E731
    for _ in range(order):
        fn = grad(fn)
    assert plain(fn(f64([0.0, 1.0]))) == [[0.0, 5.0], [2.0, 8.0], [6.0, 6.0], [0.0, 0.0]][order - 1]


def test_relu_and_relu6_have_a_second_derivative_of_zero():
    for op in (ops.relu, ops.relu6):
        assert plain(grad(grad(op))(f64([-1.0, 0.0, 1.0, 7.0]))) == [0.0, 0.0, 0.0, 0.0]


def test_mixed_second_derivative_of_a_power_at_exponent_zero():
    mixed = grad(lambda y: grad(ops.pow)(f64([2.0, 5.0]), y))(f64([0.0, 0.0]))
    np.testing.assert_allclose(mixed.array, [1 / 2, 1 / 5])  # d/dy of y x^(y-1)


def test_a_python_number_as_the_base_keeps_float64():
    assert grad(lambda y: 3**y)(f64(1.0)).item() == pytest.approx(3 * np.log(3), rel=1e-15)


STEPS = [
    ("floordiv", np.floor_divide, 2), ("sign", np.sign, 1), ("floor", np.floor, 1), ("ceil", np.ceil, 1),
    ("round", np.round, 1), ("greater", np.greater, 2), ("greater_equal", np.greater_equal, 2), ("less", np.less, 2),
    ("less_equal", np.less_equal, 2), ("equal", np.equal, 2), ("not_equal", np.not_equal, 2),
    ("logical_and", np.logical_and, 2), ("logical_or", np.logical_or, 2), ("logical_not", np.logical_not, 1),
    ("isnan", np.isnan, 1), ("isfinite", np.isfinite, 1), ("argmax", np.argmax, 1), ("argmin", np.argmin, 1),
    ("all", np.all, 1), ("any", np.any, 1),
]  # fmt: skip


def test_every_operation_without_a_derivative_is_in_the_list_of_steps():
    without = {n for n in ops.__all__ if getattr(getattr(ops, n), "differentiable", None) is False}
    assert without == {name for name, _, _ in STEPS}


@pytest.mark.parametrize(("name", "reference", "n"), STEPS, ids=[step[0] for step in STEPS])
def test_a_step_has_numpys_value_and_dtype_and_no_gradient(name, reference, n):
    rng = np.random.default_rng(3)
    arrays = [rng.choice([-1.5, -0.5, 0.5, 1.0], (2, 3)) for _ in range(n)]
    op, want = getattr(ops, name), np.asarray(reference(*arrays))
    before = [a.tobytes() for a in arrays]
    out = op(*arrays)
    assert [a.tobytes() for a in arrays] == before
    assert (out.dtype, out.shape) == (want.dtype, want.shape)
    assert np.array_equal(out.array, want)
    gradients = grad(lambda *xs: op(*xs) * 1.0, tuple(range(n)))(*map(f64, arrays))
    assert [np.count_nonzero(g.array) for g in gradients] == [0] * n


@pytest.mark.parametrize("name", ["argmax", "argmin", "all", "any"])
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": -1, "keepdims": True}])
def test_searches_take_an_axis(name, options):
    x = np.array([[0.0, 2.0, 2.0], [1.0, 0.0, 3.0]])
    assert np.array_equal(getattr(ops, name)(x, **options).array, getattr(np, name)(x, **options))


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "max", "min", "logsumexp", "argmax", "all", "any"])
def test_reductions_are_over_everything_if_nothing_else_is_said(name):
    x = np.array([[0.5, 2.0, 2.5], [1.0, 0.25, 3.0]])
    out, want = getattr(ops, name)(x), (special if name == "logsumexp" else np).__dict__[name](x)
    assert out.shape == ()
    np.testing.assert_allclose(out.array, want, rtol=1e-14)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_logsumexp_neither_overflows_nor_loses_infinities(axis):
    x = np.array([[1000.0, 999.0, -INF], [-1000.0, 3.0, 2.0]])
    np.testing.assert_allclose(ops.logsumexp(x, axis).array, special.logsumexp(x, axis))


def test_softmax_sigmoid_and_their_gradients_are_finite_for_large_inputs():
    x = f64([-1e4, 0.0, 1e4])
    for fn in (ops.softmax, ops.log_softmax, ops.sigmoid, ops.tanh, ops.erf, ops.gelu):
        assert np.isfinite(fn(x).array).all()
        assert np.isfinite(grad(lambda v, fn=fn: (fn(v) * f64([1.0, 2.0, 3.0])).sum())(x).array).all()


def test_gelu_refuses_an_unknown_approximation():
    with pytest.raises(ArgumentError, match=r"ops.gelu: expected approximate to be 'none' or 'tanh', got 'tan'"):
        ops.gelu([1.0], approximate="tan")


def test_reductions_of_nothing():
    empty = f64(np.zeros((0, 3)))
    assert plain((ops.sum(empty), ops.prod(empty, 0), ops.any(empty), ops.all(empty))) == (0.0, [1.0] * 3, False, True)
    assert grad(ops.sum)(empty).shape == (0, 3)
