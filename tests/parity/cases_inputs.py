"""E and Q: inputs that are not Tensors, are nested, or are passed by keyword."""
# ruff: noqa: N802 - a function has the name of its case

from autograd import grad, ops
from autograd.errors import BpropError, DTypeError

from .cases_returns import NESTING
from .table import Fails, X, Y, cell, differs, full, get_all, graph, pynative, same

NESTED = "A tuple or list of Tensors as an input"
KEYWORD = "Default and keyword arguments of a Cell with a bprop"


def scaled(answer):
    return cell(lambda self, x, n: x * n, lambda self, x, n, out, dout: answer(dout, n))


@same((full(30),))
def E1_int_arg_none():
    return get_all(scaled(lambda dout, n: (dout * n * 10, None)), X, 3)


@same((full(30),))
def E1_int_arg_zero():
    return get_all(scaled(lambda dout, n: (dout * n * 10, 0)), X, 3)


@same((full(30),))
def E1_int_arg_tensor():
    return get_all(scaled(lambda dout, n: (dout * n * 10, dout)), X, 3)


@same(Fails(BpropError, "for each of 2 inputs, got 1 value"))
def E1_int_arg_toofew():
    return get_all(scaled(lambda dout, n: (dout * n * 10,)), X, 3)


def product():
    return cell(lambda self, x, y: x * y)


@same((full(3),))
def E1_int_arg_plain_cell():
    return get_all(product(), X, 3)


@same(full(3))
def E1_int_first_grad_pos1():
    return grad(product(), 1)(3, X)


@differs(
    "The gradient of an input that is not a Tensor",
    Fails(DTypeError, "a floating Tensor as input 0, to differentiate, got int 3"),
)
def E1_int_first_grad_pos0():
    return grad(product(), 0)(3, X)


def of_pair(answer):
    return cell(lambda self, xs, y: xs[0] * xs[1] * y, lambda self, xs, y, out, dout: answer(dout))


def nested(dout):
    return (dout * 10, dout * 20), dout * 30


def flat(dout):
    return dout * 10, dout * 20, dout * 30


FLAT = Fails(BpropError, "for each of 2 inputs, got 3 values")
THREE = (full(10), full(20), full(30))


@differs(NESTED, ((full(10), full(20)), full(30)))
def E2_tuple_arg_top_nested():
    return get_all(of_pair(nested), (X, Y), X)


@differs(NESTING, FLAT)
def E2_tuple_arg_top_flat():
    return get_all(of_pair(flat), (X, Y), X)


@graph(NESTED, THREE)
def E2_tuple_arg_mid_nested():
    return get_all(cell(lambda self, a, b, c: self.f((a, b), c), f=of_pair(nested)), X, Y, X)


@graph(NESTED, FLAT)
def E2_tuple_arg_mid_flat():
    return get_all(cell(lambda self, a, b, c: self.f((a, b), c), f=of_pair(flat)), X, Y, X)


@graph(NESTED, THREE)
def E2_list_arg_mid_nested():
    return get_all(cell(lambda self, a, b, c: self.f([a, b], c), f=of_pair(nested)), X, Y, X)


@differs(NESTED, (((Y * X).asnumpy(), (X * X).asnumpy()), [[2.0, 4.0, 6.0], [12.0, 15.0, 18.0]]))
def E2_tuple_arg_plain_top():
    return get_all(cell(lambda self, xs, y: xs[0] * xs[1] * y), (X, Y), X)


def with_default():
    return cell(lambda self, x, scale=2.0: x * scale, lambda self, x, scale, out, dout: (dout * scale * 10, None))


@pynative(KEYWORD, (full(20),))
def E3_default_arg_omitted():
    return get_all(with_default(), X)


@pynative(KEYWORD, (full(40),))
def E3_kwarg_given_top():
    return ops.GradOperation(get_all=True)(with_default())(X, scale=4.0)


@pynative(KEYWORD, (full(40),))
def E3_kwarg_given_mid():
    return get_all(cell(lambda self, x: self.f(x, scale=4.0), f=with_default()), X)


@pynative(KEYWORD, (full(20),))
def E3_default_arg_mid():
    return get_all(cell(lambda self, x: self.f(x), f=with_default()), X)


@same((full(10), full(20)))
def E3_kwarg_tensor_no_default_mid():
    inner = cell(lambda self, x, y: x * y, lambda self, x, y, out, dout: (dout * 10, dout * 20))
    return get_all(cell(lambda self, x, y: self.f(x, y=y), f=inner), X, Y)


@pynative("Any number of inputs", (full(10), full(20)))
def E4_varargs():
    return get_all(cell(lambda self, *xs: xs[0] * xs[1], lambda self, *args: (args[-1] * 10, args[-1] * 20)), X, Y)


def ignores_second():
    return cell(lambda self, x, m: x * 2, lambda self, x, m, out, dout: (dout * 10, None))


@same((full(10),))
def E5_none_arg():
    return get_all(ignores_second(), X, None)


@same((full(10),))
def E5_string_arg():
    return get_all(ignores_second(), X, "hi")


@same((full(10),))
def E5_dict_arg():
    return get_all(ignores_second(), X, {"a": 1})


@graph(NESTED, (full(10), full(20), full(30), full(40)))
def Q1_tuple_arg_nested_three():
    inner = cell(
        lambda self, xs, y, z: xs[0] * xs[1] * y * z,
        lambda self, xs, y, z, out, dout: ((dout * 10, dout * 20), dout * 30, dout * 40),
    )
    return get_all(cell(lambda self, a, b, c, d: self.f((a, b), c, d), f=inner), X, Y, X, Y)


@same(THREE)
def Q1_tuple_arg_second_nested():
    inner = cell(lambda self, y, xs: xs[0] * xs[1] * y, lambda self, y, xs, out, dout: (dout * 30, (dout * 10, dout * 20)))
    return get_all(cell(lambda self, a, b, c: self.f(c, (a, b)), f=inner), X, Y, X)


@same((full(10), full(20)))
def Q1_tuple_arg_only_nested():
    inner = cell(lambda self, xs: xs[0] * xs[1], lambda self, xs, out, dout: ((dout * 10, dout * 20),))
    return get_all(cell(lambda self, a, b: self.f((a, b)), f=inner), X, Y)
