"""B and L: returns of a bprop."""
# ruff: noqa: N802 - a function has the name of its case

import numpy as np

import autograd as ms
from autograd import Tensor, grad
from autograd.errors import BpropError, BpropShapeError

from .table import Fails, X, Y, cell, differs, full, get_all, graph, pynative, same, weight

NO_TUPLE = "A list or a bare Tensor from a bprop"
SHAPE = "A gradient of another shape"
NUMBER = "More gradients than inputs"
NESTING = "Gradients in another nesting than the inputs"
NONE = "None for a gradient"
CHECKED = "`set_context(check_bprop=True)`"

ONE_EACH = Fails(BpropError, "expected a tuple with one gradient for each of ")
WRONG_SHAPE = Fails(BpropShapeError, "gradient of input 0: expected shape [2, 3]")
WRONG_SIGNATURE = Fails(BpropError, "expected the signature (self, x, out, dout)")


def doubles(answer):
    return cell(lambda self, x: x * 2, lambda self, x, out, dout: answer(dout))


def product(answer):
    return cell(lambda self, x, y: x * y, lambda self, x, y, out, dout: answer(dout))


def one(answer, x=X):
    """Return the gradient of a Cell with one input whose bprop answers so."""
    return get_all(doubles(answer), x)


def two(answer):
    return get_all(product(answer), X, Y)


def ones(*shape, dtype=ms.float32):
    return lambda dout: (Tensor(np.ones(shape), dtype),)


def signed(bprop):
    return get_all(cell(lambda self, x: x * 2, bprop), X)


@graph(NO_TUPLE, ONE_EACH)
def B1_bare_tensor_one_input():
    return one(lambda dout: dout * 7)


@same(ONE_EACH)
def B1_bare_tensor_two_inputs():
    return two(lambda dout: dout * 7)


@graph(NO_TUPLE, ONE_EACH)
def B1_list():
    return two(lambda dout: [dout * 7, dout * 8])


@same(Fails(BpropError, "for each of 2 inputs, got 1 value"))
def B2_too_few():
    return two(lambda dout: (dout * 7,))


@differs(NUMBER, Fails(BpropError, "for each of 1 input, got 2 values"))
def B3_too_many():
    return one(lambda dout: (dout * 7, dout * 8))


@same(Fails(BpropError, "for each of 1 input, got 0 values"))
def B3_empty_tuple():
    return one(lambda dout: ())


@pynative(SHAPE, WRONG_SHAPE)
def B4_shape_2x2_for_2x3():
    return one(ones(2, 2))


@differs(SHAPE, WRONG_SHAPE)
def B4_shape_4x2x3_for_2x3():
    return one(ones(4, 2, 3))


@pynative(SHAPE, WRONG_SHAPE)
def B4_shape_3_for_2x3():
    return one(ones(3))


@pynative(SHAPE, WRONG_SHAPE)
def B4_shape_scalar_for_2x3():
    return one(ones())


@differs(SHAPE, Fails(BpropShapeError, "shape [1, 3], got [2, 3] Float32. Sum over the axes that were broadcast"))
def B4_shape_2x3_for_1x3():
    return one(ones(2, 3), Tensor([[1.0, 2.0, 3.0]]))


DTYPE = "A gradient of another dtype"


@pynative(DTYPE, (full(np.float16(1.1)),))
def B5_dtype_f16_for_f32():
    return one(lambda dout: (Tensor(np.full((2, 3), 1.1), ms.float16),))


@pynative(DTYPE, (full(1.1),))
def B5_dtype_f64_for_f32():
    return one(lambda dout: (Tensor(np.full((2, 3), 1.1), ms.float64),))


@pynative(DTYPE, (full(1),))
def B5_dtype_i32_for_f32():
    return one(ones(2, 3, dtype=ms.int32))


@same(WRONG_SIGNATURE)
def B6_missing_dout():
    return signed(lambda self, x, out: (out,))


@same(WRONG_SIGNATURE)
def B6_missing_out_dout():
    return signed(lambda self, x: (x,))


@same(WRONG_SIGNATURE)
def B6_extra_arg():
    return signed(lambda self, x, out, dout, extra: (x,))


@pynative("Any number of inputs", (full(3),))
def B6_varargs_bprop():
    return signed(lambda self, *args: (args[-1] * len(args),))


@pynative(NONE, (full(7), full(0)))
def B7_none_for_second_getall():
    return two(lambda dout: (dout * 7, None))


@pynative(NONE, full(0))
def B7_none_for_second_gradpos1():
    return grad(product(lambda dout: (dout * 7, None)), 1)(X, Y)


@pynative(NONE, (full(0),))
def B7_none_for_only():
    return one(lambda dout: (None,))


@same(ONE_EACH)
def B7_return_None_itself():
    return one(lambda dout: None)


@pynative(NONE, (full(7), full(1)))
def B7_none_midgraph():
    inner = product(lambda dout: (dout * 7, None))
    return get_all(lambda x, y: inner(x, y * 3) + y, X, Y)


@pynative("A number for the gradient of an array", WRONG_SHAPE)
def B8_python_float():
    return one(lambda dout: (5.0,))


@graph("A numpy array for a gradient", (full(1),))
def B8_numpy():
    return one(lambda dout: (np.ones((2, 3), np.float32),))


@pynative(
    "Any other object for a gradient", Fails(BpropError, "expected a Tensor of shape [2, 3], or None for zero, got str 's'")
)
def B8_string():
    return one(lambda dout: ("s",))


def fail(dout):
    raise KeyError("boom")


@same(Fails(KeyError, "boom"))
def B9_bprop_raises():
    return one(fail)


@differs(NESTING, Fails(BpropError, "expected a Tensor of shape [2, 3], or None for zero, got tuple"))
def B10_nested_tuple():
    return one(lambda dout: ((dout * 7,),))


# With set_context(check_bprop=True). Here everything is checked always; the switch is there for its name.


def checked(ask):
    ms.set_context(check_bprop=True)
    try:
        return ask()
    finally:
        ms.set_context(check_bprop=False)


@same(WRONG_SHAPE)
def L1_check_shape():
    return checked(lambda: one(ones(2, 2)))


@same(WRONG_SHAPE)
def L1_check_shape_reducible():
    return checked(lambda: one(ones(4, 2, 3)))


@differs(CHECKED, (full(1),))
def L1_check_dtype():
    return checked(lambda: one(ones(2, 3, dtype=ms.float16)))


@same(ONE_EACH)
def L1_check_few():
    return checked(B2_too_few)


@same(ONE_EACH)
def L1_check_many():
    return checked(B3_too_many)


@same(WRONG_SHAPE)
def L1_check_type_float():
    return checked(B8_python_float)


@differs(CHECKED, (full(7), full(0)))
def L1_check_none():
    return checked(B7_none_for_second_getall)


@graph(NO_TUPLE, ONE_EACH)
def L1_check_bare():
    return checked(B1_bare_tensor_one_input)


@pynative(CHECKED, (full(30),))
def L1_check_int_arg_none():
    net = cell(lambda self, x, n: x * n, lambda self, x, n, out, dout: (dout * n * 10, None))
    return checked(lambda: get_all(net, X, 3))


@same((full(10),))
def L1_check_param_in_construct():
    net = cell(lambda self, x: x * self.w, lambda self, x, out, dout: (dout * 10,), w=weight(1.0, 2.0, 3.0))
    return checked(lambda: get_all(net, X))
