"""Rockpool: its LIF has a synaptic current, fires at or above the threshold, several times per step, in float32.

Time constants are in seconds: ``exp(-dt / tau)`` remains after a step of ``dt``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import surrogate
from ..neurons import CurrentLIFNode, LIFNode
from .shared import Bump, ChargedCurrentLIFNode, Whole, choose, number, single

__all__ = ["LEFT", "NEURONS"]

_WHERE = "dialect('rockpool')"

LEFT = {
    "shape": (None, "Our neurons take their shape from the input: leave it out."),
    "leak_mode": ("taus", "Pass tau_mem and tau_syn."),
    "has_rec": (False, "snn.Recurrent adds lateral weights."),
    "w_rec": (None, "snn.Recurrent adds lateral weights."),
    "weight_init_func": (None, "snn.Recurrent adds lateral weights."),
    "noise_std": (0.0, "Our step has no noise; snn.Stochastic fires at random instead."),
}


def leaky(
    tau_mem: Any = 0.02,
    tau_syn: Any = 0.02,
    bias: Any = 0.0,
    threshold: Any = 1.0,
    spike_generation_fn: Any = "StepPWL",
    learning_window: float = 0.5,
    max_spikes_per_dt: float = 2.0**16,
    dt: float = 1e-3,
) -> CurrentLIFNode:
    """Return Rockpool's LIFTorch, with one synapse for each neuron."""
    step, mem, syn, th = number(_WHERE, dt=dt, tau_mem=tau_mem, tau_syn=tau_syn, threshold=threshold)
    height = single(1 / th)
    smooth = {
        "StepPWL": surrogate.step_pwl(height, window=learning_window),
        "PeriodicExponential": Bump(height, learning_window, single(th), limit=max_spikes_per_dt),
    }
    return ChargedCurrentLIFNode(
        v_threshold=single(th),
        surrogate_function=choose(_WHERE, "spike_generation_fn", spike_generation_fn, smooth),
        alpha=_left(step, syn),
        beta=_left(step, mem),
        bias=single(bias),
        fire_at_threshold=True,
        spike_value="unit",
        firing=Whole(max_spikes_per_dt),
    )


def _left(step: Any, tau: Any) -> Any:
    """Return the share that remains after a step, rounded as in Rockpool: 1 / tau, its product with dt, the exponential."""
    return single(np.exp((-step * (1 / tau)).astype(np.float64)))


NEURONS = {LIFNode: leaky, CurrentLIFNode: leaky}
