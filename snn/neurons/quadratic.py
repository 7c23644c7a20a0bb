"""Quadratic integrate-and-fire, alone and with an adaptation current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Unpack

from .base import Neuron, Shared, constant
from .ranges import FINITE, POSITIVE, STEPS

__all__ = ["AdaptiveQIFNode", "QIFNode"]


class QIFNode(Neuron):
    """Quadratic integrate-and-fire neuron (Latham et al., 2000; Gerstner et al., Neuronal Dynamics, 2014, chapter 5.3).

    ``v = v + (x + a0 (v - v_rest) (v - v_c)) / tau``: below ``v_c`` the membrane returns to ``v_rest``, above it the membrane
    grows without bound.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, detach_reset, fire_at_threshold, spike_value, firing
        As for :class:`snn.Neuron`; the reset is hard by default.
    tau : float or array or Parameter
        Time constant in steps, at least 1.
    a0 : float or array or Parameter
        Strength of the quadratic term, above 0.
    v_c : float or array or Parameter
        Critical membrane.
    v_rest : float or array or Parameter
        Membrane at rest; also the initial membrane if the reset is soft.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> import snn
    >>> snn.QIFNode(tau=4.0)
    QIFNode(h = v + (x + v * (v - 0.8)) / 4; z = h > 1 [relusigmoid()]; spike = z; v' = (1 - z) * h - 0.1 z)
    """

    ranges = {"tau": STEPS, "a0": POSITIVE, "v_c": FINITE, "v_rest": FINITE}
    drive = 0.4

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        v_reset: Any = -0.1,
        tau: Any = 2.0,
        a0: Any = 1.0,
        v_c: Any = 0.8,
        v_rest: Any = 0.0,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(v_threshold, fire, surrogate_function, v_reset=v_reset, **shared)
        self.tau, self.a0, self.v_c, self.v_rest = tau, a0, v_c, v_rest

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after the input."""
        tau, a0, v_c, v_rest = (constant(value, v) for value in (self.tau, self.a0, self.v_c, self.v_rest))
        return v + (x + a0 * (v - v_rest) * (v - v_c)) / tau


class Adapting(NamedTuple):
    """State of a neuron with adaptation: its membrane, and the current that is subtracted from its input."""

    v: Any
    w: Any


class AdaptiveQIFNode(QIFNode):
    """Quadratic integrate-and-fire neuron with an adaptation current: Izhikevich's neuron in general form (2003).

    ``v = v + (x + a0 (v - v_rest) (v - v_c) - w) / tau``; ``w = w + (a (v - v_rest) - w) / tau_w``, from the new ``v``; at a
    spike ``w = w + b``. SpikingJelly calls it ``IzhikevichNode``; :class:`snn.IzhikevichNode` is the one in millivolts.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, v_reset, tau, a0, v_c, v_rest, detach_reset, fire_at_threshold, spike_value, firing
        As for :class:`QIFNode`.
    tau_w : float or array or Parameter
        Time constant of the adaptation in steps, at least 1.
    a : float or array or Parameter
        Sensitivity of the adaptation to the membrane.
    b : float or array or Parameter
        Increase of the adaptation at a spike.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    State = Adapting
    ranges = {"tau_w": STEPS, "a": FINITE, "b": FINITE}
    drive: ClassVar[float] = 0.5

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        v_reset: Any = -0.1,
        tau: Any = 2.0,
        a0: Any = 1.0,
        v_c: Any = 0.8,
        v_rest: Any = 0.0,
        tau_w: Any = 4.0,
        a: Any = 0.1,
        b: Any = 0.1,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(
            v_threshold, fire, surrogate_function, v_reset=v_reset, tau=tau, a0=a0, v_c=v_c, v_rest=v_rest, **shared
        )
        self.tau_w, self.a, self.b = tau_w, a, b

    def charge(self, x: Any, state: Any) -> Any:
        """Return membrane and adaptation after the input."""
        v = super().charge(x - state.w, state.v)
        a, tau_w, v_rest = (constant(value, v) for value in (self.a, self.tau_w, self.v_rest))
        return Adapting(v, state.w + (a * (v - v_rest) - state.w) / tau_w)

    def fired(self, state: Any, z: Any) -> Any:
        """Add to the adaptation at a spike."""
        return state._replace(w=state.w + constant(self.b, z) * z)
