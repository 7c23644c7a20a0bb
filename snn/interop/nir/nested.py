"""A flat NIR graph as one with graphs inside it: one for each Cell of the net that holds others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from autograd.errors import ArgumentError

from .flat import Edge

__all__ = ["nest"]


def nest(
    nodes: dict[str, Any],
    edges: list[Edge],
    blocks: Iterable[str],
    end: Callable[[str, str], Any],
    graph: Callable[[dict[str, Any], list[Edge]], Any],
    where: str,
) -> tuple[dict[str, Any], list[Edge]]:
    """Move the nodes of each block, whose names start with the block's, into a graph of their own.

    Return the nodes and the edges of the outermost graph. :func:`~snn.interop.nir.flat.flatten` turns it back into the same
    nodes, edges and order of sums. ``blocks`` are names of Cells that hold others, none of them the name of a node. ``end``
    makes the end of a graph from ``"Input"`` or ``"Output"`` and the name of a node whose output has its shape; ``graph``
    makes a graph of nodes and edges. It is an error if several values enter a block, or several leave it.
    """
    senders = {name: name for name in nodes}  # for each block, the inner node whose output it passes on
    for block in sorted(blocks, key=lambda name: (-name.count("."), name)):
        inside = {name: node for name, node in nodes.items() if name.startswith(f"{block}.")}
        if not inside:
            continue
        entering = _shared(edges, inside, True, block, where)
        leaving = _shared(edges, inside, False, block, where)
        short = {name: name.removeprefix(f"{block}.") for name in inside}
        first, last = (_free(name, short.values()) for name in ("input", "output"))
        within = {first: end("Input", senders[entering[0]])}
        within |= {short[name]: node for name, node in inside.items()}
        within[last] = end("Output", senders[leaving[0]])
        wires = [(short.get(source, first), short[target]) for source, target in edges if target in inside]
        wires += [(short[name], last) for name in leaving]
        made = graph(within, [*dict.fromkeys(wires)])
        nodes = {block if name in inside else name: made if name in inside else node for name, node in nodes.items()}
        outer = [edge for edge in edges if not inside.keys() >= {*edge}]
        edges = [*dict.fromkeys((block if s in inside else s, block if t in inside else t) for s, t in outer)]
        senders[block] = senders[leaving[0]]
    return nodes, edges


def _shared(edges: list[Edge], inside: Collection[str], entering: bool, block: str, where: str) -> list[str]:
    """Return the sources of the one value that enters a block, or leaves it: the same for each node that takes it."""
    sources: dict[str, list[str]] = {}
    for source, target in edges:
        if (target in inside) == entering:
            sources.setdefault(target, []).append(source)
    found: list[str] = []
    taken_by = ""
    for target, every in sources.items():
        crossing = [source for source in every if (source in inside) != entering]
        start = every.index(crossing[0]) if crossing else 0
        apart = every[start : start + len(crossing)] != crossing  # as one value it would be summed in another order
        if crossing and (apart or (found and crossing != found)):
            what = "enters" if entering else "leaves"
            got = f"{crossing} for {target!r}" + (f", {found} for {taken_by!r}" if found else ", apart in its sum")
            raise ArgumentError(
                f"{where}, layer {block!r}", f"one value that {what} it, as NIR asks of a graph inside another", got,
                "Leave nested out: then the graph is flat.",
            )  # fmt: skip
        if crossing:
            found, taken_by = crossing, target
    if not found:
        raise ArgumentError(
            f"{where}, layer {block!r}", f"one value that {'enters' if entering else 'leaves'} it", "none",
            "Leave it out: nothing outside depends on it, or it depends on nothing outside.",
        )  # fmt: skip
    return found


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name
