"""J and S: gradients of operations, at kinks and ties, through casts, and by inputs that are not floats."""
# ruff: noqa: N802 - a function has the name of its case

import numpy as np

import autograd as ms
from autograd import Tensor, grad, ops, stop_gradient
from autograd.errors import DTypeError

from .cases_gradop import INTEGERS
from .cases_orders import OBJECT
from .cases_transforms import NUMBERS, RETURNS, TWICE, H8_fn_returns_float, H9_float_input, H9_numpy_input
from .table import Fails, X, compare, differs, full, get_all, graph, pynative, same

CAST = "A cast to whole numbers or bools"
INF = np.inf


def t(*values, dtype=None):
    return Tensor(list(values), dtype)


def gradient(name, fn, x, want, decorate=same, order=1):
    """Add a case: the gradient of a function of one input."""

    def run():
        g = fn
        for _ in range(order):
            g = grad(g)
        return g(x)

    decorate(want, name)(run)


def both(name, fn, x, y, want, decorate=same):
    """Add a case: the gradients of a function of two inputs."""
    decorate(want, name)(lambda: get_all(fn, x, y))


def as_object(want, name):
    return differs(OBJECT, want, name)


def cast_away(want, name):
    return differs(CAST, want, name)


def of_integers(want, name):
    return differs(INTEGERS, want, name)


SIGNS, EDGES, ZERO_FOUR, ENDS = t(-1.0, 0.0, 1.0), t(-1.0, 0.0, 1.0, 6.0, 7.0), t(0.0, 4.0), t(-1.5, 0.0, 1.5)
COLUMNS = [[1.0, 2.0, 3.0]] * 2
FIRST_ROW = [[3.0] * 3, [0.0] * 3]

# Comparisons and casts

gradient("J1_greater_grad", lambda x: ops.greater(x, 0), SIGNS, [0.0] * 3)
gradient("J1_greater_astype_grad", lambda x: ops.Greater()(x, 0).astype(ms.float32), SIGNS, [0.0] * 3)
gradient("J1_greater_astype_times_x", lambda x: (x > 0).astype(ms.float32) * x, SIGNS, [0.0, 0.0, 1.0])
gradient("S3_greater_astype", lambda x: ops.Greater()(x, 0).astype(ms.float32), SIGNS, [0.0] * 3)
both("J1_Greater_prim_grad_all", ops.Greater(), SIGNS, t(0.0, 0.0, 0.0), ([0.0] * 3, [0.0] * 3), as_object)
both("S3_greater_all", lambda x, y: ops.Greater()(x, y), SIGNS, t(0.0, 0.0, 0.0), ([0.0] * 3, [0.0] * 3))


def to_half(x):
    return x.astype(ms.float16) * 2


def over_int(x):
    return x.astype(ms.int32).astype(ms.float32) * 2


def over_bool(x):
    return x.astype(ms.bool_).astype(ms.float32) * 2


gradient("J2_astype_f16_grad", to_half, SIGNS, [2.0] * 3)
gradient("S5_astype_f16", to_half, SIGNS, [2.0] * 3)
gradient("J2_astype_int_roundtrip", over_int, ENDS, [0.0] * 3, cast_away)
gradient("S5_astype_i32_roundtrip", over_int, ENDS, [0.0] * 3, cast_away)
gradient("J2_astype_bool_roundtrip", over_bool, ENDS, [0.0] * 3, cast_away)
gradient("S5_astype_bool_roundtrip", over_bool, ENDS, [0.0] * 3, cast_away)

# stop_gradient

gradient("J3_stop_gradient", lambda x: stop_gradient(x * x) * x, t(2.0, 3.0), [4.0, 9.0])
gradient("S4_stop_gradient", lambda x: stop_gradient(x * x) * x, t(2.0, 3.0), [4.0, 9.0])
gradient("J3_stop_gradient_all", lambda x: stop_gradient(x * x), t(2.0, 3.0), [0.0, 0.0])


@same(([1.0], [2.0]))
def J3_stop_gradient_tuple():
    return stop_gradient((t(1.0), t(2.0)))


# Inputs that are no floats

NO_FLOAT = Fails(DTypeError, "a floating Tensor as input 0, to differentiate")

gradient("J4_int_input_grad", lambda x: x * x, t(2, 3, dtype=ms.int32), NO_FLOAT, of_integers)
gradient("S6_int32_sq", lambda x: x * x, t(2, 3, dtype=ms.int32), NO_FLOAT, of_integers)
gradient("J4_int64_input_float_out", lambda x: x * 1.5, t(2, 3, dtype=ms.int64), NO_FLOAT, of_integers)
gradient("S6_int64_times_float", lambda x: x * 1.5, t(2, 3, dtype=ms.int64), NO_FLOAT, of_integers)
gradient("J4_bool_input_grad", lambda x: x.astype(ms.float32) * 2, t(True, False), NO_FLOAT, of_integers)
gradient("S6_bool_in", lambda x: x.astype(ms.float32) * 2, t(True, False), NO_FLOAT, of_integers)
differs(NUMBERS, [2.0, 2.0], "S9_numpy_input")(H9_numpy_input)
differs(NUMBERS, 6.0, "S9_float_input")(H9_float_input)
both("S9_gradop_int_inputs", lambda x, y: x * y, 1, 2, Fails(DTypeError, "among the inputs, got int 1, int 2"), of_integers)

# Outputs

gradient("J5_nonscalar_out", lambda x: x * x, X, (X * 2).asnumpy())
gradient("S7_nonscalar", lambda x: x * x, X, (X * 2).asnumpy())
both("J5_broadcast_grad", lambda x, y: x * y, X, t(1.0, 2.0, 3.0), (COLUMNS, [5.0, 7.0, 9.0]))
both("S7_broadcast", lambda x, y: x * y, X, t(1.0, 2.0, 3.0), (COLUMNS, [5.0, 7.0, 9.0]))
gradient("S7_returns_input", lambda x: x, X, full(1))
differs(RETURNS, Fails(ms.errors.GradientError, "a function that returns Tensors, got float 3.0"), "S7_returns_const")(
    H8_fn_returns_float
)


@graph(TWICE, (X.asnumpy(), X.asnumpy()))
def S7_same_tensor_twice():
    return grad(lambda x, y: x * y, (0, 1))(X, X)


# Kinks, ties, steps and infinities

gradient("J6_relu_at0", ops.ReLU(), SIGNS, [0.0, 0.0, 1.0], as_object)
gradient("S1_relu_edges", lambda x: ops.ReLU()(x), SIGNS, [0.0, 0.0, 1.0])
gradient("S1_relu_2nd", lambda x: ops.ReLU()(x), SIGNS, [0.0] * 3, order=2)
gradient("J6_relu6_at_edges", ops.ReLU6(), EDGES, [0.0, 0.0, 1.0, 1.0, 0.0], as_object)
gradient("S1_relu6_edges", lambda x: ops.ReLU6()(x), EDGES, [0.0, 0.0, 1.0, 1.0, 0.0])
differs("The second derivative of ReLU6", [0.0] * 3, "S1_relu6_2nd")(
    lambda: grad(grad(lambda x: ops.ReLU6()(x)))(t(-1.0, 1.0, 7.0))
)
gradient("S1_sigmoid_2nd", lambda x: ops.Sigmoid()(x), t(-1.0, 1.0), [0.090858, -0.090858], order=2)
gradient("J6_abs_at0", ops.abs, SIGNS, [-1.0, 0.0, 1.0])
gradient("S8_abs0", ops.abs, SIGNS, [-1.0, 0.0, 1.0])
both("J6_maximum_tie", ops.Maximum(), t(1.0, 2.0), t(1.0, 3.0), ([0.5, 0.0], [0.5, 1.0]), as_object)
both("S2_maximum_tie", lambda x, y: ops.Maximum()(x, y), t(1.0, 2.0), t(1.0, 3.0), ([0.5, 0.0], [0.5, 1.0]))
both("S2_minimum_tie", lambda x, y: ops.Minimum()(x, y), t(1.0, 2.0), t(1.0, 3.0), ([0.5, 1.0], [0.5, 0.0]))
gradient("J6_max_reduce_tie", lambda x: x.max(), t(1.0, 3.0, 3.0), [0.0, 0.5, 0.5])
gradient("S8_max_reduce_tie", lambda x: x.max(), t(1.0, 3.0, 3.0), [0.0, 0.5, 0.5])
gradient("J6_sqrt_at0", ops.sqrt, ZERO_FOUR, [INF, 0.25])
gradient("J6_pow_at0", lambda x: x**2, ZERO_FOUR, [0.0, 8.0])
gradient("S8_pow0", lambda x: x**2, ZERO_FOUR, [0.0, 8.0])
both("J6_div", ops.Div(), t(1.0, 4.0), t(2.0, 0.0), ([0.5, INF], [-0.25, -INF]), as_object)
both("S2_div_by_zero", lambda x, y: ops.Div()(x, y), t(1.0, 4.0), t(2.0, 0.0), ([0.5, INF], [-0.25, -INF]))
gradient("S4_lin_2nd", lambda x: x * 3, t(-1.0, 1.0), [0.0, 0.0], order=2)
gradient("S8_clip", lambda x: ops.clip_by_value(x, 0.0, 1.0), t(-1.0, 0.0, 0.5, 1.0, 2.0), [0.0, 0.5, 1.0, 0.5, 0.0])
gradient("S8_where", lambda x: ops.where(x > 0, x * 2, x * 3), SIGNS, [3.0, 3.0, 2.0])
gradient("S8_log0", ops.log, t(0.0, 2.0), [INF, 0.5])
gradient(
    "S8_logical",
    lambda x: ops.logical_and(x > 0, x < 2).astype(ms.float32) * x,
    t(-1.0, 1.0, 3.0),
    [0.0, 1.0, 0.0],
)
gradient("J9_getitem_grad", lambda x: x[0] * 3, X, FIRST_ROW)
gradient("S8_getitem", lambda x: x[0] * 3, X, FIRST_ROW)


@same((full(1), full(1 / 6)))
def S8_sum_mean():
    return grad(lambda x: x.sum())(X), grad(lambda x: x.mean())(X)


@same(([-1.0, 0.0, 1.0], [-1.0, 0.0, 2.0], [-2.0, 0.0, 2.0]))
def S8_sign_round_floor():
    x = t(-1.2, 0.3, 2.0)
    return (
        grad(lambda x: ops.sign(x) * x)(t(-1.0, 0.0, 2.0)),
        grad(lambda x: ops.round(x) * x)(x),
        grad(lambda x: ops.floor(x) * x)(x),
    )


# Assignment


@same(([1.0, 2.0], False))
def J8_isub_inplace():
    x = y = t(1.0, 2.0)
    x -= 1
    compare(x, [0.0, 1.0])
    return y, x is y


@pynative("`v -= 1` in a function", ([0.0, 2.0], [1.0, 2.0]))
def J8_isub_in_fn_mutates_input():
    def fn(v):
        v -= 1
        return v * v

    x = t(1.0, 2.0)
    return grad(fn)(x), x


@differs("Assignment to elements of a Tensor", Fails(DTypeError, "Build a new one with ops.where, ops.concat or ops.stack"))
def J9_setitem_grad():
    def fn(x):
        y = x * 2
        y[0] = 5.0
        return y * y

    return grad(fn)(t(1.0, 2.0))
