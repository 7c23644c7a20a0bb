"""Cells that hold others as graphs inside a graph: they come back to the bit, and as the flat graph says."""

import numpy as np
import pytest

import snn
from autograd import Cell, nn, ops
from autograd.errors import ArgumentError, DTypeError
from snn.interop.nir.flat import flatten
from tests.snn.interop.nir.test_round_trip import Excited, chain, dense, lif

nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
ours = snn.interop.nir
X = np.random.default_rng(5).normal(0.4, 1.6, (25, 3, 4)).astype(np.float32)


class Around(Cell):
    """A chain inside a Cell of the user's: what goes in is a sum, with its own output of the step before."""

    def __init__(self):
        super().__init__()
        self.block = chain(dense(4, 4, 1), lif(), snn.Recurrent(lif(), 4, rng=2))

    def initial_state(self, x):
        return {"block": self.block.initial_state(x), "z": ops.zeros(x.shape, x.dtype)}

    def construct(self, x, state):
        z, block = self.block(x + state["z"], state["block"])
        return z + 0.5 * x, {"block": block, "z": z}


NETS = {
    "chains": lambda: chain(chain(dense(4, 3), lif()), chain(chain(dense(3, 3, 1), lif()), chain(dense(3, 2, 2)))),
    "of the user's": lambda: chain(dense(4, 4, 7), Excited(), dense(6, 3, 8), lif()),
    "around": lambda: chain(Around(), chain(Around(), lif())),
    "named as the ends": lambda: chain(nn.SequentialCell({"input": dense(4, 3), "output": lif(), "graph": chain(lif())})),
    "one of a kind": lambda: chain(chain(lif(v_threshold=0.5))),
}


def depth(graph):
    return 1 + max((depth(node) for node in graph.nodes.values() if isinstance(node, nir.NIRGraph)), default=0)


@pytest.mark.parametrize("name", NETS)
def test_a_net_comes_back_to_the_bit_from_graphs_inside_graphs(name, tmp_path):
    net = NETS[name]()
    flat, nested = ours.to_nir(net, X, dt=1e-3), ours.to_nir(net, X, dt=1e-3, nested=True)
    assert depth(flat) == 1 < depth(nested)
    assert {n.split(".")[0] for n in flat.nodes} >= {*nested.nodes}
    for graph in (flat, nested):  # with what each sums, in its order
        found = {item.name: (item.kind, item.sources) for item in flatten(graph).items.values()}
        assert found == {item.name: (item.kind, item.sources) for item in flatten(flat).items.values()}
    ours.write(tmp_path / "net.nir", nested)
    assert depth(nir.read(tmp_path / "net.nir")) == depth(nested)
    out = snn.run(net, X, mode="eager").out.asnumpy()
    for source in (nested, tmp_path / "net.nir"):
        found = ours.from_nir(source)
        np.testing.assert_array_equal(snn.run(found, X, mode="eager").out.asnumpy(), out, strict=True)
    assert np.unique(out).size > 1
    again = snn.run(ours.from_nir(nested, metadata=False, dt=1e-3), X, mode="eager").out.asnumpy()
    np.testing.assert_allclose(again, out, atol=1e-5)


def test_a_net_without_cells_that_hold_others_is_flat():
    assert depth(ours.to_nir(chain(dense(4, 5), snn.Recurrent(lif(), 5, rng=1)), X, dt=1e-3, nested=True)) == 1


class Summed(Cell):
    """A Cell that is named as an operation."""

    def __init__(self, name):
        super().__init__()
        self.one, self.two, self.called = dense(4, 4, 0), dense(4, 4, 1), name
        self.insert_child_to_cell(name, chain(chain(lif()), Around()))

    def initial_state(self, x):
        return getattr(self, self.called).initial_state(x)

    def construct(self, x, state):
        return getattr(self, self.called)(-self.one(x) + self.two(x), state)


@pytest.mark.parametrize("name", ["input", "output", "neg", "free"])
def test_a_cell_named_as_a_node_is_a_graph_with_a_free_name(name):
    net = Summed(name)
    graph = ours.to_nir(net, X, dt=1e-3, nested=True)
    block = name if name == "free" else f"{name}_2"
    assert isinstance(graph.nodes[block], nir.NIRGraph)
    assert depth(graph) == 4
    out = snn.run(net, X, mode="eager").out.asnumpy()
    found = ours.from_nir(graph)
    np.testing.assert_array_equal(snn.run(found, X, mode="eager").out.asnumpy(), out, strict=True)
    assert np.unique(out).size > 1


def test_names_that_are_taken_too_are_left_alone():
    net = nn.SequentialCell(
        {"input": chain(dense(4, 4)), "input_2": chain(dense(4, 4, 1)), "input_3": dense(4, 4, 2), "l": lif()}
    )
    graph = ours.to_nir(net, X, dt=1e-3, nested=True)
    assert {*graph.nodes} == {"input", "input_4", "input_2", "input_3", "l", "output"}
    assert depth(graph) == 2


class Two(Cell):
    """A Cell that takes two values, or returns two."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.lif, self.other = dense(4, 4, 0), dense(4, 4, 1), lif(), lif()

    def initial_state(self, x):
        return {"a": ops.zeros(x.shape, x.dtype), "b": ops.zeros(x.shape, x.dtype)}

    def construct(self, x, state):
        a, after_a = self.lif(self.a(x[0]), state["a"])
        b, after_b = self.other(self.b(x[1]), state["b"])
        return (a, b), {"a": after_a, "b": after_b}


class Holder(Cell):
    """Two values enter the Cell inside, or two leave it."""

    def __init__(self, enters):
        super().__init__()
        self.pair, self.c, self.d, self.enters = Two(), dense(4, 4, 2), dense(4, 4, 3), enters

    def initial_state(self, x):
        return self.pair.initial_state(x)

    def construct(self, x, state):
        (a, b), state = self.pair((x, self.d(x) if self.enters else x), state)
        return (a + b if self.enters else self.c(a) + self.d(b)), state


@pytest.mark.parametrize("enters", [True, False])
def test_a_cell_with_several_inputs_or_outputs_is_refused_by_name(enters):
    net, side = Holder(enters), "enters" if enters else "leaves"
    out = snn.run(net, X, mode="eager").out.asnumpy()
    flat = ours.from_nir(ours.to_nir(net, X, dt=1e-3))
    np.testing.assert_array_equal(snn.run(flat, X, mode="eager").out.asnumpy(), out)
    with pytest.raises(
        ArgumentError, match=rf"layer 'pair': expected one value that {side} it.*got \[.*\] for '.*Leave nested out"
    ):
        ours.to_nir(net, X, dt=1e-3, nested=True)


def test_nested_is_true_or_false():
    with pytest.raises(DTypeError, match="nested=True or False, got str"):
        ours.to_nir(chain(lif()), (4,), dt=1e-3, nested="yes")
