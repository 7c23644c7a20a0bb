"""The result of a conversion, and the number of steps it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import Tensor, as_tensor, nn
from autograd.dtypes import Array, describe, is_int
from autograd.errors import ArgumentError, ShapeError
from autograd.state import no_grad

from ..metrics import accuracy
from ..simulate import run

__all__ = ["AccuracyByTime", "Converted", "batches", "samples"]

_BATCH = 256


@dataclass(frozen=True, eq=False)
class AccuracyByTime:
    """Accuracy of a converted net by the number of steps; ``print`` shows a table.

    Attributes
    ----------
    accuracy : array
        ``[T]``, in [0, 1]: after 1, 2, ... T steps.
    ann : float
        Accuracy of the net that was converted.
    """

    accuracy: Array
    ann: float

    def __getitem__(self, steps: int) -> float:
        """Return the accuracy after so many steps."""
        if not isinstance(steps, (int, np.integer)) or not 1 <= steps <= len(self.accuracy):
            raise ArgumentError(
                "AccuracyByTime", f"a number of steps from 1 to {len(self.accuracy)}", repr(steps),
                "For more, call accuracy(..., steps=) anew.",
            )  # fmt: skip
        return float(self.accuracy[steps - 1])

    def __str__(self) -> str:
        length = len(self.accuracy)
        steps = [2**k for k in range(length.bit_length()) if 2**k < length] + [length]
        rows = [("T", "accuracy"), *((str(t), f"{self[t]:.4f}") for t in steps), ("ANN", f"{self.ann:.4f}")]
        width = max(len(row[0]) for row in rows)
        return "\n".join(f"{first:>{width}s}  {second:>8s}" for first, second in rows)


@dataclass(frozen=True, eq=False)
class Converted:
    """The result of :func:`convert`.

    Attributes
    ----------
    net : nn.SequentialCell
        The spiking net, for :func:`snn.run` on a constant input ``[T, N, ...]``; sum its outputs over time.
    ann : nn.SequentialCell
        The net that was converted, with its norms folded into weights.
    scales : dict of str to array
        For each neuron of ``net``, by name: the activation that a rate of one spike per step represents, one value or one per
        channel.
    """

    net: nn.SequentialCell
    ann: nn.SequentialCell
    scales: dict[str, Array] = field(default_factory=dict)

    def accuracy(self, x: Any, labels: Any, steps: int = 64, *, mode: str = "auto") -> AccuracyByTime:
        """Return the accuracy of the net after each number of steps.

        Parameters
        ----------
        x : Tensor or array
            Inputs ``[N, ...]``, each a constant current.
        labels : array of int
            Correct classes, ``[N]``.
        steps : int
            T, the number of steps to run.
        mode : str
            As for :func:`snn.run`.

        Returns
        -------
        AccuracyByTime
            ``result[T]`` is the accuracy after T steps.

        Raises
        ------
        ArgumentError
            If ``steps`` is not a positive int.
        ShapeError, DTypeError
            As from :func:`snn.metrics.accuracy`.
        """
        if not is_int(steps) or steps < 1:
            raise ArgumentError("Converted.accuracy", "steps to be a positive int", repr(steps), "It is T.")
        array = samples(x, "Converted.accuracy, x")
        outs, scores = [], []
        with no_grad():
            for part in batches(array):
                given = Tensor.wrap(np.broadcast_to(part, (int(steps), *part.shape)))
                outs.append(np.cumsum(run(self.net, given, mode=mode).out.asnumpy(), axis=0, dtype=np.float64))
                scores.append(self.ann(Tensor.wrap(part)).asnumpy())
        sums = np.concatenate(outs, axis=1)
        by_time = np.array([accuracy(at, labels) for at in sums])
        return AccuracyByTime(by_time, accuracy(np.concatenate(scores), labels))


def samples(x: Any, where: str) -> Array:
    """Return samples as floats."""
    array = as_tensor(x, where).asnumpy()
    if array.ndim < 2 or not len(array):
        raise ShapeError(where, "samples [N, ...], at least one", describe(array), "Leave time out: each is a constant input.")
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def batches(array: Array) -> Iterator[Array]:
    """Iterate over parts of samples."""
    for begin in range(0, len(array), _BATCH):
        yield array[begin : begin + _BATCH]
