"""A value that leaves a Cell with its own bprop by a way other than its outputs has no gradient."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn
from autograd.errors import BpropError, GradientError

KEPT = "expected Keeps.construct to return every value that is used outside it, got a value kept from inside"


class Keeps(Cell):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(2, 2, "ones", "zeros")
        self.kept = None

    def construct(self, x):
        self.kept = self.dense(x) * 3
        return x * 2

    def bprop(self, x, out, dout):
        return (dout * 2,)


def test_an_attribute_that_construct_sets_is_not_differentiated_by_the_input():
    cell = Keeps()
    with pytest.raises(GradientError, match=KEPT):
        grad(lambda x: (cell(x) + cell.kept).sum())(Tensor([[1.0, 2.0]]))


def test_an_attribute_that_construct_sets_is_not_differentiated_by_a_weight():
    cell = Keeps()
    with pytest.raises(GradientError, match=KEPT):
        grad(lambda x: (cell(x) + cell.kept).sum(), None, cell.trainable_params())(Tensor([[1.0, 2.0]]))


def test_an_attribute_that_construct_sets_may_be_read():
    cell = Keeps()
    gradient = grad(lambda x: cell(x).sum())(Tensor([[1.0, 2.0]]))
    np.testing.assert_array_equal(gradient, [[2, 2]])
    np.testing.assert_array_equal(cell.kept, [[9, 9]])


def test_a_record_from_inside_is_not_differentiated():
    class Wraps(Cell):
        def __init__(self):
            super().__init__()
            self.node = snn.IFNode()

        def initial_state(self, x):
            return self.node.initial_state(x)

        def construct(self, x, v):
            return self.node(x, v)

        def bprop(self, x, v, out, dout):
            return dout[0], dout[1]

    x = np.full((3, 1, 2), 0.4, np.float32)
    recorded = snn.run(Wraps(), x, record=["v"])[2]["node.v"]
    assert recorded.shape == x.shape
    with pytest.raises(GradientError, match=r"Wraps\.construct to return every value"):
        grad(lambda x: snn.run(Wraps(), x, record=["v"])[2]["node.v"].sum())(x)


class TwoInputs(Cell):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def construct(self, x, y):
        return x * y

    def bprop(self, x, y, out, dout):
        return self.answer(dout)


@pytest.mark.parametrize("position", [0, 1])
def test_every_gradient_is_checked_whichever_is_asked_for(position):
    cell = TwoInputs(lambda d: (d, d[:1]))
    with pytest.raises(BpropError, match=r"TwoInputs.bprop, gradient of input 1: expected shape"):
        grad(cell, position)(Tensor([1.0, 2.0]), Tensor([3.0, 4.0]))


def test_the_gradient_of_a_foreign_parameter_is_an_error():
    foreign = Parameter([1.0], name="foreign")
    cell = TwoInputs(lambda d: ((d, d), {foreign: d}))
    with pytest.raises(BpropError, match=r"expected gradients of its own Parameters, got the gradient of 'foreign'"):
        grad(cell)(Tensor([1.0]), Tensor([3.0]))


def test_out_and_dout_in_the_wrong_order_are_an_error():
    class Swapped(Cell):
        def construct(self, x):
            return x * 2

        def bprop(self, x, dout, out):
            return (dout,)

    with pytest.raises(BpropError, match=r"\(self, x, out, dout\), got \(self, x, dout, out\): dout comes before out"):
        grad(Swapped())(Tensor([1.0]))
