"""A Cell's own bprop at higher orders, transforms around and inside it, and the release of its graph. Cases F and O."""

import gc
import weakref
from contextlib import nullcontext

import numpy as np
import pytest

from autograd import Cell, GradOperation, Tensor, grad, no_grad, ops, stop_gradient, vjp

from .helpers import f64, plain, x23


def full(value):
    return [[value] * 3] * 2


class Cube(Cell):
    def construct(self, x):
        return x * x * x

    def bprop(self, x, out, dout):
        return (dout * 3 * x * x,)


class Exp(Cell):
    def construct(self, x):
        return ops.exp(x)

    def bprop(self, x, out, dout):
        return (dout * out,)


class Square100(Cell):
    def construct(self, x):
        return x * x

    def bprop(self, x, out, dout):
        return (dout * 100 * x,)


class UsesACell(Cell):
    def construct(self, x):
        return x * 1

    def bprop(self, x, out, dout):
        return (dout * Square100()(x),)


class UsesATransform(UsesACell):
    def bprop(self, x, out, dout):
        return (dout * GradOperation()(Square100())(x),)


class Stopped(Cell):
    def construct(self, x):
        return x * x

    def bprop(self, x, out, dout):
        return (stop_gradient(dout * 2 * x),)


class Constant(Stopped):
    def bprop(self, x, out, dout):
        return (Tensor([5.0, 5.0], x.dtype),)


E = np.e


@pytest.mark.parametrize(
    ("fn", "order", "x", "want"),
    [
        (Cube(), 2, [1.0, 2.0], [6.0, 12.0]),
        (Cube(), 3, [1.0, 2.0], [6.0, 6.0]),
        (Cube(), 4, [1.0, 2.0], [0.0, 0.0]),
        (Exp(), 1, [0.0, 1.0], [1.0, E]),
        (Exp(), 2, [0.0, 1.0], [1.0, E]),
        (Exp(), 3, [0.0, 1.0], [1.0, E]),
        (lambda x: Exp()(x * x), 2, [0.5, 1.0], [3 * E**0.25, 6 * E]),
        (Constant(), 1, [0.5, 1.0], [5.0, 5.0]),
        (Constant(), 2, [0.5, 1.0], [0.0, 0.0]),
        (UsesACell(), 1, [2.0, 3.0], [4.0, 9.0]),
        (UsesACell(), 2, [2.0, 3.0], [200.0, 300.0]),
        (UsesATransform(), 1, [2.0, 3.0], [200.0, 300.0]),
        (UsesATransform(), 2, [2.0, 3.0], [100.0, 100.0]),
        (Stopped(), 2, [2.0, 3.0], [0.0, 0.0]),
    ],
)
def test_higher_orders_differentiate_the_bprop(fn, order, x, want):
    for _ in range(order):
        fn = grad(fn)
    np.testing.assert_allclose(fn(f64(x)).array, want, rtol=1e-14)


def test_second_order_flows_through_out_and_dout_of_several_outputs():
    class Pair(Cell):
        def construct(self, x):
            return x * x, x * x * x

        def bprop(self, x, out, dout):
            return (dout[0] * out[1] + dout[1] * out[0],)

    def fn(x):
        return Pair()(x)[0] * x

    x = f64(2.0)
    assert plain(grad(fn)(x)) == 20.0  # x out[1] + out[0]
    assert plain(grad(grad(fn))(x)) == 24.0  # out[1] + x out[0] + out[1], each output's derivative being the other


def test_an_output_that_goes_on_and_is_used_in_the_bprop_gets_the_sum_of_both():
    class ExpAndDouble(Cell):
        def construct(self, x):
            return ops.exp(x), x * 2

        def bprop(self, x, out, dout):
            return (dout[0] * out[0] + dout[1] * 2,)

    def squared(x):
        y, _ = ExpAndDouble()(x)
        return y * y

    x = f64([0.3, 0.7])
    np.testing.assert_allclose(grad(grad(squared))(x).array, 4 * np.exp(2 * x.array))
    np.testing.assert_allclose(grad(grad(grad(squared)))(x).array, 8 * np.exp(2 * x.array))


def test_a_transform_inside_construct():
    class WithSlope(Cell):
        def construct(self, x):
            return x * x + grad(lambda v: v * v)(x)

        def bprop(self, x, out, dout):
            return (dout * 9,)

    assert plain(WithSlope()(x23())) == [[3.0, 8.0, 15.0], [24.0, 35.0, 48.0]]
    assert plain(grad(WithSlope())(x23())) == full(9.0)


@pytest.mark.parametrize("constant", [False, True])
def test_a_transform_inside_construct_sees_the_same_derivatives_while_recorded(constant):
    class CastSlope(Cell):
        def construct(self, x):
            with no_grad() if constant else nullcontext():
                return grad(lambda v: v.astype("int32")[:1].astype("float32") * v)(x)

        def bprop(self, x, out, dout):
            return (dout,)

    out, _ = vjp(CastSlope(), Tensor([3.5]))
    assert plain((out, CastSlope()(Tensor([3.5])))) == ([3.0], [3.0])


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_graph_of_a_cell_with_bprop_is_freed_without_the_garbage_collector(outputs):
    class Spread(Cell):
        def construct(self, x):
            found.append(weakref.ref(x))
            outs = tuple(x * k for k in range(1, outputs + 1))
            return outs if outputs > 1 else outs[0]

        def bprop(self, x, out, dout):
            total = dout[0] + dout[-1] if outputs > 1 else dout + out * 0
            return (total,)

    found = []
    cell = Spread()
    gc.disable()
    try:
        for order in (1, 2):
            fn = lambda x: sum(cell(x * x)) if outputs > 1 else cell(x * x)  # noqa: E731
            for _ in range(order):
                fn = grad(fn)
            fn(x23())
        assert found
        assert [ref() for ref in found] == [None] * len(found)
    finally:
        gc.enable()
