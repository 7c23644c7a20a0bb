"""Train a spiking network to predict the Mackey-Glass series, one value at a time and then from its own predictions.

The benchmark of NeuroBench (Yik et al., Nature Communications 2025): a chaotic series of 75 values in a Lyapunov time, of
which 10 Lyapunov times are trained on and the next 10 predicted autonomously, each value from those predicted before, and
measured by sMAPE. The mean over 14 series is 13.4 for an LSTM and 14.8 for an echo state network; NeuroBench has no spiking
network for it. Ours has one layer of leaky neurons of many time constants with lateral weights. NeuroBench's numbers are for
its own file of the series; another solver gives a different series after some Lyapunov times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import snn
from autograd import Tensor, nn, ops

from .fitting import fit
from .harness import RunDirectory
from .training import TrainingOptions

__all__ = ["Config", "autonomous", "build", "predict", "run", "smape"]

Array = np.ndarray[Any, Any]
_CENTRE, _CHANGE = np.float32(0.9), np.float32(0.1)  # about the mean of the series, and the size of its changes


@dataclass(frozen=True, kw_only=True)
class Config(TrainingOptions):
    """Options of the Mackey-Glass experiment."""

    epochs: int = 100
    batch_size: int = 50
    learning_rate: float = 5e-3
    steps: int = 50
    """Values from which the next one is predicted, one per time step."""
    hidden: int = 200
    beta: float = 0.5
    """Share of the readout's membrane that remains after a step; the shares of the neurons are drawn from [0.3, 0.98]."""
    tau: int = 17
    """Delay of the series, from 17 to 30, which selects one of NeuroBench's 14 series."""
    values: int = 750
    """Number of values to train on, and to predict: 75 are one Lyapunov time."""

    counts = (*TrainingOptions.counts, "values")

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, hidden=40, steps=20, values=150)


def smape(predicted: Any, target: Any) -> float:
    """Return NeuroBench's symmetric mean absolute percentage error, from 0 to 200.

    ``200 mean(|p - y| / (|p| + |y|))``.
    """
    p, y = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    return float(200 * np.mean(np.abs(p - y) / (np.abs(p) + np.abs(y))))


def build(config: Config, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network; its weights and biases spread the neurons over the range of the series."""
    n = config.hidden
    node = snn.LIFNode(
        beta=rng.uniform(0.3, 0.98, n).astype(np.float32), decay_input=True, detach_reset=True,
        surrogate_function=snn.surrogate.fast_sigmoid(10.0),
    )  # fmt: skip
    weight, bias = rng.normal(0, 3, (n, 1)).astype(np.float32), rng.uniform(-1, 3, n).astype(np.float32)
    lateral = rng.normal(0, 0.5 / math.sqrt(n), (n, n)).astype(np.float32)
    return nn.SequentialCell(
        nn.Dense(1, n, weight, bias),
        snn.Recurrent(node, n, weight_init=lateral),
        nn.Dense(n, 1, rng.normal(0, 0.1 / math.sqrt(n), (1, n)).astype(np.float32)),
        snn.LeakyReadout(beta=config.beta),
    )


def predict(net: nn.Cell, x: Array, mode: str = "auto") -> Tensor:
    """Return the next values ``[N, 1]`` of windows ``[T, N, 1]``: the last value plus the change in the readout."""
    change: Tensor = snn.run(net, x - _CENTRE, mode=mode).out[-1]
    return ops.add(change * _CHANGE, x[-1])


def autonomous(net: nn.Cell, window: Array, count: int, mode: str = "auto") -> Array:
    """Return ``count`` values that follow a window ``[T, 1, 1]``, each predicted from those predicted before, ``[count]``."""
    series = np.empty((len(window) + count, 1, 1), np.float32)
    series[: len(window)] = window
    for n in range(count):
        series[len(window) + n] = predict(net, series[n : len(window) + n], mode).asnumpy()
    return series[len(window) :].ravel()


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, predict and plot; return the errors of one step and of 10 Lyapunov times, and the seconds of training."""
    rng = np.random.default_rng(config.seed)
    net = build(config, rng)
    splits = snn.data.mackey_glass(config.tau, window=config.steps, train=config.values, test=config.values)

    def measure(x: Array, target: Array, _: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        predicted = predict(net, x, config.mode)
        loss = ops.square((predicted - target) / _CHANGE).mean()
        return loss, {"smape": smape(predicted.asnumpy(), target)}

    (few,) = splits.train[:10].batches(10)
    history = fit(config, directory, net, splits, measure, rng, few=few.x - _CENTRE, metric="smape", lowest=True)
    (first,) = splits.test[:1].batches(1)
    target = splits.test.labels[:, 0]
    predicted = autonomous(net, first.x, len(target), config.mode)
    results = {
        "one-step sMAPE": history[-1]["test_smape"],
        "autonomous sMAPE": smape(predicted, target),
        "autonomous sMAPE, first Lyapunov time": smape(predicted[:75], target[:75]),
        "sMAPE of the mean": smape(np.full_like(target, splits.train.labels.mean()), target),
        "training seconds": history[-1]["seconds"],
    }
    directory.save_figure("training", snn.plot.training(history)[0])
    _plot(directory, predicted, target)
    print(f"seed {config.seed}: " + ", ".join(f"{name} {value:.2f}" for name, value in results.items()))
    print("for comparison, NeuroBench's mean over 14 series, autonomous: LSTM 13.4, echo state network 14.8")
    return results


def _plot(directory: RunDirectory, predicted: Array, target: Array) -> None:
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
    time = np.arange(len(target)) / 75
    ax.plot(time, target, color="0.6", lw=1, label="series")
    ax.plot(time, predicted, color="#D55E00", lw=1, label="predicted from its own predictions")
    ax.set(xlabel="Lyapunov times", ylabel="value", xlim=(0, time[-1]))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper right", fontsize=8, frameon=False, ncols=2, bbox_to_anchor=(1, 1.15))
    directory.save_figure("prediction", ax)
