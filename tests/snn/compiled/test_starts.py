"""A start state: a compiled run gives ``initial_state`` the input that the eager run does, or is refused."""

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, nn, ops, value_and_grad
from autograd.errors import CompileError
from snn.compiled import starts
from tests.snn.helpers.compare import assert_close, everything

MESSAGE = r"\(Start\)\.initial_state: expected a state that depends only on the shape and dtype of its input"
x = np.random.default_rng(0).random((6, 2, 4)).astype(np.float32)


class Start(Cell):
    """A leaky sum that starts as its function of an input says."""

    def __init__(self, function=lambda x: x * 1.0):
        super().__init__()
        self.function, self.rng = function, np.random.default_rng(0)

    def initial_state(self, x):
        """Apply the function."""
        return self.function(x)

    def construct(self, x, v):
        """Leak and add."""
        v = 0.5 * v + x
        return v, v


class Holder(Cell):
    """A Cell around two layers, whose start state it finds by running them."""

    def __init__(self, start):
        super().__init__()
        self.layers = nn.SequentialCell(nn.Dense(4, 4, rng=0), Start(start))

    def initial_state(self, x):
        """Ask the layers."""
        return self.layers.initial_state(x)

    def construct(self, x, state):
        """Run the layers."""
        return self.layers(x, state)


def identity(x):
    return x


def sign(x):
    return Tensor(np.sign(x.asnumpy()))


def largest(x):
    return ops.zeros_like(x) + (1.0 if x.asnumpy().max() > 0.5 else 0.0)


def uniform(x):
    return Tensor(np.full(x.shape, x.asnumpy().mean(), np.float32))


def particular(x):
    if x.asnumpy().max() > 2:
        raise ValueError("larger than 2")
    return x * 1.0


BY_VALUES = [lambda x: x * 1.0, identity, sign, largest, uniform, particular]
BY_SHAPE = [
    ops.zeros_like, lambda x: x * 0.0 + 0.25, lambda x: ops.zeros(x.shape, x.dtype) + len(x),
    lambda x: Tensor(np.zeros_like(x.asnumpy())), lambda x: ops.ones_like(x) / x.size,
]  # fmt: skip


def as_eager(net, mode="python"):
    expected, found = (everything(net, x, mode) for mode in ("eager", mode))
    assert_close(found, expected)


@pytest.mark.parametrize("function", BY_VALUES)
def test_the_first_layer_starts_from_the_input(function):
    for make in (Start, lambda f: nn.SequentialCell(Start(f)), lambda f: nn.SequentialCell(nn.SequentialCell(Start(f)))):
        for _ in range(2):
            as_eager(make(function))
    as_eager(Holder(function))
    as_eager(nn.SequentialCell(Start(function), nn.Dense(4, 3, rng=0), snn.LIFNode(beta=0.5)))


@pytest.mark.parametrize("function", BY_VALUES)
def test_a_later_layer_is_refused(function):
    later = [
        nn.SequentialCell(nn.Dense(4, 3, rng=0), Start(function)), nn.SequentialCell(nn.Dense(4, 4, rng=0), Start(function)),
        nn.SequentialCell(Start(), Start(function)), nn.SequentialCell(nn.ReLU(), Start(function)),
    ]  # fmt: skip
    for net in later:
        for _ in range(2):
            with pytest.raises(CompileError, match="layer '1' " + MESSAGE):
                snn.run(net, x, mode="python")
    with pytest.raises(CompileError, match=r"\(Holder\)\.initial_state"):
        snn.run(nn.SequentialCell(snn.LIFNode(beta=0.5), Holder(function)), x, mode="python")


@pytest.mark.parametrize("function", BY_SHAPE)
def test_shape_and_dtype_may_decide(function):
    for start in (Start(function), Holder(function)):
        net = nn.SequentialCell(nn.Dense(4, 4, rng=0), start)
        for _ in range(4):
            as_eager(net)


def test_the_automatic_mode_runs_step_by_step():
    net, long = nn.SequentialCell(nn.Dense(4, 3, rng=0), Start()), np.repeat(x, 30, 0)
    with pytest.warns(UserWarning, match=MESSAGE):
        found = snn.run(net, long)
    assert found.mode == "eager"
    np.testing.assert_array_equal(found.out, snn.run(net, long, mode="eager").out)
    assert snn.run(net, long).mode == "eager"


def test_a_given_state_is_not_asked():
    net = nn.SequentialCell(nn.Dense(4, 3, rng=0), Start())
    state = {"1": np.ones((2, 3), np.float32)}
    expected, found = (snn.run(net, x, state, mode=mode).out for mode in ("eager", "python"))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_function_that_changes_after_some_runs_is_noticed():
    start = Start(lambda x: x * 0.0)
    net = nn.SequentialCell(nn.Dense(4, 4, rng=0), start)
    for _ in range(5):
        as_eager(net)
    start.function = sign
    with pytest.raises(CompileError, match=MESSAGE):
        snn.run(net, x, mode="python")


def test_random_starts_are_those_of_the_eager_mode_and_a_refusal_draws_none():
    def run(mode):
        start = Start()
        start.function = lambda x: Tensor(start.rng.random(x.shape).astype(np.float32)) + x * 0.0
        net = nn.SequentialCell(nn.Dense(4, 4, rng=0), start)
        same = np.broadcast_to(x[:1], x.shape)  # a chain of runs does not take it
        return [snn.run(net, given, mode=mode).out.asnumpy() for given in (x, x, x, x, same, x, same)]

    for found, expected in zip(run("python"), run("eager"), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    first = Start()
    first.function = lambda x: Tensor(first.rng.random(x.shape).astype(np.float32))
    with pytest.raises(CompileError, match=MESSAGE):
        snn.run(nn.SequentialCell(nn.Dense(4, 4, rng=0), first, Start()), x, mode="python")
    assert first.rng.random() == np.random.default_rng(0).random()


def test_a_start_state_from_the_input_has_a_gradient():
    net = nn.SequentialCell(Start(), nn.Dense(4, 3, rng=0))
    by = [
        value_and_grad(lambda x, mode=mode: (snn.run(net, x, mode=mode).out ** 2).sum())(Tensor(x))
        for mode in ("eager", "python")
    ]
    np.testing.assert_allclose(by[1][1], by[0][1], rtol=1e-5)


def test_an_answer_of_a_net_of_neurons_is_kept(monkeypatch):
    asked = []
    same = starts._same
    monkeypatch.setattr(starts, "_same", lambda *arguments: asked.append(1) or same(*arguments))
    net = nn.SequentialCell(nn.Dense(4, 4, rng=0), Holder(lambda x: x * 0.0))
    for _ in range(5):
        snn.run(net, x, mode="python")
    assert len(asked) == 1
    net[1].layers[1].function = sign
    with pytest.raises(CompileError, match=r"\(Holder\)\.initial_state"):
        snn.run(net, x, mode="python")
