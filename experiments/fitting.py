"""Shared by the experiments that train: training on one split, and a measure of the experiment's own on the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

import snn
from autograd import Tensor, nn, optim
from autograd.errors import CheckpointError

from .harness import RunDirectory, plain
from .training import TrainingOptions

__all__ = ["Augment", "Encoder", "Measure", "classify", "fit", "means"]

Array = np.ndarray[Any, Any]
Encoder = Callable[[Any, np.random.Generator], Any]
"""Maps the samples of a batch to the input of a net, ``[T, N, ...]``; random numbers come from the generator."""
Augment = Callable[[Any, np.random.Generator], Any]
"""Maps samples to random variants of them; random numbers come from the generator."""
Measure = Callable[[Any, Any, np.random.Generator], tuple[Tensor, dict[str, float]]]
"""Maps samples, labels and a generator to the loss, a mean over the samples, and other means by name."""

_AT_ONCE = 500  # samples in a run without gradient: fast, and small enough for the memory
_LOOKED_AT = 50  # samples for the search for dead layers
_SETTLED = 50  # steps after which norms have forgotten their initial values
_FREE = ("out", "data", "save_every", "ranks", "seeds")  # options that change no bits: other data are noted by their digest
_LOSSES: dict[str, Callable[[Any, Any], Tensor]] = {
    "max": snn.losses.max_membrane_cross_entropy, "sum": snn.losses.membrane_cross_entropy,
    "count": snn.losses.count_cross_entropy, "rate": snn.losses.rate_mse,
}  # fmt: skip


def classify(
    config: TrainingOptions, directory: RunDirectory, net: nn.Cell, splits: snn.data.Splits, rng: np.random.Generator, *,
    encode: Encoder = lambda x, _: x, readout: Literal["max", "sum", "count", "rate"] = "max", answer: int = 0,
    at_once: int = _AT_ONCE, draw: Callable[[Array], Any] | None = None, **more: Any,
) -> dict[str, float]:  # fmt: skip
    """Train a classifier, and draw its training, the confusions in the test split and the spikes of one sample.

    Parameters
    ----------
    config, directory, net, splits, rng, at_once
        As for :func:`fit`; the net ends in spikes or membranes ``[T, N, classes]``.
    encode : callable
        Maps the samples of a batch to the input of the net, ``[T, N, ...]``.
    readout : {"max", "sum", "count", "rate"}
        Readout of the net's output, in the loss and in the answers: see :mod:`snn.losses`.
    answer : int
        Number of steps at the end that count; 0 for all.
    draw : callable, optional
        Called with the answers to the test samples, ``[N]``, instead of drawing the spikes of one sample.
    **more
        Passed on to :func:`fit`.

    Returns
    -------
    dict
        The test accuracy and the seconds of training.
    """

    def out(x: Any, rng: np.random.Generator) -> Tensor:
        found: Tensor = snn.run(net, encode(x, rng), mode=config.mode).out[-answer:]
        return found

    def measure(x: Any, labels: Any, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        found = out(x, rng)
        return _LOSSES[readout](found, labels), {"accuracy": snn.metrics.accuracy(found, labels, readout=readout)}

    test, count = splits["test"], len(splits["train"])
    (few,) = splits["train"][: min(_LOOKED_AT, config.batch_size)].batches(_LOOKED_AT)
    few = encode(few.x, np.random.default_rng(config.seed))
    history = fit(config, directory, net, splits, measure, rng, few=few, at_once=at_once, **more)
    directory.save_figure("training", snn.plot.training(history)[0])
    again = np.random.default_rng(config.seed)
    parts = [snn.metrics.predictions(out(batch.x, again), readout=readout) for batch in test.batches(at_once)]
    guesses = np.concatenate(parts)
    directory.save_figure("confusion", snn.plot.confusion(test.labels, guesses, classes=test.classes))
    if draw is None:
        _draw_one(config, directory, net, test, encode, int(guesses[0]))
    else:
        draw(guesses)
    accuracy, seconds = history[-1]["test_accuracy"], history[-1]["seconds"]
    print(
        f"seed {config.seed}: test accuracy {accuracy:.4f} on {len(test):,} held-out samples, "
        f"trained in {seconds:.1f} s ({config.epochs * count / max(seconds, 1e-3):,.0f} samples/s)"
    )
    return {"test accuracy": accuracy, "training seconds": seconds}


def _draw_one(
    config: TrainingOptions, directory: RunDirectory, net: nn.Cell, data: snn.data.Dataset, encode: Encoder, guess: int
) -> None:
    (one,) = data[:1].batches(1)
    x = encode(one.x, np.random.default_rng(config.seed))
    record = snn.run(net, x, record="spike", mode=config.mode).record
    layers = {f"layer {name.removesuffix('.spike')}": spikes for name, spikes in record.items()}
    shown = {
        name: np.reshape(np.asarray(spikes), (*np.shape(spikes)[:2], -1)) for name, spikes in {"input": x, **layers}.items()
    }
    raster = snn.plot.raster(shown)
    raster.set_title(f"One sample of class {data.classes[int(one.labels[0])]} (answer: {data.classes[guess]})", fontsize=10)
    directory.save_figure("raster", raster)


def fit(
    config: TrainingOptions, directory: RunDirectory, net: nn.Cell, splits: snn.data.Splits, measure: Measure,
    rng: np.random.Generator, *, few: Any, metric: str = "accuracy", lowest: bool = False, augment: Augment | None = None,
    at_once: int = _AT_ONCE, optimizer: Callable[[int], optim.Optimizer] | None = None, hooks: Sequence[snn.train.Hook] = (),
) -> list[dict[str, float]]:  # fmt: skip
    """Train a net on the split ``train``, and measure it on all others after each epoch; save checkpoints and weights.

    No epoch is selected: results are those of the last one. Training resumes from the last checkpoint in the directory, if
    there is one. The net is checked for dead layers before the first epoch and after the first, second, fourth and so on.

    Parameters
    ----------
    config : TrainingOptions
        The options.
    directory : RunDirectory
        Receives a line of metrics for each epoch, checkpoints, and the weights.
    net : Cell
        The net to train.
    splits : Splits
        With ``train`` and ``test``, and perhaps more.
    measure : callable
        Maps samples ``[N, ...]`` and labels to the loss and other numbers.
    rng : numpy.random.Generator
        Source of the order of the samples, and of the random numbers of ``augment`` and ``measure`` in training. Each split is
        measured with a generator of its own, the same after each epoch.
    few : Tensor or array
        Input of the net, ``[T, N, ...]``, for the search for dead layers.
    metric : str
        The metric to show, and to choose the best checkpoint by.
    lowest : bool
        Whether lower is better.
    augment : callable, optional
        Applied to the samples of each batch in training.
    at_once : int
        Samples in a run without gradient.
    optimizer : callable, optional
        Maps the total number of steps to the optimizer; by default Adam, whose rate falls to zero along half a cosine.
    hooks : sequence of Hook
        Called before the hooks that show and save.

    Returns
    -------
    list of dict
        A line for each epoch: ``epoch``, ``seconds``, and each number with the name of its split before it, as ``test_loss``.

    Warns
    -----
    snn.DeadLayerWarning
        If a layer of the net is dead, with a remedy.

    Raises
    ------
    CheckpointError
        If the last checkpoint cannot be used, or is of a run with other options.
    """
    data, held = splits["train"], {name: part for name, part in splits.items() if name != "train"}
    steps = config.epochs * -(-len(data) // config.batch_size)

    def loss(batch: snn.data.Batch) -> tuple[Tensor, dict[str, float]]:
        return measure(batch.x if augment is None else augment(batch.x, rng), batch.labels, rng)

    def evaluate() -> dict[str, float]:
        found = {name: means(part, measure, config.seed, at_once) for name, part in held.items()}
        return {f"{name}_{key}": value for name, numbers in found.items() for key, value in numbers.items()}

    shown = f"test_{metric}"
    saves = snn.train.SaveCheckpoints(directory.path / "checkpoints", seconds=config.save_every, best=shown, lowest=lowest)
    every = [
        *hooks,
        _LookForDeadLayers(few),
        snn.train.Progress(name=f"{directory.name}, seed {config.seed}", samples=len(data), show=(shown,)),
        snn.train.JSONLines(directory.path / "metrics.jsonl"),
        saves,
    ]
    made = optim.Adam(net.trainable_params(), optim.schedules.cosine(config.learning_rate, steps))
    settings = None if _is_without_options(saves.checkpoints, directory.ranks) else _settings(config)
    trainer = snn.train.Trainer(
        net, made if optimizer is None else optimizer(steps), loss,
        lambda start: data.batches(config.batch_size, rng, start=start), rng=rng, evaluate=evaluate, hooks=every,
        config=settings, ranks=directory.ranks,
    )  # fmt: skip
    try:
        trainer.resume(saves.checkpoints)
    except CheckpointError as error:
        error.add_note("  If config.json was edited, undo the edit: a run resumes with its own options.")
        raise
    history = trainer.fit(config.epochs)
    directory.leave_to_first()
    directory.save_weights(net.state_dict())
    return history


def means(data: snn.data.Dataset, measure: Measure, seed: int, at_once: int = _AT_ONCE) -> dict[str, float]:
    """Return loss and other numbers of a data set, averaged over its samples."""
    rng, sums = np.random.default_rng(seed), dict[str, float]()
    for batch in data.batches(at_once):
        value, numbers = measure(batch.x, batch.labels, rng)
        for key, number in {"loss": value.item(), **numbers}.items():
            sums[key] = sums.get(key, 0.0) + float(number) * len(batch.labels)
    return {key: total / len(data) for key, total in sums.items()}


def _settings(config: TrainingOptions) -> dict[str, Any]:
    """Return the options that must be the same on resume: all that may change the bits."""
    return {name: value for name, value in plain(config).items() if name not in _FREE}


def _is_without_options(checkpoints: snn.checkpoint.Checkpoints, ranks: snn.train.Ranks | None) -> bool:
    """Return whether the last checkpoint is from a version that saved no options in it; the first rank reads it."""

    def look() -> bool:
        saved = checkpoints.load()
        return saved is not None and "seed" not in saved.get("config", {})

    if ranks is None:
        return look()
    with ranks.together():
        found: bool = ranks.first(look)
    return found


class _LookForDeadLayers(snn.train.Hook):
    """Warns of dead layers, at growing intervals."""

    def __init__(self, few: Any) -> None:
        self.few = few

    def on_start(self, trainer: snn.train.Trainer) -> None:
        """Look before the first epoch."""
        if not trainer.resumed:
            self._look(trainer)

    def on_epoch(self, trainer: snn.train.Trainer) -> None:
        """Look if the number of finished epochs is a power of two and more follow."""
        if trainer.epoch < trainer.epochs and not trainer.epoch & (trainer.epoch - 1):
            self._look(trainer)

    def _look(self, trainer: snn.train.Trainer) -> None:
        """Look at the net outside training mode, in which dropouts draw and norms move, once its norms have settled."""
        if trainer.step < _SETTLED and any(hasattr(cell, "moving_mean") for _, cell in trainer.net.cells_and_names()):
            return
        trainer.net.set_train(False)
        snn.health(trainer.net, self.few, mode="eager", gradient=False).warn()
        trainer.net.set_train()
