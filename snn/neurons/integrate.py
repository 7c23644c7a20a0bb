"""Integrate-and-fire."""

from __future__ import annotations

from typing import Any

from .base import Neuron

__all__ = ["IFNode", "Readout"]


class IFNode(Neuron):
    """Integrate-and-fire neuron: ``v = v + x``, with a spike and a reset at ``v > v_threshold`` (Lapicque, 1907).

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

    drive = 0.15

    def charge(self, x: Any, v: Any) -> Any:
        """Return ``v + x``."""
        return v + x


class Readout(IFNode):
    """Integrator without leak that never fires: its output is its membrane, the sum of its input.

    Examples
    --------
    >>> from autograd import Tensor
    >>> from snn import Readout
    >>> out, v = Readout()(Tensor([[0.5, 1.25]]), Tensor([[0.25, 1.0]]))
    >>> print(out)
    [[0.75 2.25]]
    """

    def __init__(self) -> None:
        super().__init__(fire=False)
