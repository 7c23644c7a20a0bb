"""Spyx: fires above the threshold, but from the membrane of the step before; resets by subtraction, in float32."""

from __future__ import annotations

from typing import Any

from .. import surrogate
from ..neurons import ALIFNode, CurrentLIFNode, IFNode, LIFNode
from .orders import LateSpikeALIFNode, LateSpikeCurrentLIFNode, LateSpikeIFNode, LateSpikeLIFNode
from .shared import single

__all__ = ["LEFT", "NEURONS"]

LEFT = {
    "hidden_shape": (None, "Our neurons take their shape from the input: leave it out."),
    "rngs": (None, "Nothing is drawn: pass the constants, as numbers, arrays or Parameters."),
}


def _options(threshold: Any, activation: Any) -> dict[str, Any]:
    return {
        "v_threshold": single(threshold),
        "surrogate_function": surrogate.fast_sigmoid(25.0) if activation is None else activation,
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
