"""Rockpool: its LIF has a synaptic current, fires at the threshold too and several times in a step, in float32.

Time constants are in seconds: ``exp(-dt / tau)`` is left after a step of ``dt``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import surrogate
from ..neurons import CurrentLIFNode, LIFNode
from .shared import ChargedCurrentLIFNode, PeriodicBump, Whole, choose, single

__all__ = ["LEFT", "NEURONS"]

LEFT = {
    "shape": (None, "Our neurons take their shape from the input: leave it out."),
    "leak_mode": ("taus", "Give tau_mem and tau_syn."),
    "has_rec": (False, "snn.Recurrent adds lateral weights."),
    "w_rec": (None, "snn.Recurrent adds lateral weights."),
    "weight_init_func": (None, "snn.Recurrent adds lateral weights."),
    "noise_std": (0.0, "Our step draws nothing; snn.Stochastic does, in its own way."),
}


def leaky(
    tau_mem: Any = 0.02,
    tau_syn: Any = 0.02,
    bias: Any = 0.0,
    threshold: float = 1.0,
    spike_generation_fn: Any = "StepPWL",
    learning_window: float = 0.5,
    max_spikes_per_dt: float = 2.0**16,
    dt: float = 1e-3,
) -> CurrentLIFNode:
    """Return Rockpool's LIFTorch, with a synapse for each neuron."""
    threshold = single(threshold)
    smooth = choose(
        "dialect('rockpool')", "spike_generation_fn", spike_generation_fn, {"StepPWL": False, "PeriodicExponential": True}
    )
    node = ChargedCurrentLIFNode(
        threshold,
        surrogate_function=PeriodicBump(threshold, learning_window, 1 / threshold, 1.0, max_spikes_per_dt)
        if smooth
        else surrogate.step_pwl(1 / threshold, window=learning_window),
        alpha=_left(dt, tau_syn),
        beta=_left(dt, tau_mem),
        fire_at_threshold=True,
        spike_value="unit",
        firing=Whole(max_spikes_per_dt),
    )
    node.bias = single(bias)
    return node


def _left(dt: float, tau: Any) -> Any:
    return single(np.exp(np.float32(-dt) / np.asarray(tau, np.float32)))


NEURONS = {LIFNode: leaky, CurrentLIFNode: leaky}
