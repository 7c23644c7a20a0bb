"""Every surrogate in snn.surrogate: the properties of a derivative that replaces that of the step."""

import functools
import inspect
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import erf, expit

import snn
from autograd import Cell, Tensor, check_bprop, check_grad, grad, ops
from autograd.errors import ArgumentError, DTypeError, ShapeError
from snn import surrogate
from tests.snn.helpers.each import case, each, named

NAMES = [name for name in surrogate.__all__ if name != "Surrogate"]
HAVE_ALPHA = [name for name in NAMES if "alpha" in inspect.signature(getattr(surrogate, name)).parameters]
MADE = [getattr(surrogate, name)() for name in NAMES]
MADE += [getattr(surrogate, name)(getattr(surrogate, name).lowest + a) for name in HAVE_ALPHA for a in (0.3, 1.0, 7.0)]
MADE += [surrogate.leaky_relu(leak=0), surrogate.log_tailed_relu(2.0, leak=0.3), surrogate.sparse_fast_sigmoid(3.0, width=0.4)]
MADE += [surrogate.step_pwl(2.0, window=0.2), surrogate.s2nn(2.0, beta=0.7), surrogate.multi_gaussian(3.0, h=0.3, s=2.0)]
MADE += [surrogate.periodic_exponential(3.0, period=0.7)]


def density(u, mean, sigma):
    return np.exp(-(((u - mean) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))


def logistic(u, a):
    return a * np.exp(-a * u) / (1 + np.exp(-a * u)) ** 2


def periodic(u, a):
    """As Weidel and Sheik's, at a threshold of 1: the membrane's distance to the nearest whole number, from 1 on."""
    v = u + 1
    return np.exp(-a * np.where(v < 1, 1 - v, np.minimum(v % 1, 1 - v % 1)))


FORMULAS = {  # the default, and what the field says
    "sigmoid": (5.0, logistic),
    "relusigmoid": (5.0, logistic),
    "atan": (2.0, lambda u, a: (a / 2) / (1 + (np.pi * a * u / 2) ** 2)),
    "fast_sigmoid": (25.0, lambda u, a: 1 / (1 + a * np.abs(u)) ** 2),
    "soft_sign": (2.0, lambda u, a: a / (2 * (1 + np.abs(a * u)) ** 2)),
    "exponential": (2.0, lambda u, a: a / 2 * np.exp(-a * np.abs(u))),
    "erf": (2.0, lambda u, a: density(u, 0, 1 / (math.sqrt(2) * a))),
    "tanh": (2.0, lambda u, a: 1 / np.cosh(a * u) ** 2),
    "circ": (2.0, lambda u, a: a**-3 / (a**-2 + u**2) ** 1.5),
    "nonzero_sign_log_abs": (1.0, lambda u, a: 1 / (1 / a + np.abs(u))),
    "q_pseudo_spike": (2.0, lambda u, a: (1 + 2 * np.abs(u) / (a - 1)) ** -a),
    "triangle": (1.0, lambda u, a: np.where(np.abs(u) > 1 / a, 0, a - a**2 * np.abs(u))),
    "rectangle": (1.0, lambda u, a: a * (np.abs(u) < 1 / (2 * a))),
    "sparse_fast_sigmoid": (25.0, lambda u, a: (np.abs(u) < 1) / (1 + a * np.abs(u)) ** 2),
    "straight_through": (1.0, lambda u, a: np.full_like(u, a)),
    "leaky_relu": (1.0, lambda u, a: np.where(u > 0, a, 0.1)),
    "step_pwl": (1.0, lambda u, a: a * (u + 1 >= 0.5)),
    "log_tailed_relu": (1.0, lambda u, a: np.where(u > 1 / a, 1 / np.maximum(u, 1e-9), a * (u > 0))),
    "fake_numerical_gradient": (0.3, lambda u, a: np.minimum(a, 1 / np.maximum(np.abs(u), 1e-9))),
    "s2nn": (4.0, lambda u, a: np.where(u < 0, logistic(u, a), 1 / (1 + np.maximum(u, 0)))),
    "multi_gaussian": (
        2.0,
        lambda u, a: 1.15 * density(u, 0, 1 / a) - 0.15 * density(u, 1 / a, 6 / a) - 0.15 * density(u, -1 / a, 6 / a),
    ),
    "periodic_exponential": (2.0, periodic),
}
ALSO = {  # the same function by another name
    "gaussian of sigma 0.5": (surrogate.erf(math.sqrt(2)), lambda u: density(u, 0, 0.5)),
    "SLAYER, tau_rho 0.4": (surrogate.exponential(2.5), lambda u: np.exp(-np.abs(u) / 0.4) / (2 * 0.4)),
    "superspike of height 1": (
        surrogate.fast_sigmoid(3.0),
        lambda u: 2 * surrogate.soft_sign(3.0).derivative(u).asnumpy() / 3,
    ),
    "piecewise quadratic": (surrogate.triangle(0.5), lambda u: np.maximum(0.5 - 0.25 * np.abs(u), 0)),
    "heaviside": (surrogate.leaky_relu(leak=0), lambda u: (u > 0) * 1.0),
    "(1 + tanh(2 u)) / 2": (surrogate.sigmoid(4.0), lambda u: 1 - np.tanh(2 * u) ** 2),
}
STEPS = {  # primitives, by the functions of scipy
    "sigmoid": lambda u: expit(5 * u),
    "erf": lambda u: (1 + erf(2 * u)) / 2,
    "exponential": lambda u: np.where(u < 0, np.exp(2 * np.minimum(u, 0)) / 2, 1 - np.exp(-2 * np.maximum(u, 0)) / 2),
    "circ": lambda u: u / np.sqrt(1 + 4 * u**2),
}

dtypes = each(dtype=[np.float16, np.float32, np.float64])
wide = each(dtype=[np.float32, np.float64])
parts = each(part=["derivative", "primitive", "by_alpha"])
some = st.sampled_from(NAMES)


def every_surrogate(test):
    """Have a test for each name, which takes each that was made of it."""

    def run(name):
        of_name = [made for made in MADE if type(made).__name__ == name]
        assert of_name
        for made in of_name:
            with case(made=made):
                test(made=made)

    return pytest.mark.parametrize("name", NAMES)(named(run, test))


def grid(made, dtype=np.float64):
    """Return points on both sides of 0, at 0, and off the corners that some derivatives have."""
    half = np.concatenate([np.geomspace(1e-3, 30, 101), [1e4]]) / made.alpha
    return np.concatenate([-half[::-1], [0.0], half]).astype(dtype)


@st.composite
def surrogates(draw):
    """Draw one of them, of any steepness."""
    name = draw(some)
    cls = getattr(surrogate, name)
    return cls() if name not in HAVE_ALPHA else cls(cls.lowest + draw(st.floats(0.1, 20)))


def where_smooth(made, u):
    """Return the points at which the derivative of a surrogate has no jump and no bend."""
    step = 1e-5 / made.alpha
    below, at, above = (made.derivative(u + side).asnumpy() for side in (-step, 0, step))
    return u[np.abs(below - 2 * at + above) < 5e-9 * made.derivative(grid(made)).asnumpy().max()]


@st.composite
def smooth_points(draw):
    """Draw a surrogate and points at which it has a derivative of any order."""
    made = draw(surrogates())
    return made, where_smooth(made, np.array(draw(st.lists(st.floats(-4, 4), min_size=1, max_size=6))))


def test_the_seeds_surrogate_is_among_them():
    assert "relusigmoid" in NAMES
    assert snn.relusigmoid is surrogate.relusigmoid


def test_everything_public_in_the_package_is_exported():
    cells = {
        name for name, value in vars(surrogate).items() if inspect.isclass(value) and issubclass(value, surrogate.Surrogate)
    }
    assert cells == set(surrogate.__all__)
    assert set(FORMULAS) <= set(NAMES)


@pytest.mark.parametrize(("name", "default", "formula"), [(name, *entry) for name, entry in FORMULAS.items()])
def test_derivative_is_the_formula_of_the_literature(name, default, formula):
    u, cls = np.linspace(-2, 2, 397), getattr(surrogate, name)
    cases = [(cls(), default)]
    cases += [(cls(a), a) for a in (cls.lowest + 0.3, 8.0)] if name in HAVE_ALPHA else []
    for made, alpha in cases:
        np.testing.assert_allclose(made.derivative(Tensor(u)).asnumpy(), formula(u, alpha), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("made", "formula"), ALSO.values(), ids=ALSO)
def test_what_goes_by_another_name_is_the_same_function(made, formula):
    u = np.linspace(-3, 3, 201)
    np.testing.assert_allclose(made.derivative(Tensor(u)).asnumpy(), formula(u), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("name", "formula"), STEPS.items(), ids=STEPS)
def test_primitive_is_the_function_it_is_named_for(name, formula):
    u = np.linspace(-3, 3, 201)
    np.testing.assert_allclose(getattr(surrogate, name)().primitive(Tensor(u)).asnumpy(), formula(u), rtol=1e-12, atol=1e-15)


@every_surrogate
@dtypes
def test_forward_is_the_step_in_the_dtype_of_the_input(made, dtype):
    u = grid(made, dtype) if dtype != np.float16 else np.array([-3, -1e-3, 0, 1e-3, 3], dtype)
    out = made(Tensor(u))
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, u > 0)


@every_surrogate
@dtypes
@parts
def test_dtype_is_kept(made, part, dtype):
    assert getattr(made, part)(Tensor(np.array([-0.4, 0.0, 0.4], dtype))).dtype == dtype


@every_surrogate
@parts
def test_an_array_is_as_good_as_a_tensor(made, part):
    u = np.array([-0.4, 0.0, 0.4])
    found = getattr(made, part)(u)
    assert isinstance(found, Tensor)
    np.testing.assert_array_equal(found, getattr(made, part)(Tensor(u)))


def jumps_at_0(made):
    around = made.derivative(np.array([-1e-9, 0.0, 1e-9])).asnumpy()
    return np.ptp(around) > 1e-3 * around.max()


@every_surrogate
@wide
def test_a_derivative_is_as_its_surrogate_says(made, dtype):
    g = made.derivative(grid(made, dtype)).asnumpy()
    middle, rounding = len(g) // 2, 4 * np.finfo(dtype).eps * g.max()
    assert (g >= 0).all() == made.nonnegative
    assert np.allclose(g, g[::-1], rtol=0, atol=rounding) == made.symmetric
    assert ((np.diff(g[middle + 1 :]) <= 0).all() and (np.diff(g[:middle]) >= 0).all()) == made.falling
    assert not (made.continuous and jumps_at_0(made))
    assert g.max() == (g[middle] if made.continuous else g[middle - 1 : middle + 2].max()) > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_surrogate_says_that_it_jumps_only_if_it_does(name):
    cls = getattr(surrogate, name)
    assert cls.continuous != any(jumps_at_0(made) for made in MADE if type(made) is cls)


@every_surrogate
@wide
def test_everything_is_finite_far_away(made, dtype):
    u = Tensor(np.array([-1e4, -333.0, -88.9, -1.0, 0.0, 1.0, 88.9, 333.0, 1e4], dtype))
    for fn in (made, made.derivative, made.primitive, made.by_alpha, grad(made), grad(grad(made)), grad(made.primitive)):
        out = fn(u)
        assert np.isfinite(out.asnumpy()).all()
        assert out.dtype == dtype


@every_surrogate
@dtypes
def test_no_gradient_is_nan_at_infinity(made, dtype):
    """But for one that rises again above the threshold, which may have no limit there."""
    u = np.array([-np.inf, np.inf] if made.falling else [-np.inf], dtype)
    with np.errstate(all="ignore"):
        g = grad(made)(u).asnumpy()
    assert np.isfinite(g).all()
    np.testing.assert_array_equal(made(Tensor(u)), u > 0)


@every_surrogate
def test_gradient_is_the_derivative_times_what_arrives(made):
    u = grid(made)
    arrives = np.random.default_rng(0).normal(size=u.shape)
    got = grad(lambda u: made(u) * arrives)(u)
    np.testing.assert_allclose(got.asnumpy(), made.derivative(Tensor(u)).asnumpy() * arrives, rtol=1e-14)


@every_surrogate
def test_derivative_is_that_of_its_primitive(made):
    u = grid(made)
    u = u if made.continuous else u[u != 0]
    expected = grad(made.primitive)(u).asnumpy()
    np.testing.assert_allclose(made.derivative(Tensor(u)).asnumpy(), expected, rtol=1e-9, atol=1e-14)


@given(surrogates(), st.floats(-4, 4), st.floats(0.1, 4))
def test_primitive_is_the_integral_of_the_derivative(made, start, length):
    u = np.linspace(start, start + length, 100_001)
    g = made.derivative(Tensor(u)).asnumpy()
    area = np.sum((g[1:] + g[:-1]) / 2) * (u[1] - u[0])
    ends = made.primitive(Tensor(u[[0, -1]])).asnumpy()
    np.testing.assert_allclose(ends[1] - ends[0], area, rtol=0, atol=2e-4 * np.abs(g).max() + 1e-9)


@given(smooth_points())
@example((surrogate.periodic_exponential(11.0), where_smooth(surrogate.periodic_exponential(11.0), np.array([0.5, 0.6]))))
def test_every_order_is_what_differences_and_the_primitive_say(drawn):
    made, u = drawn
    if not len(u):
        return
    check_grad(made.primitive, u, eps=1e-7, rtol=1e-4, atol=1e-5)
    check_grad(made.derivative, u, eps=1e-7, rtol=1e-4, atol=1e-4)
    if made.derivative(Tensor(u)).asnumpy().any():
        check_bprop(made, u, order=2, rtol=1e-6, atol=1e-9)


@every_surrogate
def test_second_order_is_the_derivative_of_the_derivative(made):
    u = np.array([-1.7, -0.9, -0.31, -0.04, 0.02, 0.27, 0.83, 1.4]) / made.alpha
    check_grad(grad(made), u, eps=1e-5 / made.alpha, rtol=1e-4, atol=1e-6)


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
    lowest = getattr(surrogate, name).lowest
    what = f"a finite alpha > {lowest:g}" if lowest else "a positive steepness alpha"
    assert str(error.value) == f"{name}: expected {what}, got {alpha!r}. A larger alpha is steeper."


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: surrogate.atan("2"), DTypeError, "atan: expected alpha to be a number, an array or a Parameter"),
        (lambda: surrogate.atan([1.0, -2.0]), ArgumentError, "atan: expected a positive steepness alpha, got .* down to -2"),
        (lambda: surrogate.leaky_relu(leak=-0.1), ArgumentError, "leaky_relu: expected a leak of at least 0, got -0.1"),
        (lambda: surrogate.step_pwl(window=0), ArgumentError, "step_pwl: expected a positive window, got 0"),
        (lambda: surrogate.atan([1.0, 2.0])(Tensor([1.0])), None, ""),
        (lambda: surrogate.atan([1.0, 2.0]).derivative(Tensor([1.0])), ShapeError, "one value, or one for each feature"),
    ],
)
def test_what_else_is_out_of_range_is_refused(make, kind, text):
    if kind is None:
        make()  # the step itself does not use it
        return
    with pytest.raises(kind, match=text):
        make()


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
    assert f"[{text}]" in repr(snn.IFNode(surrogate_function=function))


def test_the_surrogate_of_a_node_is_the_seeds_unless_said():
    assert type(snn.IFNode().surrogate_function) is snn.relusigmoid
