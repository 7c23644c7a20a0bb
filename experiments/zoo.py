"""Plot every neuron under a step, a ramp, noise and a rising rhythm, and Izhikevich's neuron in its published patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import snn
from snn.common.discover import kinds

from .harness import Options, RunDirectory

__all__ = ["Config", "currents", "gallery", "neurons", "patterns", "run", "stimuli"]

DT = 0.25
"""Time step of the patterns, in ms."""

_PAGE = (8.27, 11.69)  # inches: A4


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Options of the zoo experiment."""

    steps: int = 150
    """Time steps of the gallery."""

    counts = ("seeds", "steps")


def neurons(seed: int = 0) -> dict[str, tuple[Any, float]]:
    """Return every neuron in its version for figures and a current for it, by name; also each way of firing."""
    found = {name: (kind.example(), kind.drive) for name, kind in kinds(snn.neurons, snn.Neuron).items()}
    lif, drive = snn.LIFNode.example, snn.LIFNode.drive
    return found | {
        "LIFNode, MultiSpike": (lif(firing=snn.MultiSpike()), 6 * drive),
        "LIFNode, Ternary": (lif(firing=snn.Ternary()), 3 * drive),
        "LIFNode, Refractory": (snn.Refractory(lif(), 10), 2 * drive),
        "LIFNode, Stochastic": (snn.Stochastic(lif(), rng=seed), drive),
    }


def currents(config: Config) -> dict[str, np.ndarray[Any, Any]]:
    """Return a step, a ramp, noise and an accelerating oscillation, ``[T, 1, 1]`` each, for scaling to a neuron."""
    rng = np.random.default_rng(config.seed)
    time = np.arange(config.steps) / config.steps
    turns = np.cumsum(1 / 40 + (1 / 4 - 1 / 40) * time)  # the period falls from 40 steps to 4
    shapes = {
        "step": (time >= 0.1) & (time < 0.8),
        "ramp": 1.5 * time,
        "noise": rng.normal(0.5, 1.5, config.steps),
        "faster and faster": 2 * np.sin(2 * np.pi * turns),
    }
    return {name: np.asarray(x, np.float32).reshape(-1, 1, 1) for name, x in shapes.items()}


def draw(ax: Any, node: Any, v: Any, z: Any) -> tuple[float, float]:
    """Draw the membrane before its reset, with a mark above it for every spike; return the range to show on the axis.

    The more spikes in the step, the longer the mark; marks of negative spikes have another colour.
    """
    time, threshold = np.arange(len(v)), _threshold(node)
    ax.plot(time, v, color="#0072B2", lw=0.8)
    if threshold is None:
        return float(v.min()), float(v.max())
    for fired, colour in ((z > 0, "#D55E00"), (z < 0, "#009E73")):
        length = 0.15 * np.abs(z[fired]) / np.abs(z).max(initial=0.1)
        ax.vlines(time[fired], 1.02, 1.02 + length, colour, lw=0.9, clip_on=False, transform=ax.get_xaxis_transform())
    ax.axhline(threshold, color="0.8", lw=0.5, zorder=0)
    return float(v.min()), float(
        min(v.max(), 1.6 * threshold) if getattr(node, "node", node).firing is None else v.max()
    )  # an upstroke may be very high


def gallery(config: Config) -> Any:
    """Return the Axes of a figure of one page: a row for the currents and one for each neuron, a column for each current."""
    import matplotlib.pyplot as plt

    nodes, inputs = neurons(config.seed), currents(config)
    rows = 1 + len(nodes)
    fig, axes = plt.subplots(rows, len(inputs), figsize=_PAGE, sharex=True, sharey="row")
    fig.subplots_adjust(left=0.235, right=0.99, bottom=0.035, top=0.97, wspace=0.06, hspace=0.55)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=6.5, length=2)
    for ax, (name, x) in zip(axes[0], inputs.items(), strict=True):
        ax.plot(np.ravel(x), color="0.4", lw=0.8, drawstyle="steps-mid")
        ax.set_title(name.capitalize(), fontsize=8)
    axes[0, 0].set_yticks([])
    _name(axes[0, 0], "Input current")
    for row, (name, (node, current)) in zip(axes[1:], nodes.items(), strict=True):
        x = current * np.concatenate(list(inputs.values()), axis=1)  # one sample per input
        spikes, _, record = snn.run(node, x, record="v_before_reset", mode="eager")  # faster than compiling each neuron
        runs = zip(row, record["v_before_reset"].asnumpy()[..., 0].T, spikes.asnumpy()[..., 0].T, strict=True)
        shown = [draw(ax, node, v, z) for ax, v, z in runs]
        low, high = min(low for low, _ in shown), max(high for _, high in shown)
        row[0].set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        threshold = _threshold(node)
        row[0].set_yticks([] if threshold is None else [threshold])
        _name(row[0], f"{name}\ncurrent × {current:g}")
    for ax in axes[-1]:
        ax.set_xlabel("Time (steps)", fontsize=8)
    return axes


def _name(ax: Any, text: str) -> None:
    """Write the name of a row to its left, aligned with the names of the other rows."""
    at = ("figure fraction", "axes fraction")
    ax.annotate(text, (0.01, 0.5), xycoords=at, va="center", fontsize=7)


def _threshold(node: Any) -> float | None:
    """Return the threshold of a neuron, None if it does not fire."""
    node = getattr(node, "node", node)
    return float(np.ravel(node.v_threshold)[0]) if node.fire else None


def described(config: Config) -> str:
    """Return the equations of every neuron of the gallery as text."""
    return "\n".join(
        f"{name}, current × {current:g}: {snn.equations(node)}\n" for name, (node, current) in neurons(config.seed).items()
    )


def stimuli() -> dict[str, tuple[str, np.ndarray[Any, Any]]]:
    """Return the published patterns of Izhikevich's neuron, each with a current that shows it, ``[T]``, from -250 ms on."""
    time = DT * np.arange(2000) - 250
    shown = {name: (name, np.where(time >= 0, 10.0, 0.0)) for name in snn.IzhikevichNode.PATTERNS}
    return shown | {
        "thalamo-cortical": ("thalamo-cortical", np.where(time >= 0, 2.0, 0.0)),
        "resonator": ("resonator", np.where(time >= 0, 0.2, 0.0) + ((time >= 120) & (time < 124))),
        "thalamo-cortical, after inhibition": ("thalamo-cortical", np.where(time < 0, -25.0, 0.0)),
    }


def patterns() -> Any:
    """Return the Axes of a figure with a panel for each pattern of Izhikevich's neuron, its current below."""
    import matplotlib.pyplot as plt

    panels = stimuli()
    _, axes = plt.subplots(-(-len(panels) // 2), 2, figsize=(11, 1.7 * len(panels) / 2), sharex=True, layout="constrained")
    for ax, (title, (name, x)) in zip(axes.flat, panels.items(), strict=True):
        node = snn.IzhikevichNode.pattern(name, dt=DT)
        v = np.ravel(snn.run(node, x.reshape(-1, 1, 1), record="v_before_reset")[2]["v_before_reset"])
        time = DT * np.arange(len(x)) - 250
        ax.plot(time, np.minimum(v, node.v_threshold), color="#0072B2", lw=0.8)
        ax.plot(time, -125 + 18 * (x - x.min()) / np.ptp(x), color="0.4", lw=0.8, drawstyle="steps-mid")
        a, b, c, d = node.PATTERNS[name]
        about = f"a={a:g}, b={b:g}, c={c:g}, d={d:g}; current {x.min():g} to {x.max():g}"
        ax.set_title(f"{title} ({about})", fontsize=8, loc="left")
        ax.set(xlim=(-50, 250), ylim=(-130, 35), yticks=[-65, 30])  # before that it comes to rest
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=7)
    for ax in axes[:, 0]:
        ax.set_ylabel("Membrane (mV)", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("Time (ms)", fontsize=8)
    return axes


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Draw the figures, and write the equations to a file."""
    directory.save_figure("zoo", gallery(config).flat[0])
    directory.write("equations.txt", described(config).encode())
    directory.save_figure("patterns", patterns().flat[0])
    return {}
