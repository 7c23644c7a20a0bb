"""Resonate-and-fire."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Unpack

from autograd import ops, stop_gradient

from .base import Neuron, Reset, constant
from .ranges import POSITIVE, Range, check

__all__ = ["ResonateAndFireNode"]

_DAMPED = Range(-math.inf, 0, "{} <= 0", "A positive {} makes every oscillation grow.")


class Oscillating(NamedTuple):
    """State of a resonating neuron: its voltage and its current, the imaginary and the real part of one complex number."""

    v: Any
    w: Any


class ResonateAndFireNode(Neuron):
    """Resonate-and-fire neuron (Izhikevich, Neural Networks 14, 2001): it prefers inputs in the rhythm of its own oscillation.

    ``z' = (b + i omega) z + x`` with ``z = w + i v``. A step of ``dt`` turns and damps exactly, then adds the input:

    ``w = exp(b dt) (cos(omega dt) w - sin(omega dt) v) + dt x``; ``v = exp(b dt) (sin(omega dt) w + cos(omega dt) v)``

    Both are from the old. A soft reset takes the threshold from ``v`` alone. A hard one sets ``v = v_reset`` and ``w = 0``; in
    the paper ``v_reset`` is the threshold itself, here it is below.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value, firing
        As for :class:`snn.neurons.Neuron`.
    b : float or array or Parameter
        Damping, at most 0, in 1 / time; the amplitude falls e-fold in ``-1 / b``.
    omega : float or array or Parameter
        Angular frequency, above 0; a period is ``2 pi / omega``.
    dt : float
        Length of a step, in the unit of time of ``b`` and ``omega``.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    State = Oscillating
    drive: ClassVar[float] = 0.25

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        b: Any = -0.1,
        omega: Any = 0.5,
        dt: float = 1.0,
        **reset: Unpack[Reset],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, **reset)
        self.b, self.omega, self.dt = b, omega, dt
        self.check_ranges()

    def check_ranges(self) -> None:
        """Check the constants.

        Raises
        ------
        ArgumentError
            If one is out of range.
        """
        super().check_ranges()
        if hasattr(self, "dt"):  # the base class calls this before they are there
            check(self, b=_DAMPED, omega=POSITIVE, dt=POSITIVE)

    def charge(self, x: Any, state: Any) -> Any:
        """Return voltage and current after the input."""
        v, w, dt = state.v, state.w, self.dt
        damped, angle = _of("exp", constant(self.b, v) * dt), constant(self.omega, v) * dt
        cos, sin = damped * _of("cos", angle), damped * _of("sin", angle)
        return Oscillating(sin * w + cos * v, cos * w - sin * v + dt * x)

    def fired(self, state: Any, z: Any) -> Any:
        """Set the current to 0 at a spike, if the reset is hard."""
        if self.v_reset is None:
            return state
        gate = stop_gradient(z) if self.detach_reset else z
        return state._replace(w=(1 - gate) * state.w)


def _of(function: str, value: Any) -> Any:
    """Apply a function to a constant; one that is a number stays one, and so weak."""
    return getattr(math if isinstance(value, (int, float)) else ops, function)(value)
