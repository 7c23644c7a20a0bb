"""Statistics of spike trains: intervals between spikes, their regularity, and the variability of counts.

They are plain numbers, not differentiable. Spikes are ``[T, N, ...]``, such as ``record["1.spike"]``; each neuron of each
sample is one train, and every nonzero value is one spike, of any amplitude.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import Array, describe
from autograd.errors import ShapeError
from autograd.intake import to_numbers
from autograd.state import quietly

from .common.checks import fired as fired_in
from .common.checks import positive, whole

__all__ = ["cv", "fano_factor", "intervals"]


def intervals(spikes: Any, *, dt: float = 1.0) -> Array:
    """Return the intervals between one spike and the next of the same train.

    Parameters
    ----------
    spikes : Tensor or array
        ``[T, N, ...]``.
    dt : float
        Length of a time step, in the unit of the returned intervals; 1 gives steps.

    Returns
    -------
    numpy.ndarray
        ``[K]`` float64, one train after the other.

    Raises
    ------
    NonFiniteError
        If there is NaN or infinity among the spikes.
    ShapeError
        If there is no time step, or no axis besides time.
    ArgumentError
        If ``dt`` is not positive.

    Examples
    --------
    >>> import snn
    >>> snn.stats.intervals([[1, 0], [0, 1], [1, 0], [0, 1], [0, 0], [1, 0]]).tolist()
    [2.0, 3.0, 2.0]
    """
    where = "snn.stats.intervals"
    fired = _fired(spikes, where)
    return _intervals(fired)[0] * positive(dt, where, "dt", "Pass the length of a time step.")


def cv(spikes: Any) -> Any:
    """Return the coefficient of variation of each train's intervals: their standard deviation over their mean.

    It is 0 for a regular train, and near 1 for a Poisson train.

    Parameters
    ----------
    spikes : Tensor or array
        ``[T, N, ...]``.

    Returns
    -------
    numpy.ndarray
        ``[N, ...]`` float64; NaN for a train of fewer than three spikes, since a single interval cannot vary: use
        ``np.nanmean`` to leave it out of a mean.

    Raises
    ------
    NonFiniteError
        If there is NaN or infinity among the spikes.
    ShapeError
        If there is no time step, or no axis besides time.

    Notes
    -----
    The standard deviation divides by the number of intervals, as in Gabbiani and Koch, 1998, and in the package elephant,
    which returns 0 for a single interval. A changing rate raises it; a short window, into which long intervals do not fit,
    lowers it.
    """
    fired = _fired(spikes, "snn.stats.cv")
    lengths, train = _intervals(fired)
    trains = fired[0].size

    def share() -> Array:
        count = np.bincount(train, minlength=trains)
        mean = np.bincount(train, lengths, trains) / count
        variance = np.bincount(train, (lengths - mean[train]) ** 2, trains) / count
        return np.where(count > 1, np.sqrt(variance) / mean, np.nan)

    return quietly(share).reshape(fired.shape[1:])


def fano_factor(spikes: Any, *, window: int | None = None) -> Any:
    """Return the variance of each neuron's spike counts over their mean: 0 for a regular train, 1 for a Poisson train.

    Parameters
    ----------
    spikes : Tensor or array
        ``[T, N, ...]``: the samples are repetitions of one trial.
    window : int, optional
        Count in consecutive windows of this many steps; an incomplete window at the end does not count. None uses one window
        of all steps, so counts vary over the samples only.

    Returns
    -------
    numpy.ndarray
        ``[...]`` float64, over all windows of all samples; NaN for a neuron that never fires.

    Raises
    ------
    NonFiniteError
        If there is NaN or infinity among the spikes.
    ShapeError
        If there is no time step, no axis besides time, or there are not two counts to compare.
    ArgumentError
        If the window is not from 1 to T.

    Notes
    -----
    The variance divides by the number of counts, as in the package elephant. In short windows every train looks like a Poisson
    train with a small probability of a spike per step.
    """
    where = "snn.stats.fano_factor"
    fired = _fired(spikes, where)
    steps = len(fired) if window is None else whole(window, where, "window", "Count it in time steps.", len(fired))
    windows = len(fired) // steps
    counts = fired[: windows * steps].reshape(windows, steps, *fired.shape[1:]).sum(1).astype(np.float64)
    if windows * fired.shape[1] < 2:
        raise ShapeError(
            where, "two counts or more", f"{windows} window of {fired.shape[1]} sample",
            "Pass more samples, or a shorter window.",
        )  # fmt: skip
    return quietly(lambda: counts.var((0, 1)) / counts.mean((0, 1)))


def _fired(spikes: Any, where: str) -> Array:
    values = to_numbers(spikes, f"{where}, spikes")
    if values.ndim < 2 or not values.size:
        raise ShapeError(
            f"{where}, spikes", "[T, N, ...]", describe(values), "Put time first, and add a batch axis: spikes[:, None]."
        )
    fired: Array = fired_in(values, f"{where}, spikes")
    return fired


def _intervals(fired: Array) -> tuple[Array, Array]:
    """Return all intervals in steps, and the train of each."""
    train, times = np.nonzero(fired.reshape(len(fired), -1).T)
    same = train[1:] == train[:-1]
    return np.diff(times)[same].astype(np.float64), train[1:][same]


def __dir__() -> list[str]:
    return sorted(__all__)
