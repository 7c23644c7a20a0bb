"""Leaky neurons driven by a decaying synaptic current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Unpack

import numpy as np

from autograd import Tensor
from autograd.dtypes import describe
from autograd.errors import ArgumentError
from autograd.intake import to_numbers

from .base import Reset, of_constant
from .leaky import Leak, LIFNode, left
from .ranges import SHARE, STEPS, STEPS_EXPONENTIAL, check

__all__ = ["AlphaNode", "CurrentLIFNode"]


class CurrentState(NamedTuple):
    """Membrane and synaptic current."""

    v: Tensor
    i: Tensor


class CurrentLIFNode(LIFNode):
    """Leaky neuron driven by a decaying current: ``i = alpha i + x``, and ``i`` is the input of :class:`LIFNode`.

    A reset does not change the current (Gerstner et al., Neuronal Dynamics, 2014, chapter 1.3; Neftci et al., 2019).

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`.
    tau_syn : float or array or Parameter
        Time constant of the current in steps: ``alpha = 1 - 1 / tau_syn``, or ``exp(-1 / tau_syn)`` if ``exponential``.
    alpha : float or array or Parameter
        Share of the current that remains after a step, in [0, 1]; 0.8 if neither it nor ``tau_syn`` is given.
    current_first : bool
        If True, the input of a step reaches the membrane in the same step. If False, the membrane takes the current of the
        previous step.
    tau, beta, decay_input, exponential
        As for :class:`LIFNode`; ``beta`` is 0.9 if neither it nor ``tau`` is given.

    Raises
    ------
    ArgumentError
        If both ``tau_syn`` and ``alpha`` are given, or one is out of range; and as for :class:`LIFNode`.

    Examples
    --------
    >>> from snn import CurrentLIFNode
    >>> CurrentLIFNode(tau_syn=5.0, tau=10.0, decay_input=True)
    CurrentLIFNode(i' = 0.8 i + x; h = v + (i' - v) / 10; z = h > 1 [relusigmoid()]; spike = z; v' = h - z)
    """

    State: ClassVar[Any] = CurrentState
    default_beta = 0.9
    drive = 0.03

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        tau_syn: Any = None,
        alpha: Any = None,
        current_first: bool = True,
        **leak: Unpack[Leak],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, **leak)
        if tau_syn is not None and alpha is not None:
            raise ArgumentError(
                type(self).__name__, "exactly one of tau_syn and alpha", "both",
                f"alpha = {'exp(-1 / tau_syn)' if self.exponential else '1 - 1 / tau_syn'}; tau_syn is in time steps.",
            )  # fmt: skip
        self.tau_syn, self.alpha = tau_syn, 0.8 if tau_syn is None and alpha is None else alpha
        self.current_first = current_first

    def check_ranges(self) -> None:
        """Check the constants, including those of the current."""
        super().check_ranges()
        check(self, tau_syn=STEPS_EXPONENTIAL if self.exponential else STEPS, alpha=SHARE)

    def charge(self, x: Any, state: Any) -> CurrentState:
        """Return membrane and current after leak and input."""
        i = left(self.tau_syn, self.alpha, self.exponential, state.i) * state.i + x
        return CurrentState(super().charge(i if self.current_first else state.i, state.v), i)


class AlphaNode(CurrentLIFNode):
    """Leaky neuron with an alpha-shaped response to an input, which starts at 0, rises slowly and decays more slowly.

    With the resting potential ``r``, which is ``v_reset`` or 0, and ``k = ln alpha / (ln alpha - ln beta)``:

    ``v = r + beta (v - r) + k (beta - alpha) i``, then ``i = alpha i + x``.

    ``n`` steps after an input of 1, the membrane is ``k (beta^n - alpha^n)``: the difference of two exponentials, often
    written as an excitation that decays with ``beta`` and an inhibition that decays with ``alpha``. With time constants, ``k``
    is ``tau / (tau - tau_syn)`` (Gerstner et al., Neuronal Dynamics, 2014, chapter 6.4). A hard reset also clears the current:
    no past input remains.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`.
    tau, tau_syn : float or array or Parameter
        Time constants in steps, ``tau_syn`` the shorter one: ``beta = exp(-1 / tau)`` and ``alpha = exp(-1 / tau_syn)``.
    beta, alpha : float or array or Parameter
        Alternatively, the shares that remain after a step, 0.9 and 0.8 by default: ``0 < alpha < beta < 1``.

    Raises
    ------
    ArgumentError
        If both a time constant and its share are given, or one is out of range.
    """

    drive = 0.2

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        tau: Any = None,
        beta: Any = None,
        tau_syn: Any = None,
        alpha: Any = None,
        **reset: Unpack[Reset],
    ) -> None:
        super().__init__(
            v_threshold, fire, surrogate_function,
            tau=tau, beta=beta, tau_syn=tau_syn, alpha=alpha,
            exponential=True, decay_input=False, current_first=False, **reset,
        )  # fmt: skip

    def check_ranges(self) -> None:
        """Check the constants."""
        super().check_ranges()
        slow, fast = (
            to_numbers(share, "alpha, beta") if tau is None else np.exp(-1 / to_numbers(tau, "tau, tau_syn"))
            for tau, share in ((self.tau, self.beta), (self.tau_syn, self.alpha))
        )
        if not np.all((fast > 0) & (fast < slow) & (slow < 1)):
            raise ArgumentError(
                type(self).__name__, "0 < alpha < beta < 1, or tau_syn < tau",
                " and ".join(describe(v) for v in (self.alpha, self.tau_syn, self.beta, self.tau) if v is not None),
                "The current must decay faster than the membrane.",
            )  # fmt: skip

    def charge(self, x: Any, state: Any) -> CurrentState:
        """Return membrane and current after leak and input."""
        v, i = state
        beta = left(self.tau, self.beta, True, v)
        alpha = left(self.tau_syn, self.alpha, True, v)
        rate, rate_syn = of_constant("log", beta), of_constant("log", alpha)
        gain = rate_syn / (rate_syn - rate) * (beta - alpha)
        return CurrentState(self.leak(v, beta) + gain * i, alpha * i + x)

    def fired(self, state: Any, z: Any) -> Any:
        """Return the state after the reset; a hard one clears the current."""
        if not self.hard:
            return state
        return state._replace(i=(1 - self.gate(z)) * state.i)
