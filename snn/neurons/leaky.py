"""Leaky integrate-and-fire, and a leaky readout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError

from .base import Neuron, Reset, check_number, constant

__all__ = ["LIFNode", "LeakyReadout"]


class LIFNode(Neuron):
    """Leaky integrate-and-fire neuron (Gerstner et al., Neuronal Dynamics, 2014, chapter 1.3).

    With the rest ``r``, which is ``v_reset`` or 0:

    ================ ====================================== ==================================
    ..               ``decay_input=False``                  ``decay_input=True``
    ================ ====================================== ==================================
    ``tau``          ``v = v - (v - r) / tau + x``          ``v = v + (x - (v - r)) / tau``
    ``beta``         ``v = r + beta (v - r) + x``           ``v = r + beta (v - r) + (1 - beta) x``
    ================ ====================================== ==================================

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.neurons.Neuron`.
    tau : float or array or Parameter
        Time constant in steps, at least 1; one value, or one for each neuron. Give it or ``beta``.
    beta : float or array or Parameter
        Share of the membrane that is left after a step, in [0, 1]: ``beta = 1 - 1 / tau``.
    decay_input : bool
        Whether the input is scaled like the leak. With ``tau`` it must be said, because both forms are common; with ``beta``
        it is False unless said.

    Raises
    ------
    ArgumentError
        If not exactly one of ``tau`` and ``beta`` is given, if it is out of range, or if ``decay_input`` is missing.

    Examples
    --------
    >>> from snn import LIFNode
    >>> LIFNode(tau=10.0, decay_input=False)
    LIFNode(h = v - v / 10 + x; z = h > 1 [relusigmoid()]; spike = z; v' = h - z)
    """

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        tau: Any = None,
        beta: Any = None,
        decay_input: bool | None = None,
        **reset: Unpack[Reset],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, **reset)
        name = type(self).__name__
        if (tau is None) == (beta is None):
            raise ArgumentError(
                name, "exactly one of tau and beta", "neither" if tau is None else "both",
                "beta = 1 - 1 / tau; tau is in time steps.",
            )  # fmt: skip
        if decay_input is None and tau is not None:
            raise ArgumentError(
                name, "decay_input to be said with tau", "nothing",
                "False adds the whole input, v - v / tau + x; True scales it like the leak, v + (x - v) / tau.",
            )  # fmt: skip
        check_number(name, tau=tau, beta=beta)
        self.tau, self.beta, self.decay_input = tau, beta, bool(decay_input)
        self.check_ranges()

    def check_ranges(self) -> None:
        """Check the constants, those of the leak too.

        Raises
        ------
        ArgumentError
            If one is out of range.
        """
        super().check_ranges()
        # The base class calls this before they are there.
        name, tau, beta = type(self).__name__, getattr(self, "tau", None), getattr(self, "beta", None)
        if tau is not None and not np.all(np.asarray(tau) >= 1):
            raise ArgumentError(name, "tau >= 1, in time steps", describe(tau), "A tau of 1 forgets everything in a step.")
        if beta is not None and not np.all((np.asarray(beta) >= 0) & (np.asarray(beta) <= 1)):
            raise ArgumentError(name, "beta in [0, 1]", describe(beta), "beta is the share left after a step.")

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after leak and input."""
        rest = self.v_reset or 0.0
        if self.tau is not None:
            tau, away = constant(self.tau, v), v - rest if rest else v
            return v + (x - away) / tau if self.decay_input else v - away / tau + x
        beta = constant(self.beta, v)
        kept = rest + beta * (v - rest) if rest else beta * v
        return kept + (1 - beta) * x if self.decay_input else kept + x


class LeakyReadout(LIFNode):
    """Leaky integrator that never fires: its membrane is its output, for losses on the membrane.

    Parameters
    ----------
    tau, beta, decay_input
        As for :class:`LIFNode`.

    Raises
    ------
    ArgumentError
        As for :class:`LIFNode`.
    """

    def __init__(self, *, tau: Any = None, beta: Any = None, decay_input: bool | None = None) -> None:
        super().__init__(fire=False, tau=tau, beta=beta, decay_input=decay_input)
