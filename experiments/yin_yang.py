"""Train a spiking network on the Yin-Yang set: points of the plane in three classes, as spike times.

The set-up of Kriener, Goeltz and Petrovici (The Yin-Yang dataset, NICE 2022): four inputs and a bias that spike once each,
120 hidden neurons, 5,000 points. There the class is the output neuron that spikes first, and gradients of spike times are
exact; here time has steps, a surrogate gradient trains the net, and the class is the readout whose membrane has the largest
sum over time. Exact gradients have reached 98.1 % (Wunderlich and Pehl 2021, 200 hidden neurons); a linear layer reaches about
64 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import snn
from autograd import nn, ops

from .fitting import classify
from .harness import RunDirectory
from .training import TrainingOptions

__all__ = ["Config", "build", "encode", "load", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(TrainingOptions):
    """Options of the Yin-Yang experiment."""

    epochs: int = 40
    batch_size: int = 50
    learning_rate: float = 4e-3
    steps: int = 60
    hidden: int = 120
    beta: float = 0.97
    """Share of a membrane that remains after a step."""
    alpha: float = 0.9
    """Share of a synaptic current that remains after a step."""
    samples: int = 5000
    """Training points; there are 1,000 more for the test."""

    counts = (*TrainingOptions.counts, "samples")

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, steps=30, hidden=40, samples=500)


def load(config: Config) -> snn.data.Splits:
    """Return the points ``(x, y, 1 - x, 1 - y)`` and their classes."""
    return snn.data.yin_yang(config.seed, train=config.samples)


def encode(x: Any, steps: int) -> Any:
    """Return a spike of each coordinate and one of a bias, ``[T, N, 5]``: the larger the earlier, the bias in the middle."""
    spikes = snn.encode.latency(x, steps)
    bias = np.zeros((steps, len(x), 1), np.float32)
    bias[steps // 2] = 1.0
    return ops.concat([spikes, bias], -1)


def build(config: Config, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network; with its first weights nearly all hidden neurons fire for some points, and about half for all."""
    first = rng.normal(0.06, 0.06, (config.hidden, 5)).astype(np.float32)
    return nn.SequentialCell(
        nn.Dense(5, config.hidden, first, has_bias=False),
        snn.CurrentLIFNode(
            alpha=config.alpha, beta=config.beta, detach_reset=True, surrogate_function=snn.surrogate.fast_sigmoid(10.0)
        ),
        nn.Dense(config.hidden, 3, rng=rng, has_bias=False),
        snn.LeakyReadout(beta=config.beta),
    )


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng = np.random.default_rng(config.seed)
    return classify(
        config, directory, build(config, rng), load(config), rng, encode=lambda x, _: encode(x, config.steps), readout="sum"
    )
