"""Parameters that a bprop uses, supplies or hides, in a compiled neuron: as in the eager mode, or a helpful error."""

import itertools

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, grad, ops
from autograd.errors import CompileError, GradientError
from tests.snn.helpers.compare import assert_as_eager, assert_close

T, N, F = 7, 2, 5


class Step(Cell):
    """Fires as ever; its derivative is a Parameter, as its ``bprop`` says."""

    def __init__(self, slope, dtype=np.float32):
        super().__init__()
        self.slope = Parameter(np.asarray(slope, dtype))

    def construct(self, u):
        return (u > 0).astype(u.dtype)


class Used(Step):
    def bprop(self, u, out, dout):
        return (dout * self.slope / (1 + u * u),)


class Supplied(Step):
    """The gradient by the slope is made up: that of construct is zero."""

    def bprop(self, u, out, dout):
        return (dout * self.slope,), {self.slope: ops.sum_to_size(3 * dout * u, self.slope.shape)}


class Hidden(Used):
    def construct(self, u):
        return (u > 0 * self.slope).astype(u.dtype)


def current(dtype=np.float32):
    return np.random.default_rng(0).normal(0.4, 0.6, (T, N, F)).astype(dtype)


def slopes(dtype=np.float32):
    return np.linspace(0.5, 1.5, F).astype(dtype)


EACH = np.linspace(0.5, 1.5, F)


@pytest.mark.parametrize(
    ("step", "slope", "dtype", "mode"),
    [
        *itertools.product([Used, Supplied], [0.75, EACH], [np.float32, np.float64], ["python"]),
        (Used, EACH, np.float32, "compiled"),
        (Supplied, EACH, np.float32, "compiled"),
        (Supplied, 0.75, np.float64, "compiled"),
    ],
)
def test_values_and_gradients_are_those_of_the_eager_run(step, slope, dtype, mode):
    node = snn.LIFNode(beta=0.75, surrogate_function=step(slope, dtype))
    assert_as_eager(node, current(dtype), mode, record=["v"])


def test_a_supplied_gradient_is_what_the_bprop_says():
    step = Supplied(slopes())
    node, x = snn.LIFNode(beta=0.0, surrogate_function=step), current()
    by_slope = grad(lambda x: snn.run(node, x, mode="compiled")[0].sum(), None, step.slope)(x)
    np.testing.assert_allclose(by_slope, (3 * (x - 1)).sum((0, 1)), rtol=1e-4)


def test_new_values_of_a_slope_are_used_in_the_next_run():
    step = Used(slopes())
    gradient = grad(lambda x: snn.run(node, x, mode="compiled")[0].sum())
    node, x = snn.LIFNode(beta=0.0, surrogate_function=step), current()
    before = gradient(x).asnumpy()
    step.slope.set_data(2 * slopes())
    np.testing.assert_allclose(gradient(x), 2 * before, rtol=1e-6)


def test_second_order_by_a_slope_is_that_of_the_eager_run():
    step = Used(slopes(np.float64), np.float64)
    node, x = snn.LIFNode(beta=0.5, surrogate_function=step), current(np.float64)
    weights = np.random.default_rng(1).normal(size=x.shape)

    def second(mode):
        first = grad(lambda x: (snn.run(node, x, mode=mode)[0] * weights).sum())
        return grad(lambda x: ops.square(first(x)).sum(), 0, step.slope)(x)

    by_x, by_slope = second("eager")
    assert np.abs(by_slope.asnumpy()).max() > 0.1
    assert_close(second("compiled"), (by_x, by_slope))


# A weight whose gradient the bprop hides


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("mode", ["compiled", "python", "auto"])
def test_a_hidden_weight_that_nobody_asks_for_is_no_error(mode, frozen, tune):
    tune(compiling=0.0)
    step = Hidden(slopes())
    step.slope.requires_grad = not frozen
    node, x = snn.LIFNode(beta=0.5, surrogate_function=step), current()
    np.testing.assert_array_equal(snn.run(node, x, mode=mode)[0], snn.run(node, x, mode="eager")[0])
    asked = [step.slope] if frozen else None
    found, eager = (grad(lambda x, m=m: snn.run(node, x, mode=m)[0].sum(), 0, asked)(x) for m in (mode, "eager"))
    assert_close(found, eager)


HIDDEN = r"gradient through Hidden: .* no gradient for Parameter 'surrogate_function.slope'"


@pytest.mark.parametrize("mode", ["eager", "compiled", "auto"])
def test_a_hidden_weight_that_is_asked_for_is_an_error_each_time(mode, tune):
    tune(compiling=0.0)
    step = Hidden(slopes())
    node, x = snn.LIFNode(beta=0.5, surrogate_function=step), current()
    for _ in range(2):
        with pytest.raises(GradientError, match=HIDDEN):
            grad(lambda x: snn.run(node, x, mode=mode)[0].sum(), None, step.slope)(x)


# What cannot be compiled


class Mixes(Step):
    def bprop(self, u, out, dout):
        return (ops.matmul(dout, self.slope),)


class Sums(Step):
    def bprop(self, u, out, dout):
        return (dout * self.slope,), {self.slope: (dout * u).sum(0)}


class Branches(Step):
    def bprop(self, u, out, dout):
        return (dout if self.slope > 0 else dout * 2,)


class Reads(Step):
    def bprop(self, u, out, dout):
        return (dout * float(self.slope),)


class ReadsArray(Step):
    def bprop(self, u, out, dout):
        return (dout * (2 * self.slope.asnumpy()),)


class HandsToNumpy(Step):
    def bprop(self, u, out, dout):
        return (dout * np.exp(np.asarray(self.slope)),)


@pytest.mark.parametrize(
    ("step", "got", "way_out"),
    [
        (Mixes(np.eye(F)), "ops.matmul, which mixes elements", "Keep it outside the neuron"),
        (Sums(slopes()), "ops.sum, which mixes elements", "sum the gradient of a Parameter with ops.sum_to_size"),
        (Branches(0.5), "the value of a Tensor, which `if` and float() need", "ops.where(condition, a, b)"),
        (Reads(0.5), "the value of a Tensor, which `if` and float() need", "ops.where(condition, a, b)"),
        (ReadsArray(slopes()), "the array of a Tensor, which a numpy function needs", "Use the function of autograd.ops"),
        (HandsToNumpy(slopes()), "the array of a Tensor, which a numpy function needs", "Use the function of autograd.ops"),
    ],
    ids=["matmul", "sum", "if", "float", "asnumpy", "numpy"],
)
def test_what_a_loop_cannot_do_with_a_parameter_is_refused_at_its_line_and_runs_eagerly(step, got, way_out):
    node, x = snn.IFNode(surrogate_function=step), current()
    with pytest.raises(CompileError) as error:
        snn.run(node, x, mode="compiled")
    line = type(step).bprop.__code__.co_firstlineno + 1
    assert error.value.where == f"{__file__}, line {line}, in bprop"
    assert error.value.got == got
    assert way_out in error.value.fix
    by_x, by_slope = grad(lambda x: snn.run(node, x, mode="eager")[0].sum(), 0, step.slope)(x)
    assert by_x.shape == x.shape
    assert by_slope.shape == step.slope.shape
