"""Sinabs: fires at the threshold too, by default several times in a step; resets at once, by subtraction."""

from __future__ import annotations

from typing import Any

from autograd.errors import ArgumentError

from ..neurons import IFNode, LIFNode
from .shared import ChargedCurrentLIFNode, PeriodicBump, TwiceExponential, Whole, choose

__all__ = ["LEFT", "NEURONS"]

LEFT = {
    "min_v_mem": (None, "Our membranes have no lower bound."),
    "train_alphas": (False, "Pass tau_mem as a Parameter to learn it."),
    "shape": (None, "Our neurons take their shape from the input: leave it out."),
    "record_states": (False, "snn.run(..., record=['v']) records them."),
}


def _options(spike_threshold: Any, spike_fn: Any, reset_fn: Any, surrogate_grad_fn: Any) -> dict[str, Any]:
    where = "dialect('sinabs')"
    several = choose(where, "spike_fn", spike_fn, {"MultiSpike": True, "SingleSpike": False})
    hard = choose(where, "reset_fn", reset_fn, {"MembraneSubtract": False, "MembraneReset": True})
    if getattr(reset_fn, "reset_value", 0) != 0 or getattr(reset_fn, "subtract_value", None) is not None:
        raise ArgumentError(
            where, "a reset to 0, or by the threshold", repr(reset_fn), "Sinabs adds another reset_value in every step."
        )
    if hard and several:
        raise ArgumentError(
            where,
            "spike_fn='SingleSpike' with MembraneReset",
            "MultiSpike",
            "Ours sets no membrane after several.",
        )
    return {
        "v_threshold": spike_threshold,
        "surrogate_function": _surrogate(spike_threshold, surrogate_grad_fn),
        "v_reset": 0.0 if hard else None,
        "detach_reset": hard,  # whether there was a spike has no gradient there; how much was subtracted has
        "fire_at_threshold": True,
        "spike_value": "unit",
        "firing": Whole() if several else None,
    }


def _surrogate(threshold: Any, function: Any) -> Any:
    """Return the surrogate of a name, or of Sinabs's own object by its numbers; a Cell or function of ours as it is."""
    name = function if isinstance(function, str) else type(function).__name__
    width, scale = getattr(function, "grad_width", 0.5), getattr(function, "grad_scale", 1.0)
    if name == "SingleExponential":
        return TwiceExponential(1 / (threshold * width), scale)
    if name == "PeriodicExponential":
        return PeriodicBump(threshold, width, scale, slope=2.0)
    if not callable(function):
        raise ArgumentError(
            "dialect('sinabs')", "surrogate_grad_fn to be SingleExponential, PeriodicExponential or a surrogate of ours",
            repr(function), "Pass one of the names, or such as snn.surrogate.atan().",
        )  # fmt: skip
    return function


def integrate(
    spike_threshold: float = 1.0,
    spike_fn: Any = "MultiSpike",
    reset_fn: Any = "MembraneSubtract",
    surrogate_grad_fn: Any = "SingleExponential",
) -> IFNode:
    """Return Sinabs's IAF."""
    return IFNode(**_options(spike_threshold, spike_fn, reset_fn, surrogate_grad_fn))


def leaky(
    tau_mem: Any,
    tau_syn: Any = None,
    spike_threshold: float = 1.0,
    spike_fn: Any = "MultiSpike",
    reset_fn: Any = "MembraneSubtract",
    surrogate_grad_fn: Any = "SingleExponential",
    norm_input: bool = True,
) -> LIFNode:
    """Return Sinabs's LIF; with ``tau_syn`` it has a synaptic current."""
    options = _options(spike_threshold, spike_fn, reset_fn, surrogate_grad_fn)
    leak = {"tau": tau_mem, "exponential": True, "decay_input": norm_input}
    return LIFNode(**leak, **options) if tau_syn is None else ChargedCurrentLIFNode(tau_syn=tau_syn, **leak, **options)


NEURONS = {IFNode: integrate, LIFNode: leaky}
