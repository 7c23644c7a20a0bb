"""Text in a net, above all names, stays text in an exported file; outputs keep their structure."""

import runpy
from typing import NamedTuple

import numpy as np
import pytest

import snn
from autograd import Cell, nn
from autograd.errors import ArgumentError, CompileError, DataError, DTypeError
from snn.interop import export_numpy

X = np.random.default_rng(0).normal(1, 1, (6, 2, 6)).astype(np.float32)
NAMES = ["a\nopened()\n#", "a\ropened()\n#", '"""\nopened()\n"""', "\\", 'end"', "a\u2028b", "\ud800", "\x00", "{name}"]


def ran(path):
    """Run a file whose code may call a function ``opened``; return its names and how often it did."""
    calls = []
    return runpy.run_path(str(path), {"opened": lambda: calls.append(1)}), calls


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_a_layer_runs_no_code(name, tmp_path):
    net = nn.SequentialCell({"first": nn.Dense(6, 5, rng=0), name: snn.LIFNode(beta=0.9, v_reset=0.0)})
    written = export_numpy(net, tmp_path / "net.py", X)
    names, calls = ran(written.path)
    out, _ = names["run"](X)
    assert not calls
    assert names["STATE"] == (f"{name}.v",)
    assert out.sum() > 0
    np.testing.assert_array_equal(out, snn.run(net, X, mode="eager").out.asnumpy())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("\ud800", "\x00")])  # which Python refuses
def test_a_name_of_a_class_runs_no_code(name, tmp_path):
    kind = type("Own", (nn.SequentialCell,), {})
    kind.__name__ = name
    net = kind(nn.Dense(6, 5, rng=0), snn.LIFNode(beta=0.9, v_reset=0.0))
    names, calls = ran(export_numpy(net, tmp_path / "net.py", X).path)
    assert not calls
    assert names["run"](X)[0].sum() > 0


@pytest.mark.parametrize("name", ["a\nb", "\x00", "a\u2028"])
def test_a_graph_with_such_a_name_is_refused(name):
    nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
    nodes = {"input": nir.Input(np.array([6])), name: nir.Linear(np.ones((2, 6))), "output": nir.Output(np.array([2]))}
    graph = nir.NIRGraph(nodes, [("input", name), (name, "output")], type_check=False)
    with pytest.raises(DataError, match=r"names of nodes without line breaks or control characters, got '"):
        snn.interop.nir.from_nir(graph, dt=1e-3)


class Pair(NamedTuple):
    """Two outputs."""

    spikes: object
    twice: object


class Shaped(Cell):
    """A neuron whose spikes go out in a structure."""

    def __init__(self, shape):
        super().__init__()
        self.lif, self.shape = snn.LIFNode(beta=0.9, v_reset=0.0), shape

    def initial_state(self, x):
        return self.lif.initial_state(x)

    def construct(self, x, state):
        spikes, state = self.lif(x, state)
        return self.shape(spikes), state


STRUCTURES = {
    "dict": (lambda y: {"b": y, 'a"\n': 2 * y, 3: -y}, dict), "one": (lambda y: (y,), tuple),
    "list": (lambda y: [y, 2 * y], list),
    "named": (lambda y: Pair(y, 2 * y), tuple), "nested": (lambda y: {"a": (y, [2 * y]), "b": {"c": -y}}, dict),
    "array": (lambda y: y, np.ndarray),
}  # fmt: skip


def arrays(tree):
    """Return a structure with arrays in the place of Tensors, NamedTuples as tuples."""
    if isinstance(tree, dict):
        return {key: arrays(item) for key, item in tree.items()}
    if isinstance(tree, (tuple, list)):
        return (list if isinstance(tree, list) else tuple)(arrays(item) for item in tree)
    return np.asarray(tree).tolist()


@pytest.mark.parametrize("name", STRUCTURES)
def test_outputs_have_the_structure_that_the_net_gives_them(name, tmp_path):
    shape, kind = STRUCTURES[name]
    net = Shaped(shape)
    written = export_numpy(net, tmp_path / "net.py", X)
    out, state = runpy.run_path(str(written.path))["run"](X)
    assert written.equal == 1.0
    assert type(out) is kind
    assert len(state) == 1
    assert arrays(out) == arrays(snn.run(net, X, mode="eager").out)
    assert np.count_nonzero(snn.run(nn.SequentialCell(net.lif), X, mode="eager").out.asnumpy()) > 0


def test_a_key_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(CompileError, match="texts or whole numbers, got tuple as a key"):
        export_numpy(Shaped(lambda y: {(1, 2): y}), tmp_path / "net.py", X)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"net": 3}, DTypeError, "a Cell as the net, got int"),
        ({"path": None}, DTypeError, "a path, got None"),
        ({"path": "class.py"}, ArgumentError, "whose file can be imported"),
    ],
)
def test_invalid_arguments_are_refused(arguments, error, match):
    given = {"net": nn.SequentialCell(nn.Dense(6, 2), snn.IFNode()), "path": "net.py", "x": X} | arguments
    with pytest.raises(error, match=match):
        export_numpy(**given)
