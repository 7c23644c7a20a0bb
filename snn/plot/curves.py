"""Curves with their spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from autograd.intake import to_numbers

from .panels import look, make_panels, margin_legend, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["curves"]

_SPREADS = ("std", "sem", "range")


def curves(
    runs: ArrayLike | Mapping[str, ArrayLike],
    *,
    x: ArrayLike | None = None,
    spread: str = "std",
    labels: tuple[str, str] = ("Epoch", ""),
    ax: Axes | None = None,
) -> Axes:
    """Plot means over several seeds as lines, with a band for their spread.

    Parameters
    ----------
    runs : array_like of shape ``[seeds, points]``, or mapping of str to such arrays
        One curve, or several by name. NaN marks a missing value, such as an epoch after a run was stopped early.
    x : array_like, shape ``[points]``, optional
        Positions of the points; by default 1, 2, 3, ...
    spread : {"std", "sem", "range"}
        The band: one standard deviation over the seeds (dividing by their number less one) to either side of the mean; one
        standard error of the mean, the same divided by the root of their number; or from the smallest to the largest value.
    labels : tuple of two str
        Labels of the axes.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    Axes
        A legend names the curves, each with the number of its seeds. A single seed has no band.

    Raises
    ------
    ShapeError
        If runs are not ``[seeds, points]``, or ``x`` has another number of points.
    ArgumentError
        If there is no curve, or no such spread.
    NonFiniteError
        If there is an infinite value.
    DTypeError
        If ``labels`` are not two strings.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.curves"
    if not isinstance(spread, str) or spread not in _SPREADS:
        raise ArgumentError(where, "spread 'std', 'sem' or 'range'", describe(spread), "Choose one of them.")
    if not isinstance(labels, (tuple, list)) or len(labels) != 2 or not all(isinstance(name, str) for name in labels):
        raise DTypeError(where, "labels to be two strings", describe(labels), "For example labels=('Epoch', 'Loss').")
    named = dict(runs) if isinstance(runs, Mapping) else {"": runs}
    if not named:
        raise ArgumentError(where, "a curve", "none", "Pass [seeds, points], or a dict of such arrays by name.")
    found = {name: _checked(values, name, where) for name, values in named.items()}
    points = max(values.shape[1] for values in found.values())
    at = np.arange(1, points + 1) if x is None else to_numbers(x, f"{where}, x")
    for name, values in found.items():
        if at.shape != (points,) or values.shape[1] != points:
            raise ShapeError(
                where, f"x [points] and {name or 'runs'} [seeds, points] with {points} points",
                f"{at.shape} and {values.shape}", "Fill missing values with NaN.",
            )  # fmt: skip
    panel: Axes = make_panels(ax, where, 4.6, [2.6])[0]
    tidy(panel, labels[0], labels[1], whole=at.dtype.kind in "iu")
    for (name, values), colour in zip(found.items(), np.resize(look(panel).colours, len(found)), strict=True):
        known = np.isfinite(values)
        count = known.sum(0)
        there = count > 0
        mean, low, high = _band(values[:, there], known[:, there], spread)
        seeds = f"{len(values)} {'seed' if len(values) == 1 else 'seeds'}"
        marker = "o-" if there.sum() <= 30 else "-"
        panel.plot(at[there], mean, marker, c=colour, ms=3, lw=1.4, label=f"{name} ({seeds})" if name else seeds)
        if len(values) > 1:
            panel.fill_between(at[there], low, high, color=colour, alpha=0.2, lw=0)
    margin_legend(panel, loc="best")
    return panel


def _band(values: Any, known: Any, spread: str) -> tuple[Any, Any, Any]:
    """Return mean, and both ends of the band, of the values that are known."""
    count = known.sum(0)
    mean = np.where(known, values, 0).sum(0) / count
    if spread == "range":
        return mean, np.where(known, values, np.inf).min(0), np.where(known, values, -np.inf).max(0)
    square = np.where(known, (values - mean) ** 2, 0).sum(0) / np.maximum(count - 1, 1)
    half = np.sqrt(square / (count if spread == "sem" else 1))
    return mean, mean - half, mean + half


def _checked(values: Any, name: str, where: str) -> Any:
    array = to_numbers(values, f"{where}, {name or 'runs'}")
    if array.ndim != 2 or not array.size:
        raise ShapeError(where, f"{name or 'runs'} of shape [seeds, points]", describe(array), "One seed is values[None].")
    if np.isinf(array).any():
        at = tuple(int(i) for i in np.argwhere(np.isinf(array))[0])
        raise NonFiniteError(
            f"{where}, {name or 'runs'}", "finite values, and NaN where a run has none", f"{array[at]} at {list(at)}",
            "A run that diverged has no mean: leave it out, and say so.",
        )  # fmt: skip
    return array.astype(np.float64)
