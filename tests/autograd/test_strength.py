"""Stress of the core: transforms inside bprops, high orders, shared Cells, errors in the middle, threads."""

import threading

import numpy as np
import pytest

from autograd import Cell, Parameter, grad, no_grad, ops, vjp
from autograd.state import State, state

from .helpers import f64, plain


def derivative(fn, order):
    for _ in range(order):
        fn = grad(fn)
    return fn


# Nesting


class ByGrad(Cell):
    """``f(x)``, whose bprop differentiates ``f`` by a transform of its own."""

    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def construct(self, x):
        return self.fn(x)

    def bprop(self, x, out, dout):
        return (dout * grad(self.fn)(x),)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_a_grad_inside_bprop_inside_grad(order):
    x = f64([0.5, -1.2])
    want = [np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v), np.sin, np.cos][order - 1](x.array)
    np.testing.assert_allclose(derivative(ByGrad(ops.sin), order)(x).array, want, rtol=1e-13)


def test_bprops_by_grad_inside_one_another():
    cube = ByGrad(lambda x: x**3)
    nested = ByGrad(lambda x: cube(x) * ByGrad(cube)(x))
    assert plain([derivative(nested, n)(f64(2.0)) for n in (1, 2, 3)]) == [192.0, 480.0, 960.0]  # of x^6


def test_a_vjp_inside_bprop_closes_over_tracked_values():
    class Scaled(Cell):
        def construct(self, x, scale):
            return x * x * scale

        def bprop(self, x, scale, out, dout):
            pulled = vjp(lambda v: v * v * scale, x)[1](dout)
            return pulled, dout * x * x

    fn = lambda x: Scaled()(x, x * 3)  # noqa: E731 - 3 x^3
    assert plain([derivative(fn, n)(f64(2.0)) for n in (1, 2, 3, 4)]) == [36.0, 36.0, 18.0, 0.0]


def test_fifth_derivatives_of_a_net_with_bprop_and_weight():
    class Power(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter(f64(3.0))

        def construct(self, x):
            return x * x * self.w

        def bprop(self, x, out, dout):
            return (dout * 2 * x * self.w,), {self.w: dout * x * x}

    cell = Power()
    fn = lambda x: cell(cell(x))  # noqa: E731 - w^3 x^4
    assert plain([derivative(fn, n)(f64(2.0)) for n in range(1, 6)]) == [864.0, 1296.0, 1296.0, 648.0, 0.0]
    by_w = grad(lambda: derivative(fn, 4)(f64(2.0)), None, cell.w)
    assert plain(by_w()) == 3 * 9 * 24.0
    assert plain(grad(lambda: by_w(), None, cell.w)()) == 6 * 3 * 24.0


def test_a_closure_over_values_tracked_at_three_levels():
    def outer(x):
        a = x * x

        def middle(y):
            b = a * y
            return grad(lambda z: a * b * z * z)(y) * b

        return grad(middle)(x)

    # The middle function is 2 a b^2 y = 2 a^3 y^3, its gradient 6 a^3 y^2, and that is 6 x^8 where y = x.
    assert plain(outer(f64(2.0))) == 6 * 2.0**8
    assert plain(grad(outer)(f64(2.0))) == 48 * 2.0**7


def test_one_cell_in_two_nets():
    class Tanh(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter(f64([0.5, -0.3]))

        def construct(self, x):
            return ops.tanh(x * self.w)

        def bprop(self, x, out, dout):
            slope = dout * (1 - out * out)
            return (slope * self.w,), {self.w: slope * x}

    class Net(Cell):
        def __init__(self, shared, times):
            super().__init__()
            self.shared, self.times = shared, times

        def construct(self, x):
            for _ in range(self.times):
                x = self.shared(x)
            return x

    class Plain(Tanh):
        bprop = property()  # hasattr is false: an ordinary derivative

    def gradients(shared, x):
        first, second = Net(shared, 1), Net(shared, 2)
        both = lambda v: (first(v) * second(v)).sum()  # noqa: E731
        nested = lambda v: (first(v) * grad(lambda u: second(u).sum())(v)).sum()  # noqa: E731
        return [grad(fn, 0, shared.w)(x) for fn in (both, nested)]

    x = f64([0.7, 1.1])
    for ours, wanted in zip(gradients(Tanh(), x), gradients(Plain(), x), strict=True):
        np.testing.assert_allclose(plain(ours), plain(wanted), rtol=1e-13)


# Errors in the middle of a pass


SWITCHES = [name for name in vars(State) if not name.startswith("_")]


def switches():
    return {name: getattr(state, name) for name in SWITCHES}


class Fails(Cell):
    """Fails in its bprop, or in its construct."""

    def __init__(self, place):
        super().__init__()
        self.w = Parameter([1.0, 2.0])
        self.place = place

    def construct(self, x):
        if self.place == "construct":
            raise KeyError("construct")
        return x * self.w

    def bprop(self, x, out, dout):
        if self.place == "no_grad":
            with no_grad():
                raise KeyError("no_grad")
        if self.place == "grad inside":
            grad(lambda v: v.missing)(x)
        if self.place == "wrong":
            return dout
        raise KeyError("bprop")


PLACES = ["construct", "bprop", "no_grad", "grad inside", "wrong"]


@pytest.mark.parametrize("recording", [False, True])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("place", PLACES)
def test_an_error_in_the_middle_restores_every_switch(place, order, recording):
    assert set(SWITCHES) >= {"recording", "linking", "watched", "tracing"}
    cell = Fails(place)
    fn = lambda x: cell(ops.exp(x)).sum()  # noqa: E731
    inner = grad(fn, 0, cell.w) if order == 1 else grad(lambda x: sum(g.sum() for g in grad(fn, 0, cell.w)(x)), 0, cell.w)
    seen = []

    def outer(x):
        before = switches()
        with pytest.raises((KeyError, AttributeError, RuntimeError)):
            inner(x)
        seen.append((before, switches()))
        return x * x

    before = switches()
    assert plain(grad(outer)(f64([1.0, 2.0])) if recording else outer(f64([1.0, 2.0]))) == ([2, 4] if recording else [1, 4])
    assert switches() == before
    assert all(a == b for a, b in seen)
    assert seen[0][0]["recording"] is recording
    assert cell.w.node is None


# Threads


def test_threads_differentiate_different_functions_by_shared_parameters_at_once():
    w = Parameter(f64([0.5, -0.3, 0.8]))
    x = f64([0.2, 1.4, -0.7])
    barrier = threading.Barrier(3, timeout=60)

    def functions(meet):
        """Return functions that meet in the middle of their passes."""

        def long(x):
            for _ in range(30):
                x = ops.tanh(x * w)
            meet()
            x = x * w
            meet()
            return x

        def deep(x):
            meet()
            y = derivative(lambda v: ops.sin(v * w), 3)(x)
            meet()
            return y

        def broken(x):
            meet()
            try:
                grad(lambda v: ops.exp(v * w).missing)(x)
            except AttributeError:
                y = x * w
            meet()
            return y

        return long, deep, broken

    found = [[], [], []]

    def work(i):
        fn = functions(barrier.wait)[i]
        found[i] += [plain(grad(fn, 0, w)(x)) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [[plain(grad(fn, 0, w)(x))] * 5 for fn in functions(lambda: None)]
