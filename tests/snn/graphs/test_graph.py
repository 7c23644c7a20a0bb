"""A graph as a value: its table, its edges across time steps, its drawings."""

import re

import numpy as np
import pytest

import snn
from autograd.errors import CompileError, DTypeError, ShapeError
from tests.snn.helpers.wired import NETS, Balanced, Feedback, Wired

X = np.ones((4, 4, 5), np.float32)


class Swapping(Wired):
    """Two states change places in each step, and one is read."""

    widths = (5, 5, 5)

    def __init__(self):
        super().__init__()
        self.node = snn.IFNode()

    def construct(self, x, state):
        spike, v = self.node(x + state[1], state[0])
        return spike, (v, state[2], state[1])


def test_a_table_names_what_feeds_each_node():
    text = str(snn.graph(Feedback(), X))
    assert re.search(r"^  back +Dense +\[4, 6\] float32 +24  lif2, a step earlier$", text, re.M)
    assert re.search(r"^  lif1 +LIFNode +\[4, 6\] float32 +add, its own state$", text, re.M)
    assert text.endswith("output: lif2")


def test_edges_that_cross_a_time_step_are_known_as_such():
    graph = snn.graph(Balanced(), X)
    names = {(graph.label(edge), graph.nodes[state].kind) for edge, state in graph.crossing}
    assert names == {("e", "state"), ("i", "state"), ("state of e", "state"), ("state of i", "state")}
    crossing = {(graph.nodes[a].name, graph.nodes[b].name) for a, b, crosses in graph.arrows() if crosses}
    assert crossing == {("e", "ee"), ("e", "ei"), ("i", "ie"), ("i", "ii"), ("e", "e"), ("i", "i")}
    assert repr(graph) == f"<Graph of Balanced: {len(graph.nodes)} nodes, 4 edges that cross a time step>"


@pytest.mark.parametrize("name", NETS)
def test_graphviz_has_a_line_for_each_node_and_arrow(name):
    graph = snn.graph(NETS[name](), X)
    lines = graph.to_dot().splitlines()
    assert sum(re.match(r"  n\d+ \[label=", line) is not None for line in lines) == len(graph.rows())
    assert sum(re.match(r"  n\d+ -> n\d+", line) is not None for line in lines) == len(graph.arrows())
    assert sum("dashed" in line for line in lines) == sum(crosses for *_, crosses in graph.arrows())


def test_states_that_only_change_places_are_drawn():
    graph = snn.graph(Swapping(), X)
    assert [(a, b) for a, b, crosses in graph.arrows() if crosses] == [(graph.nodes[-1].number,) * 2]
    assert "dashed" in graph.to_dot()


@pytest.mark.parametrize("name", ["feedback", "excitation and inhibition", "deep"])
def test_a_figure_has_a_box_for_each_node(name):
    plt = pytest.importorskip("matplotlib.pyplot", reason="the plots need matplotlib: pip install 'spikecell[plot]'")
    graph = snn.graph(NETS[name](), X)
    figure = snn.plot.graph(graph)
    texts = [text.get_text().partition("\n")[0] for text in figure.axes[0].texts]
    assert {row[0] for row in graph.rows()} <= set(texts)
    assert "output" in texts
    plt.close(figure)


def test_misuse_is_an_error():
    with pytest.raises(DTypeError, match=r"snn\.graph: expected a Cell as the net, got int 3"):
        snn.graph(3, X)
    with pytest.raises(ShapeError, match=r"snn\.graph, input x: expected \[T, N, \.\.\.\].*Put time first"):
        snn.graph(Feedback(), np.zeros(3, np.float32))
    with pytest.raises(DTypeError, match=r"snn\.plot\.graph: expected a Graph"):
        snn.plot.graph(3)


class Asks(Wired):
    """Does with a value what cannot be traced."""

    widths = (5,)

    def __init__(self, ask):
        super().__init__()
        self.node, self.ask = snn.IFNode(), ask

    def construct(self, x, state):
        spike, v = self.node(x, state[0])
        return self.ask(spike), (v,)


@pytest.mark.parametrize(
    ("ask", "got"),
    [
        (lambda spike: spike * 2 if spike.sum() > 0 else spike, r"`if` and float\(\) need\. Choose with ops\.where"),
        (lambda spike: np.tanh(np.asarray(spike)), r"a numpy function needs\. Use the function of autograd\.ops"),
    ],
    ids=["if", "numpy"],
)
def test_what_cannot_be_traced_is_an_error_at_its_line(ask, got):
    pattern = rf"test_graph\.py, line \d+, in <lambda>: expected operations on Tensors whose values are not known yet.*{got}"
    with pytest.raises(CompileError, match=pattern):
        snn.graph(Asks(ask), X)
    long = np.ones((100, 8, 5), np.float32)
    with pytest.warns(UserWarning, match=r"snn\.run runs step by step, slowly, since .*test_graph\.py"):
        snn.run(Asks(ask), long)


def test_what_cannot_step_inside_a_loop_is_named():
    class Pooled(Feedback):
        def construct(self, x, state):
            s1, v1 = self.lif1(self.fc1(x) + self.back(state[2] - state[2].mean(-1, keepdims=True)), state[0])
            s2, v2 = self.lif2(self.fc2(s1), state[1])
            return s2, (v1, v2, s2)

    with pytest.raises(CompileError, match=r"operations on each element in feedback, got ops\.sum"):
        snn.run(Pooled(), X, mode="compiled")
