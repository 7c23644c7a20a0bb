"""The states of a net at the start of a run."""

from __future__ import annotations

import functools
from typing import Any

from autograd import Cell, Tensor, as_tensor, tree

from ..common.structure import given_state, initial_state, label, zeros_of
from ..graphs import parts_of
from ..graphs.graph import Graph

__all__ = ["starts_of"]

_zeros = functools.lru_cache(256)(zeros_of)


def starts_of(graph: Graph, net: Cell, x: Tensor, state: Any) -> dict[int, Tensor] | None:
    """Return the start states by node; None if they differ in kind from those of the graph."""
    if not graph.starts or state is not None:
        parts = parts_of(net, state)
    found = []
    for k, begin in enumerate(graph.starts):
        given = len(graph.starts) == 1 and (begin.shape, begin.dtype) == (x.shape[1:], x.dtype)
        one = x[0] if given else _zeros(begin.shape, begin.dtype)
        before = (
            initial_state(begin.cell, one, begin.name) if state is None else given_state(parts[k], one, begin.name, begin.cell)
        )
        if not isinstance(before, Tensor):
            as_state = functools.partial(as_tensor, where=f"{label(begin.name, begin.cell)}, state")
            before = tree.map_leaves(as_state, before)
        found.append(before)
    if graph.state_parts is None:
        graph.state_parts = parts_of(net, graph.state)
    numbers, leaves = tree.leaves(graph.state_parts), tree.leaves(found)
    if len(leaves) != len(numbers) or not tree.same_structure(found, graph.state_parts):
        return None
    for number, leaf in zip(numbers, leaves, strict=True):
        output = graph.nodes[number].outputs[0]
        if (leaf.shape, leaf.dtype) != (output.shape, output.dtype):
            return None
    return dict(zip(numbers, leaves, strict=True))
