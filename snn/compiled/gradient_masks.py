"""Where an input gradient is needed, according to the stages that computed the input."""

from __future__ import annotations

from autograd import ops
from autograd.graph import SELECT, Node

from .stage import END, Maker, Steps

__all__ = ["makers"]


def makers(node: Node | None) -> list[Maker] | None:
    """Return the makers of a value that is an output of a stage, or a sum of outputs; None for any other."""
    if node is None:
        return None
    if node.rule is END:
        return makers(node.parents[0])
    if node.rule is ops.add and all(parent is None or parent.shape == node.shape for parent in node.parents):
        found = [makers(parent) for parent in node.parents if parent is not None]
        return None if any(each is None for each in found) else [maker for each in found for maker in each or ()]
    if node.rule is not SELECT:
        return None
    call = node.parents[0]
    maker = call.rule.maker(call.saved, node.attrs) if call is not None and isinstance(call.rule, Steps) else None
    return None if maker is None else [maker]
