"""Train a spiking network on scikit-learn's handwritten digits.

1,797 images of 8 x 8 pixels, a stratified fifth of them held out; 64-128-10 leaky integrate-and-fire neurons; the pixels are a
constant current, and the class is that of the neuron that spikes most.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import snn
from autograd import Tensor, nn, optim, value_and_grad

from .harness import Options, RunDirectory

__all__ = ["Config", "build", "load", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Options of the digits experiment."""

    epochs: int = 60
    """Passes over the training images."""
    batch_size: int = 64
    """Images in a step of the optimizer."""
    learning_rate: float = 1e-2
    """Of Adam, at the start; it falls to zero along half a cosine."""
    steps: int = 16
    """Time steps T for each image."""
    hidden: int = 128
    """Neurons in the hidden layer."""
    beta: float = 0.9
    """Share of the membrane that is left after a step."""
    noise: float = 0.2
    """Standard deviation of the noise that is added to the training images' pixels, which are in [0, 1]."""

    counts = ("seeds", "epochs", "batch_size", "steps", "hidden")

    mode: Literal["auto", "eager", "compiled"] = "auto"
    """How the network is run, as in snn.run."""

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, hidden=32, steps=8)


def load(seed: int) -> tuple[Any, Any, Any, Any]:
    """Return training images ``[N, 64]`` in [0, 1], test images, training labels and test labels."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    return tuple(train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=seed))


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
    train_x, test_x, train_y, test_y = load(config.seed)
    net = build(config, rng)
    weights = net.trainable_params()
    batches = -(-len(train_x) // config.batch_size)
    optimizer = optim.Adam(weights, optim.schedules.cosine(config.learning_rate, config.epochs * batches))

    def loss(x: Any, labels: Any) -> tuple[Tensor, Tensor]:
        spikes, _, _ = snn.run(net, snn.encode.direct(x, config.steps), mode=config.mode)
        return snn.losses.count_cross_entropy(spikes, labels), spikes

    train_step = value_and_grad(loss, grad_position=None, weights=weights, has_aux=True)
    history: list[dict[str, float]] = []
    seconds = 0.0
    with tqdm(range(1, config.epochs + 1), desc=f"digits, seed {config.seed}", unit="epoch") as progress:
        for epoch in progress:
            start = time.perf_counter()
            losses, right = 0.0, 0.0
            for chosen in np.array_split(rng.permutation(len(train_x)), batches):
                noise = config.noise * rng.standard_normal((len(chosen), 64), np.float32)
                noisy = np.clip(train_x[chosen] + noise, 0, 1)
                (value, spikes), gradients = train_step(noisy, train_y[chosen])
                optimizer(gradients)
                losses += value.item() * len(chosen)
                right += snn.metrics.accuracy(spikes, train_y[chosen]) * len(chosen)
            seconds += time.perf_counter() - start
            spikes = snn.run(net, snn.encode.direct(test_x, config.steps), mode=config.mode)[0]
            history.append(
                {
                    "epoch": epoch,
                    "train_loss": losses / len(train_x),
                    "train_accuracy": right / len(train_x),
                    "test_loss": snn.losses.count_cross_entropy(spikes, test_y).item(),
                    "test_accuracy": snn.metrics.accuracy(spikes, test_y),
                    "seconds": round(seconds, 3),
                }
            )
            directory.log(history[-1])
            shown = history[-1]
            progress.set_postfix(loss=f"{shown['train_loss']:.4f}", accuracy=f"{shown['test_accuracy']:.3f}")
    directory.save_weights(net.state_dict())
    _plot(config, directory, net, history, test_x, test_y)
    accuracy = history[-1]["test_accuracy"]
    print(f"seed {config.seed}: test accuracy {accuracy:.4f} on {len(test_y)} held-out images, trained in {seconds:.1f} s")
    return {"test accuracy": accuracy, "training seconds": seconds}


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
