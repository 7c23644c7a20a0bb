"""What experiments that learn to classify share: their options, and the loop that trains and tests a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
import safetensors.numpy  # noqa: F401 - so that it is missed before a run, not when a checkpoint is written
import tqdm  # noqa: F401 - the same
import tyro

import snn
from autograd import Tensor, nn, optim
from autograd.errors import ArgumentError

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
    save_every: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 60.0
    """Least time between two checkpoints; the best epoch and the end are saved too."""
    ranks: int = 1
    """Processes that share out each batch: mpiexec -n RANKS python -m mpi4py -m experiments ... (extra mpi)."""

    counts: ClassVar[tuple[str, ...]] = ("seeds", "epochs", "batch_size", "steps", "hidden", "ranks")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.save_every >= 0:
            raise ArgumentError("option --save-every", "seconds of at least 0", f"{self.save_every}", "Nothing was run.")


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

    It goes on from the last checkpoint in the directory, if there is one. Before the first epoch and after the first, second,
    fourth, eighth and so on it is seen whether a layer is dead.

    Parameters
    ----------
    config : TrainingOptions
        The options.
    directory : RunDirectory
        Gets a line of metrics for each epoch, checkpoints, and the weights.
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
    images = len(split.train_x)
    count = -(-images // config.batch_size)
    schedule = optim.schedules.cosine(config.learning_rate, config.epochs * count)

    def batches(start: int) -> list[Array]:
        return np.array_split(rng.permutation(images), count)[start:]

    def loss(chosen: Array) -> tuple[Tensor, dict[str, float]]:
        x, labels = split.train_x[chosen], split.train_y[chosen]
        spikes, _, _ = snn.run(net, encode(x if augment is None else augment(x), rng), mode=config.mode)
        return snn.losses.count_cross_entropy(spikes, labels), {"accuracy": snn.metrics.accuracy(spikes, labels)}

    counts = np.empty((0, 0))

    def evaluate() -> dict[str, float]:
        nonlocal counts
        counts = count_spikes(net, split.test_x, encode, np.random.default_rng(config.seed), config.mode)
        return {
            "test_loss": snn.losses.cross_entropy(counts, split.test_y).item(),
            "test_accuracy": snn.metrics.accuracy(counts, split.test_y),
        }

    name, shown = f"{directory.name}, seed {config.seed}", ("test_accuracy",)
    saves = snn.train.SaveCheckpoints(directory.path / "checkpoints", seconds=config.save_every, best="test_accuracy")
    hooks = [
        _LookForDeadLayers(encode(split.train_x[:_LOOKED_AT], np.random.default_rng(config.seed))),
        snn.train.Progress(name=name, samples=images, unit="images", show=shown),
        snn.train.JSONLines(directory.path / "metrics.jsonl"),
        saves,
    ]
    optimizer = optim.Adam(net.trainable_params(), schedule)
    trainer = snn.train.Trainer(net, optimizer, loss, batches, rng=rng, evaluate=evaluate, hooks=hooks, ranks=directory.ranks)
    trainer.resume(saves.checkpoints)
    history = trainer.fit(config.epochs)
    directory.leave_to_first()
    if not counts.size:  # it had ended before
        evaluate()
    directory.save_weights(net.state_dict())
    accuracy, seconds = history[-1]["test_accuracy"], trainer.seconds
    print(
        f"seed {config.seed}: test accuracy {accuracy:.4f} on {len(split.test_y):,} held-out images, "
        f"trained in {seconds:.1f} s ({config.epochs * images / seconds:,.0f} images/s)"
    )
    return Trained(history, counts, {"test accuracy": accuracy, "training seconds": seconds})


class _LookForDeadLayers(snn.train.Hook):
    """Warns of layers that are dead, ever more seldom."""

    def __init__(self, few: Tensor) -> None:
        self.few = few

    def on_start(self, trainer: snn.train.Trainer) -> None:
        """Look before the first epoch."""
        if not trainer.resumed:
            self._look(trainer)

    def on_epoch(self, trainer: snn.train.Trainer) -> None:
        """Look if as many epochs are over as a power of two, and more follow."""
        if trainer.epoch < trainer.epochs and not trainer.epoch & (trainer.epoch - 1):
            self._look(trainer)

    def _look(self, trainer: snn.train.Trainer) -> None:
        snn.health(trainer.net, self.few, mode="eager", gradient=False).warn()
