"""Leaky integrate-and-fire, and a leaky readout."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Self, Unpack

from autograd.errors import ArgumentError

from .base import Neuron, Reset, constant, is_zero, of_constant
from .ranges import SHARE, STEPS, STEPS_EXPONENTIAL, check

__all__ = ["LIFNode", "LeakyReadout"]


class Leak(Reset, total=False):
    """Keyword arguments of a leaky neuron; :class:`LIFNode` documents them."""

    tau: Any
    beta: Any
    decay_input: bool | None
    exponential: bool


class LIFNode(Neuron):
    """Leaky integrate-and-fire neuron (Gerstner et al., Neuronal Dynamics, 2014, chapter 1.3).

    With the resting potential ``r``, which is ``v_reset`` or 0:

    ================ ====================================== ==================================
    ..               ``decay_input=False``                  ``decay_input=True``
    ================ ====================================== ==================================
    ``tau``          ``v = v - (v - r) / tau + x``          ``v = v + (x - (v - r)) / tau``
    ``beta``         ``v = r + beta (v - r) + x``           ``v = r + beta (v - r) + (1 - beta) x``
    ================ ====================================== ==================================

    ``exponential=True`` with ``tau`` uses the row of ``beta`` with ``beta = exp(-1 / tau)``, the exact solution over one step.

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
        also starts and to which it decays. "never": a spike changes nothing.
    detach_reset : bool
        If True, no gradient passes through the reset.
    fire_at_threshold : bool
        Fire at ``v >= v_threshold`` instead of ``v > v_threshold``.
    spike_value : {"threshold", "unit"}
        Amplitude of a spike: ``v_threshold``, or 1.
    firing : Firing, optional
        Another rule: :class:`snn.MultiSpike` or :class:`snn.Ternary`.
    tau : float or array or Parameter
        Time constant in steps, at least 1, or above 0 if ``exponential``; one value, or one for each neuron. Pass either
        ``tau`` or ``beta``.
    beta : float or array or Parameter
        Share of the membrane that remains after a step, in [0, 1]: ``beta = 1 - 1 / tau``.
    decay_input : bool
        Whether the input is scaled like the leak. Required with ``tau``, because both forms are common; with ``beta`` the
        default is False.
    exponential : bool
        Whether ``exp(-1 / tau)`` of the membrane remains after a step instead of ``1 - 1 / tau``.

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

    drive = 0.15

    default_beta: ClassVar[float | None] = None
    """Default of ``beta`` if neither it nor ``tau`` is given; None means that one of them is required."""

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        tau: Any = None,
        beta: Any = None,
        decay_input: bool | None = None,
        exponential: bool = False,
        **reset: Unpack[Reset],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, **reset)
        name = type(self).__name__
        if tau is None and beta is None:
            beta = self.default_beta
        if (tau is None) == (beta is None):
            raise ArgumentError(
                name, "exactly one of tau and beta", "neither" if tau is None else "both",
                f"beta = {'exp(-1 / tau)' if exponential else '1 - 1 / tau'}; tau is in time steps."
                + f" Name it: {name}(beta=0.9)." * (tau is None),
            )  # fmt: skip
        if decay_input is None and tau is not None:
            raise ArgumentError(
                name, "decay_input together with tau", "nothing",
                "False adds the whole input, v - v / tau + x; True scales it like the leak, v + (x - v) / tau.",
            )  # fmt: skip
        self.tau, self.beta, self.decay_input, self.exponential = tau, beta, bool(decay_input), exponential

    @classmethod
    def takes(cls) -> dict[str, inspect.Parameter]:
        """Return the arguments of the constructor, including those in ``**leak``."""
        shown = super().takes()
        if list(inspect.signature(cls.__init__).parameters.values())[-1].annotation == "Unpack[Leak]":
            leak = inspect.signature(LIFNode.__init__).parameters
            shown = {name: leak[name] for name in Leak.__annotations__ if name in leak} | shown
        return dict(sorted(shown.items(), key=lambda item: item[1].kind))

    @classmethod
    def example(cls, **options: Any) -> Self:
        """Return a neuron for figures and tests, with these arguments and a ``beta`` of 0.9 unless there is a default."""
        return super().example(**({"beta": 0.9} if cls.default_beta is None else {}) | options)

    def check_ranges(self) -> None:
        """Check the constants, including those of the leak."""
        super().check_ranges()
        check(self, tau=STEPS_EXPONENTIAL if self.exponential else STEPS, beta=SHARE)

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after leak and input."""
        if self.tau is not None and not self.exponential:
            tau, away = constant(self.tau, v), v if self._at_rest_0() else v - constant(self.v_reset, v)
            return v + (x - away) / tau if self.decay_input else v - away / tau + x
        beta = left(self.tau, self.beta, self.exponential, v)
        return self.leak(v, beta) + ((1 - beta) * x if self.decay_input else x)

    def leak(self, v: Any, beta: Any) -> Any:
        """Return the membrane after the leak, which leaves the share ``beta`` of its distance from the rest."""
        if self._at_rest_0():
            return beta * v
        rest = constant(self.v_reset, v)
        return rest + beta * (v - rest)

    def _at_rest_0(self) -> bool:
        return not self.hard or is_zero(self.v_reset)


def left(tau: Any, share: Any, exponential: bool, like: Any) -> Any:
    """Return the share that remains after a step, from the time constant if there is one."""
    if tau is None:
        return constant(share, like)
    tau = constant(tau, like)
    if not exponential:
        return 1 - 1 / tau
    return of_constant("exp", -1 / tau)


class LeakyReadout(LIFNode):
    """Leaky integrator that never fires; its output is its membrane, for losses on the membrane.

    Parameters
    ----------
    tau, beta, decay_input, exponential
        As for :class:`LIFNode`.

    Raises
    ------
    ArgumentError
        As for :class:`LIFNode`.
    """

    def __init__(
        self, *, tau: Any = None, beta: Any = None, decay_input: bool | None = None, exponential: bool = False
    ) -> None:
        super().__init__(fire=False, tau=tau, beta=beta, decay_input=decay_input, exponential=exponential)
