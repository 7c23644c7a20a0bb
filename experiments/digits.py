"""Train a spiking network on scikit-learn's handwritten digits.

1,797 images of 8 x 8 pixels, a stratified fifth of them held out; 64-128-10 leaky integrate-and-fire neurons; the pixels are a
constant current, and the class is the neuron that spikes most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import snn
from autograd import nn

from .fitting import classify
from .harness import RunDirectory
from .training import TrainingOptions

__all__ = ["Config", "build", "load", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(TrainingOptions):
    """Options of the digits experiment."""

    epochs: int = 60
    learning_rate: float = 1e-2
    beta: float = 0.9
    """Share of the membrane that remains after a step."""
    noise: float = 0.2
    """Standard deviation of the noise added to the pixels of the training images, which are in [0, 1]."""

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, hidden=32, steps=8)


def load(seed: int) -> snn.data.Splits:
    """Return images ``[64]`` in [0, 1] and their labels."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    found = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=seed)
    (train_x, test_x, train_y, test_y), classes = found, [str(digit) for digit in range(10)]

    def part(x: Any, y: Any) -> snn.data.Dataset:
        return snn.data.Dataset(snn.data.Arrays(x, y), kind="static", classes=classes, name="digits")

    return snn.data.Splits("digits", train=part(train_x, train_y), test=part(test_x, test_y))


def build(config: Config, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network."""
    return nn.SequentialCell(
        nn.Dense(64, config.hidden, rng=rng),
        snn.LIFNode(beta=config.beta),
        nn.Dense(config.hidden, 10, rng=rng),
        snn.LIFNode(beta=config.beta),
    )


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng = np.random.default_rng(config.seed)
    splits, net = load(config.seed), build(config, rng)

    def augment(x: Any, rng: np.random.Generator) -> Any:
        return np.clip(x + config.noise * rng.standard_normal(x.shape, np.float32), 0, 1)

    return classify(
        config, directory, net, splits, rng, encode=lambda x, _: snn.encode.direct(x, config.steps), readout="count",
        augment=augment, draw=lambda guesses: _plot(config, directory, net, splits.test, int(guesses[0])),
    )  # fmt: skip


def _plot(config: Config, directory: RunDirectory, net: nn.SequentialCell, data: snn.data.Dataset, guess: int) -> None:
    """Draw the spikes and membranes of the first sample."""
    (one,) = data[:1].batches(1)
    _, _, record = snn.run(net, snn.encode.direct(one.x, config.steps), record=("spike", "x", "v_before_reset"))
    sample, label = 0, int(one.labels[0])
    raster = snn.plot.raster({"hidden": record["1.spike"], "output": record["3.spike"]}, sample=sample)
    raster.set_title(f"Spikes for one image of a {label} (answer: {guess})", fontsize=10)
    directory.save_figure("raster", raster)
    others = [label, (label + 1) % 10, (label + 2) % 10]
    panels = snn.plot.trace(
        x=record["3.x"][:, sample], v=record["3.v_before_reset"][:, sample], spikes=record["3.spike"][:, sample],
        v_threshold=1.0, neurons=sorted(others),
    )  # fmt: skip
    panels[0].set_title(f"Output neurons {', '.join(map(str, sorted(others)))} for one image of a {label}", fontsize=10)
    directory.save_figure("traces", panels[0])
