"""Every surrogate in snn.surrogate: what a derivative that stands in for that of the step must be."""

import functools
import inspect

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, check_grad, grad, ops
from autograd.errors import ArgumentError
from snn import surrogate

NAMES = [name for name in surrogate.__all__ if name != "Surrogate"]
HAVE_ALPHA = [name for name in NAMES if "alpha" in inspect.signature(getattr(surrogate, name)).parameters]
MADE = [getattr(surrogate, name)() for name in NAMES]
MADE += [getattr(surrogate, name)(alpha) for name in HAVE_ALPHA for alpha in (0.3, 1.0, 7.0)]
FORMULAS = {
    "sigmoid": (5.0, lambda u, a: a * np.exp(-a * u) / (1 + np.exp(-a * u)) ** 2),
    "relusigmoid": (5.0, lambda u, a: a * np.exp(-a * u) / (1 + np.exp(-a * u)) ** 2),
    "atan": (2.0, lambda u, a: (a / 2) / (1 + (np.pi * a * u / 2) ** 2)),
    "fast_sigmoid": (25.0, lambda u, a: 1 / (1 + a * np.abs(u)) ** 2),
    "triangle": (1.0, lambda u, a: a * np.maximum(1 - a * np.abs(u), 0)),
    "rectangle": (1.0, lambda u, a: a * (np.abs(u) < 1 / (2 * a))),
}

every_surrogate = pytest.mark.parametrize("made", MADE, ids=repr)
dtypes = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
wide = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def grid(made, dtype=np.float64):
    """Return points on both sides of 0, at 0, and off the corners that some derivatives have."""
    half = np.concatenate([np.geomspace(1e-3, 30, 101), [1e4]]) / made.alpha
    return np.concatenate([-half[::-1], [0.0], half]).astype(dtype)


def test_the_seeds_surrogate_is_among_them():
    assert "relusigmoid" in NAMES
    assert snn.relusigmoid is surrogate.relusigmoid


def test_everything_public_in_the_module_is_listed():
    cells = {
        name for name, value in vars(surrogate).items() if inspect.isclass(value) and issubclass(value, surrogate.Surrogate)
    }
    assert cells == set(surrogate.__all__)


@pytest.mark.parametrize(("name", "default", "formula"), [(name, *entry) for name, entry in FORMULAS.items()])
def test_derivative_is_the_formula_of_the_literature(name, default, formula):
    u = np.linspace(-2, 2, 397)
    cases = [(getattr(surrogate, name)(), default)]
    cases += [(getattr(surrogate, name)(alpha), alpha) for alpha in (0.3, 8.0)] if name in HAVE_ALPHA else []
    for made, alpha in cases:
        np.testing.assert_allclose(made.derivative(Tensor(u)).asnumpy(), formula(u, alpha), rtol=1e-12, atol=1e-14)


@dtypes
@every_surrogate
def test_forward_is_the_step_in_the_dtype_of_the_input(made, dtype):
    u = grid(made, dtype) if dtype != np.float16 else np.array([-3, -1e-3, 0, 1e-3, 3], dtype)
    out = made(Tensor(u))
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, u > 0)


@dtypes
@pytest.mark.parametrize("part", ["derivative", "primitive"])
@every_surrogate
def test_dtype_is_kept(made, part, dtype):
    assert getattr(made, part)(Tensor(np.array([-0.4, 0.0, 0.4], dtype))).dtype == dtype


@wide
@every_surrogate
def test_derivative_is_not_negative_largest_at_zero_and_symmetric(made, dtype):
    g = made.derivative(Tensor(grid(made, dtype))).asnumpy()
    assert (g >= 0).all()
    assert g.max() == g[len(g) // 2] > 0
    np.testing.assert_allclose(g, g[::-1], rtol=0, atol=4 * np.finfo(dtype).eps * g.max())


@every_surrogate
def test_derivative_does_not_rise_away_from_zero(made):
    g = made.derivative(Tensor(grid(made))).asnumpy()
    assert (np.diff(g[len(g) // 2 :]) <= 0).all()


@wide
@every_surrogate
def test_everything_is_finite_far_away(made, dtype):
    u = Tensor(np.array([-1e4, -333.0, -88.9, -1.0, 0.0, 1.0, 88.9, 333.0, 1e4], dtype))
    for fn in (made, made.derivative, made.primitive, grad(made), grad(grad(made)), grad(made.primitive)):
        out = fn(u)
        assert np.isfinite(out.asnumpy()).all()
        assert out.dtype == dtype


@every_surrogate
def test_gradient_is_the_derivative_times_what_arrives(made):
    u = grid(made)
    arrives = np.random.default_rng(0).normal(size=u.shape)
    got = grad(lambda u: made(u) * arrives)(u)
    np.testing.assert_allclose(got.asnumpy(), made.derivative(Tensor(u)).asnumpy() * arrives, rtol=1e-14)


@every_surrogate
def test_derivative_is_that_of_its_primitive(made):
    u = grid(made)
    expected = grad(made.primitive)(u).asnumpy()
    np.testing.assert_allclose(made.derivative(Tensor(u)).asnumpy(), expected, rtol=1e-9, atol=1e-14)


@every_surrogate
def test_derivative_is_that_of_its_primitive_by_central_differences(made):
    u = grid(made)[1:-1]
    eps = 1e-6 / made.alpha
    numeric = (made.primitive(Tensor(u + eps)).asnumpy() - made.primitive(Tensor(u - eps)).asnumpy()) / (2 * eps)
    scale = made.derivative(Tensor([0.0])).item()
    np.testing.assert_allclose(made.derivative(Tensor(u)).asnumpy() / scale, numeric / scale, rtol=1e-5, atol=1e-5)


@every_surrogate
def test_second_order_is_the_derivative_of_the_derivative(made):
    u = np.array([-1.7, -0.9, -0.31, -0.04, 0.02, 0.27, 0.83, 1.4]) / made.alpha
    check_grad(grad(made), u, eps=1e-5 / made.alpha, rtol=1e-4)


@every_surrogate
def test_second_order_through_what_arrives(made):
    u = np.array([-0.31, 0.02, 0.27]) / made.alpha
    got = grad(grad(lambda u: ops.square(made(u) + 1)))(u)  # first order: 2 (s + 1) g
    g, g2 = made.derivative(Tensor(u)), grad(made.derivative)(u)
    expected = 2 * g * g + 2 * (made(u) + 1) * g2
    np.testing.assert_allclose(got.asnumpy(), expected.asnumpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", HAVE_ALPHA)
def test_a_steepness_that_is_not_a_positive_number_is_refused(name, alpha):
    with pytest.raises(ArgumentError) as error:
        getattr(surrogate, name)(alpha)
    assert str(error.value) == f"{name}: expected a positive steepness alpha, got {alpha!r}. Larger is steeper."


# Any callable is a surrogate


class Softplus(Cell):
    """A user's surrogate: a step whose derivative is a logistic function."""

    def construct(self, u):
        return (u > 0).astype(u.dtype)

    def bprop(self, u, out, dout):
        return (dout * ops.sigmoid(u),)


def straight_through(u, slope=1.0):
    return (u > 0).astype(u.dtype) + slope * (u - ops.stop_gradient(u))


CALLABLES = {
    "a Cell": (Softplus(), lambda u: 1 / (1 + np.exp(-u))),
    "a function": (straight_through, np.ones_like),
    "a lambda": (lambda u: straight_through(u, 0.5), lambda u: 0.5 * np.ones_like(u)),
    "a partial": (functools.partial(straight_through, slope=2.0), lambda u: 2 * np.ones_like(u)),
    "a bound method": (surrogate.atan().primitive, lambda u: 1 / (1 + (np.pi * u) ** 2)),
}


@pytest.mark.parametrize("node", [snn.IFNode, functools.partial(snn.LIFNode, beta=0.5)], ids=["IF", "LIF"])
@pytest.mark.parametrize("name", CALLABLES)
def test_any_callable_can_be_the_surrogate(name, node):
    function, derivative = CALLABLES[name]
    x = np.array([[0.2, 0.9, 1.7]])
    by_x = grad(lambda x: snn.run(node(surrogate_function=function), x[None])[0])(x)
    np.testing.assert_allclose(by_x.asnumpy(), derivative(x - 1), rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (straight_through, "straight_through"),
        (surrogate.triangle(0.5), "triangle(alpha=0.5)"),
        (snn.relusigmoid(), "relusigmoid()"),
    ],
)
def test_a_node_shows_its_surrogate(function, text):
    assert repr(snn.IFNode(surrogate_function=function)) == f"IFNode(v <- v + x; z = v > 1 [{text}]; spike = z; v <- v - z)"


def test_the_surrogate_of_a_node_is_the_seeds_unless_said():
    assert type(snn.IFNode().surrogate_function) is snn.relusigmoid
