"""Currents that rise and decay: a difference of two exponentials, and its limit, the alpha function."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError
from autograd.intake import to_numbers

from ..neurons.base import constant, of_constant
from ..neurons.leaky import left
from ..neurons.ranges import STEPS_EXPONENTIAL
from .base import Synapse

__all__ = ["Alpha", "DoubleExponential"]


class Rising(NamedTuple):
    """State of a synapse that rises: its current, and the variable that drives its rise."""

    i: Any
    rise: Any


class _Rising(Synapse):
    """Two decays in series, exact at whole steps, also if both are equal."""

    State = Rising

    def decays(self, like: Any) -> tuple[Any, Any, Any]:
        """Return the shares of the current and of its rise that remain after a step, and the gain from rise to current."""
        raise NotImplementedError  # each synapse's own

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: return the current for an input ``[N, ...]``, and the next state."""
        decay, rise, gain = self.decays(state.i)
        i = decay * state.i + gain * state.rise
        return i, Rising(i, rise * state.rise + x)


class DoubleExponential(_Rising):
    """Current with a rise and a slower decay (Roth and van Rossum, in De Schutter, Computational Modeling Methods, 2009).

    ``t`` steps after an input of 1 it is ``k (exp(-t / tau_decay) - exp(-t / tau_rise))``, exact at whole steps. Here
    ``k = q^(-q / (1 - q)) / (1 - q)``, with ``q = tau_rise / tau_decay``, scales the peak of this curve to 1. The peak may lie
    between two steps, so the largest sample may be slightly below 1.

    Parameters
    ----------
    tau_rise, tau_decay : float or array or Parameter
        Time constants in steps, above 0, ``tau_rise`` the shorter one; one value each, or one for each neuron ([features]).

    Raises
    ------
    ArgumentError
        If one is out of range.

    Examples
    --------
    >>> import numpy as np, snn
    >>> x = np.zeros((8, 1, 1))
    >>> x[0] = 1
    >>> out, _, _ = snn.run(snn.synapses.DoubleExponential(tau_rise=1.0, tau_decay=4.0), x)
    >>> print(out.asnumpy().ravel().round(2))
    [0.   0.87 1.   0.89 0.74 0.59 0.47 0.37]
    """

    ranges = {"tau_rise": STEPS_EXPONENTIAL, "tau_decay": STEPS_EXPONENTIAL}

    def __init__(self, tau_rise: Any, tau_decay: Any) -> None:
        super().__init__()
        self.tau_rise, self.tau_decay = tau_rise, tau_decay

    def check_ranges(self) -> None:
        """Check the constants."""
        super().check_ranges()
        name = type(self).__name__
        if not np.all(to_numbers(self.tau_rise, f"{name}, tau_rise") < to_numbers(self.tau_decay, f"{name}, tau_decay")):
            raise ArgumentError(
                name, "tau_rise < tau_decay", f"{describe(self.tau_rise)} and {describe(self.tau_decay)}",
                "For equal time constants use Alpha.",
            )  # fmt: skip

    def decays(self, like: Any) -> tuple[Any, Any, Any]:
        """Return the decay of the current, the decay of its rise, and the gain between them."""
        ratio = constant(self.tau_rise, like) / constant(self.tau_decay, like)
        decay, rise = left(self.tau_decay, None, True, like), left(self.tau_rise, None, True, like)
        k = of_constant("exp", -ratio / (1 - ratio) * of_constant("log", ratio)) / (1 - ratio)
        return decay, rise, k * (decay - rise)


class Alpha(_Rising):
    """Alpha-shaped current (Rall, 1967): the limit of :class:`DoubleExponential` for equal time constants.

    ``t`` steps after an input of 1 it is ``t / tau_syn exp(1 - t / tau_syn)``, exact at whole steps; its peak, at ``tau_syn``,
    is 1.

    Parameters
    ----------
    tau_syn : float or array or Parameter
        Time constant in steps, above 0; one value, or one for each neuron ([features]).

    Raises
    ------
    ArgumentError
        If it is out of range.

    Examples
    --------
    >>> import numpy as np, snn
    >>> x = np.zeros((8, 1, 1))
    >>> x[0] = 1
    >>> out, _, _ = snn.run(snn.synapses.Alpha(tau_syn=2.0), x)
    >>> print(out.asnumpy().ravel().round(2))
    [0.   0.82 1.   0.91 0.74 0.56 0.41 0.29]
    """

    ranges = {"tau_syn": STEPS_EXPONENTIAL}

    def __init__(self, tau_syn: Any) -> None:
        super().__init__()
        self.tau_syn = tau_syn

    def decays(self, like: Any) -> tuple[Any, Any, Any]:
        """Return the decay, the same for the rise, and the gain between them."""
        tau, decay = constant(self.tau_syn, like), left(self.tau_syn, None, True, like)
        return decay, decay, of_constant("exp", 1 - 1 / tau) / tau
