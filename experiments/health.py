"""Plot the health of a deep network at its start, and after applying each layer's gain, from the first to the last.

Leaky integrate-and-fire neurons on random spikes, with weights from the generic uniform initialisation: deeper layers fire
less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import snn
from autograd import nn

from .harness import Options, RunDirectory

__all__ = ["Config", "build", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Options of the health experiment."""

    steps: int = 50
    """Time steps."""
    samples: int = 16
    """Samples."""
    hidden: int = 100
    """Neurons in each hidden layer."""
    depth: int = 3
    """Hidden layers."""
    density: float = 0.15
    """Share of input values that are spikes."""

    counts = ("seeds", "steps", "samples", "hidden", "depth")

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, steps=20, samples=4, hidden=40)


def build(config: Config, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network, with a readout of ten neurons that do not fire."""
    layers: list[Any] = []
    for _ in range(config.depth):
        node = snn.LIFNode(beta=0.9, surrogate_function=snn.surrogate.triangle(1.0))
        layers += [nn.Dense(config.hidden, config.hidden, bias_init="zeros", rng=rng), node]
    return nn.SequentialCell(*layers, nn.Dense(config.hidden, 10, rng=rng), snn.LeakyReadout(beta=0.9))


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Draw both reports and print them."""
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(config.seed)
    net = build(config, rng)
    x = (rng.random((config.steps, config.samples, config.hidden)) < config.density).astype(np.float32)
    figure = plt.figure(figsize=(10, 6.6), layout="constrained")
    parts: Any = figure.subfigures(2, 1, hspace=0.05)
    as_made, mended = parts
    report = snn.health(net, x)
    print(report)
    axes = report.plot(ax=as_made.subplots(1, 3))
    as_made.suptitle("as made", fontsize=10)
    for i in range(config.depth):
        gain = snn.health(net, x, gradient=False).layers[i].gain
        for parameter in net[2 * i].get_parameters():
            parameter.set_data(parameter.asnumpy() * gain)
    report = snn.health(net, x)
    print(report)
    report.plot(ax=mended.subplots(1, 3))
    mended.suptitle("after each layer's gain", fontsize=10)
    directory.save_figure("health", axes[0])
    return {}
