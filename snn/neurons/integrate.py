"""Integrate-and-fire."""

from __future__ import annotations

from typing import Any

from .base import Neuron

__all__ = ["IFNode", "Readout"]


class IFNode(Neuron):
    """Integrate-and-fire neuron: ``v = v + x``, with a spike and a reset at ``v > v_threshold`` (Lapicque, 1907).

    Parameters
    ----------
    v_threshold : float or array or Parameter
        Membrane above which it fires, above 0; one value, or one for each neuron.
    fire : bool
        If False, it never fires and its output is the membrane.
    surrogate_function : callable, optional
        Its gradient replaces the gradient of the step; by default :class:`snn.surrogate.relusigmoid`.
    v_reset : float or array or Parameter or "never", optional
        None: a spike subtracts ``v_threshold``. A number: a spike sets the membrane to this value, at which it
        also starts. "never": a spike changes nothing.
    detach_reset : bool
        If True, no gradient passes through the reset.
    fire_at_threshold : bool
        Fire at ``v >= v_threshold`` instead of ``v > v_threshold``.
    spike_value : {"threshold", "unit"}
        Amplitude of a spike: ``v_threshold``, or 1.
    firing : Firing, optional
        Another rule: :class:`snn.MultiSpike` or :class:`snn.Ternary`.

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
