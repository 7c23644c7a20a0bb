"""Train a spiking network on scikit-learn's handwritten digits.

1,797 images of 8 x 8 pixels, a stratified fifth of them held out; 64-128-10 leaky integrate-and-fire neurons; the pixels are a
constant current, and the class is that of the neuron that spikes most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import snn
from autograd import nn

from .harness import RunDirectory
from .training import Split, TrainingOptions, train

__all__ = ["Config", "build", "load", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(TrainingOptions):
    """Options of the digits experiment."""

    epochs: int = 60
    learning_rate: float = 1e-2
    noise: float = 0.2
    """Standard deviation of the noise that is added to the training images' pixels, which are in [0, 1]."""

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, hidden=32, steps=8)


def load(seed: int) -> Split:
    """Return images ``[N, 64]`` in [0, 1] and their labels."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    return Split(*train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=seed))


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
    split, net = load(config.seed), build(config, rng)

    def augment(x: Any) -> Any:
        return np.clip(x + config.noise * rng.standard_normal(x.shape, np.float32), 0, 1)

    trained = train(config, directory, net, split, lambda x, _: snn.encode.direct(x, config.steps), rng, augment)
    _plot(config, directory, net, trained.history, split.test_x, split.test_y)
    return trained.results


def _plot(
    config: Config, directory: RunDirectory, net: nn.SequentialCell, history: list[dict[str, float]], test_x: Any, test_y: Any
) -> None:
    """Draw the training curve, one sample's spikes and membranes, and the confusion matrix."""
    spikes, _, record = snn.run(net, snn.encode.direct(test_x, config.steps), record=("spike", "x", "v_before_reset"))
    sample = 0
    label, guess = int(test_y[sample]), int(snn.metrics.predictions(spikes)[sample])
    directory.save_figure("training", snn.plot.training(history)[0])
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
    confusion = snn.plot.confusion(test_y, snn.metrics.predictions(spikes), classes=[str(digit) for digit in range(10)])
    directory.save_figure("confusion", confusion)
