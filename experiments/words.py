"""Shared by the experiments on spoken words: two networks for the spikes of a cochlea, and their training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

import snn
from autograd import nn, optim
from autograd.errors import ArgumentError
from snn.data.transforms import Downsample, TimeBins

from .files import FileOptions
from .fitting import classify
from .harness import RunDirectory

__all__ = ["ShrinkSigma", "WordOptions", "build", "frames", "run"]

_CHANNELS, _NARROWEST, _FASTER = 700, 0.5, 100.0


@dataclass(frozen=True, kw_only=True)
class WordOptions(FileOptions):
    """Options of an experiment on spoken words."""

    network: Literal["recurrent", "delays"] = "recurrent"
    """The recurrent network of Cramer et al., or the delayed feed-forward one of Hammouamri et al."""
    epochs: int = 100
    batch_size: int = 128
    step: float = 4.0
    """Length of a time step in milliseconds; spikes are counted in each step."""
    steps: int = 250
    """Time steps T per word; later spikes are left out."""
    group: int = 1
    """Channels of the cochlea per input."""
    longest: int = 25
    """Longest learnt delay, in steps."""
    layers: int = 2
    """Hidden layers of the delayed network."""
    tau: float = 1.005
    """Time constant of the delayed network's membranes, in steps."""
    dropout: float = 0.4
    """Dropout of the delayed network."""

    counts = (*FileOptions.counts, "group", "longest", "layers")

    @property
    def normalises(self) -> bool:  # type: ignore[override]
        """Whether the network has norms over the batch: the delayed one."""
        return self.network == "delays"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.step < float("inf"):
            raise ArgumentError("option --step", "milliseconds above 0", f"{self.step}", "Nothing was run.")

    def smaller(self) -> Self:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, batch_size=20, hidden=32, step=35.0, steps=25, group=5, longest=5, mode="eager")


def frames(config: WordOptions) -> snn.data.Splits:
    """Return the spikes of each input in each time step, ``[T, 700 / group]``."""
    splits: snn.data.Splits = config.splits()
    return splits.map(Downsample(config.group), TimeBins(round(1000 * config.step), config.steps))


def build(config: WordOptions, classes: int, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network."""
    channels = -(-_CHANNELS // config.group)
    if config.network == "recurrent":
        return snn.models.shd_recurrent(config.hidden, classes, channels=channels, dt=config.step, rng=rng)
    return snn.models.shd_delayed(
        config.hidden, classes, channels=channels, layers=config.layers, max_delay=config.longest, tau=config.tau,
        dropout=config.dropout, rng=rng,
    )  # fmt: skip


class ShrinkSigma(snn.train.Hook):
    """Shrinks the Gaussians of learnt delays over the first quarter of the epochs, as in Hammouamri et al. (2024)."""

    def on_start(self, trainer: snn.train.Trainer) -> None:
        """Set the width for the epoch that begins or resumes."""
        share = min(1.0, 4 * trainer.epoch / trainer.epochs)
        for _, cell in trainer.net.cells_and_names():
            if isinstance(cell, snn.LearntDelays):
                widest = cell.steps / 2
                cell.sigma = widest * (_NARROWEST / widest) ** share

    on_epoch = on_start


def run(config: WordOptions, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng, splits = np.random.default_rng(config.seed), frames(config)
    net = build(config, len(splits["train"].classes), rng)
    if config.network == "recurrent":
        return classify(config, directory, net, splits, rng, readout="max")
    delays: list[Any] = [cell.delay for _, cell in net.cells_and_names() if isinstance(cell, snn.LearntDelays)]

    def optimizer(steps: int) -> optim.Optimizer:
        """Return an optimizer with a higher rate for delays than for weights."""
        params, mine = net.trainable_params(), {id(delay) for delay in delays}
        rate = optim.schedules.cosine(config.learning_rate, steps)
        groups = [
            {"params": [p for p in params if id(p) not in mine]},
            {"params": delays, "lr": optim.schedules.cosine(_FASTER * config.learning_rate, steps)},
            {"order_params": params},
        ]
        return optim.Adam(groups, rate)

    return classify(config, directory, net, splits, rng, readout="sum", optimizer=optimizer, hooks=[ShrinkSigma()])
