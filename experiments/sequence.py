"""Train spiking networks on sequences that only memory can tell apart: delayed spikes, or store and recall.

--task delays: polychronous groups (Izhikevich, Neural Computation 2006). Every channel spikes once, at an unknown onset plus a
delay that depends on the class; a layer of leaky neurons with synaptic currents has to tell the classes apart.

--task recall: store and recall (Bellec et al., Long short-term memory and learning-to-learn in networks of spiking
neurons, NeurIPS 2018). The network must recall a bit long after it was shown. As in the paper, some of the neurons adapt, so
that their thresholds remember, and all are connected; the stream is shorter than theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

import snn
from autograd import nn

from .fitting import classify
from .harness import RunDirectory
from .training import TrainingOptions

__all__ = ["Config", "build", "load", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(TrainingOptions):
    """Options of the sequence experiment."""

    task: Literal["delays", "recall"] = "delays"
    """Delayed spikes, or store and recall."""
    epochs: int = 10
    batch_size: int = 50
    learning_rate: float = 5e-3
    steps: int = 100
    """Time steps T: of the delayed spikes, or of a whole stream of symbols in store and recall."""
    hidden: int = 64
    beta: float = 0.9
    """Share of a membrane that remains after a step."""
    samples: int = 1000
    """Training sequences; there are 500 more for the test."""
    classes: int = 4
    """Classes of delayed spikes."""
    longest: int = 60
    """The longest delay of a channel, in steps."""
    symbols: int = 5
    """Symbols in a stream of store and recall; the last one is the recall."""

    counts = (*TrainingOptions.counts, "samples", "classes", "longest", "symbols")

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, hidden=24, steps=40, samples=200, longest=25)


def load(config: Config) -> snn.data.Splits:
    """Return spikes ``[T, channels]`` and their labels."""
    if config.task == "delays":
        return snn.data.delayed_spikes(
            config.seed, train=config.samples, test=500, classes=config.classes, T=config.steps, longest=config.longest,
            jitter=1.0, noise=0.005,
        )  # fmt: skip
    return snn.data.store_recall(
        config.seed, train=config.samples, test=500, symbols=config.symbols, symbol=config.steps // config.symbols, rate=0.2
    )


def build(config: Config, channels: int, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network: one layer of neurons; for store and recall they are connected and half of them adapt."""
    surrogate, n = snn.surrogate.fast_sigmoid(10.0), config.hidden
    first = rng.normal(0, 3 / math.sqrt(channels), (n, channels)).astype(np.float32)
    layer: nn.Cell
    if config.task == "delays":
        layer = snn.CurrentLIFNode(alpha=0.8, beta=config.beta, detach_reset=True, surrogate_function=surrogate)
    else:
        strength = np.where(np.arange(n) < n // 2, 1.8, 1e-6).astype(np.float32)
        node = snn.ALIFNode(beta=config.beta, rho=0.99, strength=strength, detach_reset=True, surrogate_function=surrogate)
        layer = snn.Recurrent(node, n, weight_init=rng.normal(0, 0.5 / math.sqrt(n), (n, n)).astype(np.float32))
    return nn.SequentialCell(
        nn.Dense(channels, n, first, has_bias=False),
        layer,
        nn.Dense(n, config.classes if config.task == "delays" else 2, rng=rng),
        snn.LeakyReadout(beta=config.beta),
    )


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng, splits = np.random.default_rng(config.seed), load(config)
    channels = splits.train[0].x.shape[-1]
    answer = config.steps // config.symbols if config.task == "recall" else 0
    return classify(config, directory, build(config, channels, rng), splits, rng, readout="max", answer=answer)
