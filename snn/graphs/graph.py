"""One time step of a net as nodes and edges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from autograd import Cell, tree

__all__ = ["Edge", "Graph", "Node", "Output", "Start"]


@dataclass(frozen=True, slots=True)
class Edge:
    """The source of a value: a node, and the index of its output."""

    node: int
    output: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """Shape and dtype of a value in one step, ``[N, ...]``."""

    shape: tuple[int, ...]
    dtype: Any


@dataclass(eq=False)
class Node:
    """A node of a step.

    Attributes
    ----------
    number : int
        Position among the nodes; it follows the nodes that feed it.
    kind : {"input", "state", "parameter", "constant", "operation", "layer", "population"}
        A layer is a Cell without state, a population one with state; a state is a value from the previous step.
    name : str
        Name of the Cell in the net, or of the operation.
    what : object
        The Cell, the operation, the Parameter, the array of a constant, or the name of a state variable.
    inputs : tuple
        An :class:`Edge` or a number for each input; for a population, its inputs, then the leaves of its state.
    outputs : list of Output
        For a population, its output, then the leaves of its state.
    attrs : dict
        Attributes of an operation.
    given : structure
        Inputs of a population or layer, with None for each Tensor.
    before : structure
        State of a population, with None for each Tensor.
    after : Edge or None
        For a state, the value of this step that becomes the state in the next.
    varies : bool
        Whether it depends on the time step.
    path : str
        For a population, the name of its records: its own name in the net, or that of the layer around it, such as
        :class:`snn.Recurrent`.
    outer : Edge or None
        The input of the layer around a population.
    owner : Cell or None
        For a population, itself or the layer around it.
    """

    number: int
    kind: str
    name: str
    what: Any
    inputs: tuple[Any, ...] = ()
    outputs: list[Output] = field(default_factory=list)
    attrs: dict[str, Any] = field(default_factory=dict)
    given: Any = None
    before: Any = None
    after: Edge | None = None
    varies: bool = True
    path: str = ""
    outer: Edge | None = None
    owner: Cell | None = None

    @property
    def is_shown(self) -> bool:
        """Whether tables and drawings show it; numbers and states appear with the nodes they feed."""
        return self.kind not in ("parameter", "constant", "state")

    @property
    def edges(self) -> list[Edge]:
        """The inputs that are values of other nodes."""
        return [item for item in self.inputs if isinstance(item, Edge)]

    @property
    def states(self) -> list[Edge]:
        """The inputs of a population that are its state."""
        n = len(tree.leaves(self.before)) if self.kind == "population" else 0
        return [*self.inputs[len(self.inputs) - n :]]


@dataclass(eq=False)
class Start:
    """A Cell whose state starts with the run: a neuron in a chain, or a Cell that wires neurons itself.

    Attributes
    ----------
    name : str
        Its name in the net.
    cell : Cell
        The Cell.
    shape, dtype
        Shape and dtype of its input in one step.
    alike : bool
        Whether a run has found that its start state is the same for all values of its input.
    zeros : tuple or None
        The class of the state, and a start state of zeros, once a run has made it.
    """

    name: str
    cell: Cell
    shape: tuple[int, ...]
    dtype: Any
    alike: bool = False
    zeros: tuple[Any, Any] | None = None


@dataclass(eq=False)
class Graph:
    """The computation of a net in one time step; ``print`` shows it as a table.

    Attributes
    ----------
    name : str
        Name of the net's class.
    nodes : list of Node
        In topological order, except for edges from the previous step.
    out : structure of Edge
        The output of the net.
    state : structure of int
        The nodes that make up its state.
    starts : list of Start
        The Cells of these states, in order.
    state_parts : list, optional
        The parts of ``state``, one for each of these Cells, once a run has requested them.
    first_takes_input : bool, optional
        Whether the first of these Cells receives the input of the net, once a run has asked.
    """

    name: str
    nodes: list[Node]
    out: Any
    state: Any
    starts: list[Start] = field(default_factory=list)
    state_parts: list[Any] | None = None
    first_takes_input: bool | None = None

    @property
    def crossing(self) -> list[tuple[Edge, int]]:
        """The edges that cross a time step: a value, and the state node that holds it in the next step."""
        return [(node.after, node.number) for node in self.nodes if node.kind == "state" and node.after is not None]

    def users(self) -> dict[Edge, list[int]]:
        """Return the nodes that use each value in the same step; a node appears once per use."""
        found: dict[Edge, list[int]] = {}
        for node in self.nodes:
            for edge in node.edges:
                found.setdefault(edge, []).append(node.number)
        return found

    def label(self, edge: Edge) -> str:
        """Name a value."""
        node = self.nodes[edge.node]
        if node.kind == "state":
            return f"{node.name} of the previous step"
        if node.kind == "population" and edge.output:
            return f"state of {node.name}"
        return node.name + (f"[{edge.output}]" if len(node.outputs) > 1 and node.kind != "population" else "")

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Return name, kind, shape and dtype, number of weights, and sources of each node that is not a mere number."""
        rows = []
        for node in self.nodes:
            if not node.is_shown:
                continue
            kind = type(node.what).__name__ if isinstance(node.what, Cell) else node.kind
            shape, dtype = node.outputs[0].shape, node.outputs[0].dtype
            weights = node.what.get_parameters() if isinstance(node.what, Cell) else []
            count = sum(p.size for p in weights)
            own = {edge for edge in node.states if self._own(node, edge)}
            sources = [self._source(item) for item in node.inputs if item not in own]
            sources += ["its own state"] if own else []
            text = ", ".join(dict.fromkeys(sources))
            rows.append((node.name, kind, f"[{', '.join(map(str, shape))}] {dtype}", f"{count:,}" if count else "", text))
        return rows

    def _own(self, node: Node, edge: Edge) -> bool:
        after = self.nodes[edge.node].after
        return after is not None and after.node == node.number

    def _source(self, item: Any) -> str:
        if not isinstance(item, Edge):
            return f"{item:g}" if isinstance(item, (int, float)) else str(item)
        node = self.nodes[item.node]
        if node.kind == "constant":
            return f"{node.what.item():g}" if node.what.size == 1 else f"an array {list(node.what.shape)}"
        if node.kind == "state" and node.after is not None:
            before = self.nodes[node.after.node]
            if before.kind not in ("state", "input"):
                return f"{self.label(node.after)}, a step earlier"
        return self.label(item)

    def __str__(self) -> str:
        heads = ("name", "kind", "output", "weights", "from")
        rows = [heads, *self.rows()]
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        lines = [f"One step of {self.name}:"]
        for row in rows:
            cells = [f"{cell:{width}s}" for cell, width in zip(row, widths, strict=False)]
            cells[3] = f"{row[3]:>{widths[3]}s}"
            lines.append("  " + "  ".join([*cells, row[4]]).rstrip())
        outs = ", ".join(self.label(edge) for edge in tree.leaves(self.out))
        return "\n".join([*lines, f"  output: {outs}"])

    def __repr__(self) -> str:
        return f"<Graph of {self.name}: {len(self.nodes)} nodes, {len(self.crossing)} edges that cross a time step>"

    def to_dot(self) -> str:
        """Return the graph in the language of Graphviz; an edge that crosses a time step is dashed."""
        lines = [f'digraph "{self.name}" {{', "  rankdir=LR;", "  node [shape=box, style=rounded];"]
        shown = {node.number for node in self.nodes if node.is_shown}
        for node in self.nodes:
            if node.number in shown:
                kind = type(node.what).__name__ if isinstance(node.what, Cell) else ""
                text = "\\n".join(filter(None, (node.name, kind, str([*node.outputs[0].shape]))))
                lines.append(f'  n{node.number} [label="{text}"];')
        for source, target, crosses in self.arrows():
            lines.append(f"  n{source} -> n{target}{' [style=dashed, constraint=false]' if crosses else ''};")
        lines += [f'  out{k} [label="output", shape=plaintext];' for k, _ in enumerate(tree.leaves(self.out))]
        lines += [f"  n{edge.node} -> out{k};" for k, edge in enumerate(tree.leaves(self.out)) if edge.node in shown]
        return "\n".join([*lines, "}"])

    def arrows(self) -> list[tuple[int, int, bool]]:
        """Return (from, to, whether it crosses a time step) between the nodes that a drawing shows."""
        found: dict[tuple[int, int, bool], None] = {}
        for node in self.nodes:
            for edge in node.edges:
                source, passed = self.nodes[edge.node], set()
                while source.kind == "state" and source.after is not None and source.number not in passed:
                    passed.add(source.number)
                    source = self.nodes[source.after.node]
                if source.is_shown:
                    found[source.number, node.number, bool(passed)] = None
        return list(found)

    def levels(self) -> dict[int, int]:
        """Return, for each node in a drawing, the length of the longest path to it within a step."""
        depth: dict[int, int] = {}
        for node in self.nodes:
            if node.is_shown:
                depth[node.number] = 1 + max((depth.get(edge.node, -1) for edge in node.edges), default=-1)
        return depth
