"""Plots of what neurons do: traces and rasters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.intake import to_numbers

from .panels import BESIDE, COLOURS, GREY, LEGEND, SMALL, by_neuron, make_panels, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from .panels import Panels

__all__ = ["raster", "trace"]


def trace(
    *,
    x: ArrayLike | None = None,
    v: ArrayLike | None = None,
    spikes: ArrayLike | None = None,
    v_threshold: ArrayLike | None = None,
    neurons: ArrayLike | None = None,
    v_reset: ArrayLike | None = None,
    sample: int = 0,
    ax: Panels = None,
) -> NDArray[np.object_]:
    """Plot input current, membrane and spikes of a few neurons over time (steps), one panel each.

    Parameters
    ----------
    x, v, spikes : array_like, shape ``[T]``, ``[T, n]`` or ``[T, N, ...]``, optional
        Input current, membrane and spikes (nonzero is a spike); at least one of them. Features are flattened.
    v_threshold, v_reset : float or array_like of shape ``[n]``, optional
        Levels in the membrane panel, drawn dashed and dotted unless infinite.
    neurons : int or sequence of int, optional
        Which neurons to show; by default the first four.
    sample : int
        Which sample of the batch; an array of shape ``[T]`` or ``[T, n]`` has none.
    ax : Axes or sequence of Axes, optional
        One Axes is subdivided, a sequence holds one a panel; by default a new figure.

    Returns
    -------
    ndarray of Axes
        One for each given array, in the order `x`, `v`, `spikes`.

    Raises
    ------
    ShapeError
        If an array has other axes, or the arrays do not have the same time steps and neurons.
    ArgumentError
        If nothing is given, ``sample`` or a neuron is out of range, or ``ax`` holds another number of Axes.
    MissingExtraError
        If matplotlib is not installed.
    """
    where, given = "snn.plot.trace", {"threshold": v_threshold, "reset": v_reset}
    arrays = by_neuron({"x": x, "v": v, "spikes": spikes}, where, sample, least=1)
    steps, n = next(iter(arrays.values())).shape
    chosen = np.arange(min(n, 4)) if neurons is None else to_numbers(neurons, f"{where}, neurons").ravel()
    if not chosen.size or chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= n:
        raise ArgumentError(where, f"neurons from 0 to {n - 1}", describe(neurons), "Pass indices, such as neurons=[0, 1].")
    levels = {name: to_numbers(level, f"{where}, v_{name}") for name, level in given.items() if level is not None}
    for name, level in levels.items():
        if level.shape not in ((), (n,)):
            raise ShapeError(where, f"v_{name} of shape () or ({n},)", f"{level.shape}", "Pass one for each neuron.")
    rows, colours = np.arange(len(chosen)), np.resize(COLOURS, len(chosen))
    looks = {"x": (1.1, "Input $x$"), "v": (1.7, "Membrane $v$"), "spikes": (0.4 + 0.12 * len(rows), "Neuron")}
    axes = make_panels(ax, where, 6.0, [looks[name][0] for name in arrays])
    times, which = np.nonzero(arrays["spikes"][:, chosen]) if "spikes" in arrays else (rows[:0], rows[:0])
    for panel, (name, array) in zip(axes, arrays.items(), strict=True):
        tidy(panel, "Time (steps)" if panel is axes[-1] else "", looks[name][1])
        panel.set_xlim(-0.5, steps - 0.5)
        if name == "spikes":
            panel.vlines(times, which - 0.4, which + 0.4, colors=colours[which], lw=1.2)
            panel.set(ylim=(-0.6, len(rows) - 0.4), yticks=rows, yticklabels=chosen.astype(str))
            continue
        for neuron, colour in zip(chosen, colours, strict=True):
            panel.plot(array[:, neuron], ".-" if steps <= 40 else "-", c=colour, lw=1.1, ms=4, label=f"neuron {neuron}")
        for kind, level in levels.items() if name == "v" else ():
            values = np.broadcast_to(level, n)[chosen]
            dashes, side = ("--", "bottom") if kind == "threshold" else (":", "top")
            for value in np.unique(values[np.isfinite(values)]):
                tint = colours[values == value][0] if level.ndim else GREY
                panel.axhline(value, color=tint, ls=dashes, lw=0.8, zorder=1)
                panel.annotate(kind, (1.01, value), xycoords=BESIDE, color=tint, va=side, size=SMALL)
        if name == "v" and "spikes" in arrays:
            # The spike times get a band of their own above all that is drawn so far, so they hide no membrane.
            low, high = panel.get_ylim()
            unit = min(0.08, 0.3 / len(rows)) * (high - low)
            panel.vlines(times, high + unit * which, high + unit * (which + 0.7), colors=colours[which], lw=1.2)
            panel.set(yticks=[y for y in panel.get_yticks() if low <= y <= high], ylim=(low, high + unit * len(rows)))
    if n > 1 and axes[0].lines:
        entries = {"handles": axes[0].lines[: len(rows)], "ncols": 1 + len(rows) // 7}
        axes[0 if "x" in arrays else -1].legend(**entries, loc="center left", bbox_to_anchor=(1, 0.5), **LEGEND)
    return axes


def raster(
    spikes: ArrayLike | Mapping[str, ArrayLike],
    *,
    sample: int = 0,
    names: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    markersize: float | None = None,
) -> Axes:
    """Plot which neurons spike when (steps), for one layer or for several stacked from bottom to top.

    Parameters
    ----------
    spikes : array_like or mapping of str to array_like
        A layer of shape ``[T, n]`` or ``[T, N, ...]`` (features are flattened), or several by name, the small ones
        stretched; nonzero is a spike. More than 20,000 spikes of a layer are rasterized.
    sample : int
        Which sample of the batch; an array of shape ``[T, n]`` has none.
    names : str or sequence of str, optional
        Names of the layers; by default the mapping's keys.
    ax : Axes, optional
        Where to draw; by default a new figure.
    markersize : float, optional
        Height of a mark in points; by default about that of a row.

    Returns
    -------
    Axes
        At its right are the layers' names and mean rates.

    Raises
    ------
    ShapeError
        If an array has other axes, or the arrays do not have the same time steps.
    ArgumentError
        If no layer is given, ``sample`` is out of range, or there are not as many names as layers.
    MissingExtraError
        If matplotlib is not installed.
    """
    where, layers = "snn.plot.raster", spikes if isinstance(spikes, Mapping) else {"": spikes}
    trains = list(by_neuron(layers, where, sample, least=2).values())
    if not (names is None or isinstance(names, Sequence)):
        raise DTypeError(
            where, "names to be a string or a sequence of them", describe(names), "Pass a dict from name to spikes."
        )
    titles = list(layers) if names is None else [names] if isinstance(names, str) else list(names)
    if markersize is not None and not (isinstance(markersize, (int, float, np.number)) and markersize > 0):
        raise ArgumentError(where, "a positive markersize", describe(markersize), "Leave it out to fit the rows.")
    if len(titles) != len(trains):
        raise ArgumentError(where, f"{len(trains)} names, one a layer", describe(names), "Pass a dict from name to spikes.")
    steps, counts = len(trains[0]), np.array([train.shape[1] for train in trains])
    bands = np.maximum(counts, 0.1 * counts.sum())
    bottoms = np.cumsum([0, *(bands[:-1] + 0.05 * bands.sum())])
    top, colours = bottoms[-1] + bands[-1], np.resize(COLOURS, len(trains))
    panel: Axes = make_panels(ax, where, 6.4, [float(np.clip(1.2 + 0.012 * counts.sum(), 1.4, 3.8))])[0]
    tidy(panel, "Time (steps)", "Neuron")
    panel.set(xlim=(-0.5, steps - 0.5), ylim=(-0.5 - 0.01 * top, 1.01 * top - 0.5))
    width = float(np.clip(0.5 * 72 / panel.figure.dpi * panel.bbox.width / steps, 0.6, 2))
    height = markersize or float(np.clip(0.8 * 72 / panel.figure.dpi * panel.bbox.height / top, max(width, 1.5), 9))
    for title, train, bottom, scale, colour in zip(titles, trains, bottoms, bands / counts, colours, strict=True):
        times, which = np.nonzero(train)
        panel.plot(times, bottom + which * scale, "|", c=colour, ms=height, mew=width, rasterized=len(times) > 20_000)
        text, middle = f"{title}\n{np.mean(train != 0):.3f} spikes/neuron/step", bottom + train.shape[1] * scale / 2
        panel.annotate(text.strip(), (1.01, middle), xycoords=BESIDE, color=colour, va="center", size=SMALL)
    if len(trains) > 1:
        ticks = np.stack([bottoms, bottoms + bands * (1 - 1 / counts)], axis=1).ravel()
        panel.set_yticks(ticks, labels=[str(index) for n in counts for index in (0, n - 1)])
    return panel
