"""Exponential integrate-and-fire, alone and with an adaptation current (AdEx)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Unpack

import numpy as np

from .base import Neuron, Rule, Shared, bounded_exp, constant
from .quadratic import Adapting
from .ranges import FINITE, POSITIVE, STEPS, Range, check

__all__ = ["AdExNode", "EIFNode"]


class EIFNode(Neuron):
    """Exponential integrate-and-fire neuron (Fourcaud-Trocme et al., 2003), in units of its threshold.

    ``v = v + (x - (v - v_rest) + delta exp((v - v_rh) / delta)) / tau``: above ``v_rh`` the membrane runs away.

    It does not fire at a constant input of up to ``v_rh - v_rest - delta``, 0.6 by default. With a ``delta`` above
    ``v_rh - v_rest``, as by default in SpikingJelly, it fires without any input.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value, firing
        As for :class:`snn.Neuron`; the reset is hard by default.
    tau : float or array or Parameter
        Time constant in steps, at least 1.
    delta : float or array or Parameter
        Sharpness of the upstroke, above 0: the rise of the membrane over which its growth becomes e times faster.
    v_rh : float or array or Parameter
        Rheobase threshold: the steady membrane under the largest constant input that does not make the neuron fire.
    v_rest : float or array or Parameter
        Membrane at rest without the exponential term; the initial membrane if the reset is soft.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    ranges = {"tau": STEPS, "delta": POSITIVE, "v_rh": FINITE, "v_rest": FINITE}
    drive = 0.8

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        v_reset: Any = -0.1,
        tau: Any = 2.0,
        delta: Any = 0.2,
        v_rh: Any = 0.8,
        v_rest: Any = 0.0,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, v_reset=v_reset, **shared)
        self.tau, self.delta, self.v_rh, self.v_rest = tau, delta, v_rh, v_rest

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after the input."""
        tau, delta, v_rh, v_rest = (constant(value, v) for value in (self.tau, self.delta, self.v_rh, self.v_rest))
        return v + (x - (v - v_rest) + delta * bounded_exp((v - v_rh) / delta)) / tau


class AdExNode(Neuron):
    """Adaptive exponential integrate-and-fire neuron (Brette and Gerstner, 2005), in mV, ms, pA, pF and nS.

    One Euler step of ``dt`` updates both from the old ``v`` and ``w``:

    ``v = v + dt (x - w - g (v - v_rest) + g delta exp((v - v_rh) / delta)) / c``; ``w = w + dt (a (v - v_rest) - w) / tau_w``

    At a spike ``v = v_reset`` and ``w = w + b``. The defaults are those of the paper, except that ``dt`` is 1 ms here and
    smaller there.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, detach_reset, fire_at_threshold, firing
        As for :class:`snn.Neuron`; the threshold, in mV, is where the upstroke is cut off.
    v_reset : float or array or Parameter
        Membrane after a spike, in mV.
    dt : float
        Length of a step in ms, above 0.
    c : float or array or Parameter
        Capacitance in pF, above 0.
    g : float or array or Parameter
        Leak conductance in nS, above 0.
    v_rest : float or array or Parameter
        Membrane at rest, also the initial membrane, in mV.
    v_rh : float or array or Parameter
        Threshold of the upstroke in mV.
    delta : float or array or Parameter
        Sharpness of the upstroke in mV, above 0.
    tau_w : float or array or Parameter
        Time constant of the adaptation in ms, at least ``dt``.
    a : float or array or Parameter
        Sensitivity of the adaptation to the membrane, in nS.
    b : float or array or Parameter
        Increase of the adaptation at a spike, in pA.
    spike_value : {"unit", "threshold"}
        Amplitude of a spike: 1, or ``v_threshold``.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    State = Adapting
    ranges = {
        **dict.fromkeys(("dt", "c", "g", "delta"), POSITIVE),
        **dict.fromkeys(("v_rest", "v_rh", "a", "b"), FINITE),
    }
    drive: ClassVar[float] = 1000.0
    scale = 90.6

    def __init__(
        self,
        v_threshold: Any = 20.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        v_reset: Any = -70.6,
        dt: float = 1.0,
        c: Any = 281.0,
        g: Any = 30.0,
        v_rest: Any = -70.6,
        v_rh: Any = -50.4,
        delta: Any = 2.0,
        tau_w: Any = 144.0,
        a: Any = 4.0,
        b: Any = 80.5,
        spike_value: str = "unit",
        **shared: Unpack[Rule],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, v_reset=v_reset, spike_value=spike_value, **shared)
        self.dt, self.c, self.g, self.v_rest, self.v_rh, self.delta = dt, c, g, v_rest, v_rh, delta
        self.tau_w, self.a, self.b = tau_w, a, b

    def check_ranges(self) -> None:
        """Check the constants."""
        super().check_ranges()
        check(self, tau_w=Range(self.dt, np.inf, "{} >= dt, in ms", "Use a smaller dt."))

    def charge(self, x: Any, state: Any) -> Any:
        """Return membrane and adaptation after the input."""
        v, w, dt = state.v, state.w, self.dt
        c, g, v_rest, v_rh, delta = (constant(value, v) for value in (self.c, self.g, self.v_rest, self.v_rh, self.delta))
        a, tau_w = constant(self.a, v), constant(self.tau_w, v)
        current = x - w - g * (v - v_rest) + g * delta * bounded_exp((v - v_rh) / delta)
        return Adapting(v + dt * current / c, w + dt * (a * (v - v_rest) - w) / tau_w)

    def fired(self, state: Any, z: Any) -> Any:
        """Add to the adaptation at a spike."""
        return state._replace(w=state.w + constant(self.b, z) * z)

    def begin(self) -> Any:
        """Return the membrane at the start: ``v_rest``."""
        return self.v_rest
