"""What several models share."""

from __future__ import annotations

from collections.abc import Callable

from autograd import Cell

from ..neurons import IFNode, LIFNode
from ..surrogate import atan

__all__ = ["Maker", "atan_if", "atan_lif"]

Maker = Callable[[], Cell]
"""Makes a layer."""


def atan_lif() -> LIFNode:
    """Make a leaky neuron as networks with the surrogate ``atan`` have it: ``tau=2``, hard reset without gradient."""
    return LIFNode(tau=2.0, decay_input=True, v_reset=0.0, surrogate_function=atan(), detach_reset=True)


def atan_if() -> IFNode:
    """Make the same neuron without leak."""
    return IFNode(v_reset=0.0, surrogate_function=atan(), detach_reset=True)
