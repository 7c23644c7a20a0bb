"""The order in which a graph runs over time: nodes that run on all steps at once, and populations that step together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from autograd import tree
from autograd.state import scope

from ..common.structure import runs_at_once, zeros_of
from ..connections import Connection, connection_of, joined
from .graph import Edge, Graph, Node
from .groups import components, is_elementwise, make_group
from .stages import Core, Schedule, Stage

__all__ = ["make_schedule"]


def make_schedule(graph: Graph) -> Schedule:
    """Order the nodes of a graph.

    Raises
    ------
    CompileError
        If feedback passes through a layer or operation that cannot step inside a loop.
    """
    return _Scheduler(graph).schedule()


class _Scheduler:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.nodes = graph, graph.nodes
        self.kept = set(tree.leaves(graph.out)) | {edge for edge, _ in graph.crossing}
        self.used = Counter(edge.node for edge in self.kept)
        self.users = graph.users()
        for edge, users in self.users.items():
            self.used[edge.node] += len(users)
        self.connections: dict[int, Connection | None] = {}

    def schedule(self) -> Schedule:
        stages = [self._stage([self.nodes[i] for i in sorted(part)]) for part in components(self.nodes)]
        self._absorb(stages)
        self._find_outs(stages)
        kept = [stage for stage in stages if stage.kind != "none"]
        last = {edge: k for k, stage in enumerate(kept) for edge in self._read(stage)}
        outs = set(tree.leaves(self.graph.out))
        return Schedule(self.graph, kept, [[e for e in last if last[e] == k and e not in outs] for k in range(len(kept))])

    def connects(self, node: Node) -> bool:
        """Return whether a node is a connection: a layer of weights, or a product of a varying value with a matrix."""
        return self._is_product(node) or self._connection(node) is not None

    def row_axes(self, node: Node) -> int:
        """Return the axes of a row if neurons can feed each other through a node inside a loop, else 0."""
        if self._is_product(node):
            return 1
        found = self._connection(node)
        return 0 if found is None else found.row_axes

    def _is_product(self, node: Node) -> bool:
        if node.kind != "operation" or not node.varies or node.what.__name__ != "_matmul":
            return False
        x, weight = node.inputs
        return (
            isinstance(x, Edge) and isinstance(weight, Edge) and self.nodes[x.node].varies
            and not self.nodes[weight.node].varies and len(self.nodes[weight.node].outputs[weight.output].shape) == 2
        )  # fmt: skip

    def _connection(self, node: Node) -> Connection | None:
        if node.number not in self.connections:
            self.connections[node.number] = self._connection_of(node)
        return self.connections[node.number]

    def _connection_of(self, node: Node) -> Connection | None:
        if node.kind != "layer" or not node.varies or not len(node.edges) == len(node.inputs) == 1:
            return None
        output = self.nodes[node.edges[0].node].outputs[node.edges[0].output]
        with scope(recording=False):
            return connection_of(node.what, zeros_of((1, *output.shape), output.dtype))

    def _stage(self, part: list[Node]) -> Stage:
        first = part[0]
        alone = len(part) == 1 and not (first.kind == "state" and first.after is not None)
        if alone and (first.kind in ("input", "parameter", "constant")):
            return Stage("none")
        if alone and first.kind != "population":
            return Stage("apply" if first.varies else "constant", first)
        if (whole := self._whole(part)) is not None:
            return Stage("cores", cores=[self._core(part)], whole=whole)
        if alone or len(part) == 1:  # a neuron whose state never changes, or a state updated elsewhere
            return Stage("cores", cores=[self._core(part)])
        return make_group(self.graph, part, self.row_axes, self.connects)

    def _whole(self, part: list[Node]) -> Node | None:
        """Return a layer with a state that can run on all time steps at once, if no other node reads its states."""
        node = next((node for node in part if node.kind == "population"), None)
        if node is None or not runs_at_once(node.what) or len(node.inputs) - len(node.states) != 1:
            return None
        own = [edge.node for edge in node.states]
        if sorted(n.number for n in part) != sorted([node.number, *own]):
            return None
        after = [Edge(node.number, k + 1) for k in range(len(own))]
        if [self.nodes[number].after for number in own] != after or any(edge in self.users for edge in after):
            return None
        return node if all(self.users[Edge(number)] == [node.number] for number in own) else None

    def _core(self, part: list[Node]) -> Core:
        nodes = [node for node in part if node.kind != "state"]
        states = [node for node in part if node.kind == "state"]
        return Core(nodes, (nodes or states)[0].outputs[0].shape, states=states).with_inputs(self.graph)

    # Inputs of a core

    def _absorb(self, stages: list[Stage]) -> None:
        """Move operations on elements, and products with weights, into the core that alone needs them."""
        sources = {stage.node.number: stage for stage in stages if stage.node is not None}
        for stage in stages:
            for core in stage.cores if stage.whole is None else ():
                while any(self._takes(core, sources[edge.node]) for edge in reversed(core.inputs) if edge.node in sources):
                    core.with_inputs(self.graph)
                for edge in core.inputs:
                    source = sources.get(edge.node)
                    node = None if source is None else source.node
                    if source is None or node is None or self.used[node.number] > 1 or node.outputs[0].shape != core.shape:
                        continue
                    if stage.row_axes > 1 and self.row_axes(node) == 1 and len(core.shape) > 2:
                        continue  # its rows are shorter than those of the loop
                    if self.connects(node):
                        stage.dense[edge] = node
                        source.kind = "none"
                    elif (both := self._joined(self._before(node, sources), node)) is not None:
                        stage.dense[edge] = both
                        source.kind = sources[node.edges[0].node].kind = "none"
        kept = {edge.node for edge in self.kept}
        for stage in reversed(stages):  # a constant value, computed in each core that needs it
            if stage.kind == "constant" and stage.node is not None and stage.node.number not in kept:
                if all(edge.node != stage.node.number for s in stages if s.kind != "none" for edge in self._read(s)):
                    stage.kind = "none"

    def _before(self, node: Node, sources: dict[int, Stage]) -> Node | None:
        """Return the layer before a layer, if nothing else reads its output."""
        if node.kind != "layer" or not len(node.edges) == len(node.inputs) == len(node.outputs) == 1:
            return None
        source = sources.get(node.edges[0].node)
        before = None if source is None or source.kind != "apply" else source.node
        return before if before is not None and before.kind == "layer" and self.used[before.number] == 1 else None

    def _joined(self, before: Node | None, node: Node) -> Node | None:
        """Return two layers as one node that is a connection; None if they are not one."""
        cell = None if before is None else joined(before.what, node.what)
        if before is None or cell is None:
            return None
        both = replace(before, number=node.number, what=cell, outputs=node.outputs)
        return both if self._connection_of(both) is not None else None

    def _takes(self, core: Core, source: Stage) -> bool:
        """Move a stage into a core if it is an operation on elements that no other core needs; return whether it is."""
        node = source.node
        if node is None or not is_elementwise(node):
            return False
        if node.varies:
            here = sum(e == Edge(node.number) for n in (*core.nodes, *core.states) for e in (*n.edges, n.after))
            shapes = {self.nodes[e.node].outputs[e.output].shape for e in node.edges if self.nodes[e.node].varies}
            if here != self.used[node.number] or len(node.outputs) > 1 or shapes | {node.outputs[0].shape} != {core.shape}:
                return False
            source.kind = "none"
        core.nodes.insert(0, node)
        core.nodes.sort(key=lambda n: n.number)
        return True

    def _read(self, stage: Stage) -> list[Edge]:
        """Return the values that a stage reads from others."""
        if stage.node is not None:
            return stage.node.edges
        found = [edge for core in stage.cores for edge in core.inputs]
        for node in (*stage.dense.values(), *(p.node for p in stage.projections if p.node is not None)):
            found += node.edges
        return found

    def _find_outs(self, stages: list[Stage]) -> None:
        """Record the values of each core that others read."""
        readers: dict[Edge, set[int]] = {edge: {-1} for edge in tree.leaves(self.graph.out)}
        for k, stage in enumerate(stages):
            for edge in self._read(stage) if stage.kind != "none" else ():
                readers.setdefault(edge, set()).add(k)
        for k, stage in enumerate(stages):
            for core in stage.cores:
                nodes = [node for node in (*core.nodes, *core.states) if node.varies]  # each core computes constants itself
                made = [Edge(node.number, i) for node in nodes for i in range(len(node.outputs))]
                core.outs = [edge for edge in made if readers.get(edge, set()) - {k}]
                core.outs += [
                    p.value for p in stage.projections if not p.late and core.has(p.value) and p.value not in core.outs
                ]
