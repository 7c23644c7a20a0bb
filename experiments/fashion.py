"""Train a convolutional spiking network on Fashion-MNIST, read from local files.

The set-up of Fang et al. (Incorporating learnable membrane time constant to enhance learning of spiking neural networks,
ICCV 2021): the image as a constant current over 8 time steps, two convolutions of 128 channels with norms, 2,048 and 100
neurons that learn the time constant of their layer, a vote of ten neurons for each class, and the squared error of its
rate. They report a test accuracy of 94.38 % for the best of 1,024 epochs; here the last of 64 epochs counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import snn

from . import mnist, parametric
from .harness import RunDirectory

__all__ = ["Config", "run"]

_MEAN, _DEVIATION = np.float32(0.2860), np.float32(0.3530)  # of the pixels of Fashion-MNIST, from the authors


@dataclass(frozen=True, kw_only=True)
class Config(parametric.VotingOptions):
    """Options of the fashion experiment."""

    steps: int = 8

    of = "Fashion-MNIST"
    image = (1, 28, 28)

    @staticmethod
    def read(directory: Path) -> snn.data.MNIST:
        """Return images ``[1, 28, 28]`` in [0, 1] and their classes."""
        return snn.data.fashion_mnist(directory)

    make_up = staticmethod(mnist.write_small_set)

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, batch_size=80, learning_rate=2e-2, hidden=4, dense=64, steps=3, mode="eager")


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""

    def encode(x: Any, _: np.random.Generator) -> Any:
        return snn.encode.direct((x - _MEAN) / _DEVIATION, config.steps)

    return parametric.run(config, directory, config.splits(), encode)
