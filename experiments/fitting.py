"""What experiments on the sets of snn.data share: a loop over their splits, with a measure of the experiment's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

import snn
from autograd import Tensor, nn, optim

from .harness import RunDirectory
from .training import TrainingOptions

__all__ = ["Measure", "classify", "fit", "means"]

Measure = Callable[[Any, Any], tuple[Tensor, dict[str, float]]]
"""From a batch's samples and labels to the loss, a mean over the samples, and other numbers by name, means too."""

_AT_ONCE = 500  # samples in a run without gradient: enough to be fast, few enough to fit in memory
_LOOKED_AT = 50  # samples by which to see whether a layer is dead
_LOSSES = {
    "max": snn.losses.max_membrane_cross_entropy, "sum": snn.losses.membrane_cross_entropy,
    "count": snn.losses.count_cross_entropy,
}  # fmt: skip


def classify(
    config: TrainingOptions, directory: RunDirectory, net: nn.Cell, splits: snn.data.Splits, rng: np.random.Generator, *,
    encode: Callable[[Any], Any] = lambda x: x, readout: Literal["max", "sum", "count"] = "max", answer: int = 0,
) -> dict[str, float]:  # fmt: skip
    """Train a net to name classes, and draw its training, one sample's spikes and the confusions in the test split.

    Parameters
    ----------
    config, directory, net, splits, rng
        As for :func:`fit`; the net ends in spikes or membranes ``[T, N, classes]``.
    encode : callable
        From the samples of a batch to the net's input ``[T, N, ...]``.
    readout : {"max", "sum", "count"}
        How the net's output becomes scores, in the loss and in the answer: see :mod:`snn.losses`.
    answer : int
        How many steps at the end are looked at; 0 for all.

    Returns
    -------
    dict
        What an experiment returns: the test accuracy and the seconds that training took.
    """

    def measure(x: Any, labels: Any) -> tuple[Tensor, dict[str, float]]:
        out = snn.run(net, encode(x), mode=config.mode).out[-answer:]
        return _LOSSES[readout](out, labels), {"accuracy": snn.metrics.accuracy(out, labels, readout=readout)}

    (few,) = splits["train"][:_LOOKED_AT].batches(_LOOKED_AT)
    history = fit(config, directory, net, splits, measure, rng, few=encode(few.x))
    directory.save_figure("training", snn.plot.training(history)[0])
    _draw(config, directory, net, splits["test"], encode, readout, answer)
    last = history[-1]
    print(
        f"seed {config.seed}: test accuracy {last['test_accuracy']:.4f} on {len(splits['test']):,} held-out samples, "
        f"trained in {last['seconds']:.1f} s"
    )
    return {"test accuracy": last["test_accuracy"], "training seconds": last["seconds"]}


def _draw(
    config: TrainingOptions, directory: RunDirectory, net: nn.Cell, data: snn.data.Dataset, encode: Any, readout: str,
    answer: int,
) -> None:  # fmt: skip
    guesses = [
        snn.metrics.predictions(snn.run(net, encode(batch.x), mode=config.mode).out[-answer:], readout=readout)
        for batch in data.batches(_AT_ONCE)
    ]
    directory.save_figure("confusion", snn.plot.confusion(data.labels, np.concatenate(guesses), classes=data.classes))
    (one,) = data[:1].batches(1)
    x = encode(one.x)
    record = snn.run(net, x, record="spike", mode=config.mode).record
    layers = {f"layer {name.removesuffix('.spike')}": spikes for name, spikes in record.items()}
    raster = snn.plot.raster({"input": x, **layers})
    guess = data.classes[int(guesses[0][0])]
    raster.set_title(f"One sample of class {data.classes[int(one.labels[0])]} (answer: {guess})", fontsize=10)
    directory.save_figure("raster", raster)


def fit(
    config: TrainingOptions, directory: RunDirectory, net: nn.Cell, splits: snn.data.Splits, measure: Measure,
    rng: np.random.Generator, *, few: Any, metric: str = "accuracy", lowest: bool = False,
) -> list[dict[str, float]]:  # fmt: skip
    """Train a net on the split ``train``, and measure it on all others after each epoch; save checkpoints and weights.

    Nothing is chosen by a measure: what is reported is the last epoch. It goes on from the last checkpoint in the directory,
    if there is one.

    Parameters
    ----------
    config : TrainingOptions
        The options.
    directory : RunDirectory
        Gets a line of metrics for each epoch, checkpoints, and the weights.
    net : Cell
        What is trained, by Adam whose rate falls to zero along half a cosine.
    splits : Splits
        With ``train`` and ``test``, and perhaps more.
    measure : callable
        From samples ``[T, N, ...]`` and labels to the loss and other numbers.
    rng : numpy.random.Generator
        Draws the order of the samples.
    few : Tensor or array
        Input of the net, ``[T, N, ...]``, by which to see whether a layer is dead before the first epoch.
    metric : str
        The number that is shown, and by which the best checkpoint is kept.
    lowest : bool
        Whether lower is better.

    Returns
    -------
    list of dict
        A line for each epoch: ``epoch``, ``seconds``, and each number with the name of its split before it, as ``test_loss``.

    Warns
    -----
    snn.DeadLayerWarning
        If a layer of the net is dead, with what to do.
    """
    data, held = splits["train"], {name: part for name, part in splits.items() if name != "train"}
    count = -(-len(data) // config.batch_size)
    schedule = optim.schedules.cosine(config.learning_rate, config.epochs * count)

    def loss(batch: snn.data.Batch) -> tuple[Tensor, dict[str, float]]:
        return measure(batch.x, batch.labels)

    def evaluate() -> dict[str, float]:
        return {f"{name}_{key}": value for name, part in held.items() for key, value in means(part, measure).items()}

    shown = f"test_{metric}"
    saves = snn.train.SaveCheckpoints(directory.path / "checkpoints", seconds=config.save_every, best=shown, lowest=lowest)
    hooks = [
        snn.train.Progress(name=f"{directory.name}, seed {config.seed}", samples=len(data), show=(shown,)),
        snn.train.JSONLines(directory.path / "metrics.jsonl"),
        saves,
    ]
    trainer = snn.train.Trainer(
        net, optim.Adam(net.trainable_params(), schedule), loss,
        lambda start: data.batches(config.batch_size, rng, start=start), rng=rng, evaluate=evaluate, hooks=hooks,
        ranks=directory.ranks,
    )  # fmt: skip
    if not trainer.resume(saves.checkpoints) and directory.first:
        snn.health(net, few, mode="eager", gradient=False).warn()
    history = trainer.fit(config.epochs)
    directory.leave_to_first()
    directory.save_weights(net.state_dict())
    return history


def means(data: snn.data.Dataset, measure: Measure) -> dict[str, float]:
    """Return loss and other numbers of a data set, averaged over its samples."""
    sums: dict[str, float] = {}
    for batch in data.batches(_AT_ONCE):
        value, numbers = measure(batch.x, batch.labels)
        for key, number in {"loss": value.item(), **numbers}.items():
            sums[key] = sums.get(key, 0.0) + float(number) * len(batch.labels)
    return {key: total / len(data) for key, total in sums.items()}
