"""Losses on what comes out of a net over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor, as_tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.intake import to_numbers

__all__ = ["count_cross_entropy", "cross_entropy", "max_membrane_cross_entropy", "membrane_cross_entropy", "rate_mse"]

Array = np.ndarray[Any, np.dtype[Any]]


def cross_entropy(scores: Any, labels: Any) -> Tensor:
    """Cross entropy of the softmax of scores, averaged over the batch.

    Parameters
    ----------
    scores : Tensor
        ``[N, classes]``.
    labels : array of int
        Right classes, ``[N]``.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    DTypeError
        If the labels are not whole numbers.
    ArgumentError
        If a label is not the number of a class.
    """
    scores = as_tensor(scores, "cross_entropy")
    return ops.cross_entropy(scores, labels=_classes(labels, scores, "cross_entropy"))


def count_cross_entropy(spikes: Any, labels: Any) -> Tensor:
    """Cross entropy on the number of spikes of each class's neuron.

    Parameters
    ----------
    spikes : Tensor
        Output spikes, ``[T, N, classes]``. Those of amplitude ``v_threshold`` count by their amplitude.
    labels : array of int
        Right classes, ``[N]``.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`.
    """
    return cross_entropy(_over_time(spikes, "count_cross_entropy").sum(0), labels)


def membrane_cross_entropy(v: Any, labels: Any, mask: Any = None) -> Tensor:
    """Cross entropy on the membrane of each class's neuron, summed over time.

    Parameters
    ----------
    v : Tensor
        Membrane of a readout, ``[T, N, classes]``.
    labels : array of int
        Right classes, ``[N]``.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: steps that do not count. The output of a run is 0 there; a recorded membrane is not.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`.
    """
    v = _over_time(v, "membrane_cross_entropy")
    if mask is not None:
        v = ops.where(_kept(mask, v, "membrane_cross_entropy")[..., None], v, 0.0)
    return cross_entropy(v.sum(0), labels)


def max_membrane_cross_entropy(v: Any, labels: Any, mask: Any = None) -> Tensor:
    """Cross entropy on the largest value over time of the membrane of each class's neuron (Cramer et al., 2020).

    Parameters
    ----------
    v : Tensor
        Membrane of a readout, ``[T, N, classes]``.
    labels : array of int
        Right classes, ``[N]``.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: steps that do not count.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`; also if the mask does not fit or leaves a sample without any step.
    """
    v = _over_time(v, "max_membrane_cross_entropy")
    if mask is not None:
        keep = _kept(mask, v, "max_membrane_cross_entropy")
        v = ops.where(keep[..., None], v, -np.inf)
    return cross_entropy(v.max(0), labels)


def rate_mse(spikes: Any, labels: Any, *, correct: float = 1.0, incorrect: float = 0.0, mask: Any = None) -> Tensor:
    """Mean squared error between the firing rates and a target for each class.

    Parameters
    ----------
    spikes : Tensor
        Output spikes, ``[T, N, classes]``, of amplitude 1.
    labels : array
        Right classes, ``[N]`` whole numbers; or target rates, ``[N, classes]`` floats.
    correct, incorrect : float
        Target rates, in spikes per step, of the right class and of the others.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: steps that do not count.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`.
    """
    spikes = _over_time(spikes, "rate_mse")
    if mask is None:
        rates = spikes.mean(0)
    else:
        keep = _kept(mask, spikes, "rate_mse")
        rates = ops.where(keep[..., None], spikes, 0.0).sum(0) / keep.sum(0)[:, None].astype(spikes.dtype)
    target = as_tensor(labels, "rate_mse")
    if target.dtype.kind == "f":
        if target.shape != rates.shape:
            raise ShapeError("rate_mse, targets", f"{list(rates.shape)}", describe(target), "One rate for each output.")
    else:
        classes = _classes(labels, rates, "rate_mse")
        target = ops.one_hot(classes, rates.shape[1], correct, incorrect, dtype=rates.dtype)
    loss: Tensor = ops.square(rates - target.astype(rates.dtype)).mean()
    return loss


def _kept(mask: Any, x: Tensor, where: str) -> Array:
    keep = to_numbers(mask, f"{where}, mask")
    if keep.shape != x.shape[:2] or keep.dtype != bool or not keep.any(0).all():
        raise ShapeError(
            f"{where}, mask", f"[T, N] = {list(x.shape[:2])} Bool with a step for each sample", describe(keep),
            "Pass the mask of the run.",
        )  # fmt: skip
    return keep


def _over_time(x: Any, where: str) -> Tensor:
    tensor = as_tensor(x, where)
    if tensor.ndim != 3:
        raise ShapeError(where, "[T, N, classes]", describe(x), "Pass the output of snn.run, with one neuron a class.")
    return tensor


def _classes(labels: Any, scores: Tensor, where: str) -> Array:
    positions = as_tensor(labels, where).array
    if positions.dtype.kind not in "iu":
        fix = "Pass classes, such as labels.argmax(-1)." if positions.ndim > 1 else "Convert them with .astype(int)."
        raise DTypeError(f"{where}, labels", "whole numbers", describe(positions), fix)
    if scores.ndim != 2 or positions.shape != scores.shape[:1]:
        raise ShapeError(
            f"{where}, labels", f"[N] for scores [N, classes] = {list(scores.shape)}", describe(positions),
            "One label for each sample: for one-hot ones labels.argmax(-1). Is time the first axis of the scores?",
        )  # fmt: skip
    classes = scores.shape[1]
    if positions.size and not (positions.min() >= 0 and positions.max() < classes):
        raise ArgumentError(
            f"{where}, labels", f"classes 0 to {classes - 1}", f"{positions.min()} to {positions.max()}",
            "Give the last layer one neuron for each class.",
        )  # fmt: skip
    return positions
