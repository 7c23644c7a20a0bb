"""Metrics: plain numbers, not differentiable."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import as_tensor
from autograd.dtypes import describe
from autograd.errors import ShapeError
from autograd.intake import to_numbers

from .structure import like

__all__ = ["accuracy", "firing_rate", "predictions"]


def predictions(out: Any) -> np.ndarray[Any, Any]:
    """Return the class of the largest score.

    Parameters
    ----------
    out : Tensor or array
        Scores ``[N, classes]``, or spikes or membranes over time ``[T, N, classes]``, which are summed over time.

    Returns
    -------
    numpy.ndarray
        ``[N]`` int64. A tie goes to the lower class.

    Raises
    ------
    ShapeError
        If ``out`` has another number of axes.
    """
    scores = as_tensor(out, "metrics.predictions").array
    if scores.ndim == 3:
        scores = scores.sum(0)
    if scores.ndim != 2:
        raise ShapeError(
            "metrics.predictions", "[N, classes] or [T, N, classes]", describe(scores), "Pass the output of snn.run."
        )
    classes: np.ndarray[Any, Any] = scores.argmax(1)
    return classes


def accuracy(out: Any, labels: Any) -> float:
    """Return the share of right classes.

    Parameters
    ----------
    out : Tensor or array
        As for :func:`predictions`.
    labels : array of int
        Right classes, ``[N]``.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ShapeError
        If the numbers of samples differ or are zero.
    """
    guessed, right = predictions(out), to_numbers(labels, "metrics.accuracy, labels")
    if guessed.shape != right.shape or not right.size:
        raise ShapeError("metrics.accuracy, labels", f"{list(guessed.shape)}, at least one", describe(right), "One a sample.")
    return float(np.mean(guessed == right))


def firing_rate(spikes: Any, *, axis: Any = None, mask: Any = None) -> Any:
    """Return the mean number of spikes per neuron and time step.

    Parameters
    ----------
    spikes : Tensor or array
        ``[T, N, ...]``; whatever is not 0 is a spike, of any amplitude.
    axis : int or tuple of int, optional
        Axes to average over: None for all, ``(0, 1)`` for the rate of each neuron.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: steps that do not count.

    Returns
    -------
    float or numpy.ndarray
        Rates in [0, 1], spikes per step.

    Raises
    ------
    ShapeError
        If the mask does not fit.
    """
    fired = as_tensor(spikes, "metrics.firing_rate").array != 0
    if mask is None:
        rate = fired.mean(axis)
    else:
        keep = to_numbers(mask, "metrics.firing_rate, mask")
        if keep.shape != fired.shape[:2] or keep.dtype != bool:
            raise ShapeError("metrics.firing_rate, mask", f"{list(fired.shape[:2])} Bool", describe(keep), "As in the run.")
        rate = fired.mean(axis, where=like(keep, fired))
    return float(rate) if np.ndim(rate) == 0 else rate
