"""Plots of the rate and the regularity of firing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, ShapeError
from autograd.intake import to_numbers

from .. import stats
from ..common.checks import fired as fired_in
from ..common.checks import whole
from .panels import look, make_panels, reach, small, tidy, time_of, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["intervals", "population_rate", "rates"]

_SHOWN = 0.995  # of the intervals; a few long ones would leave no room for the others


def rates(spikes: ArrayLike, *, dt: float | None = None, bins: int = 30, ax: Axes | None = None) -> Axes:
    """Plot a histogram of the mean rates of neurons, and their mean.

    Parameters
    ----------
    spikes : array_like
        ``[T, N, ...]``, nonzero is a spike; a rate is over all time steps and samples.
    dt : float, optional
        Length of a time step in ms, for rates in Hz; None gives spikes per step.
    bins : int
        Largest number of bars; a bar is a whole number of spikes wide.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    Axes
        A histogram; the number of neurons that never fire is in the title.

    Raises
    ------
    ShapeError
        If there is no time step, or no axis besides time.
    ArgumentError
        If ``dt`` is not positive, or ``bins`` is not a whole number of at least 1.
    NonFiniteError
        If there is NaN or infinity among the spikes.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.rates"
    time, fired = time_of(dt, where), _fired(spikes, where)
    count = whole(bins, where, "bins", "For example bins=30.", 100_000)
    spiked = np.ravel(fired.sum((0, 1)))
    unit = float(time.rate(1 / (fired.shape[0] * fired.shape[1])))  # the rate of a neuron that fires once
    found = unit * spiked
    panel: Axes = make_panels(ax, where, 4.0, [2.2])[0]
    tidy(panel, f"Rate ({time.rate_unit})", "Neurons", whole=False)
    # A bar is a whole number of spikes wide; otherwise gaps between bars would look like a pattern.
    width = -(-(int(spiked.max()) + 1) // count)
    bars = -(-(int(spiked.max()) + 1) // width)
    _bars(panel, found, bars, low=-0.5 * unit, top=(bars * width - 0.5) * unit)
    _mark(panel, float(found.mean()), f"mean {found.mean():.3g}")
    silent = int(np.count_nonzero(found == 0))
    panel.set_title(f"{silent:,} of {found.size:,} never fire", loc="right", size=small())
    return panel


def intervals(spikes: ArrayLike, *, dt: float | None = None, bins: int = 50, ax: Axes | None = None) -> Axes:
    """Plot a histogram of the intervals between one spike and the next, with the mean coefficient of variation.

    Parameters
    ----------
    spikes : array_like
        ``[T, N, ...]``, nonzero is a spike; the intervals of all neurons and samples are drawn together.
    dt : float, optional
        Length of a time step in ms; None gives intervals in steps.
    bins : int
        Largest number of bars; a bar is a whole number of steps wide.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    Axes
        The title shows the mean of :func:`snn.stats.cv` over the trains of three spikes or more. The axis ends after 99.5 % of
        the intervals; an arrow shows the share of longer ones.

    Raises
    ------
    ShapeError
        If there is no time step, or no axis besides time.
    ArgumentError
        If no neuron fires twice, ``dt`` is not positive, or ``bins`` is not a whole number of at least 1.
    NonFiniteError
        If there is NaN or infinity among the spikes.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.intervals"
    time, fired = time_of(dt, where), _fired(spikes, where)
    count = whole(bins, where, "bins", "For example bins=50.", 100_000)
    found = stats.intervals(fired)
    if not found.size:
        raise ArgumentError(where, "a neuron that fires twice", "none", "Run it longer, or see snn.health(net, x).")
    panel: Axes = make_panels(ax, where, 4.0, [2.2])[0]
    tidy(panel, f"Interval ({time.unit})", "Intervals", whole=time.whole)
    longest = int(np.ceil(np.quantile(found, _SHOWN)))
    width = -(-longest // count)
    bars = -(-longest // width)
    top = (bars * width + 0.5) * time.dt
    _bars(panel, time.dt * found, bars, low=0.5 * time.dt, top=top)
    if beyond := np.count_nonzero(time.dt * found > top):
        at: Any = {"xytext": (-2, 3), "textcoords": "offset points", "ha": "right"}
        grey = look(panel).grey
        panel.annotate(f"{beyond / found.size:.1%} \u2192", (1, 0), xycoords="axes fraction", color=grey, size=small(), **at)
    varied = stats.cv(fired)
    known = varied[np.isfinite(varied)]
    text = f"CV {known.mean():.2f} (of {known.size:,} trains)" if known.size else "no train of three spikes"
    panel.set_title(text, loc="right", size=small())
    return panel


def population_rate(
    spikes: ArrayLike, *, window: int = 1, dt: float | None = None, label: str | None = None, ax: Axes | None = None
) -> Axes:
    """Plot the mean rate of all neurons over time.

    Parameters
    ----------
    spikes : array_like
        ``[T, N, ...]``, nonzero is a spike.
    window : int
        Count in consecutive windows of this many steps; the last one may be shorter.
    dt : float, optional
        Length of a time step in ms, for time in ms and rates in Hz; None gives steps.
    label : str, optional
        Label for a legend, if several rates are drawn on the same Axes.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ShapeError
        If there is no time step, or no axis besides time.
    ArgumentError
        If ``window`` is not from 1 to T, or ``dt`` is not positive.
    NonFiniteError
        If there is NaN or infinity among the spikes.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.population_rate"
    time, fired = time_of(dt, where), _fired(spikes, where)
    steps = whole(window, where, "window", "Count it in time steps.", len(fired))
    if label is not None and not isinstance(label, str):
        raise ArgumentError(where, "label to be a string", describe(label), "It names the line in a legend.")
    panel: Axes = make_panels(ax, where, 6.0, [1.6])[0]
    tidy(panel, time.label, f"Rate ({time.rate_unit})", whole=time.whole)
    starts = np.arange(0, len(fired), steps)
    lengths = np.diff([*starts, len(fired)])
    each = np.add.reduceat(fired.reshape(len(fired), -1).mean(1), starts) / lengths
    colours = look(panel).colours
    edges = (np.append(starts, len(fired)) - 0.5) * time.dt
    colour = colours[len(panel.patches) % len(colours)]
    more = panel.has_data()
    panel.stairs(time.rate(each), edges, color=colour, lw=1.2, label=label, baseline=None)
    reach(panel, (edges[0], edges[-1]), more=more)
    panel.set_ylim(bottom=0, auto=True)  # its top follows whatever is drawn
    return panel


def _fired(spikes: Any, where: str) -> Any:
    values = to_numbers(spikes, f"{where}, spikes")
    if values.ndim < 2 or not values.size:
        raise ShapeError(
            where, "spikes of shape [T, N, ...]", describe(values), "Put time first, and add a batch axis: spikes[:, None]."
        )
    return fired_in(values, f"{where}, spikes")


def _bars(panel: Axes, values: Any, count: int, *, top: float, low: float) -> None:
    heights, edges = np.histogram(values, count, (low, top))
    colours, more = look(panel).colours, panel.has_data()
    panel.stairs(heights, edges, fill=True, color=colours[len(panel.patches) % len(colours)], alpha=0.75)
    reach(panel, (low, top), (0, 1.15 * max(heights.max(), 1)), more=more)
    whole_ticks(panel.yaxis)


def _mark(panel: Axes, value: float, text: str) -> None:
    grey = look(panel).grey
    panel.axvline(value, color=grey, ls="--", lw=0.8)
    at_right = value > 0.6 * panel.get_xlim()[1]
    panel.annotate(
        text, (value, 1), xytext=(-3 if at_right else 3, -1), xycoords=("data", "axes fraction"), textcoords="offset points",
        ha="right" if at_right else "left", va="top", color=grey, size=small(),
    )  # fmt: skip
