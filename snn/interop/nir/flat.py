"""A NIR graph without graphs inside it: which nodes feed which, in what order they run, and which edges cross a time step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograd.dtypes import describe
from autograd.errors import DataError

from .fields import MEND

__all__ = ["FIRING", "STATEFUL", "Edge", "Flat", "Item", "components", "crossing_by_rule", "flatten", "ordered"]

Edge = tuple[str, str]
STATEFUL = frozenset({"I", "IF", "LI", "LIF", "CubaLI", "CubaLIF"})
"""Nodes with a state, whose output may come back in the next step."""
FIRING = frozenset({"IF", "LIF", "CubaLIF", "Threshold"})
"""Nodes that fire."""
_MOST_NODES = 1_000_000
_DEEPEST = 50


@dataclass(eq=False)
class Item:
    """A node: its name, ``outer.inner`` in an inner graph; its kind; itself; and the names of the nodes that it sums."""

    name: str
    kind: str
    node: Any
    sources: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Flat:
    """All nodes by name, the one input, the outputs in order, and the metadata of the whole."""

    items: dict[str, Item]
    input: str
    outputs: list[str]
    metadata: dict[str, Any]

    @property
    def edges(self) -> list[Edge]:
        """All edges, those into a node in the order in which it sums them."""
        return [(source, item.name) for item in self.items.values() for source in item.sources]

    def sender(self, name: str) -> str | None:
        """Return the neuron whose output, scaled or unchanged, is all that a node passes on; None if there is none."""
        passed: set[str] = set()
        while self.items[name].kind == "Scale" and len(self.items[name].sources) == 1 and name not in passed:
            passed.add(name)
            name = self.items[name].sources[0]
        return name if self.items[name].kind in STATEFUL else None

    def targets(self) -> dict[str, list[str]]:
        """Return the nodes that each node feeds."""
        found: dict[str, list[str]] = {name: [] for name in self.items}
        for source, target in self.edges:
            found[source].append(target)
        return found

    def reached(self) -> dict[str, int]:
        """Return the nodes that the input leads to, numbered by how near they are, and then by the order of edges."""
        targets, found, waiting = self.targets(), {self.input: 0}, deque([self.input])
        while waiting:
            for target in targets[waiting.popleft()]:
                if target not in found:
                    found[target] = len(found)
                    waiting.append(target)
        return found


def flatten(graph: Any) -> Flat:
    """Return a NIR graph without graphs inside it; check its names, edges and ends."""
    items: dict[str, Item] = {}
    ends: dict[str, tuple[str, str]] = {}  # of an inner graph, its input and its output
    _collect(graph, "", items, ends, 0)
    edges: dict[str, list[str]] = {name: [] for name in items}
    seen: dict[str, None] = {}  # a file has its nodes in alphabetical order
    for source, target in _all_edges(graph, "", ends):
        edges[target].append(source)
        seen |= {source: None, target: None}
    items = {name: items[name] for name in [*seen, *(name for name in items if name not in seen)]}
    for name, item in items.items():
        item.sources = edges[name]
        if len(set(item.sources)) < len(item.sources):
            raise DataError(f"NIR graph, node {name!r}", "each edge once", "an edge twice", MEND)
    _without_identities(items)
    inputs = [name for name, item in items.items() if item.kind == "Input"]
    outputs = [name for name, item in items.items() if item.kind == "Output"]
    if len(inputs) != 1 or not outputs:
        raise DataError(
            "NIR graph", "one Input and at least one Output", f"{len(inputs)} and {len(outputs)}",
            "snn.run takes one input: join several in one array, and send parts of it on by Linear nodes.",
        )  # fmt: skip
    metadata = getattr(graph, "metadata", None)
    flat = Flat(items, inputs[0], outputs, metadata if isinstance(metadata, dict) else {})
    there = flat.reached()
    if missing := [name for name in items if name not in there]:
        raise DataError(f"NIR graph, node {missing[0]!r}", "nodes that the Input leads to", "one it does not lead to", MEND)
    return flat


def _collect(graph: Any, prefix: str, items: dict[str, Item], ends: dict[str, tuple[str, str]], depth: int) -> None:
    where = f"NIR graph {prefix[:-1]!r}" if prefix else "NIR graph"
    nodes = getattr(graph, "nodes", None)
    if type(graph).__name__ != "NIRGraph" or not isinstance(nodes, dict):
        raise DataError(where, "a nir.NIRGraph", describe(graph), "Pass the result of nir.read, or the path of a file.")
    if depth > _DEEPEST:
        raise DataError(where, f"at most {_DEEPEST} graphs inside one another", "more", MEND)
    for key, node in nodes.items():
        name, kind = f"{prefix}{key}", type(node).__name__
        if not isinstance(key, str) or not key:
            raise DataError(where, "names of nodes as text", repr(key)[:50], MEND)
        if not key.isprintable():
            raise DataError(where, "names of nodes without line breaks or control characters", ascii(key)[:100], MEND)
        if kind == "NIRGraph":
            _collect(node, f"{name}.", items, ends, depth + 1)
            inner = [[k for k, n in node.nodes.items() if type(n).__name__ == end] for end in ("Input", "Output")]
            if [len(found) for found in inner] != [1, 1]:
                raise DataError(
                    f"NIR graph {name!r}", "one Input and one Output in a graph inside another",
                    f"{len(inner[0])} and {len(inner[1])}", "An edge would not say which of them it means.",
                )  # fmt: skip
            ends[name] = f"{name}.{inner[0][0]}", f"{name}.{inner[1][0]}"
        if name in items:
            raise DataError(where, "different names", f"{name!r} twice", MEND)
        if kind != "NIRGraph":
            items[name] = Item(name, kind, node)
    if len(items) > _MOST_NODES:
        raise DataError(where, f"at most {_MOST_NODES:,} nodes", "more", MEND)


def _all_edges(graph: Any, prefix: str, ends: dict[str, tuple[str, str]]) -> Iterable[Edge]:
    where = f"NIR graph {prefix[:-1]!r}" if prefix else "NIR graph"
    for edge in graph.edges:
        if not isinstance(edge, Sequence) or len(edge) != 2 or not all(end in graph.nodes for end in edge):
            raise DataError(f"{where}, edges", "pairs of names of its nodes", repr(edge)[:100], MEND)
        source, target = (f"{prefix}{end}" for end in edge)
        yield ends[source][1] if source in ends else source, ends[target][0] if target in ends else target
    for key, node in sorted(graph.nodes.items()):
        if type(node).__name__ == "NIRGraph":
            yield from _all_edges(node, f"{prefix}{key}.", ends)


def _without_identities(items: dict[str, Item]) -> None:
    """Remove the inputs and outputs of inner graphs: inputs that are fed, and outputs that feed."""
    sources = {source for item in items.values() for source in item.sources}
    inside = {n for n, i in items.items() if (i.kind == "Input" and i.sources) or (i.kind == "Output" and n in sources)}

    known: dict[str, list[str]] = {}

    def real(name: str, depth: int) -> list[str]:
        if name not in inside:
            return [name]
        if name not in known:
            if depth > _DEEPEST or name in waiting:
                raise DataError(f"NIR graph, node {name!r}", "neurons in a cycle", "inputs and outputs alone", MEND)
            waiting.add(name)
            known[name] = [found for source in items[name].sources for found in real(source, depth + 1)]
            waiting.remove(name)
        return known[name]

    waiting: set[str] = set()
    for item in items.values():
        if item.name not in inside:
            item.sources = [found for source in item.sources for found in real(source, 0)]
            if len(set(item.sources)) < len(item.sources):
                raise DataError(
                    f"NIR graph, node {item.name!r}", "one path from a node to it through inputs and outputs", "several", MEND
                )
    for name in inside:
        del items[name]


def crossing_by_rule(flat: Flat, remembers: set[str]) -> set[Edge]:
    """Return the edges that cross a time step, if the graph does not say which: NIR has no steps, but a cycle needs one.

    In a cycle, a Delay gets its input from the previous step, and is one step shorter. In cycles without a Delay, neurons run
    in the order of their distance from the input, and their output to themselves or to earlier neurons arrives one step later.
    If it passes through Scales that have no other input, it is delayed after them. ``remembers`` has the Delays of at least
    one step.
    """
    near = flat.reached()
    groups = components([*flat.items], flat.edges)
    inside = {t for s, t in flat.edges if t in remembers and groups[s] == groups[t]}
    crossing = {(s, t) for s, t in flat.edges if t in inside}
    groups = components([*flat.items], [edge for edge in flat.edges if edge not in crossing])
    targets = flat.targets()

    def before(name: str, start: str, seen: set[str]) -> bool:
        """Return whether a node leads, within its group and through no neuron, to one that does not come after ``start``."""
        waiting = [name]
        while waiting:
            at = waiting.pop()
            if at in seen or groups[at] != groups[start]:
                continue
            seen.add(at)
            if flat.items[at].kind in STATEFUL:
                if near[at] <= near[start]:
                    return True
                continue
            waiting += [t for t in targets[at] if (at, t) not in crossing]
        return False

    late = set()
    for source, target in flat.edges:
        sender = flat.sender(source)
        handed_on = flat.items[target].kind == "Scale" and flat.sender(target) == sender
        if sender is not None and not handed_on and (source, target) not in crossing and before(target, sender, set()):
            late.add((source, target))
    return crossing | late


def ordered(flat: Flat, crossing: set[Edge]) -> list[Item]:
    """Return the nodes in an order in which each follows its sources, except along edges that cross a time step."""
    near = flat.reached()
    left = {name: sum((s, name) not in crossing for s in item.sources) for name, item in flat.items.items()}
    ready, found, targets = sorted((n for n in left if not left[n]), key=near.__getitem__), [], flat.targets()
    while ready:
        name = ready.pop(0)
        found.append(flat.items[name])
        more = []
        for target in targets[name]:
            if (name, target) not in crossing:
                left[target] -= 1
                more += [target] if not left[target] else []
        ready = sorted([*ready, *more], key=near.__getitem__) if more else ready
    if len(found) < len(flat.items):
        stuck = next(name for name in flat.items if left[name])
        raise DataError(
            f"NIR graph, node {stuck!r}", "a neuron or a Delay in each cycle",
            "a cycle without one, which defines no dynamics", MEND,
        )  # fmt: skip
    return found


def components(names: list[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Return the number of the strongly connected component of each node."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = {name: k for k, name in enumerate(names)}
    pairs = [(place[source], place[target]) for source, target in edges]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    graph = coo_array(([1] * len(pairs), (rows, columns)), (len(names),) * 2)
    return dict(zip(names, connected_components(graph, connection="strong")[1].tolist(), strict=True))
