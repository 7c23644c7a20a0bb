"""Resonate-and-fire."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Unpack

from .base import Neuron, Reset, constant, of_constant
from .ranges import POSITIVE, Range

__all__ = ["ResonateAndFireNode"]

_DAMPED = Range(-math.inf, 0, "{} <= 0", "A positive {} makes every oscillation grow.")


class Oscillating(NamedTuple):
    """State of a resonating neuron: its voltage and its current, the imaginary and the real part of one complex number."""

    v: Any
    w: Any


class ResonateAndFireNode(Neuron):
    """Resonate-and-fire neuron, which responds best to inputs at its own frequency (Izhikevich, Neural Networks 14, 2001).

    ``z' = (b + i omega) z + x`` with ``z = w + i v``. A step of ``dt`` rotates and damps exactly, then adds the input:

    ``w = exp(b dt) (cos(omega dt) w - sin(omega dt) v) + dt x``; ``v = exp(b dt) (sin(omega dt) w + cos(omega dt) v)``

    Both use the old values. A soft reset subtracts the threshold from ``v`` alone. A hard reset sets ``v = v_reset`` and
    ``w = 0``; the paper resets to the threshold itself, whereas ``v_reset`` must be below it here.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value, firing
        As for :class:`snn.Neuron`.
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
    ranges = {"b": _DAMPED, "omega": POSITIVE, "dt": POSITIVE}
    drive: ClassVar[float] = 0.36

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

    def charge(self, x: Any, state: Any) -> Any:
        """Return voltage and current after the input."""
        v, w, dt = state.v, state.w, self.dt
        damped, angle = of_constant("exp", constant(self.b, v) * dt), constant(self.omega, v) * dt
        cos, sin = damped * of_constant("cos", angle), damped * of_constant("sin", angle)
        return Oscillating(sin * w + cos * v, cos * w - sin * v + dt * x)

    def fired(self, state: Any, z: Any) -> Any:
        """Set the current to 0 at a spike, if the reset is hard."""
        if not self.hard:
            return state
        return state._replace(w=(1 - self.gate(z)) * state.w)
