"""Where an input gradient is needed, according to the stages that computed the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import ops
from autograd.graph import SELECT, Node

from .stage import Saved, Steps

__all__ = ["Maker", "makers"]

Array = np.ndarray[Any, np.dtype[Any]]
Maker = tuple[Steps, Saved, int, int | None]
"""A stage, its saved values, a part, and the bool that marks where the gradient of one of its outputs matters."""


def makers(node: Node | None) -> list[Maker] | None:
    """Return the makers of a value that is an output of a stage, or a sum of outputs; None for any other."""
    if node is None:
        return None
    if node.rule is ops.add and all(parent is None or parent.shape == node.shape for parent in node.parents):
        found = [makers(parent) for parent in node.parents if parent is not None]
        return None if any(each is None for each in found) else [maker for each in found for maker in each or ()]
    if node.rule is not SELECT:
        return None
    call, position = node.parents[0], node.attrs
    if call is None or not isinstance(call.rule, Steps):
        return None
    for n, part in enumerate(call.rule.parts):
        if position < len(part.plan.outs):
            return [(call.rule, call.saved, n, part.plan.matters[position])]
        position -= len(part.plan.outs) + len(part.plan.records) + len(part.starts)
        if position < 0:
            return None
    return None
