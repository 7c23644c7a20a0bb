"""The public gradient checker finds wrong gradients and passes right ones."""

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, check_grad, nn, ops, stop_gradient
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
        r"check_grad, order 1, input 0, element \[0\]: expected -?\d\S+ by central differences, got -?\d\S+, "
        r"off by 0.00\d+, the largest error; 2 of 2 elements are off. Check the vjp or bprop on the way"
    )
    with pytest.raises(GradientError, match=message):
        check_grad(Scaled(1.001), [0.3, -1.2])


def test_a_second_derivative_that_is_wrong_is_found_at_the_second_order():
    class OffAtSecond(Scaled):
        def bprop(self, x, out, dout):
            slope = Tensor(np.cos(x.array))  # the value is right, its own derivative is lost
            return (dout * slope,)

    check_grad(OffAtSecond(1.0), [0.3, -1.2])
    with pytest.raises(GradientError, match=r"check_grad, order 2, input 0, element \[1\]"):
        check_grad(OffAtSecond(1.0), [0.3, -1.2], order=2)


def test_every_input_and_every_output_is_checked():
    class Half(Cell):
        def construct(self, x, y):
            return x * 2, {"b": y * 3}

        def bprop(self, x, y, out, dout):
            return dout[0] * 2, dout[1]["b"] * 4

    with pytest.raises(GradientError, match=r"order 1, input 1, element \[0, [01]\]"):
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


class Product(Cell):
    """Its bprop may be wrong by its weight; it has a frozen one too."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.w = Parameter([0.5, -1.0])
        self.frozen = Parameter([3.0, 2.0], requires_grad=False)
        self.factor = factor

    def construct(self, x):
        return ops.sin(x * self.w) * self.frozen

    def bprop(self, x, out, dout):
        slope = dout * ops.cos(x * self.w) * self.frozen
        return (slope * self.w,), {self.w: slope * x * self.factor}


def test_a_cell_is_checked_by_its_weights_too():
    check_grad(Product(), [0.3, 1.2], order=2)
    with pytest.raises(GradientError, match=r"check_grad, order 1, Parameter 'w', element \[[01]\]"):
        check_grad(Product(1.01), [0.3, 1.2])
    check_grad(Product(1.01), [0.3, 1.2], weights=())


def test_a_function_is_checked_by_the_weights_that_are_named():
    cell = Product(1.01)
    check_grad(lambda x: cell(x), [0.3, 1.2])
    with pytest.raises(GradientError, match=r"Parameter 'w'"):
        check_grad(lambda x: cell(x), [0.3, 1.2], weights=cell.w)


def test_weights_alone():
    cell = Product(1.01)
    x = Tensor([0.3, 1.2])
    with pytest.raises(GradientError, match=r"Parameter 'w'"):
        check_grad(lambda: cell(x), (), weights=cell.w)


def test_weights_are_as_they_were_afterwards_also_by_an_error():
    class Counts(Product):
        def construct(self, x):
            self.frozen.set_data(self.frozen + 1.0)
            return super().construct(x)

    cell = Counts()
    before = cell.w.array, cell.frozen.array
    with pytest.raises(GradientError, match="different ones at the second call"):
        check_grad(cell, [0.3, 1.2])
    assert (cell.w.array is before[0], cell.frozen.array is before[1]) == (True, True)
    assert cell.frozen.array.tolist() == [3.0, 2.0]


def test_structures_are_checked_part_by_part_and_the_rest_is_passed_on():
    def fn(state, labels, scale, name):
        assert (labels.dtype.kind, scale, name) == ("i", 2, "x")
        return state["v"] * scale + state["rest"][1] ** 2, state["rest"][0]

    state = {"v": np.array([1.0, 2.0]), "rest": (Tensor(True), Tensor([0.5, 0.7]))}
    check_grad(fn, (state, Tensor([1, 2]), 2, "x"), order=2)

    def wrong(state):
        return state["v"] * stop_gradient(state["rest"][1])

    with pytest.raises(GradientError, match=r"input 0, part 2, element \[[01]\]: expected .* got 0, "):
        check_grad(wrong, (state,))


def test_python_floats_are_checked():
    with pytest.raises(GradientError, match=r"input 1, element \[\]"):
        check_grad(lambda x, y: x * stop_gradient(y), ([1.0], 0.5))


def test_all_that_is_off_is_told():
    class Off(Cell):
        def construct(self, x, y):
            return x * 2 + y * 3

        def bprop(self, x, y, out, dout):
            return dout * [2.0, 2.5, 1.0], dout * 4

    message = (
        r"input 0, element \[2\]: expected .*, off by .*, the largest error; 2 of 3 elements are off\. .*"
        r"Also off: input 1 \(3 of 3 elements, by up to \d.*\)\.$"
    )
    with pytest.raises(GradientError, match=message):
        check_grad(Off(), ([1.0] * 3, [1.0] * 3))


def test_a_gradient_that_is_not_a_number_is_off():
    with np.errstate(all="ignore"), pytest.raises(GradientError, match="got nan, off by inf"):
        check_grad(lambda x: ops.sqrt(x * x), [0.0, 1.0])


def test_some_elements_drawn_at_random():
    calls = []
    check_grad(lambda x: calls.append(0) or ops.sin(x), np.linspace(0.0, 1.0, 100), elements=3)
    assert len(calls) < 20

    class OneWrong(Scaled):
        def bprop(self, x, out, dout):
            return (dout * ops.cos(x) * np.array([1.0, 1.0, 2.0, 1.0]),)

    found = 0
    for seed in range(20):
        try:
            check_grad(OneWrong(1.0), [0.1] * 4, elements=2, rng=seed)
        except GradientError as error:
            assert "element [2]" in str(error)  # noqa: PT017 - it may also be missed
            found += 1
    assert 3 < found < 17


def test_a_function_without_tensors_among_its_outputs_is_refused():
    with pytest.raises(GradientError, match="check_grad: expected a function that returns Tensors, got no Tensor"):
        check_grad(lambda x: 3.0, [0.3])


def test_randomness_is_refused():
    layer = nn.Dropout(0.5, rng=0).set_train()
    with pytest.raises(
        GradientError, match=r"the same outputs at each call .* got different ones at the second call.*set_train\(False\)"
    ):
        check_grad(layer, np.ones(50))
    check_grad(layer.set_train(False), np.ones(5))


def test_nothing_floating_is_refused():
    with pytest.raises(DTypeError, match="check_grad: expected a floating input or Parameter, got str 'x', int 3"):
        check_grad(lambda name, n: n, ("x", 3))


@pytest.mark.parametrize("order", [0, -1, 1.5, "2"])
def test_an_order_below_one_or_not_whole_is_refused(order):
    with pytest.raises(ArgumentError, match=r"check_grad: expected a whole order of at least 1, got .* 1 checks the first"):
        check_grad(ops.exp, [0.3], order=order)
