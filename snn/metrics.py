"""Metrics: plain numbers, not differentiable.

Choose the ``readout`` that matches the loss; the table in :mod:`snn.losses` lists them. A net that was trained on the largest
value of a membrane gives its answer in that value, not in its spikes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import as_tensor
from autograd.dtypes import describe
from autograd.errors import NonFiniteError, ShapeError
from autograd.foreign import of_module

from .common.foreign import MODULES
from .common.structure import like
from .readout import check_labels, check_mask, read

__all__ = ["accuracy", "firing_rate", "predictions"]


def predictions(out: Any, mask: Any = None, *, readout: str = "sum") -> np.ndarray[Any, Any]:
    """Return the class of the largest score.

    Parameters
    ----------
    out : Tensor or array
        Scores ``[N, classes]``; or an output over time, spikes or membranes, ``[T, N, classes]``.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: False where a step does not count.
    readout : {"sum", "count", "rate", "max", "last", "first_spike"}
        Turns an output over time into scores. ``"sum"`` and ``"count"`` take its sum over time, which for spikes is their
        number times their amplitude; ``"rate"`` its mean; ``"max"`` its largest value; ``"last"`` its value in the last step
        that counts. ``"first_spike"`` scores a neuron by the time of its first spike: the earliest has the highest score, a
        neuron that never fires the lowest.

    Returns
    -------
    numpy.ndarray
        Classes, ``[N]`` int64. In a tie the lower class wins.

    Raises
    ------
    ShapeError
        If ``out`` has a wrong number of axes, or the mask does not fit.
    ArgumentError
        If there is no such readout.
    NonFiniteError
        If a score is NaN.
    """
    return _largest(read(out, readout, mask, "metrics.predictions", scores=True), "metrics.predictions")


def accuracy(out: Any, labels: Any, mask: Any = None, *, readout: str = "sum") -> float:
    """Return the share of correct classes.

    Parameters
    ----------
    out : Tensor or array
        As for :func:`predictions`.
    labels : array of int
        Correct classes, ``[N]``.
    mask, readout
        As for :func:`predictions`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ShapeError
        If the numbers of samples differ or are zero; and as for :func:`predictions`.
    DTypeError, ArgumentError
        If labels are not class numbers; and as for :func:`predictions`.
    NonFiniteError
        As for :func:`predictions`.
    """
    where = "metrics.accuracy"
    scores = read(out, readout, mask, where, scores=True)
    right = check_labels(labels, scores, where)
    return float(np.mean(_largest(scores, where) == right))


def firing_rate(spikes: Any, *, axis: Any = None, mask: Any = None) -> Any:
    """Return the mean number of spikes per neuron per time step.

    Parameters
    ----------
    spikes : Tensor or array
        ``[T, N, ...]``; every nonzero value is a spike, of any amplitude.
    axis : int or tuple of int, optional
        Axes to average over: None for all, ``(0, 1)`` for the rate of each neuron.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: False where a step does not count.

    Returns
    -------
    float or numpy.ndarray
        Rates in [0, 1], spikes per step.

    Raises
    ------
    ShapeError
        If the mask does not fit or leaves nothing to average, or there are no such axes.
    """
    where = "metrics.firing_rate"
    fired = as_tensor(spikes, where).array != 0
    steps = check_mask(mask, fired, where, of_each=False)
    keep = True if steps is None else like(steps, fired)
    try:
        counted = np.broadcast_to(keep, fired.shape).sum(axis)
    except (ValueError, TypeError, OverflowError) as error:
        raise ShapeError(
            f"{where}, axis", f"axes of {describe(fired)}", describe(axis), "Time is axis 0 and the batch axis 1."
        ) from error
    if not np.all(counted):
        raise ShapeError(
            where, "at least one step that counts in each mean", describe(fired), "Choose other axes or another mask."
        )
    rate = (fired & keep).sum(axis) / counted
    return float(rate) if np.ndim(rate) == 0 else rate


def _largest(scores: Any, where: str) -> np.ndarray[Any, Any]:
    values = scores.asnumpy()
    if np.isnan(values).any():
        sample, index = np.argwhere(np.isnan(values))[0]
        raise NonFiniteError(
            where, "scores that are numbers", f"NaN for sample {sample}, class {index}",
            "snn.run(..., check=True) finds where it starts; mask= excludes steps that do not count.",
        )  # fmt: skip
    classes: np.ndarray[Any, Any] = values.argmax(1)
    return classes


if not TYPE_CHECKING:  # to a type checker every name would seem to exist
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
