"""Draw each kind of figure of snn.plot: rasters, traces, statistics of spikes, weights, phase planes, curves over seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

import snn

from .harness import Options, RunDirectory

__all__ = ["Config", "run", "wave"]

_DT = 0.5  # ms


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Options of the figures experiment."""

    theme: Literal["light", "dark"] = "light"
    """Background of the figures."""
    neurons: int = 100_000
    """Neurons of the largest raster."""

    counts = ("seeds", "neurons")

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, neurons=10_000)


def wave(neurons: int, rng: np.random.Generator, steps: int = 500) -> np.ndarray[Any, Any]:
    """Return the spikes of neurons during a travelling wave of activity, ``[T, n]`` bool."""
    at, phase = np.arange(steps, dtype=np.float32)[:, None] / steps, np.arange(neurons, dtype=np.float32) / neurons
    rate = 0.06 * np.cos(np.pi * (3 * at - phase)) ** 16 + 0.002
    return rng.random((steps, neurons), np.float32) < rate


def rasters(config: Config, rng: np.random.Generator) -> Any:
    """Draw rasters of ten neurons, a thousand and many."""
    import matplotlib.pyplot as plt

    counts = (10, 1000, config.neurons)
    _, axes = plt.subplots(3, 1, figsize=(6.4, 6.6), height_ratios=(1, 1.6, 2.2), sharex=True, layout="constrained")
    for ax, count in zip(axes, counts, strict=True):
        snn.plot.raster(wave(count, rng), names=f"{count:,} neurons", dt=_DT, ax=ax)
        ax.label_outer()
    axes[0].figure.align_ylabels()
    return axes


def traces(config: Config, rng: np.random.Generator) -> Any:
    """Draw input, membrane and spikes of three leaky neurons."""
    x = np.full((200, 1, 3), (0.06, 0.09, 0.12)) * (np.arange(200) >= 20)[:, None, None]
    x = x + 0.15 * rng.standard_normal(x.shape) * (np.arange(3) == 2)
    spikes, _, record = snn.run(snn.LIFNode(beta=0.93), x, record="v_before_reset", mode="eager")
    return snn.plot.trace(x=x, v=record["v_before_reset"], spikes=spikes, v_threshold=1.0, v_reset=0.0, dt=_DT)


def statistics(config: Config, rng: np.random.Generator) -> Any:
    """Draw rates, intervals and the population rate of leaky neurons with noisy currents."""
    import matplotlib.pyplot as plt

    rhythm = 0.06 * np.sin(2 * np.pi * np.arange(1000) / 200)[:, None, None]
    x = (rhythm + rng.uniform(-0.08, 0.12, 200) + 0.3 * rng.standard_normal((1000, 2, 200))).astype(np.float32)
    spikes = snn.run(snn.LIFNode(beta=0.93), x, mode="eager").out
    _, axes = plt.subplot_mosaic([["rates", "intervals"], ["time", "time"]], figsize=(7.2, 4.4), layout="constrained")
    snn.plot.rates(spikes, dt=_DT, ax=axes["rates"])
    snn.plot.intervals(spikes, dt=_DT, ax=axes["intervals"])
    snn.plot.population_rate(spikes, window=10, dt=_DT, ax=axes["time"])
    return np.array(list(axes.values()), dtype=object)


def planes(config: Config, rng: np.random.Generator) -> Any:
    """Draw Izhikevich's neuron in the plane of its two variables."""
    node = snn.IzhikevichNode.pattern("chattering", dt=0.05)
    spikes, _, record = snn.run(node, np.full((4000, 1, 1), 10.0), record=["v_before_reset", "u"], mode="eager")
    a, b, _, _ = node.PATTERNS["chattering"]

    def flow(v: Any, u: Any) -> Any:
        return 0.04 * v**2 + 5 * v + 140 - u + 10, a * (b * v - u)

    v = np.minimum(record["v_before_reset"], node.v_threshold)
    return np.array([snn.plot.phase(v, record["u"], spikes=spikes, flow=flow, labels=("$v$ (mV)", "$u$"))], dtype=object)


def maps(config: Config, rng: np.random.Generator) -> Any:
    """Draw a matrix of weights, and receptive fields that detect edges."""
    import matplotlib.pyplot as plt

    y, x = np.mgrid[-1:1:12j, -1:1:12j]
    angles, phases = rng.uniform(0, np.pi, 32)[:, None, None], rng.uniform(0, 2 * np.pi, 32)[:, None, None]
    turned = x * np.cos(angles) + y * np.sin(angles)
    fields = np.exp(-2 * (x**2 + y**2)) * np.cos(4 * turned + phases)
    _, axes = plt.subplots(1, 2, figsize=(8.4, 3.2), width_ratios=(1, 1.5), layout="constrained")
    snn.plot.weights(fields.reshape(32, -1)[:, ::3], ax=axes[0])
    snn.plot.fields(fields.reshape(32, -1), columns=8, ax=axes[1])
    return axes


def curves(config: Config, rng: np.random.Generator) -> Any:
    """Draw invented accuracies of two learning rules over several seeds."""
    epochs = np.arange(1, 21)
    runs = {
        name: 98 - fall * np.exp(-epochs / rate) + rng.normal(0, spread, (5, 1)) + rng.normal(0, 0.4, (5, 20))
        for name, fall, rate, spread in (("BPTT", 40, 3, 0.5), ("e-prop", 50, 5, 1.2))
    }
    return np.array([snn.plot.curves(runs, labels=("Epoch", "Accuracy (%)"))], dtype=object)


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Draw the figures."""
    with snn.plot.style(config.theme):
        for draw in (rasters, traces, statistics, planes, maps, curves):
            axes = draw(config, np.random.default_rng(config.seed))
            directory.save_figure(draw.__name__, np.ravel(axes)[0])
    return {}
