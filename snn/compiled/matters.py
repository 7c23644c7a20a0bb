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
from .stage import Maker, Steps

__all__ = ["makers", "rarely"]

Array = np.ndarray[Any, np.dtype[Any]]


def makers(node: Node | None) -> list[Maker] | None:
    """Return the makers of a value that is an output of a stage, or a sum of outputs; None for any other."""
    if node is None:
        return None
    if node.rule is ops.add and all(parent is None or parent.shape == node.shape for parent in node.parents):
        found = [makers(parent) for parent in node.parents if parent is not None]
        return None if any(each is None for each in found) else [maker for each in found for maker in each or ()]
    if node.rule is not SELECT:
        return None
    call = node.parents[0]
    maker = call.rule.maker(call.saved, node.attrs) if call is not None and isinstance(call.rule, Steps) else None
    return None if maker is None else [maker]


def rarely(flags: Sequence[Array | None], below: float, backend: BackEnd) -> Events | None:
    """Return where any of some bytes is not 0, None if that is too often. A None among the bytes means everywhere."""
    if not flags or any(each is None for each in flags):
        return None
    events = find_events(functools.reduce(np.bitwise_or, flags), None, backend)  # type: ignore[arg-type]
    return events if events is not None and events.density < below else None
