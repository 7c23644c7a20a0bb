"""Losses on the output of a net over time.

Each loss takes ``mask=``, the steps that count, as :func:`snn.run` does. Each has a matching ``readout`` in
:mod:`snn.metrics`:

============================== ============================================ ==============
loss                           on                                           readout
============================== ============================================ ==============
``cross_entropy``              scores, or a readout of your choice          the same
``count_cross_entropy``        the number of spikes                         ``"count"``
``membrane_cross_entropy``     a membrane, summed over time                 ``"sum"``
``max_membrane_cross_entropy`` the largest value of a membrane              ``"max"``
``stepwise_cross_entropy``     a membrane, in each step                     ``"sum"``
``rate_mse``                   the firing rate                              ``"rate"``
============================== ============================================ ==============

The gradient of a loss on a membrane also passes through the reset, and teaches the neuron of the correct class to fire less.
Such a net gives its answer in its membrane, not in its spikes. To prevent this, give the last neurons ``detach_reset=True``,
as snnTorch does, or ``v_reset="never"``; or use a readout that never fires, whose output is its membrane. The recorded
``"v"`` is the membrane after the reset; ``"v_before_reset"`` is the membrane that is compared with the threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Tensor, as_tensor, float16, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.foreign import of_module

from .common.foreign import MODULES
from .readout import check_labels, check_mask, for_loss, over_time, read

__all__ = [
    "count_cross_entropy", "cross_entropy", "max_membrane_cross_entropy", "membrane_cross_entropy", "rate_mse",
    "stepwise_cross_entropy",
]  # fmt: skip


def cross_entropy(scores: Any, labels: Any, mask: Any = None, *, readout: str = "sum") -> Tensor:
    """Cross entropy of the softmax of scores, averaged over the batch.

    Parameters
    ----------
    scores : Tensor
        ``[N, classes]``; or an output over time, ``[T, N, classes]``, which ``readout`` turns into scores.
    labels : array of int
        Correct classes, ``[N]``.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: False where a step does not count.
    readout : {"sum", "count", "rate", "max", "last"}
        Turns an output over time into scores, as for :func:`snn.metrics.predictions`.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or the mask leaves a sample without any step.
    DTypeError
        If the labels are not whole numbers.
    ArgumentError
        If a label is not the number of a class, or the readout has no gradient.
    """
    where = "cross_entropy"
    if isinstance(readout, str) and readout == "first_spike":
        raise ArgumentError(
            where, "a readout with a gradient", repr(readout), "Choose 'count', 'sum', 'rate', 'max' or 'last'."
        )
    scores = for_loss(scores, where)
    return _entropy(read(scores, readout, mask, where, scores=True), labels, scores, where)


def count_cross_entropy(spikes: Any, labels: Any, mask: Any = None) -> Tensor:
    """Cross entropy on the spike count of each class's neuron.

    Parameters
    ----------
    spikes : Tensor
        Output spikes, ``[T, N, classes]``. Each spike counts with its amplitude, ``v_threshold`` by default.
    labels, mask
        As for :func:`cross_entropy`.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`.
    """
    where = "count_cross_entropy"
    return _entropy(read(spikes, "count", mask, where), labels, spikes, where)


def membrane_cross_entropy(v: Any, labels: Any, mask: Any = None) -> Tensor:
    """Cross entropy on the membrane of each class's neuron, summed over time.

    Parameters
    ----------
    v : Tensor or dict
        Membrane ``[T, N, classes]``: the output of a readout such as :class:`snn.LeakyReadout`; or the recorded
        ``"v_before_reset"`` of neurons that fire, with ``detach_reset=True`` or ``v_reset="never"``; or a whole record, of
        which the ``"v_before_reset"`` of the last layer is used.
    labels, mask
        As for :func:`cross_entropy`.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`.

    Warns
    -----
    UserWarning
        If ``v`` was recorded from a neuron whose reset passes a gradient.
    """
    where = "membrane_cross_entropy"
    v = for_loss(v, where)
    return _entropy(read(v, "sum", mask, where), labels, v, where)


def max_membrane_cross_entropy(v: Any, labels: Any, mask: Any = None) -> Tensor:
    """Cross entropy on the largest value over time of the membrane of each class's neuron (Cramer et al., 2022).

    Parameters
    ----------
    v : Tensor or dict
        Membrane ``[T, N, classes]``, as for :func:`membrane_cross_entropy`.
    labels : array of int
        Correct classes, ``[N]``.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: False where a step does not count.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`.

    Warns
    -----
    UserWarning
        As for :func:`membrane_cross_entropy`.
    """
    where = "max_membrane_cross_entropy"
    v = for_loss(v, where)
    return _entropy(read(v, "max", mask, where), labels, v, where)


def stepwise_cross_entropy(v: Any, labels: Any, mask: Any = None) -> Tensor:
    """Cross entropy on the membrane of each class's neuron in each step, averaged over the steps and the batch.

    This is the usual loss in snnTorch, which sums over the steps instead.

    Parameters
    ----------
    v : Tensor or dict
        Membrane ``[T, N, classes]``, as for :func:`membrane_cross_entropy`.
    labels : array of int
        Correct classes, ``[N]``.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: False where a step does not count. Each sample has the same weight, whatever its
        length.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`.

    Warns
    -----
    UserWarning
        As for :func:`membrane_cross_entropy`.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> last = snn.LIFNode(beta=0.9, detach_reset=True)
    >>> net = nn.SequentialCell(nn.Dense(4, 8, rng=0), snn.LIFNode(beta=0.9), nn.Dense(8, 3, rng=1), last)
    >>> x, labels = np.random.default_rng(0).random((20, 16, 4), np.float32), np.arange(16) % 3
    >>> spikes, state, record = snn.run(net, x, record=["v_before_reset"])
    >>> loss = snn.losses.stepwise_cross_entropy(record["3.v_before_reset"], labels)
    >>> by_membrane = snn.metrics.accuracy(record["3.v_before_reset"], labels, readout="sum")
    >>> by_spikes = snn.metrics.accuracy(spikes, labels, readout="count")
    """
    where = "stepwise_cross_entropy"
    v = for_loss(v, where)
    x = over_time(v, where)
    steps, _, classes = x.shape
    right, keep = check_labels(labels, x[0], where), check_mask(mask, x, where)
    if keep is None:
        return _in_dtype_of(v, ops.cross_entropy(x.reshape(-1, classes), labels=np.tile(right, steps)))
    shares = ops.log_softmax(ops.where(keep[..., None], x, 0.0)) * ops.one_hot(right, classes, dtype=x.dtype)
    weights = keep / (keep.sum(0) * max(1, keep.shape[1]))
    return _in_dtype_of(v, -(shares.sum(-1) * weights.astype(x.dtype)).sum())


def rate_mse(spikes: Any, labels: Any, *, correct: float = 1.0, incorrect: float = 0.0, mask: Any = None) -> Tensor:
    """Mean squared error between the firing rates and a target for each class.

    Parameters
    ----------
    spikes : Tensor
        Output spikes, ``[T, N, classes]``, of amplitude 1.
    labels : array
        Correct classes, ``[N]`` whole numbers; or target rates, ``[N, classes]`` floats.
    correct, incorrect : float
        Target rates, in spikes per step, of the correct class and of the others.
    mask : array of bool, optional
        ``[T, N]``, as in :func:`snn.run`: False where a step does not count.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        As for :func:`cross_entropy`.
    """
    where = "rate_mse"
    rates = read(spikes, "rate", mask, where)
    for name, value in (("correct", correct), ("incorrect", incorrect)):
        if not isinstance(value, (int, float, np.number)):
            raise DTypeError(f"{where}, {name}", "a number", describe(value), "Pass a target rate in spikes per step.")
    target = as_tensor(labels, f"{where}, labels")
    if target.dtype.kind == "f":
        if target.shape != rates.shape:
            raise ShapeError(f"{where}, targets", f"{list(rates.shape)}", describe(target), "Pass one rate per output.")
    else:
        classes = check_labels(labels, rates, where)
        target = ops.one_hot(classes, rates.shape[1], correct, incorrect, dtype=rates.dtype)
    return _in_dtype_of(spikes, ops.square(rates - target.astype(rates.dtype)).mean())


def _entropy(scores: Tensor, labels: Any, given: Any, where: str) -> Tensor:
    return _in_dtype_of(given, ops.cross_entropy(scores, labels=check_labels(labels, scores, where)))


def _in_dtype_of(given: Any, loss: Tensor) -> Tensor:
    """Return a loss in the dtype of its input; for float16 it is computed in float32."""
    return loss.astype(float16) if getattr(given, "dtype", None) == float16 else loss


if not TYPE_CHECKING:  # to a type checker every name would seem to exist
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
