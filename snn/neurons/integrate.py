"""Integrate-and-fire."""

from __future__ import annotations

from typing import Any

from .base import Neuron

__all__ = ["IFNode"]


class IFNode(Neuron):
    """Integrate-and-fire neuron: ``v = v + x``; at ``v > v_threshold`` a spike and a reset (Lapicque, 1907).

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.neurons.Neuron`.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from snn import IFNode
    >>> spike, v = IFNode()(Tensor([[0.5, 1.25]]), Tensor([[0.25, 0.0]]))
    >>> print(spike, v)
    [[0. 1.]] [[0.75 0.25]]
    """

    def charge(self, x: Any, v: Any) -> Any:
        """Return ``v + x``."""
        return v + x
