"""The parts of a schedule: stages, the cores that step in them, and the projections between the cores of a group."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np

from autograd import tree

from ..common.structure import record_names
from .graph import Edge, Graph, Node

__all__ = ["Core", "Projection", "Schedule", "Stage"]

_SOMETHING = np.zeros(())


@dataclass(eq=False)
class Core:
    """Populations and elementwise operations of one shape: one program computes each element.

    Attributes
    ----------
    nodes : list of Node
        Its nodes, in order.
    inputs : list of Edge
        Values that it reads from outside.
    states : list of Node
        Values that it carries from step to step.
    outs : list of Edge
        Values that others read in the same step; a state among them is the one from the previous step.
    shape : tuple of int
        Shape of one step.
    layer : str
        Name of a layer of weights that is a core by itself, without nodes and states.
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
        """Names of its populations, or else of its last node, its states or its layer."""
        named = [node.name for node in self.nodes if node.kind == "population"] or [node.name for node in self.nodes[-1:]]
        return ", ".join(named or [node.name for node in self.states]) or self.layer

    @property
    def population(self) -> Node | None:
        """The first of its populations, if it has one."""
        return next((node for node in self.nodes if node.kind == "population"), None)

    @functools.cached_property
    def recordable(self) -> set[str]:
        """Names that can be recorded of its populations."""
        found: set[str] = set()
        for node in (node for node in self.nodes if node.kind == "population"):
            names = record_names(node.what, tree.map_leaves(lambda _: _SOMETHING, node.before))
            found |= names - ({"v_before_reset"} if node.outer is not None else set())
        return found

    def place(self, state: int) -> int:
        """Return the position of a state, given the number of its node."""
        return next(k for k, node in enumerate(self.states) if node.number == state)

    def outline(self, graph: Graph) -> tuple[Any, list[Any]]:
        """Return a key that cores with the same plan share, and the objects that the key names by identity."""
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
                node = graph.nodes[item.node]
                if node.kind == "constant":  # each trace has arrays of its own
                    return node.what.dtype.str, node.what.shape, blake2b(node.what.tobytes()).digest()
                held.append(node.what)
                return "held", id(node.what)

            nodes = []
            for node in self.nodes:
                held.append(node.what)
                more = repr(node.attrs), repr(node.given), repr(node.before), node.outer is None, name(node.outer)
                nodes.append((node.kind, id(node.what), tuple(map(name, node.inputs)), len(node.outputs), more))
            after = tuple(name(node.after) for node in self.states)
            self._outline = (tuple(nodes), after, tuple(map(name, self.outs)), len(self.inputs)), held
        return self._outline  # type: ignore[no-any-return]

    def has(self, edge: Edge) -> bool:
        """Return whether a value is computed here."""
        return any(node.number == edge.node for node in (*self.nodes, *self.states))

    def with_inputs(self, graph: Graph) -> Core:
        """Record the values that it reads from outside; return the core."""
        found: dict[Edge, None] = {}
        for node in self.nodes:
            found |= dict.fromkeys(e for e in node.edges if graph.nodes[e.node].kind not in ("parameter", "constant"))
        after = [node.after for node in self.states if node.after is not None]
        found |= dict.fromkeys(edge for edge in after if graph.nodes[edge.node].kind != "constant")
        self.inputs = [edge for edge in found if not self.has(edge)]
        return self


@dataclass(eq=False)
class Projection:
    """A connection, with or without weights, from a value of one core of a group to an input of another.

    Attributes
    ----------
    source, target : int
        Positions of the cores.
    value : Edge
        The value sent; if ``late``, the state that holds it in the next step.
    edge : Edge
        The input of the target that it feeds.
    node : Node or None
        The dense layer or product; None for a copy.
    late : bool
        Whether the value arrives in the next step.
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
    kind : {"constant", "apply", "cores"}
        An operation or layer whose output is the same at every step; one that runs on all steps; or loops over time.
    node : Node or None
        The node of the first two kinds.
    cores : list of Core
        Cores in the order in which they step: a single one, or a group.
    projections : list of Projection
        The projections between them.
    dense : dict of Edge to Node
        The inputs from outside that are products with weights, computed during the loop.
    whole : Node or None
        A layer with a state that can run on all time steps at once. The only core is for runs that must go step by step.
    row_axes : int
        Where populations feed each other, the last axes that make a row: 1, or with a convolution more, so that a row is a
        sample.
    """

    kind: str
    node: Node | None = None
    cores: list[Core] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)
    dense: dict[Edge, Node] = field(default_factory=dict)
    whole: Node | None = None
    row_axes: int = 0

    @functools.cached_property
    def inside(self) -> list[list[Projection | None]]:
        """For each input of each core, the projection that feeds it; None for an input from outside."""
        made = {(p.target, p.edge): p for p in reversed(self.projections)}
        return [[made.get((n, edge)) for edge in core.inputs] for n, core in enumerate(self.cores)]

    @functools.cached_property
    def late(self) -> list[list[int]]:
        """For each core, the positions of the states that are sent to other cores in the next step."""
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
        The graph, and its stages.
    done : list of list of Edge
        Values that no later stage reads, for each stage.
    """

    graph: Graph
    stages: list[Stage]
    done: list[list[Edge]]
