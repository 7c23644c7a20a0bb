"""Populations that feed each other: which of them form a core, and the order in which the cores of a group step."""

from __future__ import annotations

from collections.abc import Callable

from autograd import nn, tree
from autograd.errors import CompileError

from ..common.structure import label, runs_at_once, steps_in_loops
from .graph import Edge, Graph, Node
from .stages import Core, Projection, Stage

__all__ = ["components", "is_elementwise", "make_group"]


def is_elementwise(node: Node) -> bool:
    """Return whether an operation works element by element."""
    if node.kind in ("population", "state"):
        return True
    op = node.what
    return node.kind == "operation" and (op.scalar is not None or op.expand is not None or "dtype" in op.attr_names)


def is_reshape(node: Node) -> bool:
    """Return whether an operation or layer gives each sample another shape, with the same elements in the same order."""
    known = node.what.__name__ == "_reshape" if node.kind == "operation" else type(node.what) is nn.Flatten
    return known and node.kind in ("operation", "layer")


def make_group(
    graph: Graph, part: list[Node], row_axes: Callable[[Node], int], connects: Callable[[Node], bool]
) -> Stage:  # fmt: skip
    """Return the stage of nodes that feed each other.

    Parameters
    ----------
    graph : Graph
        The graph of the net.
    part : list of Node
        A strongly connected component of the graph.
    row_axes : callable
        The last axes of an input that make one row, if a node is a connection through which neurons can feed each other inside
        a loop; else 0.

    Raises
    ------
    CompileError
        If feedback passes through a layer or operation that cannot step inside a loop.
    """
    return _Group(graph, part, row_axes, connects).stage()


class _Group:
    def __init__(
        self, graph: Graph, part: list[Node], row_axes: Callable[[Node], int], connects: Callable[[Node], bool]
    ) -> None:  # fmt: skip
        self.graph, self.nodes, self.row_axes, self.connects = graph, graph.nodes, row_axes, connects
        self.part, self.inside = part, {node.number for node in part}
        self.steps = [node for node in part if self._steps(node) and node.kind != "state"]
        self.states = [node for node in part if node.kind == "state"]

    def stage(self) -> Stage:
        """Return the stage."""
        self._check_kinds()
        self._check_readers()
        axes = self._check_rows()
        phase = self._phases()
        order = self._cores(phase)
        homes = {node.number: self._home(node, order) for node in self.states}
        for core in order:
            self._check_shapes(core)
            core.with_inputs(self.graph)
        inputs = [(k, edge) for k, core in enumerate(order) for edge in core.inputs if edge.node in self.inside]
        projections = [self._projection(order, homes, k, edge) for k, edge in inputs]
        return Stage("cores", cores=order, projections=projections, row_axes=axes if projections else 0)

    def _steps(self, node: Node) -> bool:
        """Return whether a node can be part of a core; a layer that seems to work element by element can, too."""
        if is_elementwise(node):
            return True
        if self._reshapes(node):
            return False
        shapes = {*(self.nodes[edge.node].outputs[edge.output].shape for edge in node.edges), *(o.shape for o in node.outputs)}
        return node.kind == "layer" and len(shapes) == 1 and not self.connects(node)

    def _shape(self, edge: Edge) -> tuple[int, ...]:
        return self.nodes[edge.node].outputs[edge.output].shape

    def _reshapes(self, node: Node) -> bool:
        """Return whether a node only reshapes samples."""
        return is_reshape(node) and self._shape(node.edges[0])[0] == node.outputs[0].shape[0]

    def _before(self, edge: Edge) -> Edge:
        """Return the value before any change of the shape of samples."""
        while edge.node in self.inside and self._reshapes(self.nodes[edge.node]):
            edge = self.nodes[edge.node].edges[0]
        return edge

    def _check_kinds(self) -> None:
        for node in self.part:
            if node.kind == "population" and runs_at_once(node.what) and not steps_in_loops(node.what):
                raise CompileError(
                    self.graph.name, "neurons, dense layers, convolutions and snn.Delay in feedback",
                    label(node.name, node.what),
                    "Put one snn.Delay before a dense layer, or run it with mode='eager'.",
                )  # fmt: skip
            if not self._steps(node) and not self.row_axes(node) and not self._reshapes(node):
                raise CompileError(
                    self.graph.name,
                    "dense layers, convolutions, snn.Delay, products with a matrix and operations on each element in feedback",
                    _said(node), "Take it out of the feedback, or run it with mode='eager'.",
                )  # fmt: skip

    def _check_readers(self) -> None:
        """Check that products with weights are read within the group only: there they are summed and not kept."""
        users = self.graph.users()
        last = {edge.node for edge in tree.leaves(self.graph.out)}
        last |= {edge.node for edge, state in self.graph.crossing if state not in self.inside}
        for node in self.part:
            outside = [user for user in users.get(Edge(node.number), ()) if user not in self.inside]
            if not self._steps(node) and (outside or node.number in last):
                reader = f"it also feeds {self.nodes[outside[0]].name!r}" if outside else "it is also an output"
                raise CompileError(
                    self.graph.name, "weights in feedback that feed only neurons of the same group",
                    f"{_said(node)}; {reader}", "Read the sum that the neuron gets, or run it with mode='eager'.",
                )  # fmt: skip

    def _check_rows(self) -> int:
        """Return the axes of a row: the last, or with a convolution all of a sample, which each connection must then take."""
        links = [node for node in self.part if not self._steps(node)]
        axes = max((2 if self._reshapes(node) else self.row_axes(node) for node in links), default=1)
        for node in links if axes > 1 else ():
            if self._reshapes(node):
                continue
            shape = self._shape(node.edges[0])
            if len(shape) != 1 + self.row_axes(node):
                raise CompileError(
                    self.graph.name, "features [N, F] before each dense layer in feedback with a convolution",
                    f"{list(shape)} before {node.name}", "Use a convolution there too, or run it with mode='eager'.",
                )  # fmt: skip
        return axes

    def _phases(self) -> dict[int, int]:
        """Return the number of layers of weights on the longest path to each node within a step."""
        phase: dict[int, int] = {}
        for node in self.part:
            before = [edge.node for edge in node.edges if edge.node in self.inside]
            phase[node.number] = max((phase[i] + self._weighs(self.nodes[i]) for i in before), default=0)
        return phase

    def _weighs(self, node: Node) -> bool:
        return not self._steps(node) and not self._reshapes(node)

    def _cores(self, phase: dict[int, int]) -> list[Core]:
        """Merge nodes that feed each other in one phase into cores; return them in the order in which they step."""
        joined = {node.number: node.number for node in self.steps}

        def root(i: int) -> int:
            while joined[i] != i:
                i = joined[i]
            return i

        for node in self.steps:
            for edge in node.edges:
                if edge.node in joined and phase[edge.node] == phase[node.number]:
                    joined[root(edge.node)] = root(node.number)
        # A reader of a state that another part of the same phase updates steps together with it.
        for node in self.states:
            after = node.after.node if node.after is not None else node.number
            for other in self.steps:
                reads = any(edge.node == node.number for edge in other.edges)
                if reads and after in joined and phase[after] == phase[other.number]:
                    joined[root(other.number)] = root(after)
        cores: dict[int, Core] = {}
        for node in self.steps:
            cores.setdefault(root(node.number), Core([], node.outputs[0].shape)).nodes.append(node)
        return sorted(cores.values(), key=lambda core: (phase[core.nodes[0].number], core.nodes[0].number))

    def _home(self, state: Node, order: list[Core]) -> int:
        """Put a state into the core that updates it, or a core of its own; return the index of that core."""
        at, seen = state.after, {state.number}
        while at is not None and self.nodes[at.node].kind == "state" and at.node not in seen:
            seen.add(at.node)
            at = self.nodes[at.node].after
        home = next((k for k, core in enumerate(order) if at is not None and core.has(at)), len(order))
        if home == len(order):
            order.append(Core([], state.outputs[0].shape))
        order[home].states.append(state)
        return home

    def _check_shapes(self, core: Core) -> None:
        for node in (*core.nodes, *core.states):
            for shape in [o.shape for o in node.outputs]:
                if shape != core.shape:
                    raise CompileError(
                        self.graph.name, "values of one shape where neurons feed each other without weights",
                        f"{list(shape)} and {list(core.shape)} in {node.name}",
                        "Connect them by a layer of weights, or run it with mode='eager'.",
                    )  # fmt: skip

    def _projection(self, order: list[Core], homes: dict[int, int], target: int, edge: Edge) -> Projection:
        """Return the projection for an input of a core that another core feeds."""
        node = self.nodes[self._before(edge).node]
        link = None if self._steps(node) else node
        value = self._before(edge if link is None else node.edges[0])
        sender = self.nodes[value.node]
        if sender.kind == "state":
            return Projection(homes[sender.number], target, value, edge, link, True)
        home = next((i for i, core in enumerate(order) if core.has(value)), None)
        if home is None:
            raise CompileError(
                self.graph.name, "a population between two layers in feedback", f"{node.name} after {sender.name}",
                "Merge them into one layer, or run it with mode='eager'.",
            )  # fmt: skip
        return Projection(home, target, value, edge, link, False)


def _said(node: Node) -> str:
    """Name a layer or an operation for an error message."""
    return label(node.name, node.what) if node.kind == "layer" else f"ops.{node.name.rpartition('.')[2]}"


def components(nodes: list[Node]) -> list[list[int]]:
    """Return the strongly connected components, each after those that feed it (Tarjan, 1972), without recursion."""
    feeds: list[list[int]] = [[edge.node for edge in node.edges] for node in nodes]
    for node in nodes:
        if node.kind == "state" and node.after is not None and node.after.node != node.number:
            feeds[node.number].append(node.after.node)
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on: set[int] = set()
    found: list[list[int]] = []
    for start in range(len(nodes)):
        if start in index:
            continue
        work = [(start, iter(feeds[start]))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on.add(start)
        while work:
            i, rest = work[-1]
            for j in rest:
                if j not in index:
                    index[j] = low[j] = len(index)
                    stack.append(j)
                    on.add(j)
                    work.append((j, iter(feeds[j])))
                    break
                if j in on:
                    low[i] = min(low[i], index[j])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[i])
                if low[i] == index[i]:
                    part = []
                    while True:
                        j = stack.pop()
                        on.discard(j)
                        part.append(j)
                        if j == i:
                            break
                    found.append(part)
    return found
