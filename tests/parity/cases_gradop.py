"""G: GradOperation."""
# ruff: noqa: N802 - a function has the name of its case

from itertools import product

import numpy as np

import autograd as ms
from autograd import ParameterTuple, Tensor, grad, ops
from autograd.errors import DTypeError, ShapeError

from .table import Fails, X, Y, cell, differs, full, get_all, graph, linear, pynative, same, weight

INTEGERS = "The gradient of whole numbers or bools"
NO_PARAMETER = "Weights that are not Parameters"
FROZEN = "The gradient of a frozen Parameter"

SENS = Tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
ONES = {
    "x": [[1.0, 2.0, 3.0]] * 2,
    "y": [[1.0] * 3] * 2,
    "w": [5.0, 7.0, 9.0],
    "b": [5.0] * 3,
}
WITH_SENS = {
    "x": [[1.0, 0.0, 0.0], [0.0, 0.0, 6.0]],
    "y": [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]],
    "w": [1.0, 0.0, 12.0],
    "b": [2.0, 0.0, 6.0],
}


def one_input():
    return cell(lambda self, x: x * self.w, w=weight(1.0, 2.0, 3.0))


def combination(net, inputs, of_all, by_list, sens_param):
    """Return the function of a case, and what it must give, for one setting of the three options."""
    gradient = WITH_SENS if sens_param else ONES
    by_input = tuple(gradient[name] for name in "xy"[: len(inputs)])
    by_weight = tuple(gradient[p.name] for p in net.trainable_params())
    want = by_input if of_all else by_input[0]
    if by_list:
        want = (want, by_weight) if of_all else by_weight

    def run():
        operation = ops.GradOperation(get_all=of_all, get_by_list=by_list, sens_param=sens_param)
        fn = operation(net, ParameterTuple(net.trainable_params())) if by_list else operation(net)
        return fn(*inputs, SENS) if sens_param else fn(*inputs)

    return run, want


for options in product((False, True), repeat=3):
    for size, net, inputs in (("2in2w", linear(), (X, Y)), ("1in1w", one_input(), (X,))):
        run, want = combination(net, inputs, *options)
        name = "G1_{}_all{:d}_list{:d}_sens{:d}".format(size, *options)
        same(want, name)(run)


def by_list(weights, net=None):
    net = linear() if net is None else net
    return ops.GradOperation(get_by_list=True)(net, *weights(net))(X, Y)


W_AND_B = (ONES["w"], ONES["b"])


@pynative("`get_by_list=True` without weights", W_AND_B)
def G2_by_list_without_weights():
    return by_list(lambda net: ())


@same(W_AND_B)
def G2_weights_list():
    return by_list(lambda net: (net.trainable_params(),))


@same(ONES["w"])
def G2_weights_single_param():
    return by_list(lambda net: (net.w,))


@same(W_AND_B)
def G2_weights_plain_tuple():
    return by_list(lambda net: ((net.w, net.b),))


@same(([0.0, 0.0], ONES["w"]))
def G2_weights_not_used_by_net():
    return by_list(lambda net: (ParameterTuple([ms.Parameter([1.0, 2.0], name="zz"), net.w]),))


@pynative(FROZEN, ([0.0] * 3, ONES["b"]))
def G2_weight_requires_grad_false():
    net = linear()
    net.w.requires_grad = False
    return by_list(lambda net: (ParameterTuple([net.w, net.b]),), net)


@graph(NO_PARAMETER, Fails(DTypeError, "expected weights to be Parameters"))
def G2_weights_non_param():
    return by_list(lambda net: ([Tensor([1.0])],))


def sensitive(*inputs, **keywords):
    return ops.GradOperation(sens_param=True)(linear())(*inputs, **keywords)


UNFIT = Fails(ShapeError, "sensitivity: expected the output's shape and dtype, [2, 3] Float32")


@same(Fails(TypeError, "missing 1 required positional argument: 'y'"))
def G3_sens_missing():
    return ops.GradOperation(sens_param=True)(type("Net", (ms.Cell,), {"construct": lambda self, x, y: x * y})())(X, Y)


@same(WITH_SENS["x"])
def G3_sens_kw():
    return sensitive(X, Y, sens=SENS)


@same(UNFIT)
def G3_sens_wrong_shape():
    return sensitive(X, Y, Tensor([1.0, 2.0]))


@same(UNFIT)
def G3_sens_broadcastable_shape():
    return sensitive(X, Y, Tensor([1.0, 2.0, 3.0]))


@same(UNFIT)
def G3_sens_scalar_python():
    return sensitive(X, Y, 2.0)


@same(UNFIT)
def G3_sens_wrong_dtype_f16():
    return sensitive(X, Y, Tensor(np.ones((2, 3)), ms.float16))


@same(UNFIT)
def G3_sens_wrong_dtype_i32():
    return sensitive(X, Y, Tensor(np.ones((2, 3)), ms.int32))


def two_outputs():
    return cell(lambda self, x, y: (x * y, x + y))


@same(([[3.0] * 3, [4.0] * 3], [[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]]))
def G4_tuple_out_default_sens():
    return get_all(two_outputs(), X, Y)


@same(([[3.0, 0.0, 0.0], [0.0, 0.0, 8.0]], [[2.0, 0.0, 0.0], [0.0, 0.0, 14.0]]))
def G4_tuple_out_sens_tuple():
    return get_all(two_outputs(), X, Y, (SENS, SENS), sens_param=True)


@same(Fails(ShapeError, "sensitivity: expected one for each of 2 outputs, got 1"))
def G4_tuple_out_sens_single():
    return get_all(two_outputs(), X, Y, SENS, sens_param=True)


@same(Fails(TypeError, "takes 3 positional arguments but 4 were given"))
def G4_tuple_out_sens_two_args():
    return get_all(two_outputs(), X, Y, SENS, SENS, sens_param=True)


def unused_second():
    return cell(lambda self, x, y: x * 2)


@same((full(2), full(0)))
def G5_unused_input():
    return get_all(unused_second(), X, Y)


@same((full(2), full(0)))
def G5_default_first_input_unused():
    return ops.GradOperation()(unused_second())(Y, X), grad(unused_second(), 1)(Y, X)


@same(Fails(DTypeError, "expected get_all to be a bool, got int 1"))
def G6_get_all_nonbool():
    return ops.GradOperation(get_all=1)


@same((X * 2).asnumpy())
def G7_plain_function():
    return ops.GradOperation()(lambda x: x * x)(X)


@same(((X * 2).asnumpy(),))
def G7_get_all_one_input_function():
    return get_all(lambda x: x * x, X)


@same(([2.0, 4.0],))
def G8_no_args_by_list():
    net = cell(lambda self: self.w * self.w, w=weight(1.0, 2.0))
    return ops.GradOperation(get_by_list=True)(net, ParameterTuple([net.w]))()


@differs(INTEGERS, Fails(DTypeError, "a floating Tensor among the inputs"))
def G9_int_inputs():
    return get_all(cell(lambda self, x, y: x * y), Tensor([1, 2], ms.int32), Tensor([3, 4], ms.int32))
