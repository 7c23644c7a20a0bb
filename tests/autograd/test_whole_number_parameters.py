"""A gradient by whole numbers or bools is an error, for Parameters too; a frozen Parameter is a constant."""

import numpy as np
import pytest

from autograd import Cell, GradOperation, Parameter, Tensor, check_bprop, check_grad, grad, optim, value_and_grad, vjp
from autograd import nn as layers
from autograd.errors import DTypeError

from .helpers import f64, plain

REFUSED = r"expected floating Parameters, got 'n', Parameter \[1\] {}. Convert it to floats, or freeze it"

ASKED = {
    "grad": lambda fn, p, x: grad(fn, None, p)(x),
    "value_and_grad": lambda fn, p, x: value_and_grad(fn, 0, [p])(x),
    "vjp": lambda fn, p, x: vjp(fn, x, weights=[p]),
    "get_by_list": lambda fn, p, x: GradOperation(get_by_list=True)(fn, p)(x),
    "get_all": lambda fn, p, x: GradOperation(get_all=True, get_by_list=True)(fn, [p])(x),
    "inside": lambda fn, p, x: grad(lambda x: grad(fn, None, p)(x))(x),
}


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "bool"])
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("fn", [lambda p, x: p * 2 * x, lambda p, x: p * x * 2, lambda p, x: x], ids=["p 2 x", "p x 2", "x"])
def test_a_gradient_by_it_is_refused(dtype, ask, fn):
    p = Parameter(np.array([1], dtype), name="n")
    with pytest.raises(DTypeError, match=REFUSED.format(dtype.capitalize())):
        ask(lambda x: fn(p, x), p, f64([5.0]))


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_a_frozen_one_is_a_constant_with_a_gradient_of_zeros(dtype):
    p, w = Parameter(np.array([1], dtype), requires_grad=False), Parameter(np.array([3.0]))
    dp, dw = grad(lambda x: p * x * w, None, [p, w])(f64([5.0]))
    assert (plain(dp), dp.dtype, plain(dw)) == ([0], dtype, [5.0])


def test_a_cell_counts_in_one_that_is_frozen():
    class Counted(Cell):
        def __init__(self):
            super().__init__()
            self.fc, self.n = layers.Dense(2, 1, weight_init="ones"), Parameter(0, requires_grad=False)

        def construct(self, x):
            self.n.set_data(self.n.asnumpy() + 1)
            return self.fc(x)

    net = Counted()
    gradients = GradOperation(get_by_list=True)(net)(Tensor([[1.0, 2.0]]))
    assert plain(gradients) == ([[1.0, 2.0]], [1.0])
    assert net.n.item() == 1
    net.n.requires_grad = True
    with pytest.raises(DTypeError, match=r"got 'n', Parameter \[\] Int64. Convert it to floats"):
        GradOperation(get_by_list=True)(net)(Tensor([[1.0, 2.0]]))


@pytest.mark.parametrize("dtype", ["int64", "bool"])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, 0.1), optim.Adam, optim.AdamW, lambda p: layers.SGD(p), lambda p: layers.Adam(p),
        lambda p: layers.Momentum(p, 0.1, 0.9),
    ],
    ids=["SGD", "Adam", "AdamW", "nn.SGD", "nn.Adam", "nn.Momentum"],
)  # fmt: skip
def test_no_optimizer_takes_it(dtype, frozen, make):
    p = Parameter(np.array([6], dtype), name="n", requires_grad=not frozen)
    with pytest.raises(DTypeError, match=r"a Parameter of floats, got Parameter \[1\] .* keep it out of the optimizer"):
        make([Parameter([1.0]), p])


def test_it_cannot_be_checked_either():
    p = Parameter([6], name="n")
    with pytest.raises(DTypeError, match="^check_grad: " + REFUSED.format("Int64")):
        check_grad(lambda x: p * x, f64([2.0]), weights=p)


@pytest.mark.parametrize("check", [check_grad, check_bprop])
def test_a_check_of_a_cell_leaves_it_out(check):
    class Scaled(Cell):
        def __init__(self):
            super().__init__()
            self.n, self.w = Parameter([6]), Parameter([0.5])

        def construct(self, x):
            return x * self.w * self.n

        def bprop(self, x, out, dout):
            return (dout * self.w * self.n,), {self.w: dout * x * self.n}

    check(Scaled(), f64([2.0]))
