"""What experiments that learn to classify share: their options, and the loop that trains and tests a network."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from tqdm import tqdm

import snn
from autograd import Tensor, nn, optim, value_and_grad

from .harness import Options, RunDirectory

__all__ = ["Encoder", "Split", "Trained", "TrainingOptions", "count_spikes", "train"]

Array = np.ndarray[Any, Any]
Encoder = Callable[[Array, np.random.Generator], Tensor]
"""From values ``[N, features]`` to a net's input ``[T, N, features]``, with a generator for what it draws."""

_AT_ONCE = 500  # images in a run without gradient: enough to be fast, few enough to fit in memory
_LOOKED_AT = 8  # images by which to see whether a layer is dead


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(Options):
    """Options of an experiment that trains a network."""

    epochs: int = 1
    """Passes over the training images."""
    batch_size: int = 64
    """Images in a step of the optimizer."""
    learning_rate: float = 1e-3
    """Of Adam, at the start; it falls to zero along half a cosine."""
    steps: int = 16
    """Time steps T for each image."""
    hidden: int = 128
    """Neurons in the hidden layer."""
    beta: float = 0.9
    """Share of the membrane that is left after a step."""
    mode: Literal["auto", "eager", "compiled"] = "auto"
    """How the network is run, as in snn.run."""

    counts = ("seeds", "epochs", "batch_size", "steps", "hidden")


class Split(NamedTuple):
    """Values ``[N, features]`` and labels ``[N]`` to train on, and those held out."""

    train_x: Array
    test_x: Array
    train_y: Array
    test_y: Array


class Trained(NamedTuple):
    """What training leaves."""

    history: list[dict[str, float]]
    """Metrics of each epoch."""
    counts: Array
    """Spikes of each output neuron for the test images after the last epoch, ``[N, classes]``."""
    results: dict[str, float]
    """What an experiment returns."""


def count_spikes(net: nn.Cell, x: Array, encode: Encoder, rng: np.random.Generator, mode: str) -> Array:
    """Return how often each output neuron spikes, ``[N, classes]``, running some of the images ``[N, features]`` at a time."""
    parts = (x[first : first + _AT_ONCE] for first in range(0, len(x), _AT_ONCE))
    return np.concatenate([snn.run(net, encode(part, rng), mode=mode)[0].sum(0).asnumpy() for part in parts])


def train(
    config: TrainingOptions,
    directory: RunDirectory,
    net: nn.Cell,
    split: Split,
    encode: Encoder,
    rng: np.random.Generator,
    augment: Callable[[Array], Array] | None = None,
) -> Trained:
    """Train a net to spike most at the neuron of the right class; test it after each epoch and save its weights.

    Before the first epoch and after the first, second, fourth, eighth and so on it is seen whether a layer is dead.

    Parameters
    ----------
    config : TrainingOptions
        The options.
    directory : RunDirectory
        Gets a line of metrics for each epoch, and the weights.
    net : Cell
        From ``[T, N, features]`` to spikes ``[T, N, classes]``.
    split : Split
        What to train on and to test with.
    encode : Encoder
        From values to the net's input.
    rng : numpy.random.Generator
        Where the order of the images and what the encoder draws come from. Testing has a generator of its own, the same after
        each epoch.
    augment : callable, optional
        Applied to a batch of the training images before it is encoded.

    Returns
    -------
    Trained
        Metrics, and the answers to the test images.

    Warns
    -----
    snn.DeadLayerWarning
        If a layer of the net is dead, with what to do.
    """
    weights, images = net.trainable_params(), len(split.train_x)
    batches = -(-images // config.batch_size)
    optimizer = optim.Adam(weights, optim.schedules.cosine(config.learning_rate, config.epochs * batches))

    def loss(x: Array, labels: Array) -> tuple[Tensor, Tensor]:
        spikes, _, _ = snn.run(net, encode(x, rng), mode=config.mode)
        return snn.losses.count_cross_entropy(spikes, labels), spikes

    train_step = value_and_grad(loss, grad_position=None, weights=weights, has_aux=True)
    history: list[dict[str, float]] = []
    counts = np.empty((0, 0))
    seconds = 0.0
    with tqdm(total=config.epochs * images, unit=" images", unit_scale=True, dynamic_ncols=True) as progress:
        for epoch in range(1, config.epochs + 1):
            if not (epoch - 1) & (epoch - 2):  # none or a power of two are over
                few = encode(split.train_x[:_LOOKED_AT], np.random.default_rng(config.seed))
                snn.health(net, few, mode="eager", gradient=False).warn()
            progress.set_description(f"{directory.name}, seed {config.seed}, epoch {epoch}/{config.epochs}", refresh=False)
            start = time.perf_counter()
            losses, right, seen = 0.0, 0.0, 0
            for chosen in np.array_split(rng.permutation(images), batches):
                x, labels = split.train_x[chosen], split.train_y[chosen]
                (value, spikes), gradients = train_step(x if augment is None else augment(x), labels)
                optimizer(gradients)
                losses += value.item() * len(chosen)
                right += snn.metrics.accuracy(spikes, labels) * len(chosen)
                seen += len(chosen)
                shown = {"loss": f"{losses / seen:.4f}", "accuracy": f"{right / seen:.3f}"}
                progress.set_postfix(shown | _tested(history), refresh=False)
                progress.update(len(chosen))
            seconds += time.perf_counter() - start
            counts = count_spikes(net, split.test_x, encode, np.random.default_rng(config.seed), config.mode)
            history.append(
                {
                    "epoch": epoch,
                    "train_loss": losses / images,
                    "train_accuracy": right / images,
                    "test_loss": snn.losses.cross_entropy(counts, split.test_y).item(),
                    "test_accuracy": snn.metrics.accuracy(counts, split.test_y),
                    "seconds": round(seconds, 3),
                }
            )
            directory.log(history[-1])
            progress.set_postfix(shown | _tested(history))
    directory.save_weights(net.state_dict())
    accuracy = history[-1]["test_accuracy"]
    print(
        f"seed {config.seed}: test accuracy {accuracy:.4f} on {len(split.test_y):,} held-out images, "
        f"trained in {seconds:.1f} s ({config.epochs * images / seconds:,.0f} images/s)"
    )
    return Trained(history, counts, {"test accuracy": accuracy, "training seconds": seconds})


def _tested(history: list[dict[str, float]]) -> dict[str, str]:
    return {"test": f"{history[-1]['test_accuracy']:.3f}"} if history else {}
