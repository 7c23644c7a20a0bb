"""Which runs mode="auto" compiles, and what a compiled run refuses."""

import itertools
import warnings

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops
from autograd.errors import ArgumentError, CompileError
from snn.compiled import auto, execute
from snn.compiled.stage import run_stage
from snn.engine import tuning
from snn.engine.backends import back_end
from tests.snn.helpers.nets import Holder

LARGE, SMALL = (64, 16, 8), (8, 16, 8)


@pytest.fixture
def compiled(monkeypatch):
    """List the nets that are compiled."""
    found = []
    run = execute.run_graph
    monkeypatch.setattr(execute, "run_graph", lambda net, *args: found.append(net) or run(net, *args))
    return found


class Branches(Cell):
    def construct(self, x, v):
        if float(x.sum()) > 1e9:
            return v, x
        return x, v


def ones(shape, dtype=np.float32):
    return np.ones(shape, dtype)


@pytest.mark.parametrize(
    ("make", "x", "expected"),
    [
        (snn.IFNode, ones(LARGE), True),
        (lambda: nn.SequentialCell(nn.Dense(8, 3, rng=0), snn.IFNode()), ones(LARGE), True),
        (lambda: snn.Recurrent(snn.IFNode(), 8, rng=0), ones(LARGE), True),
        (snn.IFNode, ones(SMALL), False),
        (snn.IFNode, ones(LARGE, np.float16), False),
        (Holder, ones(LARGE), True),
        (lambda: nn.SequentialCell(nn.ReLU(), Holder()), ones(LARGE), True),
    ],
    ids=["neuron", "chain", "recurrent", "small", "float16", "net", "net in a chain"],
)
def test_what_is_large_and_a_chain_is_compiled(make, x, expected, compiled):
    net = make()
    found = snn.run(net, x)
    assert compiled == ([net] if expected else [])
    np.testing.assert_array_equal(found[0], snn.run(net, x, mode="eager")[0])


def net_of(*sizes):
    layers = [layer for n_in, n_out in itertools.pairwise(sizes) for layer in (nn.Dense(n_in, n_out, rng=0), snn.IFNode())]
    return nn.SequentialCell(*layers)


class Own(Cell):
    """A dense layer of the user's own."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.w = Parameter(np.ones((n_out, n_in), np.float32))

    def construct(self, x):
        return ops.matmul(x, self.w.T)


COST = tuning.now()
ROWS = 16 * COST.neuron
WORK = {
    "one neuron": (snn.IFNode, (100, 1, 1), 100 * (COST.step + COST.neuron)),
    "a layer": (snn.IFNode, (10, 16, 300), 10 * (COST.step + ROWS * 300)),
    "images": (snn.IFNode, (10, 16, 2, 3, 50), 10 * (COST.step + ROWS * 300)),
    "one feature into many": (
        lambda: net_of(1, 500), (10, 16, 1), 10 * (2 * COST.step + 2 * ROWS * 500 + 16 * 500 * COST.weight)
    ),
    "own layer": (
        lambda: nn.SequentialCell(Own(20, 500), snn.IFNode()), (10, 16, 20),
        10 * (2 * COST.step + 2 * ROWS * 500 + 16 * 10_000 * COST.weight),
    ),
    "two layers, nested": (
        lambda: nn.SequentialCell(net_of(20, 500), net_of(500, 10)), (10, 16, 20),
        10 * (4 * COST.step + 2 * ROWS * 510 + 16 * 15_000 * COST.weight),
    ),
    "flattened": (
        lambda: nn.SequentialCell(nn.Flatten(), *net_of(20, 500)), (10, 16, 2, 10),
        10 * (3 * COST.step + ROWS * 1020 + 16 * 10_000 * COST.weight),
    ),
    "rows of features": (
        lambda: net_of(10, 500), (10, 16, 2, 10), 10 * (2 * COST.step + 2 * ROWS * 1000 + 16 * 10_000 * COST.weight)
    ),
    "recurrent": (
        lambda: snn.Recurrent(snn.IFNode(), 500, rng=0), (10, 16, 500),
        10 * (COST.step + ROWS * 500 + 16 * 250_000 * COST.weight),
    ),
    "over time": (lambda: snn.PSN(10, rng=0), (10, 16, 500), 10 * (ROWS * 500 + 16 * 5000 * COST.weight)),
    "no samples": (snn.IFNode, (100, 0, 5), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", WORK)
def test_the_work_of_a_run_is_counted_from_shapes(name, monkeypatch):
    make, shape, expected = WORK[name]
    net = make()
    monkeypatch.setattr(Cell, "__call__", lambda *_: pytest.fail("it ran"))
    assert auto.work(net, Tensor(ones(shape))) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("make", "shape"),
    [(snn.IFNode, (1, 1)), (lambda: net_of(1, 256), (4, 1)), (lambda: net_of(64, 128, 10), (64, 64))],
    ids=["one neuron", "one feature into many", "two layers"],
)
def test_it_is_compiled_from_the_work_on_that_pays_and_is_the_same_before_and_after(make, shape, compiled):
    net = make()
    steps = next(t for t in range(1, 1000) if auto.work(net, Tensor(ones((t, *shape)))) >= tuning.now().worthwhile)
    for n, count in ((steps - 1, 0), (steps, 1), (steps - 1, 1)):  # what was compiled before does not matter
        out = snn.run(net, ones((n, *shape)))[0]
        assert len(compiled) == count
    assert out.array.any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert auto.against(net, Tensor(ones((steps, *shape))), [net]) is None


def test_a_layer_that_is_put_in_later_counts(compiled):
    net = nn.SequentialCell(snn.IFNode())
    x = ones((20, 1, 4))
    snn.run(net, x)
    for _ in range(3):
        net.append(snn.IFNode(0.5))
    assert not compiled
    snn.run(net, x)
    assert compiled == [net]


@pytest.mark.parametrize("part", [0, 1])
def test_a_net_with_a_backward_hook_is_run_step_by_step(part, compiled):
    net = nn.SequentialCell(nn.ReLU(), snn.IFNode())
    calls = []
    net[part].register_backward_hook(lambda cell, grad_input, grad_output: calls.append(cell))
    grad(lambda x: snn.run(net, x)[0])(ones(LARGE))
    assert (compiled, len(calls)) == ([], LARGE[0])


@pytest.mark.parametrize("part", [0, 1])
def test_a_net_with_a_hook_is_run_step_by_step_so_that_the_hook_sees_each_step(part, compiled):
    net = nn.SequentialCell(nn.ReLU(), snn.IFNode())
    calls = []
    remove = net[part].register_forward_hook(lambda cell, inputs, out: calls.append(cell))
    snn.run(net, ones(LARGE))
    assert (compiled, len(calls)) == ([], LARGE[0])
    remove()
    snn.run(net, ones(LARGE))
    assert (compiled, len(calls)) == ([net], LARGE[0])


def test_a_neuron_that_cannot_be_compiled_is_warned_of_once_and_run_eagerly():
    net, x = Branches(), ones(LARGE)
    with pytest.warns(UserWarning, match=r"runs step by step, slowly, since .*test_auto\.py, line \d+.*mode='eager'") as found:
        out = snn.run(net, x)[0]
    assert len(found) == 1
    assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        snn.run(net, x)
        snn.run(Branches(), ones(SMALL))
    np.testing.assert_array_equal(out, x)
    with pytest.warns(UserWarning, match="runs step by step"):
        snn.run(Branches(), x)


def test_what_is_asked_for_is_never_replaced(compiled):
    with pytest.raises(CompileError, match=r"test_auto\.py, line"):
        snn.run(Branches(), ones(LARGE), mode="compiled")
    snn.run(snn.IFNode(), ones(SMALL), mode="compiled")
    snn.run(snn.IFNode(), ones(LARGE), mode="eager")
    assert len(compiled) == 2


@pytest.mark.parametrize("kind", ["forward", "forward_pre", "backward", "backward_pre"])
def test_a_compiled_neuron_with_a_hook_is_an_error(kind):
    net = nn.SequentialCell(nn.ReLU(), snn.IFNode())
    getattr(net[1], f"register_{kind}_hook")(lambda *_: None)
    with pytest.raises(CompileError, match=r"layer '1' \(IFNode\): expected a neuron without hooks"):
        snn.run(net, ones(SMALL), mode="compiled")


def test_an_unknown_mode_is_an_error():
    with pytest.raises(ArgumentError, match="mode 'auto', 'eager', 'compiled' or 'python', got 'fast'"):
        snn.run(snn.IFNode(), ones(SMALL), mode="fast")


# Inputs


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_inputs_and_states_stay_as_they_were(mode):
    rng = np.random.default_rng(7)
    x, v = rng.standard_normal((5, 2, 3)).astype(np.float32), np.zeros((2, 3), np.float32)
    before = x.tobytes(), v.tobytes()
    snn.run(snn.IFNode(), x, v, mode=mode, mask=np.array([[True, False]] * 5))
    assert (x.tobytes(), v.tobytes()) == before


def test_an_input_that_lies_as_it_should_is_not_copied(monkeypatch):
    taken = []
    launch = snn.compiled.stage.launch
    monkeypatch.setattr(
        "snn.compiled.stage.launch",
        lambda f, jobs, arguments, work: taken.append(arguments) or launch(f, jobs, arguments, work),
    )
    x = np.ones((5, 2, 3), np.float32)
    snn.run(snn.IFNode(), x, mode="compiled")
    assert any(isinstance(a, np.ndarray) and np.shares_memory(a, x) for a in taken[0])


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.transpose(1, 0, 2),
        lambda x: x[:, ::2],
        lambda x: x[::-1],
        lambda x: np.asfortranarray(x),
        lambda x: np.broadcast_to(x[:, :1], x.shape),
        lambda x: np.broadcast_to(x[:, :, :1], x.shape),
        lambda x: np.broadcast_to(x[0, 0, 0], x.shape),
    ],
    ids=["batch first", "strided", "reversed", "Fortran", "one sample", "one feature", "one value"],
)
@pytest.mark.parametrize("whole_net", [False, True], ids=["neuron", "net"])
def test_views_of_any_strides(view, whole_net):
    rng = np.random.default_rng(0)
    x = view(rng.integers(0, 3, (6, 4, 5)).astype(np.float32))
    net = snn.IFNode()
    if whole_net:
        net = nn.SequentialCell(nn.Dense(5, 3, rng.integers(-2, 3, (3, 5)), "zeros"), snn.IFNode())
    for t in (x, Tensor(x)):
        np.testing.assert_array_equal(snn.run(net, t, mode="compiled")[0], snn.run(net, t, mode="eager")[0])


def test_without_numba_a_compiled_run_is_plain_python_and_auto_goes_step_by_step(compiled, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    node, x, seen = snn.IFNode(), ones(LARGE), []
    monkeypatch.setattr(execute, "run_stage", lambda running: seen.append(running.form.backend) or run_stage(running))
    assert float(snn.run(node, x)[0].asnumpy().sum()) > 0
    assert (compiled, seen) == ([], [])
    assert float(snn.run(node, ones((3, 2, 4)), mode="compiled")[0].asnumpy().sum()) > 0
    assert (compiled, seen) == ([node], [back_end("python")])
