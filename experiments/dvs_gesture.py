"""Train a convolutional spiking network on DVS Gesture, read from local files.

The set-up of Fang et al. (Incorporating learnable membrane time constant to enhance learning of spiking neural networks,
ICCV 2021): 20 frames with equally many events each, five convolutions of 128 channels with norms, 512 and 110 neurons that
learn the time constant of their layer, a vote of ten neurons for each class, and the squared error of its rate. They report a
test accuracy of 97.57 % for the best of their epochs; here the last of 64 epochs counts. This takes a long time on a CPU;
with --hidden 32 the work is a tenth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import snn

from . import parametric
from .harness import RunDirectory
from .samples import write_gestures

__all__ = ["Config", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(parametric.VotingOptions):
    """Options of the DVS Gesture experiment."""

    steps: int = 20
    """Frames T per gesture."""
    dense: int = 512

    of = "DVS Gesture"
    image = (2, 128, 128)
    blocks = 5

    @staticmethod
    def read(directory: Path) -> snn.data.Splits:
        """Return the events of gestures."""
        return snn.data.dvs_gesture(directory)

    @staticmethod
    def make_up(directory: Path) -> None:
        """Write recordings of two people and of another one."""
        write_gestures(directory, 2, 1)

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, batch_size=11, learning_rate=2e-2, hidden=4, dense=32, steps=3, mode="eager")


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    return parametric.run(config, directory, config.splits().map(parametric.EqualFrames(config.steps)))
