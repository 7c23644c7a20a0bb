"""Where an input gradient is needed, according to the stages that computed the input."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import ops
from autograd.graph import SELECT, Node

from ..engine.backends import BackEnd
from ..engine.events import Events, find_events
from .stage import Saved, Steps

__all__ = ["Maker", "makers", "rarely"]

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


def rarely(flags: Sequence[Array | None], below: float, backend: BackEnd) -> Events | None:
    """Return where any of some bytes is not 0, None if that is too often. A None among the bytes means everywhere."""
    if not flags or any(each is None for each in flags):
        return None
    events = find_events(functools.reduce(np.bitwise_or, flags), None, backend)  # type: ignore[arg-type]
    return events if events is not None and events.density < below else None
