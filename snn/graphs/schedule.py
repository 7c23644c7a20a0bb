"""The order in which a graph runs over time: what runs on all steps at once, and which populations step together."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import tree
from autograd.errors import CompileError
from autograd.state import scope

from ..common.structure import label, record_names, zeros_of
from ..connections import Connection, connection_of
from .graph import Edge, Graph, Node

__all__ = ["Core", "Projection", "Schedule", "Stage", "make_schedule"]

_SOMETHING = np.zeros(())


@dataclass(eq=False)
class Core:
    """Populations and elementwise operations of one shape: what happens to one element of them is one program.

    Attributes
    ----------
    nodes : list of Node
        In order.
    inputs : list of Edge
        Values that it reads from outside.
    states : list of Node
        What it carries from step to step.
    outs : list of Edge
        Values that others read of the same step; a state among them is what the step before has left.
    shape : tuple of int
        Of one step.
    layer : str
        Of a layer of weights with nothing behind it, which has neither nodes nor states, its name.
    """

    nodes: list[Node]
    shape: tuple[int, ...]
    inputs: list[Edge] = field(default_factory=list)
    states: list[Node] = field(default_factory=list)
    outs: list[Edge] = field(default_factory=list)
    layer: str = ""
    _outline: Any = None

    @property
    def name(self) -> str:
        """Names of its populations, or of its last node, its states or its layer."""
        named = [node.name for node in self.nodes if node.kind == "population"] or [node.name for node in self.nodes[-1:]]
        return ", ".join(named or [node.name for node in self.states]) or self.layer

    @property
    def population(self) -> Node | None:
        """The first of its populations, if it has one."""
        return next((node for node in self.nodes if node.kind == "population"), None)

    @functools.cached_property
    def recordable(self) -> set[str]:
        """What can be recorded of its populations."""
        found: set[str] = set()
        for node in (node for node in self.nodes if node.kind == "population"):
            names = record_names(node.what, tree.map_leaves(lambda _: _SOMETHING, node.before))
            found |= names - ({"v_before_reset"} if node.outer is not None else set())
        return found

    def place(self, state: int) -> int:
        """Return the place of a state, whose node has this number, among its states."""
        return next(k for k, node in enumerate(self.states) if node.number == state)

    def outline(self, graph: Graph) -> tuple[Any, list[Any]]:
        """Return what two cores share that have the same plan, and the objects that it names by identity."""
        if self._outline is None:
            numbers = {node.number: k for k, node in enumerate((*self.nodes, *self.states))}
            places = {edge: k for k, edge in enumerate(self.inputs)}
            held: list[Any] = []

            def name(item: Any) -> Any:
                if not isinstance(item, Edge):
                    return type(item), item
                if item in places:
                    return "input", places[item]
                if item.node in numbers:
                    return numbers[item.node], item.output
                held.append(graph.nodes[item.node].what)
                return "held", id(held[-1])

            nodes = []
            for node in self.nodes:
                held.append(node.what)
                more = repr(node.attrs), repr(node.given), repr(node.before), node.outer is None, name(node.outer)
                nodes.append((node.kind, id(node.what), tuple(map(name, node.inputs)), len(node.outputs), more))
            after = tuple(name(node.after) for node in self.states)
            self._outline = (tuple(nodes), after, tuple(map(name, self.outs)), len(self.inputs)), held
        return self._outline  # type: ignore[no-any-return]

    def has(self, edge: Edge) -> bool:
        """Tell whether a value is made here."""
        return any(node.number == edge.node for node in (*self.nodes, *self.states))


@dataclass(eq=False)
class Projection:
    """Weights, or none, from a value of one core of a group to an input of one.

    Attributes
    ----------
    source, target : int
        The cores.
    value : Edge
        What is sent; where it is ``late``, the state that has it in the next step.
    edge : Edge
        The input of the target that it makes.
    node : Node or None
        The dense layer or product; None hands the value on as it is.
    late : bool
        Whether it arrives in the next step.
    """

    source: int
    target: int
    value: Edge
    edge: Edge
    node: Node | None
    late: bool


@dataclass(eq=False)
class Stage:
    """A part of a schedule.

    Attributes
    ----------
    kind : {"once", "apply", "cores"}
        An operation or layer whose output is the same at every step; one on all steps; or loops over time.
    node : Node or None
        Of the first two.
    cores : list of Core
        In the order in which they step; one alone, or a group.
    projections : list of Projection
        Among them.
    dense : dict of Edge to Node
        The inputs from outside that are products with weights, made as the loop goes.
    """

    kind: str
    node: Node | None = None
    cores: list[Core] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)
    dense: dict[Edge, Node] = field(default_factory=dict)

    @functools.cached_property
    def inside(self) -> list[list[Projection | None]]:
        """For each input of each core, the projection that makes it; None for what comes from outside."""
        made = {(p.target, p.edge): p for p in reversed(self.projections)}
        return [[made.get((n, edge)) for edge in core.inputs] for n, core in enumerate(self.cores)]

    @functools.cached_property
    def late(self) -> list[list[int]]:
        """For each core, which of its states arrive elsewhere in the next step."""
        found: list[list[int]] = [[] for _ in self.cores]
        for p in self.projections:
            if p.late:
                k = self.cores[p.source].place(p.value.node)
                found[p.source] += [k] * (k not in found[p.source])
        return found


@dataclass(eq=False)
class Schedule:
    """The stages of a graph, in order.

    Attributes
    ----------
    graph, stages : Graph, list of Stage
        What runs.
    done : list of list of Edge
        The values that nobody reads after each stage.
    """

    graph: Graph
    stages: list[Stage]
    done: list[list[Edge]]


def is_elementwise(node: Node) -> bool:
    """Tell whether an operation works element by element."""
    if node.kind in ("population", "state"):
        return True
    op = node.what
    return node.kind == "operation" and (op.scalar is not None or op.expand is not None or "dtype" in op.attr_names)


def make_schedule(graph: Graph) -> Schedule:
    """Order the nodes of a graph.

    Raises
    ------
    CompileError
        If feedback goes through what cannot step inside a loop.
    """
    return _Scheduler(graph).schedule()


class _Scheduler:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.nodes = graph, graph.nodes
        self.users = graph.users()
        self.kept = set(tree.leaves(graph.out)) | {edge for edge, _ in graph.crossing}
        self.connections: dict[int, Connection | None] = {}

    def schedule(self) -> Schedule:
        components = _components(self.nodes)
        groups = [[self.nodes[i] for i in sorted(part)] for part in components]
        stages = [self._stage(part) for part in groups]
        self._absorb(stages)
        self._find_outs(stages)
        kept = [stage for stage in stages if stage.kind != "none"]
        last = {edge: k for k, stage in enumerate(kept) for edge in self._read(stage)}
        outs = set(tree.leaves(self.graph.out))
        return Schedule(self.graph, kept, [[e for e in last if last[e] == k and e not in outs] for k in range(len(kept))])

    def connects(self, node: Node) -> bool:
        """Tell whether a node is a connection: a layer of weights, or a product of what varies with a matrix that does not."""
        return self._is_product(node) or self._connection(node) is not None

    def has_matrix(self, node: Node) -> bool:
        """Tell whether it is one with which neurons may feed each other inside a loop."""
        if self._is_product(node):
            return True
        found = self._connection(node)
        return found is not None and found.matrix

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
            found = None
            if node.kind == "layer" and node.varies and len(node.edges) == len(node.inputs) == 1:
                output = self.nodes[node.edges[0].node].outputs[node.edges[0].output]
                x = zeros_of((1, *output.shape), output.dtype)
                with scope(recording=False):
                    found = connection_of(node.what, x)
            self.connections[node.number] = found
        return self.connections[node.number]

    def _stage(self, part: list[Node]) -> Stage:
        first = part[0]
        alone = len(part) == 1 and not (first.kind == "state" and first.after is not None)
        if alone and (first.kind in ("input", "parameter", "constant")):
            return Stage("none")
        if alone and first.kind != "population":
            return Stage("apply" if first.varies else "once", first)
        if alone or len(part) == 1:  # a neuron whose state never changes; a state that is left from outside
            return Stage("cores", cores=[self._core(part)])
        return self._group(part)

    def _core(self, part: list[Node]) -> Core:
        nodes = [node for node in part if node.kind != "state"]
        states = [node for node in part if node.kind == "state"]
        shape = (nodes or states)[0].outputs[0].shape
        return self._with_inputs(Core(nodes, shape, states=states))

    def _with_inputs(self, core: Core) -> Core:
        found: dict[Edge, None] = {}
        for node in core.nodes:
            for edge in node.edges:
                if not core.has(edge) and self.nodes[edge.node].kind not in ("parameter", "constant"):
                    found[edge] = None
        for node in core.states:
            if node.after is not None and not core.has(node.after) and self.nodes[node.after.node].kind != "constant":
                found[node.after] = None
        core.inputs = list(found)
        return core

    # Groups

    def _group(self, part: list[Node]) -> Stage:
        inside = {node.number for node in part}

        def steps_along(node: Node) -> bool:
            """Tell whether a node may be part of a core; so may a layer that seems to work on each element."""
            shapes = [self.nodes[edge.node].outputs[edge.output].shape for edge in node.edges]
            alike = node.kind == "layer" and {*shapes, *(o.shape for o in node.outputs)} == {node.outputs[0].shape}
            return is_elementwise(node) or (alike and not self.has_matrix(node))

        for node in part:
            if not steps_along(node) and not self.has_matrix(node):
                what = label(node.name, node.what) if node.kind == "layer" else f"ops.{node.name.rpartition('.')[2]}"
                raise CompileError(
                    self.graph.name, "dense layers, products with a matrix and operations on each element in feedback",
                    what, "Take it out of the feedback, or run it with mode='eager'.",
                )  # fmt: skip
        phase: dict[int, int] = {}
        for node in part:
            before = [edge.node for edge in node.edges if edge.node in inside]
            phase[node.number] = max((phase[i] + (not steps_along(self.nodes[i])) for i in before), default=0)
        steps = [node for node in part if steps_along(node) and node.kind != "state"]
        joined = {node.number: node.number for node in steps}

        def root(i: int) -> int:
            while joined[i] != i:
                i = joined[i]
            return i

        for node in steps:
            for edge in node.edges:
                if edge.node in joined and phase[edge.node] == phase[node.number]:
                    joined[root(edge.node)] = root(node.number)
        states = [node for node in part if node.kind == "state"]
        owner: dict[int, int] = {}
        # What reads a state that is left by another part of the same phase steps together with it.
        for node in states:
            after = node.after.node if node.after is not None else node.number
            for other in steps:
                reads = any(edge.node == node.number for edge in other.edges)
                if reads and after in joined and phase[after] == phase[other.number]:
                    joined[root(other.number)] = root(after)
        cores: dict[int, Core] = {}
        for node in steps:
            core = cores.setdefault(root(node.number), Core([], node.outputs[0].shape))
            core.nodes.append(node)
        order = sorted(cores.values(), key=lambda core: (phase[core.nodes[0].number], core.nodes[0].number))
        for node in states:
            at = node.after
            seen = {node.number}
            while at is not None and self.nodes[at.node].kind == "state" and at.node not in seen:
                seen.add(at.node)
                at = self.nodes[at.node].after
            home = next((core for core in order if at is not None and core.has(at)), None)
            if home is None:
                home = Core([], node.outputs[0].shape)
                order.append(home)
            home.states.append(node)
            owner[node.number] = order.index(home)
        for core in order:
            for node in (*core.nodes, *core.states):
                for shape in [o.shape for o in node.outputs]:
                    if shape != core.shape:
                        raise CompileError(
                            self.graph.name, "values of one shape where neurons feed each other without weights",
                            f"{list(shape)} and {list(core.shape)} in {node.name}",
                            "Connect them by a dense layer, or run it with mode='eager'.",
                        )  # fmt: skip
            self._with_inputs(core)
        projections: list[Projection] = []
        for target, core in enumerate(order):
            for edge in core.inputs:
                if edge.node in inside:
                    projections.append(self._projection(order, owner, target, edge, steps_along(self.nodes[edge.node])))
        return Stage("cores", cores=order, projections=projections)

    def _projection(self, order: list[Core], owner: dict[int, int], target: int, edge: Edge, bare: bool) -> Projection:
        node = self.nodes[edge.node]
        link = None if bare else node
        value = edge if link is None else node.edges[0]
        sender = self.nodes[value.node]
        if sender.kind == "state":
            return Projection(owner[sender.number], target, value, edge, link, True)
        home = next((i for i, core in enumerate(order) if core.has(value)), None)
        if home is None:
            raise CompileError(
                self.graph.name, "a population between two layers in feedback", f"{node.name} behind {sender.name}",
                "Make one layer of them, or run it with mode='eager'.",
            )  # fmt: skip
        return Projection(home, target, value, edge, link, False)

    # What a core takes in

    def _absorb(self, stages: list[Stage]) -> None:
        """Let cores make themselves what they alone need: operations on each element, and products with weights."""
        by_node = {stage.node.number: stage for stage in stages if stage.node is not None}
        used: dict[int, int] = {}
        for edge, users in self.users.items():
            used[edge.node] = used.get(edge.node, 0) + len(users)
        for edge in self.kept:
            used[edge.node] = used.get(edge.node, 0) + 1
        for stage in stages:
            for core in stage.cores:
                left = list(core.inputs)
                while left:
                    edge = left.pop()
                    source = by_node.get(edge.node)
                    if source is None or source.node is None or not is_elementwise(source.node):
                        continue
                    node = source.node
                    here = sum(e == edge for n in (*core.nodes, *core.states) for e in (*n.edges, n.after))
                    shapes = {self.nodes[e.node].outputs[e.output].shape for e in node.edges if self.nodes[e.node].varies}
                    whole = not node.varies or (node.outputs[0].shape == core.shape and shapes <= {core.shape})
                    if not whole or (node.varies and (here != used[node.number] or len(node.outputs) > 1)):
                        continue
                    core.nodes.insert(0, node)
                    core.nodes.sort(key=lambda n: n.number)
                    if node.varies:
                        source.kind = "none"
                    self._with_inputs(core)
                    left = list(core.inputs)
                for edge in core.inputs:
                    source = by_node.get(edge.node)
                    if source is not None and source.node is not None and used[edge.node] == 1 and self.connects(source.node):
                        if source.node.outputs[0].shape == core.shape:
                            stage.dense[edge] = source.node
                            source.kind = "none"
        read = {edge.node for stage in stages if stage.kind != "none" for edge in self._read(stage)}
        for stage in reversed(stages):  # a constant value that is made in each core that needs it
            if stage.kind == "once" and stage.node is not None and stage.node.number not in read:
                kept = {edge.node for edge in self.kept}
                if stage.node.number not in kept:
                    stage.kind = "none"
                    read = {edge.node for s in stages if s.kind != "none" for edge in self._read(s)}

    def _read(self, stage: Stage) -> list[Edge]:
        """Return what a stage reads of others."""
        if stage.node is not None:
            return stage.node.edges
        found = [edge for core in stage.cores for edge in core.inputs]
        for node in (*stage.dense.values(), *(p.node for p in stage.projections if p.node is not None)):
            found += node.edges
        return found

    def _find_outs(self, stages: list[Stage]) -> None:
        """Note which values of each core are read elsewhere."""
        readers: dict[Edge, set[int]] = {edge: {-1} for edge in tree.leaves(self.graph.out)}
        for k, stage in enumerate(stages):
            for edge in self._read(stage) if stage.kind != "none" else ():
                readers.setdefault(edge, set()).add(k)
        for k, stage in enumerate(stages):
            for core in stage.cores:
                nodes = [node for node in (*core.nodes, *core.states) if node.varies]  # each core makes a constant for itself
                made = [Edge(node.number, i) for node in nodes for i in range(len(node.outputs))]
                core.outs = [edge for edge in made if readers.get(edge, set()) - {k}]
                core.outs += [
                    p.value for p in stage.projections if not p.late and core.has(p.value) and p.value not in core.outs
                ]


def _components(nodes: list[Node]) -> list[list[int]]:
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
