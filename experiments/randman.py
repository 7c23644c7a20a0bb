"""Train a spiking network on Randman: spike times on smooth random manifolds, which spike counts cannot tell apart.

The set-up of Zenke and Vogels (The remarkable robustness of surrogate gradient learning for instilling complex function in
spiking neural networks, Neural Computation 2021), with the sizes of their published example: ten classes, 100 inputs that
spike once each in 100 steps, one hidden layer of 100 leaky neurons with synaptic currents, and a loss on the largest
value over time of a readout's membrane. The manifolds have one dimension, which is easy; --dim 2 is harder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

import snn
from autograd import nn

from .fitting import classify
from .harness import RunDirectory
from .training import TrainingOptions

__all__ = ["Config", "build", "load", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(TrainingOptions):
    """Options of the Randman experiment."""

    epochs: int = 4
    batch_size: int = 250
    learning_rate: float = 5e-3
    steps: int = 100
    hidden: int = 100
    beta: float = 0.9
    """Share of a membrane that remains after a step: a time constant of 10 steps."""
    alpha: float = 0.8
    """Share of a synaptic current that remains after a step: a time constant of 5 steps."""
    samples: int = 8000
    """Training samples; there are 1,000 more for the test."""
    classes: int = 10
    """Number of classes, each with its own manifold."""
    units: int = 100
    """Input neurons."""
    dim: int = 1
    """Dimension of the manifolds: 1 is easy, larger is harder."""
    smoothness: float = 2.0
    """Decay of the power of a manifold's frequencies: larger is smoother, and easier."""

    counts = (*TrainingOptions.counts, "samples", "classes", "units", "dim")

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, batch_size=50, hidden=32, steps=40, samples=600, classes=4, units=40)


def load(config: Config) -> snn.data.Splits:
    """Return spikes ``[T, units]`` and their classes."""
    return snn.data.randman(
        config.seed, train=config.samples, classes=config.classes, units=config.units, T=config.steps, dim=config.dim,
        alpha=config.smoothness,
    )  # fmt: skip


def build(config: Config, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network; its first weights are large enough for the hidden neurons to fire for single spikes."""
    first = rng.normal(0, 3 / math.sqrt(config.units), (config.hidden, config.units)).astype(np.float32)
    return nn.SequentialCell(
        nn.Dense(config.units, config.hidden, first, has_bias=False),
        snn.CurrentLIFNode(
            alpha=config.alpha, beta=config.beta, detach_reset=True, surrogate_function=snn.surrogate.fast_sigmoid(25.0)
        ),
        nn.Dense(config.hidden, config.classes, rng=rng, has_bias=False),
        snn.LeakyReadout(beta=config.beta),
    )


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng = np.random.default_rng(config.seed)
    return classify(config, directory, build(config, rng), load(config), rng, readout="max")
