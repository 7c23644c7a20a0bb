"""H and I: arguments and results of grad and value_and_grad."""
# ruff: noqa: N802 - a function has the name of its case

import numpy as np

import autograd as ms
from autograd import Tensor, grad, ops, value_and_grad
from autograd.errors import ArgumentError, DTypeError, GradientError

from .cases_gradop import FROZEN, ONES, W_AND_B
from .table import Fails, X, Y, differs, full, graph, linear, pynative, same

POSITION = "A position that is a bool or names a keyword"
RETURNS = "A function that returns no Tensor"
TWICE = "The same Tensor as two inputs"
NUMBERS = "numpy arrays and Python floats as inputs"
IDS = "`return_ids=True` of one position"
KEYWORDS = "Keyword arguments of the function"

A, B, C = Tensor([1.0, 2.0]), Tensor([-2.0, 3.0]), Tensor([0.0, 3.0])
BY_A, BY_B, BY_C = [0.0, 9.0], [0.0, 6.0], [-2.0, 6.0]
VALUE = [0.0, 18.0]


def f(x, y, z):
    return x * y * z


NO_INT = Fails(ArgumentError, "grad_position to be an int or a tuple of ints")
NEGATIVE = Fails(ArgumentError, "grad_position without negative or repeated numbers")
BEYOND = Fails(ArgumentError, "grad_position below 3, the number of inputs")
NOTHING = Fails(ArgumentError, "grad_position or weights, got None for both")


def at(position, want, name, decorate=same):
    """Add a case that differentiates ``x y z`` at a position."""
    decorate(want, name)(lambda: grad(f, position)(A, B, C))


at(0, BY_A, "H1_pos_int0")
at((1, 2), (BY_B, BY_C), "H1_pos_tuple12")
at((2, 0), (BY_C, BY_A), "H1_pos_tuple20")
at(None, NOTHING, "H1_pos_none_no_weights")
at(3, BEYOND, "H1_pos_out_of_range")
at(-1, NEGATIVE, "H1_pos_negative")
at((0, -1), NEGATIVE, "H1_pos_tuple_negative")
at((0, 0), NEGATIVE, "H1_pos_dup")
at([0, 1], NO_INT, "H1_pos_list")
at(1.0, NO_INT, "H1_pos_float")
at((0, 5), BEYOND, "H1_pos_tuple_out_of_range")
at((), NO_INT, "H1_pos_empty_tuple")


@differs("A tuple of one position", (BY_A,))
def H1_pos_tuple0():
    return grad(f, (0,))(A, B, C)


@graph(POSITION, NO_INT)
def H1_pos_bool():
    return grad(f, True)(A, B, C)


def weighted(transform, position, pick=lambda net: [net.w, net.b], frozen=False, **options):
    net = linear()
    net.w.requires_grad = not frozen
    return transform(net, position, pick(net), **options)(X, Y)


@same(W_AND_B)
def H2_pos_none_weights2():
    return weighted(grad, None)


@same((ONES["x"], W_AND_B))
def H2_pos0_weights2():
    return weighted(grad, 0)


@same(((ONES["x"], ONES["y"]), W_AND_B))
def H2_pos01_weights2():
    return weighted(grad, (0, 1))


@same((ONES["w"],))
def H2_pos_none_weights_list1():
    return weighted(grad, None, lambda net: [net.w])


@same(ONES["w"])
def H2_pos_none_weights_bare():
    return weighted(grad, None, lambda net: net.w)


@same((ONES["x"], ONES["w"]))
def H2_pos0_weights_bare():
    return weighted(grad, 0, lambda net: net.w)


@same((ONES["x"], ()))
def H2_pos0_weights_empty():
    return weighted(grad, 0, lambda net: [])


@pynative(FROZEN, ([0.0] * 3, ONES["b"]))
def H2_weights_frozen():
    return weighted(grad, None, frozen=True)


@pynative(FROZEN, ([0.0] * 3,))
def H2_weights_frozen_all():
    return weighted(grad, None, lambda net: [net.w], frozen=True)


P, Q = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])


def three(x, y):
    return x * y, x + y, y


THREE = ([3.0, 8.0], [4.0, 6.0], [3.0, 4.0])
NO_AUX = Fails(GradientError, "expected a tuple (value, aux, ...) because has_aux=True")


@same(([3.0, 4.0], ([4.0, 6.0], [3.0, 4.0])))
def H3_has_aux():
    return grad(three, 0, None, has_aux=True)(P, Q)


@same([4.0, 5.0])
def H3_no_aux_multi_out():
    return grad(three, 0)(P, Q)


@same(NO_AUX)
def H3_has_aux_single_out():
    return grad(f, 0, None, has_aux=True)(A, B, C)


@same(NO_AUX)
def H3_has_aux_list_out():
    return grad(lambda x: [x * x, x], 0, None, has_aux=True)(P)


@same(Fails(DTypeError, "has_aux to be a bool, got int 1"))
def H3_has_aux_nonbool():
    return grad(three, 0, None, has_aux=1)(P, Q)


@same(((1, BY_B), (2, BY_C)))
def H4_return_ids():
    return grad(f, (1, 2), return_ids=True)(A, B, C)


@graph(IDS, (1, BY_B))
def H4_return_ids_single():
    return grad(f, 1, return_ids=True)(A, B, C)


@same(((0, ONES["x"]), (("w", ONES["w"]), ("b", ONES["b"]))))
def H4_return_ids_weights():
    return weighted(grad, 0, return_ids=True)


@same(([0.0, 12.0], [-2.0, 12.0]))
def H5_sens_param():
    return grad(f, (1, 2), sens_param=True)(A, B, C, Tensor([1.0, 2.0]))


@pynative(KEYWORDS, [0.0, 12.0])
def H5_sens_kw():
    return grad(f, 1, sens_param=True)(A, B, C, sens=Tensor([1.0, 2.0]))


@pynative(KEYWORDS, (BY_A, BY_B))
def H6_kwargs_to_fn():
    return grad(f, (0, 1))(A, B, z=C)


@graph(POSITION, Fails(ArgumentError, "grad_position below 2, the number of inputs"))
def H6_kwargs_pos_in_kw():
    return grad(f, 2)(A, B, z=C)


@same((True, True))
def H7_ms_grad_is_ops_grad():
    return ms.grad is ops.grad, ms.value_and_grad is ops.value_and_grad


@same(Fails(DTypeError, "expected a function or Cell, got int 3"))
def H8_fn_not_callable():
    return grad(3)(X)


@differs(RETURNS, Fails(GradientError, "a function that returns Tensors, got NoneType None"))
def H8_fn_returns_none():
    return grad(lambda x: None)(X)


@differs(RETURNS, Fails(GradientError, "a function that returns Tensors, got float 3.0"))
def H8_fn_returns_float():
    return grad(lambda x: 3.0)(X)


@same(full(1))
def H8_fn_returns_input():
    return grad(lambda x: x)(X)


@same(full(0))
def H8_fn_returns_const_tensor():
    return grad(lambda x: Tensor([1.0, 2.0]))(X)


@graph(TWICE, (X.asnumpy(), X.asnumpy()))
def H8_fn_output_from_same_input_twice():
    return grad(lambda a, b: a * b, (0, 1))(X, X)


@differs(NUMBERS, [2.0, 2.0])
def H9_numpy_input():
    return grad(lambda x: x * x)(np.ones((2,), np.float32))


@differs(NUMBERS, 6.0)
def H9_float_input():
    return grad(lambda x: x * x)(3.0)


@same((VALUE, BY_A))
def I1_pos0():
    return value_and_grad(f)(A, B, C)


@same((VALUE, (BY_B, BY_C)))
def I1_pos12():
    return value_and_grad(f, (1, 2))(A, B, C)


@same(NOTHING)
def I1_none_none():
    return value_and_grad(f, None)


OUT = [[3.0, 6.0, 11.0], [7.0, 13.0, 21.0]]


@same((OUT, W_AND_B))
def I2_pos_none_weights():
    return weighted(value_and_grad, None)


@same((OUT, (ONES["x"], W_AND_B)))
def I2_pos0_weights():
    return weighted(value_and_grad, 0)


@same((THREE, [3.0, 4.0]))
def I3_has_aux():
    return value_and_grad(three, 0, None, has_aux=True)(P, Q)


@same(((61.0, OUT), W_AND_B))
def I3_has_aux_none_weights():
    net = linear()

    def forward(x, y):
        out = net(x, y)
        return out.sum(), out

    return value_and_grad(forward, None, net.trainable_params(), has_aux=True)(X, Y)


@same((THREE, [4.0, 5.0]))
def I4_multi_out():
    return value_and_grad(three, 0)(P, Q)


@graph(IDS, (VALUE, (1, BY_B)))
def I5_return_ids():
    return value_and_grad(f, 1, return_ids=True)(A, B, C)


@same((VALUE, [0.0, 45.0]))
def I6_sens():
    return value_and_grad(f, 0, sens_param=True)(A, B, C, Tensor([1.0, 5.0]))


@same([6.0, 12.0])
def I7_nested():
    return grad(lambda x: value_and_grad(lambda a: a * a * a)(x)[1])(P)
