"""Sinabs: fires at or above the threshold, several times per step by default, resets by subtraction at once, in float32."""

from __future__ import annotations

from typing import Any

from autograd.errors import ArgumentError

from .. import surrogate
from ..neurons import CurrentLIFNode, IFNode, LIFNode
from .shared import Bump, ChargedCurrentLIFNode, Whole, choose, number, own, single

__all__ = ["LEFT", "NEURONS"]

_WHERE = "dialect('sinabs')"

LEFT = {
    "min_v_mem": (None, "Our membranes have no lower bound."),
    "train_alphas": (False, "Pass tau_mem as a Parameter to learn it."),
    "shape": (None, "Our neurons take their shape from the input: leave it out."),
    "record_states": (False, "snn.run(..., record=['v']) records them."),
}


def _options(spike_threshold: Any, spike_fn: Any, reset_fn: Any, surrogate_grad_fn: Any) -> dict[str, Any]:
    several = choose(_WHERE, "spike_fn", spike_fn, {"MultiSpike": True, "MaxSpike": True, "SingleSpike": False})
    hard = choose(_WHERE, "reset_fn", reset_fn, {"MembraneSubtract": False, "MembraneReset": True})
    if getattr(reset_fn, "reset_value", 0) != 0 or getattr(reset_fn, "subtract_value", None) is not None:
        raise ArgumentError(
            _WHERE, "a reset to 0, or by the threshold", repr(reset_fn), "Sinabs adds any other reset_value in each step."
        )
    (threshold,) = number(_WHERE, spike_threshold=spike_threshold)
    return {
        "v_threshold": single(threshold),
        "surrogate_function": _surrogate(threshold, surrogate_grad_fn),
        "v_reset": 0.0 if hard else None,
        "detach_reset": hard,  # in Sinabs a reset to 0 has no gradient, a subtraction has one
        "fire_at_threshold": True,
        "spike_value": "unit",
        "firing": Whole(getattr(spike_fn, "max_num_spikes_per_bin", None)) if several else None,
    }


def _surrogate(threshold: Any, function: Any) -> Any:
    """Return the surrogate for a name or for an object of Sinabs; one of ours is returned unchanged."""
    name = function if isinstance(function, str) else type(function).__name__
    width, scale = getattr(function, "grad_width", 0.5), getattr(function, "grad_scale", 1.0)
    if name == "SingleExponential":
        return Bump(single(scale / (threshold * width)), single(threshold * width))
    if name == "PeriodicExponential":
        return Bump(scale, width, single(threshold), slope=2.0)
    if name == "Heaviside":
        return surrogate.step_pwl(single(1 / threshold), window=getattr(function, "window", 1.0))
    if isinstance(function, str):
        choose(_WHERE, "surrogate_grad_fn", function, dict.fromkeys(("SingleExponential", "PeriodicExponential", "Heaviside")))
    return own(_WHERE, "surrogate_grad_fn", function, surrogate.atan())


def integrate(
    spike_threshold: Any = 1.0,
    spike_fn: Any = "MultiSpike",
    reset_fn: Any = "MembraneSubtract",
    surrogate_grad_fn: Any = "SingleExponential",
    tau_syn: Any = None,
) -> IFNode | CurrentLIFNode:
    """Return Sinabs's IAF; with ``tau_syn`` it has a synaptic current."""
    options = _options(spike_threshold, spike_fn, reset_fn, surrogate_grad_fn)
    return IFNode(**options) if tau_syn is None else _charged(tau_syn, beta=1.0, **options)


def leaky(
    tau_mem: Any,
    tau_syn: Any = None,
    spike_threshold: Any = 1.0,
    spike_fn: Any = "MultiSpike",
    reset_fn: Any = "MembraneSubtract",
    surrogate_grad_fn: Any = "SingleExponential",
    norm_input: bool = True,
) -> LIFNode:
    """Return Sinabs's LIF; with ``tau_syn`` it has a synaptic current."""
    options = _options(spike_threshold, spike_fn, reset_fn, surrogate_grad_fn)
    leak = {"tau": single(tau_mem), "exponential": True, "decay_input": norm_input}
    return LIFNode(**leak, **options) if tau_syn is None else _charged(tau_syn, **leak, **options)


def _charged(tau_syn: Any, **options: Any) -> CurrentLIFNode:
    return ChargedCurrentLIFNode(tau_syn=single(tau_syn), **(options | {"exponential": True}))


NEURONS = {IFNode: integrate, LIFNode: leaky}
