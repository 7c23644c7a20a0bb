"""Plot every neuron under a step, a ramp and a noisy current, and Izhikevich's neuron in its published patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import snn
from snn.discover import kinds

from .harness import Options, RunDirectory

__all__ = ["Config", "currents", "gallery", "neurons", "patterns", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Options of the zoo experiment."""

    steps: int = 100
    """Time steps of the gallery."""

    counts = ("seeds", "steps")


def neurons() -> dict[str, Any]:
    """Return every neuron, with its defaults, by name."""
    without_default = snn.LIFNode, snn.LeakyReadout
    return {
        name: kind(beta=0.9) if kind in without_default else kind() for name, kind in kinds(snn.neurons, snn.Neuron).items()
    }


def currents(config: Config) -> dict[str, np.ndarray[Any, Any]]:
    """Return a step, a ramp and a noisy current, ``[T, 1, 1]`` each, of the size of the drive."""
    rng = np.random.default_rng(config.seed)
    time = np.arange(config.steps) / config.steps
    noise = rng.normal(1.0, 0.5, config.steps)
    shapes = {"step": (time >= 0.1) & (time < 0.8), "ramp": 1.5 * time, "noise": noise}
    return {name: np.asarray(x, np.float32).reshape(-1, 1, 1) for name, x in shapes.items()}


def draw(ax: Any, node: Any, x: Any, dt: float = 1.0) -> tuple[float, float]:
    """Draw the membrane before its reset, and a mark above it for every spike; return what there is to show of the axis."""
    spikes, _, record = snn.run(node, x, record="v_before_reset")
    v = np.ravel(record["v_before_reset"])
    time = dt * np.arange(len(v))
    ax.plot(time, v, color="#0072B2", lw=0.8)
    fired = np.ravel(spikes.asnumpy()) != 0 if node.fire else np.zeros(len(v), bool)
    marks = np.full(fired.sum(), 1.04)
    (line,) = ax.plot(time[fired], marks, "|", color="#D55E00", ms=5, clip_on=False, transform=ax.get_xaxis_transform())
    line.set_in_layout(False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=6)
    high = min(v.max(), 1.6 * float(node.v_threshold)) if node.fire else v.max()  # an upstroke may go far beyond
    return float(v.min()), float(high)


def gallery(config: Config) -> Any:
    """Return the Axes of a figure with a row for each neuron and a column for each current."""
    import matplotlib.pyplot as plt

    nodes, inputs = neurons(), currents(config)
    size = (9.6, 1.0 * len(nodes))
    _, axes = plt.subplots(len(nodes), len(inputs), figsize=size, sharex=True, sharey="row", layout="constrained")
    for row, (name, node) in zip(axes, nodes.items(), strict=True):
        shown = [draw(ax, node, node.drive * x) for ax, x in zip(row, inputs.values(), strict=True)]
        low, high = min(low for low, _ in shown), max(high for _, high in shown)
        row[0].set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        row[0].set_title(name, fontsize=7, loc="left", pad=8)
    for ax, name in zip(axes[0], inputs, strict=True):
        ax.set_title(name, fontsize=9, pad=12)
    for ax in axes[-1]:
        ax.set_xlabel("time step", fontsize=8)
    return axes


def patterns() -> Any:
    """Return the Axes of a figure with a panel for each pattern of Izhikevich's neuron."""
    import matplotlib.pyplot as plt

    names = list(snn.IzhikevichNode.PATTERNS)
    _, axes = plt.subplots(len(names), 1, figsize=(7, 1.2 * len(names)), sharex=True, layout="constrained")
    x = np.zeros((1400, 1, 1))
    x[400:] = 10.0
    for ax, name in zip(axes, names, strict=True):
        draw(ax, snn.IzhikevichNode.pattern(name, dt=0.25), x, dt=0.25)
        ax.set_title(name, fontsize=8, loc="left", pad=8)
        ax.set_ylabel("mV", fontsize=7)
    axes[-1].set_xlim(50, 350)  # what came before is the way to rest
    axes[-1].set_xlabel("time (ms)", fontsize=8)
    return axes


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Draw the figures."""
    directory.save_figure("zoo", gallery(config).flat[0])
    directory.save_figure("patterns", patterns().flat[0])
    return {}
