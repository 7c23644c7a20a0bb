"""The four constraints that the seed states, and our behaviour for each."""

import numpy as np
import pytest

import autograd as ms
import autograd.nn as nn
import autograd.ops as ops
import snn
from autograd.errors import BpropError, CompileError, GradientError

X = ms.Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


class OneInput(nn.Cell):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def construct(self, x):
        return x * 2

    def bprop(self, x, out, dout):
        return self.answer(dout * 7)


class Scaled(nn.Cell):
    """x * w, with a gradient that is ten times too large; what it says about w is to choose."""

    def __init__(self, supplies):
        super().__init__()
        self.w = ms.Parameter(np.array([1.0, 2.0, 3.0], np.float32))
        self.supplies = supplies

    def construct(self, x):
        return x * self.w

    def bprop(self, x, out, dout):
        dx = dout * self.w * 10
        return ((dx,), {self.w: (dout * x).sum(0) * 100}) if self.supplies else (dx,)


# 1. One gradient is still returned as a tuple


def test_1_one_gradient_in_a_tuple_is_taken():
    (dx,) = ops.GradOperation(get_all=True)(OneInput(lambda dx: (dx,)))(X)
    np.testing.assert_array_equal(dx, np.full((2, 3), 7))


def test_1_a_bare_tensor_is_an_error_even_for_one_input():
    with pytest.raises(BpropError) as error:
        ops.GradOperation(get_all=True)(OneInput(lambda dx: dx))(X)
    assert str(error.value) == (
        "OneInput.bprop: expected a tuple with one gradient for each of 1 input, got [2, 3] Float32. "
        "One gradient is a tuple too: return (dx,)."
    )


# 2. In graph mode bprop must be convertible to graph form


class Branching(ms.Cell):
    def construct(self, u):
        return (u > 0).astype(u.dtype)

    def bprop(self, u, out, dout):
        if u > 0:
            return (dout,)
        return (dout * 0.5,)


class Chosen(Branching):
    def bprop(self, u, out, dout):
        return (ops.where(u > 0, dout, dout * 0.5),)


def test_2_a_bprop_that_branches_on_values_is_refused_by_a_compiled_run_at_its_line():
    with pytest.raises(CompileError) as error:
        snn.run(snn.IFNode(surrogate_function=Branching()), np.ones((2, 1, 1), np.float32), mode="compiled")
    assert "in bprop" in error.value.where
    assert "ops.where" in error.value.fix


def test_2_a_bprop_in_operations_is_compiled():
    x = np.array([0.5, 0.75, 0.25, 1.5], np.float32)[:, None, None]
    node = snn.IFNode(surrogate_function=Chosen())
    weights = np.arange(1, 5, dtype=np.float32)[:, None, None]
    eager, compiled = (ms.grad(lambda x, m=m: (snn.run(node, x, mode=m)[0] * weights).sum())(x) for m in ("eager", "compiled"))
    np.testing.assert_array_equal(compiled, eager)
    assert len(set(eager.asnumpy().ravel())) > 1


# 3. Only the gradients of the forward's inputs can be returned, not of a Parameter: here they can, by key


def test_3_a_parameters_gradient_can_be_returned_by_key():
    cell = Scaled(supplies=True)
    dx, dw = ms.grad(cell, weights=cell.w)(X)
    np.testing.assert_array_equal(dx, np.tile(cell.w.asnumpy() * 10, (2, 1)))
    np.testing.assert_array_equal(dw, X.asnumpy().sum(0) * 100)


def test_3_a_parameters_gradient_supplied_by_key_reaches_it_in_the_middle_of_a_net():
    cell = Scaled(supplies=True)
    (dw,) = ms.grad(lambda x: ops.square(cell(x * 3)).sum(), None, weights=[cell.w])(X)
    np.testing.assert_allclose(dw, (2 * (3 * X * cell.w) * 3 * X).asnumpy().sum(0) * 100)


def test_3_a_parameter_whose_gradient_the_bprop_hides_is_an_error_that_names_both():
    cell = Scaled(supplies=False)
    with pytest.raises(GradientError) as error:
        ms.grad(cell, weights=cell.trainable_params())(X)
    assert str(error.value) == (
        "gradient through Scaled: expected Scaled.bprop to supply every requested gradient of a value that construct "
        "uses, got no gradient for Parameter 'w'. Return it as `return (dx,), {self.weight: dw}`, or pass the value to construct "
        "as an input. If the gradient is not wanted, set requires_grad=False or leave it out of the weights."
    )


def test_3_a_hidden_parameter_that_nobody_asks_for_is_no_error():
    np.testing.assert_array_equal(ms.grad(Scaled(supplies=False))(X), np.tile([10.0, 20.0, 30.0], (2, 1)))


# 4. A Parameter may not be used in bprop: here it may


def test_4_a_parameter_may_be_used_in_bprop():
    np.testing.assert_array_equal(ms.grad(Scaled(supplies=True))(X), np.tile([10.0, 20.0, 30.0], (2, 1)))


def test_4_a_parameter_used_in_bprop_has_its_second_order_gradient():
    cell = Scaled(supplies=True)
    # first order: 10 w in every element; its sum is 20 w summed, whose gradient by w is 20, and by x is 0
    by_x, by_w = ms.grad(ms.grad(cell), weights=cell.w)(X)
    np.testing.assert_array_equal(by_x, np.zeros((2, 3)))
    np.testing.assert_array_equal(by_w, [20.0, 20.0, 20.0])


def test_4_second_order_by_x_of_the_gradient_by_w_that_bprop_supplies():
    cell = Scaled(supplies=True)
    second = ms.grad(ms.grad(cell, None, weights=cell.w))(X)
    np.testing.assert_array_equal(second, np.full((2, 3), 100.0))
