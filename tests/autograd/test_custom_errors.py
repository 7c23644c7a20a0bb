"""A bprop that breaks its contract is refused: where, expected, got, what to do. Cases B and L of the behaviour table."""

import re

import numpy as np
import pytest

from autograd import Cell, Tensor, grad
from autograd.errors import BpropError, GradientError, ShapeError

from .helpers import f64, plain, x23, y23


class Net(Cell):
    """One input or two, and a bprop that returns what it is told to."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def bprop(self, *args):
        return self.answer(args[-1])


class One(Net):
    def construct(self, x):
        return x * 2


class Two(Net):
    def construct(self, x, y):
        return x * y


ONE = r"One.bprop: expected a tuple with one gradient for each of 1 input, got "
TWO = r"Two.bprop: expected a tuple with one gradient for each of 2 inputs, got "


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda d: d * 7, ONE + r"\[2, 3\] Float32. One gradient is a tuple too: return \(dx,\)."),
        (lambda d: [d], ONE + r"list of \[2, 3\] Float32. One gradient is a tuple too"),
        (lambda d: None, ONE + r"NoneType None. One gradient is a tuple too: return \(dx,\)."),
        (lambda d: "text", ONE + r"str 'text'."),
        (lambda d: {0: d}, ONE + r"dict"),
        (
            lambda d: (),
            ONE + r"0 values. Every input of construct takes a slot, even one that is not a Tensor; None stands for",
        ),
        (lambda d: (d * 7, d * 8), ONE + r"2 values. Every input"),
        (lambda d: ((d,), {"w": d}), r"One.bprop: expected a dict whose keys are Parameters, got the keys \['w'\]"),
    ],
    ids=["bare tensor", "list", "None", "string", "dict", "empty", "too many", "dict without Parameters"],
)
def test_a_return_value_that_is_not_one_gradient_an_input(answer, message):
    with pytest.raises(BpropError, match=message):
        grad(One(answer))(x23())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda d: d * 7, TWO + r"\[2, 3\] Float32. Return \(dx, dy, ...\); None stands for zero."),
        (lambda d: [d, d], TWO + r"list of \[2, 3\] Float32, \[2, 3\] Float32. Return \(dx, dy, ...\)"),
        (lambda d: None, TWO + r"NoneType None"),
        (lambda d: (d,), TWO + r"1 value. Every input of construct takes a slot"),
        (lambda d: (d, d, d), TWO + r"3 values. Every input"),
    ],
    ids=["bare tensor", "list", "None", "too few", "too many"],
)
def test_a_return_value_that_is_not_one_gradient_for_each_of_two_inputs(answer, message):
    with pytest.raises(BpropError, match=message):
        grad(Two(answer))(x23(), y23())


def test_too_few_where_an_input_is_no_tensor():
    with pytest.raises(
        BpropError, match=TWO + r"1 value. Every input of construct takes a slot, even one that is not a Tensor"
    ):
        grad(Two(lambda d: (d,)))(x23(), 3)


@pytest.mark.parametrize("shape", [(2, 2), (4, 2, 3), (3,), (), (1, 3), (2, 3, 1), (0,)])
def test_a_gradient_of_another_shape(shape):
    message = "One.bprop, gradient of input 0: expected shape [2, 3], got "
    with pytest.raises(BpropError, match=re.escape(f"{message}{list(shape)} Float32. Sum over")):
        grad(One(lambda d: (Tensor(np.ones(shape, np.float32)),)))(x23())


def test_a_gradient_of_another_shape_says_what_to_do_and_is_a_shape_error_too():
    with pytest.raises(
        ShapeError, match=r"got \[2, 3\] Float32. Sum over the axes that were broadcast, or use ops.broadcast_to"
    ):
        grad(One(lambda d: (Tensor(np.ones((2, 3)), "float32"),)))(Tensor([[1.0, 2.0, 3.0]]))


def test_the_input_is_counted():
    with pytest.raises(BpropError, match=r"Two.bprop, gradient of input 1: expected shape \[3\], got \[2, 3\] Float64"):
        grad(Two(lambda d: (d, d)), (0, 1))(f64(np.ones((2, 3))), f64(np.ones(3)))


@pytest.mark.parametrize(
    ("value", "got"),
    [("s", r"str 's'"), ((1, 2), r"tuple \(1, 2\)"), ([1.0], r"list \[1.0\]"), ({}, r"dict"), (int, r"type <class 'int'>")],
)
def test_a_gradient_that_is_no_tensor(value, got):
    message = r"One.bprop, gradient of input 0: expected a Tensor of shape \[2, 3\], or None for zero, got " + got
    with pytest.raises(BpropError, match=message):
        grad(One(lambda d: (value,)))(x23())


def test_a_python_number_for_an_array():
    with pytest.raises(BpropError, match=r"gradient of input 0: expected shape \[2, 3\], got float 5.0\. Sum"):
        grad(One(lambda d: (5.0,)))(x23())
    with pytest.raises(BpropError, match=r"shape \[2, 3\], got int 2\. Sum"):
        grad(One(lambda d: (2,)))(x23())


@pytest.mark.parametrize(
    "answer",
    [
        lambda d: (d, d, d), lambda d: (d,), lambda d: (d, d), lambda d: ((d, d, d), d), lambda d: [(d, d), d], lambda d: d,
        lambda d: {"a": d},
    ],
)  # fmt: skip
def test_a_gradient_of_another_nesting(answer):
    class Nested(Cell):
        def construct(self, xs):
            return xs[0][0] * xs[0][1] * xs[1]

        def bprop(self, xs, out, dout):
            return (answer(dout),)

    given = ((f64(1.0), f64(2.0)), f64(3.0))
    message = r"Nested.bprop, gradient of input 0: expected the structure of that input, a tuple of 2, got .*the same nesting"
    with pytest.raises(BpropError, match=message):
        grad(Nested())(given)


@pytest.mark.parametrize("answer", [lambda d: (d,), lambda d: {"a": d}, lambda d: {"a": d, "c": d}])
def test_a_gradient_for_other_keys(answer):
    class Named(Cell):
        def construct(self, xs):
            return xs["a"] * xs["b"]

        def bprop(self, xs, out, dout):
            return (answer(dout),)

    with pytest.raises(
        BpropError, match=r"Named.bprop, gradient of input 0: expected the structure of that input, a dict of 2"
    ):
        grad(Named())({"a": f64(1.0), "b": f64(2.0)})


def only_x(self, x):
    return (x,)


def no_dout(self, x, out):
    return (out,)


def one_more(self, x, out, dout, extra):
    return (dout,)


def other_input(self, x, y, *, out, dout):
    return (dout,)


@pytest.mark.parametrize("bprop", [only_x, no_dout, one_more, other_input])
def test_a_bprop_with_a_wrong_signature(bprop):
    net = type("Net", (Cell,), {"construct": lambda self, x: x * 2, "bprop": bprop})()
    message = (
        r"Net.bprop: expected the signature \(self, x, out, dout\), got \(self, x.*A bprop takes the inputs of construct, then"
    )
    with pytest.raises(BpropError, match=message):
        grad(net)(x23())


def test_a_type_error_inside_a_bprop_is_the_users_own():
    class Broken(Cell):
        def construct(self, x):
            return x * 2

        def bprop(self, x, out, dout):
            raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        grad(Broken())(x23())


def test_an_exception_inside_a_bprop_passes_and_the_next_gradient_is_right():
    class Sometimes(Cell):
        fails = True

        def construct(self, x):
            return x * 2

        def bprop(self, x, out, dout):
            if self.fails:
                raise KeyError("boom")
            return (dout * 3,)

    net = Sometimes()
    with pytest.raises(KeyError, match="boom"):
        grad(net)(x23())
    net.fails = False
    assert plain(grad(net)(f64(1.0))) == 3.0


def test_a_construct_that_returns_none():
    class Silent(Cell):
        def construct(self, x):
            x * 2

    class SilentWithBprop(Silent):
        def bprop(self, x, out, dout):
            return (dout,)

    for cell in (Silent(), SilentWithBprop()):
        name = type(cell).__name__
        message = rf"{name}.construct: expected a Tensor or a tuple of them, got None. End it with a `return`."
        with pytest.raises(GradientError, match=message):
            cell(x23())
        with pytest.raises(GradientError, match=message):
            grad(cell)(x23())
