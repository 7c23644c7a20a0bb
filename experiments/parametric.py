"""Shared by the experiments with the networks of Fang et al. (2021): options, frames of events, and training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import snn
from autograd import nn
from snn.data.transforms import EventFrames

from .files import FileOptions
from .fitting import Encoder, classify
from .harness import RunDirectory

__all__ = ["EqualFrames", "VotingOptions", "build", "run"]


@dataclass(frozen=True, kw_only=True)
class VotingOptions(FileOptions):
    """Options of an experiment with a network of Fang et al. (2021)."""

    epochs: int = 64
    batch_size: int = 16
    hidden: int = 128
    """Channels of each convolution."""
    dense: int = 2048
    """Neurons of the dense layer before the voters."""
    dropout: float = 0.5
    """Dropout of the inputs of both dense layers; a mask lasts for a whole run."""
    tau: float = 2.0
    """Initial time constant of all neurons, which is learnt, in steps."""

    normalises = True
    counts = (*FileOptions.counts, "dense")
    image: ClassVar[tuple[int, int, int]]
    """Channels, rows and columns of a frame."""
    blocks: ClassVar[int] = 2
    """Convolutions."""


@dataclass(frozen=True)
class EqualFrames:
    """Makes T frames of a sample, with equally many events in each; the last may have fewer."""

    T: int
    gives = "sequence"

    def __call__(self, events: snn.data.Events) -> Any:
        """Return frames ``[T, *events.shape]``."""
        return EventFrames(max(1, -(-len(events) // self.T)), self.T)(events)


def build(config: VotingOptions, classes: int, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network."""

    def neuron() -> snn.PLIFNode:
        return snn.PLIFNode(tau=config.tau, v_reset=0.0, detach_reset=True, surrogate_function=snn.surrogate.atan())

    return snn.models.plif_net(
        classes, image=config.image, channels=config.hidden, blocks=config.blocks, hidden=config.dense,
        dropout=config.dropout, neuron=neuron, rng=rng,
    )  # fmt: skip


def run(
    config: VotingOptions, directory: RunDirectory, splits: snn.data.Splits, encode: Encoder = lambda x, _: x
) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng = np.random.default_rng(config.seed)
    net = build(config, len(splits["train"].classes), rng)
    return classify(config, directory, net, splits, rng, encode=encode, readout="rate", at_once=4 * config.batch_size)
