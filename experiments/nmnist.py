"""Train a convolutional spiking network on N-MNIST, read from local files.

The set-up of Fang et al. (Incorporating learnable membrane time constant to enhance learning of spiking neural networks,
ICCV 2021): 10 frames with equally many events each, two convolutions of 128 channels with norms, 2,048 and 100 neurons that
learn the time constant of their layer, a vote of ten neurons for each class, and the squared error of its rate. They report a
test accuracy of 99.61 % for the best of their epochs; here the last of 64 epochs counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import snn

from . import parametric
from .harness import RunDirectory
from .samples import write_seen_digits

__all__ = ["Config", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(parametric.VotingOptions):
    """Options of the N-MNIST experiment."""

    steps: int = 10
    """Frames T per sample."""

    of = "N-MNIST"
    image = (2, 34, 34)

    @staticmethod
    def read(directory: Path) -> snn.data.Splits:
        """Return the events of digits."""
        return snn.data.nmnist(directory)

    @staticmethod
    def make_up(directory: Path) -> None:
        """Write 120 and 40 digits that a camera sees."""
        write_seen_digits(directory, 120, 40)

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, batch_size=20, learning_rate=2e-2, hidden=4, dense=64, steps=3, mode="eager")


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    return parametric.run(config, directory, config.splits().map(parametric.EqualFrames(config.steps)))
