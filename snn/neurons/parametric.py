"""Leaky neurons with a learnt constant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Unpack

import numpy as np

from autograd import Parameter, Tensor, as_tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError

from .base import Neuron, Reset, constant
from .leaky import Leak, LIFNode, left
from .ranges import FINITE, POSITIVE, check_number

__all__ = ["CLIFNode", "KLIFNode", "PLIFNode"]


class PLIFNode(Neuron):
    """Leaky neuron with a learnt time constant, ``1 / tau = sigmoid(w)``, which keeps ``tau`` above 1.

    With the resting potential ``r``, which is ``v_reset`` or 0: ``v = v + (x - (v - r)) sigmoid(w)`` with ``decay_input``,
    else ``v = v - (v - r) sigmoid(w) + x`` (Fang et al., "Incorporating learnable membrane time constant to enhance learning
    of spiking neural networks", 2021).

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`.
    tau : float or array
        Time constant in steps before learning, above 1: one for the layer, or one for each neuron. The Parameter ``w`` starts
        at ``-ln(tau - 1)``, in the dtype of an array.
    decay_input : bool
        Whether the input is scaled like the leak.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    ranges = {"w": FINITE}
    drive = 1.1

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        tau: Any = 2.0,
        decay_input: bool = True,
        **reset: Unpack[Reset],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, **reset)
        name = type(self).__name__
        check_number(name, tau=tau)
        start = as_tensor(tau, name).array
        if not np.all((start > 1) & (start < np.inf)):
            raise ArgumentError(name, "a finite tau > 1, in time steps", describe(tau), "1 / tau = sigmoid(w) stays below 1.")
        self.w = Parameter(-np.log(start - 1))
        self.decay_input = decay_input

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after leak and input."""
        rate = ops.sigmoid(constant(self.w, v))
        away = v - constant(self.v_reset, v) if self.hard else v
        return v + (x - away) * rate if self.decay_input else v - away * rate + x


class KLIFNode(LIFNode):
    """Leaky neuron with a learnt slope: the membrane of :class:`LIFNode` passes through ``relu(k v)``.

    The reset follows (Jiang and Zhang, "KLIF: an optimized spiking neuron unit for tuning surrogate gradient slope and
    membrane potential", 2023).

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`.
    k : float or array or Parameter, optional
        The slope, above 0. By default a Parameter with initial value 1; a number is not learnt.
    tau, beta, decay_input, exponential
        As for :class:`LIFNode`; ``beta`` is 0.9 if neither it nor ``tau`` is given.

    Raises
    ------
    ArgumentError
        If an argument is out of range; and as for :class:`LIFNode`.
    """

    ranges = {"k": POSITIVE}
    default_beta = 0.9
    drive = 0.2

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        k: Any = None,
        **leak: Unpack[Leak],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, **leak)
        self.k = Parameter(1.0) if k is None else k

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after leak, input and slope."""
        return ops.relu(constant(self.k, v) * super().charge(x, v))


class CLIFState(NamedTuple):
    """Membrane and complementary potential."""

    v: Tensor
    m: Tensor


class CLIFNode(LIFNode):
    """Leaky neuron with a complementary potential ``m``, which strengthens the reset of a neuron that fires often.

    ``m = m sigmoid(h / tau) + z``, where ``h`` is the membrane of :class:`LIFNode` before it fires, and ``1 / tau`` the share
    of it that leaks in a step. A soft reset is ``v = h - z (v_threshold + sigmoid(m))``; a hard reset sets the membrane to
    ``v_reset`` (Huang et al., "CLIF: complementary leaky integrate-and-fire neuron for spiking neural networks", 2024).

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`.
    tau, beta, decay_input, exponential
        As for :class:`LIFNode`; ``beta`` is 0.5 if neither it nor ``tau`` is given, and ``1 / tau`` is ``1 - beta``.

    Raises
    ------
    ArgumentError
        As for :class:`LIFNode`.
    """

    State = CLIFState
    default_beta = 0.5
    drive = 0.55

    def charge(self, x: Any, state: Any) -> CLIFState:
        """Return the membrane after leak and input, and ``m`` after its decay."""
        h = super().charge(x, state.v)
        leaks = 1 - left(self.tau, self.beta, self.exponential, h)
        return CLIFState(h, state.m * ops.sigmoid(h * leaks))

    def taken(self, state: Any, threshold: Any, z: Any) -> Any:
        """Return the amount that a soft reset subtracts: the threshold plus the sigmoid of the new ``m``."""
        return threshold + ops.sigmoid(state.m + z)

    def fired(self, state: Any, z: Any) -> CLIFState:
        """Add to ``m`` at a spike."""
        return CLIFState(state.v, state.m + z)
