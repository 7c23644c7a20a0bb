"""Spyx: fires if the membrane of the previous step is above the threshold, resets by subtraction, in float32.

A step computes ``z = step(v - th)`` from the previous membrane, then charges, and resets by ``z``.
"""

from __future__ import annotations

from typing import Any

from .. import surrogate
from ..common.structure import membrane
from ..neurons import ALIFNode, CurrentLIFNode, IFNode, LIFNode
from .shared import Late, own, single

__all__ = ["LEFT", "NEURONS"]

LEFT = {
    "hidden_shape": (None, "Our neurons take their shape from the input: leave it out."),
    "rngs": (None, "Constants are not random: pass them as numbers, arrays or Parameters."),
}


class LateSpike(Late):
    """A neuron whose spikes come from the previous state."""

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step; the spikes come from the previous state."""
        threshold = self.threshold(state)
        z = self.spikes(membrane(state) - threshold)
        return z, self.move(x, state, z, z * threshold)

    def move(self, x: Any, state: Any, z: Any, amplitude: Any) -> Any:
        """Return the state after input and reset."""
        return self.charge(x, state) - amplitude


class LateSpikeIFNode(LateSpike, IFNode):
    """IF: ``v = v + x - z th``."""


class LateSpikeLIFNode(LateSpike, LIFNode):
    """LIF: ``v = beta v + x - z th``."""


class LateSpikeCurrentLIFNode(LateSpike, CurrentLIFNode):
    """CuBaLIF: ``i = alpha i + x``; ``v = beta (v - z th) + i``."""

    def move(self, x: Any, state: Any, z: Any, amplitude: Any) -> Any:
        """Return membrane and current after reset and input."""
        return self.charge(x, state._replace(v=state.v - amplitude))


class LateSpikeALIFNode(LateSpike, ALIFNode):
    """ALIF: ``z = step(v - th - b)``; ``v = beta v + x - z (th + b)``; ``b = rho b + (1 - rho) z``."""

    def move(self, x: Any, state: Any, z: Any, amplitude: Any) -> Any:
        """Return membrane and adaptation after input and reset."""
        charged = self.charge(x, state)
        return self.fired(charged._replace(v=charged.v - amplitude), z)


def _options(threshold: Any, activation: Any) -> dict[str, Any]:
    return {
        "v_threshold": single(threshold),
        "surrogate_function": own("dialect('spyx')", "activation", activation, surrogate.fast_sigmoid(25.0)),
        "spike_value": "unit",
    }


def integrate(threshold: Any = 1.0, activation: Any = None) -> IFNode:
    """Return Spyx's IF."""
    return LateSpikeIFNode(**_options(threshold, activation))


def leaky(beta: Any, threshold: Any = 1.0, activation: Any = None) -> LIFNode:
    """Return Spyx's LIF."""
    return LateSpikeLIFNode(beta=single(beta), **_options(threshold, activation))


def cuba(alpha: Any, beta: Any, threshold: Any = 1.0, activation: Any = None) -> CurrentLIFNode:
    """Return Spyx's CuBaLIF."""
    return LateSpikeCurrentLIFNode(alpha=single(alpha), beta=single(beta), **_options(threshold, activation))


def adaptive(beta: Any, gamma: Any, threshold: Any = 1.0, activation: Any = None) -> ALIFNode:
    """Return Spyx's ALIF."""
    options = _options(threshold, activation)
    return LateSpikeALIFNode(beta=single(beta), rho=single(gamma), strength=1.0, **options)


NEURONS = {IFNode: integrate, LIFNode: leaky, CurrentLIFNode: cuba, ALIFNode: adaptive}
