"""Long chains, and graphs that are released without waiting for the garbage collector."""

import gc
import weakref

import pytest

from autograd import Cell, Parameter, grad, ops, value_and_grad, vjp
from autograd.graph import Node

from .helpers import f64, plain
from .test_strength import PLACES, ByGrad, Fails, derivative

LONG = 200_000


@pytest.fixture
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def nodes_alive():
    return sum(type(o) is Node for o in gc.get_objects())


@pytest.mark.usefixtures("_no_collector")
def test_a_chain_of_200_000_operations_forward_backward_and_released():
    last = []

    def chain(x):
        for i in range(LONG):
            x = x + 1.0 if i % 2 else x * 1.0
        last.append(weakref.ref(x.array))
        return x

    before = nodes_alive()
    value, gradient = value_and_grad(chain)(f64([1.0, 2.0]))
    assert plain((value, gradient)) == ([LONG / 2 + 1, LONG / 2 + 2], [1.0, 1.0])
    del value
    assert (nodes_alive(), last[0]()) == (before, None)


@pytest.mark.usefixtures("_no_collector")
def test_a_chain_of_200_000_operations_that_nobody_asks_for_is_released():
    kept = []

    def chain(x):
        y = x
        for _ in range(LONG):
            y = y * 1.0
        kept.append(y)
        return x * 2

    before = nodes_alive()
    assert plain(grad(chain)(f64(1.0))) == 2.0
    assert nodes_alive() > before + LONG // 2
    kept.clear()
    assert nodes_alive() == before


class Own(Cell):
    """A custom bprop with a weight, several outputs and a look at ``out``."""

    def __init__(self):
        super().__init__()
        self.w = Parameter(f64([0.5, -0.3]))

    def construct(self, x):
        return ops.sin(x * self.w), [x * 2, 3]

    def bprop(self, x, out, dout):
        slope = dout[0] * ops.cos(x * self.w) + 0 * out[0]
        return (slope * self.w + dout[1][0] * 2,), {self.w: slope * x}


def mixed(x):
    """Use operations of every kind, so that each way of saving inputs and outputs is there."""
    rows = ops.unstack(ops.softmax(ops.stack([ops.exp(x), x * x])))
    y = ops.where(rows[0] > 0.2, rows[1], ops.maximum(rows[0], x))
    return (y[0] * ops.logsumexp(x) + ops.prod(ops.concat([y, x[::-1]])) + ops.einsum("i,i", y, x)).sum()


def custom(cell):
    def fn(x):
        y, (z, _) = cell(x)
        return (y * z).sum()

    return fn


def raising(fn):
    def attempt(*args):
        try:
            fn(*args)
        except (KeyError, AttributeError, RuntimeError):
            return

    return attempt


def failing(place):
    cell = Fails(place)
    return lambda x: cell(ops.exp(x)).sum()


def hooked(cell):
    remove = cell.register_forward_hook(lambda cell, inputs, out: None)
    gradient = grad(custom(cell))

    def run(x):
        gradient(x)
        remove()

    return run


OWN = Own()
RUNS = {
    "grad": grad(mixed),
    "value_and_grad": value_and_grad(mixed),
    "with aux": value_and_grad(lambda x: (mixed(x), x * 2, {"a": ops.exp(x)}), has_aux=True),
    "vjp": lambda x: vjp(mixed, x)[1](f64(1.0)),
    "vjp never pulled": lambda x: vjp(mixed, x),
    "second order": grad(lambda x: grad(mixed)(x).sum()),
    "third order": grad(lambda x: grad(lambda v: grad(mixed)(v).sum())(x).sum()),
    "custom bprop": grad(custom(OWN), 0, OWN.w),
    "custom bprop at second order": grad(lambda x: sum(g.sum() for g in grad(custom(OWN), 0, OWN.w)(x)), 0, OWN.w),
    "bprop by grad": derivative(lambda x: ByGrad(lambda v: ops.sin(v) * v)(x).sum(), 1),
    "a hook": hooked(OWN),
    **{f"an error in {place}": raising(grad(failing(place))) for place in PLACES},
    "an error at second order": raising(grad(lambda x: grad(lambda v: Fails("bprop")(v * x))(x))),
    "an error in the function": raising(grad(lambda x: ops.exp(x).missing)),
}


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("name", RUNS)
def test_nothing_waits_for_the_collector(name):
    x = f64([0.4, 1.3])
    RUNS[name](x)  # fills what is cached by class
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(3):
        RUNS[name](x)
    assert gc.collect() == 0
    assert len(gc.get_objects()) - before < 10


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("place", PLACES)
def test_arrays_die_with_the_error(place):
    kept = []

    def fn(x):
        y = ops.exp(x)
        kept.append(weakref.ref(y.array))
        return Fails(place)(y).sum()

    raising(grad(lambda x: grad(fn)(x).sum()))(f64([1.0, 2.0]))
    assert [ref() for ref in kept] == [None]
