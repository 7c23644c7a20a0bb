"""The graph: long chains, release without the garbage collector, sums of cotangents, indexing over time."""

import gc
import weakref

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, grad, ops, value_and_grad, vjp
from autograd.graph import LEAF, Node, _Cotangents

from .helpers import f64, plain, x23

LONG = 20_000


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def chain(x, steps=LONG):
    for i in range(steps):
        x = x + 1.0 if i % 2 else x * 1.0
    return x


def nodes_alive():
    return sum(type(o) is Node for o in gc.get_objects())


@pytest.mark.usefixtures("_no_collector")
def test_a_long_chain_runs_back_and_is_released():
    before = nodes_alive()
    value, gradient = value_and_grad(chain)(f64([1.0, 2.0]))
    assert plain((value, gradient)) == ([10001.0, 10002.0], [1.0, 1.0])
    assert nodes_alive() == before


@pytest.mark.usefixtures("_no_collector")
def test_a_long_chain_is_released_without_a_backward():
    before, kept = nodes_alive(), []
    grad(lambda x: kept.append(chain(x)) or x * 1)(f64(1.0))
    assert nodes_alive() > before + LONG // 2
    kept.clear()
    assert nodes_alive() == before


def test_a_long_chain_at_second_order():
    assert plain(grad(grad(lambda x: chain(x, 2_000) * x))(f64(3.0))) == 2.0


def test_a_long_chain_of_cells_with_their_own_bprop_and_a_weight():
    class Leak(Cell):
        def __init__(self):
            super().__init__()
            self.beta = Parameter(Tensor(1.0, "float64"))

        def construct(self, v):
            return v * self.beta

        def bprop(self, v, out, dout):
            return (dout * self.beta,), {self.beta: (dout * v).sum()}

    cell = Leak()

    def run(v):
        for _ in range(5_000):
            v = cell(v)
        return v

    assert plain(grad(run, 0, cell.beta)(f64(2.0))) == (1.0, 10_000.0)


def test_a_pullback_of_a_long_chain_twice():
    pullback = vjp(chain, f64(1.0))[1]
    assert plain([pullback(f64(2.0)), pullback(f64(3.0))]) == [2.0, 3.0]


# Release


def watch(kept):
    """Return a function that keeps weak references to arrays of its own intermediate results."""

    def fn(x):
        h = ops.exp(x)
        kept.append(weakref.ref(h.array))
        y = ops.softmax(h * x)
        kept.append(weakref.ref(y.array))
        rows = ops.unstack(y)
        kept.append(weakref.ref(rows[0].array))
        return sum(rows) * h.sum()

    return fn


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("order", [1, 2, 3])
def test_arrays_die_with_the_transform(order):
    kept = []
    fn = watch(kept)
    for _ in range(order):
        fn = grad(fn)
    fn(x23())
    assert len(kept) == 3
    assert [ref() for ref in kept] == [None] * 3


@pytest.mark.usefixtures("_no_collector")
def test_arrays_die_with_the_pullback():
    kept = []
    out, pullback = vjp(watch(kept), x23())
    pullback(out)
    assert kept[0]() is not None
    del pullback
    assert [ref() for ref in kept] == [None] * 3


@pytest.mark.usefixtures("_no_collector")
def test_arrays_die_after_an_error_in_the_middle():
    class Broken(Cell):
        def construct(self, x):
            return x * 1

        def bprop(self, x, out, dout):
            raise KeyError("boom")

    kept = []
    with pytest.raises(KeyError) as caught:
        grad(lambda x: watch(kept)(Broken()(x)))(x23())
    del caught
    gc.collect()  # the traceback held frames
    assert [ref() for ref in kept] == [None] * 3


@pytest.mark.usefixtures("_no_collector")
def test_the_graph_is_freed_while_the_pass_goes_back():
    alive = []

    class Look(Cell):
        def construct(self, x):
            return x * 1

        def bprop(self, x, out, dout):
            alive.append(later() is not None)
            return (dout,)

    def fn(x):
        nonlocal later
        h = ops.exp(Look()(x))
        later = weakref.ref(h.array)
        return ops.sin(ops.exp(h))

    later = None
    grad(fn)(f64([1.0]))
    assert alive == [False]


# Sums of cotangents


def test_a_tensor_used_many_times():
    assert plain(grad(lambda x: sum(x * k for k in range(10)))(f64([1.0, 2.0]))) == [45.0, 45.0]


def test_sums_of_cotangents_do_not_touch_the_cotangents_themselves():
    class Hands(Cell):
        """Returns one array as both gradients, and keeps it."""

        def construct(self, x, y):
            return x * y

        def bprop(self, x, y, out, dout):
            self.kept = dout * 1
            return self.kept, self.kept

    cell = Hands()
    sens = np.array([1.0, 2.0])
    pullback = vjp(lambda x: cell(x, x) + cell(x, x) + x + x, f64([1.0, 1.0]))[1]
    assert plain(pullback(sens)) == [6.0, 12.0]
    assert plain(cell.kept) == [1.0, 2.0]
    assert sens.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("order", [1, 2])
def test_diamonds(order):
    def fn(x):
        for _ in range(8):
            x = x * 0.5 + x * 0.5
        return x * x

    gradient = grad(fn) if order == 1 else grad(lambda x: grad(fn)(x) * x)
    assert plain(gradient(f64(3.0))) == pytest.approx(6.0 * order)


@pytest.mark.parametrize(
    ("shape", "to"),
    [
        *[(shape, (5, 2, 4, 3)) for shape in [(), (1,), (3,), (1, 1), (2, 1, 3), (1, 4, 1), (5, 2, 1, 1), (5, 1, 4, 3)]],
        ((2, 1, 1), (2, 3, 1)),
        ((1, 1, 1), (4, 1, 2, 1)),
    ],
)
def test_a_cotangent_is_summed_over_the_axes_that_were_stretched(shape, to):
    g = np.random.default_rng(0).normal(size=to)
    want = np.zeros(shape)
    places = np.broadcast_to(np.arange(want.size).reshape(shape), g.shape)
    np.add.at(want.reshape(-1), places, g)
    np.testing.assert_allclose(grad(lambda x: (x * g).sum())(f64(np.ones(shape))).array, want)


def test_picking_each_step_of_a_sequence():
    x = f64(np.random.default_rng(0).normal(size=(7, 3)))

    def loop(x):
        v = x[0]
        for t in range(1, 7):
            v = v * 0.5 + x[t] * (t + 1)
        return v

    want = np.array([0.5**6] + [0.5 ** (6 - t) * (t + 1) for t in range(1, 7)])
    np.testing.assert_allclose(grad(loop)(x).array, np.repeat(want[:, None], 3, axis=1))
    picked = lambda x: sum(x[t] * x[t] * t for t in range(7))  # noqa: E731
    np.testing.assert_allclose(grad(lambda v: grad(picked)(v) * v)(x).array, 4 * x.array * np.arange(7)[:, None])
    iterated = lambda x: sum(row * row * k for k, row in enumerate(x))  # noqa: E731
    np.testing.assert_allclose(grad(iterated)(x).array, 2 * x.array * np.arange(7)[:, None])
    np.testing.assert_allclose(grad(lambda v: grad(iterated)(v) * v)(x).array, 4 * x.array * np.arange(7)[:, None])


@pytest.mark.parametrize(("order", "times"), [(1, 7), (2, 1)])
def test_only_a_pass_that_nobody_records_adds_picked_steps_in_place(monkeypatch, order, times):
    ours = []
    buffer = _Cotangents.buffer
    monkeypatch.setattr(_Cotangents, "buffer", lambda *args: ours.append(buffer(*args)) or ours[-1])

    def total(x):
        return sum(x[t] for t in range(7))

    grad(total if order == 1 else lambda x: x[0] * 0 + grad(total)(x).sum())(f64(np.ones(7)))
    assert len(ours) == times
    assert len({id(array) for array in ours}) == 1


def test_picked_steps_are_added_into_one_array():
    sums, node = _Cotangents(), Node(LEAF, (), (7, 3), np.dtype("float64"))
    g = ops.ones((7, 3), "float64")
    buffer = sums.buffer(node, g)
    assert (buffer.shape, buffer.dtype) == ((7, 3), np.float64)
    assert sums.buffer(node, g) is buffer
    sums.add(node, g)
    assert sums.buffer(node, g) is buffer
    assert buffer.tolist() == [[1.0] * 3] * 7
    assert sums.pop(node).array is buffer


def test_picked_steps_and_the_whole_sequence_together():
    assert plain(grad(lambda x: x[0] * 2 + x[1] + x.sum())(f64([1.0, 2.0, 3.0]))) == [3.0, 2.0, 1.0]


def test_an_inner_part_that_leads_nowhere_is_skipped():
    def fn(x):
        ops.log(x * 0 + 1.0)
        return x * 2

    assert plain(grad(fn)(f64(3.0))) == 2.0
