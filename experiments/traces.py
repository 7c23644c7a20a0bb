"""Plot an IF and an LIF neuron under a step of current and under a noisy current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import snn

from .harness import Options, RunDirectory

__all__ = ["Config", "currents", "figure", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Options of the traces experiment."""

    steps: int = 150
    """Time steps."""
    tau: float = 20.0
    """Time constant of the LIF neuron, in steps."""
    current: float = 0.07
    """Height of the step, and mean of the noisy current."""
    noise: float = 0.1
    """Standard deviation of the noisy current."""

    counts = ("seeds", "steps")


def currents(config: Config) -> dict[str, np.ndarray[Any, Any]]:
    """Return the input currents, ``[T, 1]`` each."""
    rng = np.random.default_rng(config.seed)
    on = np.zeros((config.steps, 1), np.float32)
    on[config.steps // 8 : -config.steps // 5] = config.current
    noisy = rng.normal(config.current, config.noise, (config.steps, 1)).astype(np.float32)
    return {"step": on, "noisy": noisy}


def figure(config: Config) -> Any:
    """Return the Axes of a figure with a column for each neuron and a row for each current."""
    import matplotlib.pyplot as plt

    nodes = {"IF": snn.IFNode(), "LIF": snn.LIFNode(tau=config.tau, decay_input=False)}
    _, axes = plt.subplots(2, 2, figsize=(9, 6.6), layout="constrained")
    for row, (kind, x) in zip(axes, currents(config).items(), strict=True):
        for ax, (name, node) in zip(row, nodes.items(), strict=True):
            spikes, _, record = snn.run(node, x, record="v_before_reset", mode="eager")
            panels = snn.plot.trace(x=x, v=record["v_before_reset"], spikes=spikes, v_threshold=1.0, ax=ax)
            panels[0].set_title(f"{name} neuron, {kind} current", fontsize=10)
    return axes


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Draw the figure."""
    directory.save_figure("traces", figure(config).flat[0])
    return {}
