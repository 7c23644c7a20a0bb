"""check_bprop compares a Cell's bprop with the gradient of its primitive or construct, and names what it cannot compare."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, check_bprop, grad, ops
from autograd.errors import ArgumentError, DTypeError, GradientError, ShapeError

from .helpers import Weighted


class Times(Cell):
    """``sin(x) y``, whose bprop takes the factors of its gradients from outside."""

    def __init__(self, by_x=1.0, by_y=1.0):
        super().__init__()
        self.by_x, self.by_y = by_x, by_y

    def construct(self, x, y):
        return ops.sin(x) * y

    def bprop(self, x, y, out, dout):
        return dout * ops.cos(x) * y * self.by_x, (dout * ops.sin(x) * self.by_y).sum(0)


X, Y = [[0.3, -1.2], [0.7, 2.0]], [2.0, 3.0]


def test_a_right_bprop_passes_at_every_order():
    check_bprop(Times(), X, Y, order=3)


def test_a_wrong_bprop_is_told_with_input_element_both_values_and_the_largest_error():
    with pytest.raises(GradientError) as caught:
        check_bprop(Times(by_y=np.array([1.0, 1.5])), X, Y, rng=3)
    rng = np.random.default_rng(3)
    dout = rng.uniform(0.5, 1.5, (2, 2)) * rng.choice([-1, 1], (2, 2))
    right = (dout * np.sin(X)).sum(0)[1]
    error = caught.value
    assert error.where == "check_bprop of Times, order 1, input 1, element [1]"
    assert error.expected == f"{right:.10g} by construct"
    assert error.got == (
        f"{1.5 * right:.10g} by bprop, off by {abs(0.5 * right):.3g}, the largest error; 1 of 2 elements are off"
    )  # fmt: skip
    assert error.fix.startswith("Correct bprop, or construct.")


def test_the_element_that_is_off_most_is_told_and_other_inputs_too():
    with pytest.raises(GradientError, match=r"element \[1, 0\].*largest error; 2 of 4 .*Also off: input 1 \(2 of 2 elements"):
        check_bprop(Times(np.array([[1.0, 1.01], [1.2, 1.0]]), 1.1), X, Y)


def test_a_bprop_whose_own_derivative_is_lost_is_found_at_the_second_order():
    class Lost(Times):
        def bprop(self, x, y, out, dout):
            return dout * Tensor(np.cos(x.array)) * y, (dout * ops.sin(x)).sum(0)

    check_bprop(Lost(), X, Y)
    with pytest.raises(GradientError, match="check_bprop of Lost, order 2, input 0"):
        check_bprop(Lost(), X, Y, order=2)


def test_several_outputs_structures_and_other_inputs():
    class Many(Cell):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def construct(self, state, labels, n, name="x", scale=2.0):
            assert (labels.dtype.kind, n, name, scale) == ("i", 2, "x", 0.5)
            return {"v": state["v"] * n}, (state["pair"][1] * scale, labels, 7)

        def bprop(self, state, labels, n, name, scale, out, dout):
            by_pair = (None, dout[1][0] * scale * self.factor)
            return {"v": dout[0]["v"] * n, "pair": by_pair}, None, None, None, None

    state = {"v": Tensor([1.0, 2.0]), "pair": (Tensor(True), Tensor([0.5]))}
    check_bprop(Many(1.0), state, Tensor([1, 2]), 2, "x", 0.5)
    with pytest.raises(GradientError, match=r"input 0, part 2, element \[0\]"):
        check_bprop(Many(2.0), state, Tensor([1, 2]), 2, "x", 0.5)


def test_errors_of_two_outputs_do_not_cancel():
    class Swapped(Cell):
        def construct(self, x):
            return x * 2, x * 3

        def bprop(self, x, out, dout):
            return (dout[0] * 3 + dout[1] * 2,)

    with pytest.raises(GradientError, match="by construct, got"):
        check_bprop(Swapped(), [1.0, 2.0])


# Parameters


class Scale(Cell):
    """Supplies the gradient of its weight, times a factor."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.w = Parameter([0.5, -1.0])
        self.factor = factor

    def construct(self, x):
        return x * self.w

    def bprop(self, x, out, dout):
        return (dout * self.w,), {self.w: dout * x * self.factor}


def test_supplied_gradients_of_parameters_are_compared():
    cell = Scale()
    before = cell.w.array
    check_bprop(cell, [3.0, 4.0], order=2)
    with pytest.raises(GradientError, match=r"check_bprop of Scale, order 1, Parameter 'w', element \[[01]\]"):
        check_bprop(Scale(1.01), [3.0, 4.0])
    check_bprop(Scale(1.01), [3.0, 4.0], weights=())
    assert cell.w.array is before


def test_a_parameter_that_bprop_hides_is_told():
    cell = Weighted()
    with pytest.raises(GradientError, match="no gradient for Parameter 'w'"):
        check_bprop(cell, [1.0, 2.0, 3.0])
    with pytest.raises(GradientError, match=r"input 0, element \[0\]: expected .* by construct"):
        check_bprop(cell, [1.0, 2.0, 3.0], weights=())


# Surrogates and their primitives


@pytest.mark.parametrize("name", [n for n in snn.surrogate.__all__ if n != "Surrogate"])
def test_every_surrogate_is_the_gradient_of_its_primitive(name):
    check_bprop(getattr(snn.surrogate, name)(), np.linspace(-1.3, 1.4, 50), order=2)


def test_a_surrogate_that_is_not_the_gradient_of_its_primitive_is_found():
    class Off(snn.surrogate.sigmoid):
        def derivative(self, u):
            return super().derivative(u) * 1.001

    with pytest.raises(GradientError, match=r"Off, order 1, input 0, element .* by primitive, got .* by bprop, off by 0.00"):
        check_bprop(Off(), np.linspace(-1.3, 1.4, 50))


class Step(Cell):
    """A comparison, and half of what arrives as its gradient."""

    def __init__(self, slope=0.5):
        super().__init__()
        self.slope = slope

    def construct(self, x):
        return (x > 0).astype(x.dtype)

    def bprop(self, x, out, dout):
        return (dout * self.slope,)


@pytest.mark.parametrize(("slope", "most"), [(0.5, r"0\.\d+"), (0.0, "0")])
def test_a_step_without_primitive_cannot_be_compared(slope, most):
    message = (
        r"check_bprop of Step: expected a gradient of construct to compare with, got one that is zero everywhere for input 0, "
        rf"where bprop gives up to {most}\. .* Give the Cell a method `primitive`"
    )
    with pytest.raises(GradientError, match=message):
        check_bprop(Step(slope), [0.3, -1.2])


def test_a_bool_as_output_cannot_be_compared():
    class Fires(Step):
        def construct(self, x):
            return x > 0

    with pytest.raises(GradientError, match="zero everywhere for input 0"):
        check_bprop(Fires(), [0.3, -1.2])


def test_one_input_without_a_gradient_of_construct():
    class Gate(Cell):
        def __init__(self, slope):
            super().__init__()
            self.slope = slope

        def construct(self, x, gate):
            return ops.where(gate > 0, x, 0.0)

        def bprop(self, x, gate, out, dout):
            return ops.where(gate > 0, dout, 0.0), None if self.slope is None else dout * self.slope

    check_bprop(Gate(None), [1.0, 2.0], [-1.0, 1.0])
    with pytest.raises(GradientError, match=r"zero everywhere for input 1, where bprop gives up to"):
        check_bprop(Gate(0.5), [1.0, 2.0], [-1.0, 1.0])


def test_a_primitive_with_other_outputs_is_refused():
    class Sums(Step):
        def primitive(self, x):
            return x.sum()

    with pytest.raises(ShapeError, match=r"Sums: expected outputs of primitive in the shapes of construct, \[2\], got \[\]"):
        check_bprop(Sums(), [1.0, 2.0])


# Cells inside, and what is no Cell with a bprop


def test_cells_inside_keep_their_own_bprop():
    class Around(Cell):
        def __init__(self, factor):
            super().__init__()
            self.step, self.factor = Step(), factor

        def construct(self, x):
            return self.step(x * 2)

        def bprop(self, x, out, dout):
            return (dout * self.factor,)

    check_bprop(Around(1.0), [0.3, -1.2])
    with pytest.raises(GradientError, match="check_bprop of Around, order 1"):
        check_bprop(Around(1.5), [0.3, -1.2])


def test_a_cell_without_bprop_is_refused_and_those_inside_are_named():
    node = snn.IFNode(surrogate_function=snn.relusigmoid())
    with pytest.raises(ArgumentError, match=r"IFNode: expected a Cell with its own bprop, got one without; inside it .*\(r"):
        check_bprop(node, [1.0], [0.0])
    with pytest.raises(DTypeError, match=r"check_bprop: expected a Cell, got .* Check a function with check_grad"):
        check_bprop(ops.sin, [1.0])


def test_randomness_orders_and_whole_numbers_are_refused():
    class Noisy(Step):
        def construct(self, x):
            self.slope += 1
            return x * self.slope

    with pytest.raises(GradientError, match="check_bprop of Noisy: expected the same outputs"):
        check_bprop(Noisy(), [1.0])
    with pytest.raises(ArgumentError, match="a whole order"):
        check_bprop(Step(), [1.0], order=0)
    with pytest.raises(DTypeError, match="a floating input 0"):
        check_bprop(Step(), [1, 2])


def test_the_check_leaves_the_cell_as_it_found_it():
    cell = Times()
    check_bprop(cell, X, Y)
    assert grad(cell)(Tensor(X), Tensor(Y)).dtype == np.float32
