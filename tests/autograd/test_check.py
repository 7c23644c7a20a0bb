"""The public gradient checker finds what is wrong and passes what is right."""

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, check_grad, ops
from autograd.errors import ArgumentError, DTypeError, GradientError


class Scaled(Cell):
    """A bprop that is off by a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def construct(self, x):
        return ops.sin(x)

    def bprop(self, x, out, dout):
        return (dout * ops.cos(x) * self.factor,)


def test_a_right_bprop_passes_at_every_order():
    check_grad(Scaled(1.0), [0.3, -1.2], order=3, rtol=1e-4)


def test_a_wrong_bprop_is_found_and_described():
    message = (
        r"check_grad, order 1, input 0, element \[0\]: expected -?\d.*e?.* by central differences, got -?\d.*"
        r"Check the vjp or bprop on the way"
    )
    with pytest.raises(GradientError, match=message):
        check_grad(Scaled(1.001), [0.3, -1.2])


def test_a_second_derivative_that_is_wrong_is_found_at_the_second_order():
    class OffAtSecond(Scaled):
        def bprop(self, x, out, dout):
            slope = Tensor(np.cos(x.array))  # the value is right, its own derivative is lost
            return (dout * slope,)

    check_grad(OffAtSecond(1.0), [0.3, -1.2])
    with pytest.raises(GradientError, match=r"check_grad, order 2, input 0, element \[0\]"):
        check_grad(OffAtSecond(1.0), [0.3, -1.2], order=2)


def test_every_input_and_every_output_is_checked():
    class Half(Cell):
        def construct(self, x, y):
            return x * 2, {"b": y * 3}

        def bprop(self, x, y, out, dout):
            return dout[0] * 2, dout[1]["b"] * 4

    with pytest.raises(GradientError, match=r"order 1, input 1, element \[0, 1\]|order 1, input 1, element \[0, 0\]"):
        check_grad(Half(), ([1.0], [[1.0, 2.0]]))


def test_errors_of_two_outputs_do_not_cancel():
    class Swapped(Cell):
        def construct(self, x):
            return x * 2, x * 3

        def bprop(self, x, out, dout):
            return (dout[0] * 3 + dout[1] * 2,)

    with pytest.raises(GradientError, match="order 1"):
        check_grad(Swapped(), [1.0, 2.0])


def test_inputs_are_float64_and_stay_unchanged():
    seen = []
    x = np.array([0.5, 1.0], np.float32)
    check_grad(lambda t: seen.append(t.dtype) or t * t, x)
    assert set(seen) == {np.dtype(np.float64)}
    assert x.tolist() == [0.5, 1.0]


def test_tolerances_step_and_generator_are_taken():
    check_grad(Scaled(1.001), [0.3, -1.2], rtol=1e-2)
    check_grad(Scaled(1.001), [0.3, -1.2], rtol=0.0, atol=0.1)
    check_grad(ops.exp, [0.3], eps=1e-4, rng=np.random.default_rng(7))


def test_a_net_with_weights():
    w = Parameter(np.array([[0.5, -1.0], [2.0, 0.3]]))
    check_grad(lambda x: ops.tanh(x @ w), [[0.1, 0.2]], order=2)


def test_whole_numbers_are_refused():
    with pytest.raises(DTypeError, match=r"check_grad: expected a floating input 1, got \[2\] Int64. Convert it"):
        check_grad(ops.mul, ([1.0, 2.0], [1, 2]))


@pytest.mark.parametrize("order", [0, -1, 1.5, "2"])
def test_an_order_below_one_or_not_whole_is_refused(order):
    with pytest.raises(ArgumentError, match=r"check_grad: expected a whole order of at least 1, got .* 1 checks the first"):
        check_grad(ops.exp, [0.3], order=order)
