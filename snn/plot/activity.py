"""Plots of a few neurons over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, ShapeError
from autograd.intake import to_numbers

from ..common.checks import fired
from .panels import BESIDE, by_neuron, look, make_panels, margin_legend, reach, small, tidy, time_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .panels import Panels

__all__ = ["trace"]


def trace(
    *,
    x: ArrayLike | None = None,
    v: ArrayLike | None = None,
    spikes: ArrayLike | None = None,
    v_threshold: ArrayLike | None = None,
    neurons: ArrayLike | None = None,
    v_reset: ArrayLike | None = None,
    sample: int = 0,
    dt: float | None = None,
    ax: Panels = None,
) -> NDArray[np.object_]:
    """Plot input current, membrane and spikes of a few neurons over time, one panel each.

    Parameters
    ----------
    x, v, spikes : array_like, shape ``[T]``, ``[T, n]`` or ``[T, N, ...]``, optional
        Input current, membrane and spikes (nonzero is a spike); at least one of them. Features are flattened. The input is
        drawn as it is, constant in each time step; the membrane is a line through its values.
    v_threshold, v_reset : float or array_like of shape ``[n]``, optional
        Levels in the membrane panel, drawn dashed and dotted unless infinite.
    neurons : int or sequence of int, optional
        Neurons to show; by default the first four.
    sample : int
        Sample of the batch; an array of shape ``[T]`` or ``[T, n]`` has none.
    dt : float, optional
        Length of a time step in ms; None shows time in steps.
    ax : Axes or sequence of Axes, optional
        One Axes is subdivided, a sequence holds one per panel; by default a new figure.

    Returns
    -------
    ndarray of Axes
        One for each given array, in the order `x`, `v`, `spikes`.

    Raises
    ------
    ShapeError
        If an array has wrong axes, or the arrays do not have the same time steps and neurons.
    NonFiniteError
        If there is NaN or infinity among the spikes.
    ArgumentError
        If nothing is given, ``sample`` or a neuron is out of range, ``dt`` is not positive, or ``ax`` holds a wrong number of
        Axes.
    MissingExtraError
        If matplotlib is not installed.
    """
    where, given = "snn.plot.trace", {"threshold": v_threshold, "reset": v_reset}
    time = time_of(dt, where)
    arrays = by_neuron({"x": x, "v": v, "spikes": spikes}, where, sample, least=1)
    steps, n = next(iter(arrays.values())).shape
    chosen = np.arange(min(n, 4)) if neurons is None else to_numbers(neurons, f"{where}, neurons").ravel()
    if not chosen.size or chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= n:
        raise ArgumentError(where, f"neurons from 0 to {n - 1}", describe(neurons), "Pass indices, such as neurons=[0, 1].")
    levels = {name: to_numbers(level, f"{where}, v_{name}") for name, level in given.items() if level is not None}
    for name, level in levels.items():
        if level.shape not in ((), (n,)):
            raise ShapeError(where, f"v_{name} of shape () or ({n},)", f"{level.shape}", "Pass one for each neuron.")
    rows, height = np.arange(len(chosen)), 0.4 + 0.12 * len(chosen)
    panels = {"x": (1.1, "Input $x$"), "v": (1.7, "Membrane $v$"), "spikes": (height, "Neuron" if n > 1 else "Spikes")}
    axes = make_panels(ax, where, 6.0, [panels[name][0] for name in arrays])
    colours, at = np.resize(look(axes[0]).colours, len(chosen)), time.dt * np.arange(steps)
    for panel, (name, array) in zip(axes, arrays.items(), strict=True):
        tidy(panel, time.label if panel is axes[-1] else "", panels[name][1], whole=time.whole)
        reach(panel, (-0.5 * time.dt, (steps - 0.5) * time.dt), more=panel.has_data())
        if name == "spikes":
            times, which = np.nonzero(fired(array[:, chosen], f"{where}, spikes"))
            panel.vlines(at[times], which - 0.4, which + 0.4, colors=colours[which], lw=1.2)
            panel.set(ylim=(-0.6, len(rows) - 0.4), yticks=rows if n > 1 else [])
            panel.set_yticks(panel.get_yticks(), labels=chosen.astype(str) if n > 1 else [])
            continue
        shape, most = ("steps-mid", 1) if name == "x" else ("default", 40)
        for neuron, colour in zip(chosen, colours, strict=True):
            panel.plot(
                at, array[:, neuron], ".-" if steps <= most else "-", drawstyle=shape, c=colour, lw=1.1, ms=4,
                label=f"neuron {neuron}",
            )  # fmt: skip
        for kind, level in levels.items() if name == "v" else ():
            values = np.broadcast_to(level, n)[chosen]
            dashes, side = ("--", "bottom") if kind == "threshold" else (":", "top")
            for value in np.unique(values[np.isfinite(values)]):
                tint = colours[values == value][0] if level.ndim else look(panel).grey
                panel.axhline(value, color=tint, ls=dashes, lw=0.8, zorder=1)
                panel.annotate(kind, (1.01, value), xycoords=BESIDE, color=tint, va=side, size=small())
    if n > 1 and axes[0].lines:
        entries = {"handles": axes[0].lines[: len(rows)], "ncols": 1 + len(rows) // 7}
        margin_legend(axes[0 if "x" in arrays else -1], **entries, loc="center left", bbox_to_anchor=(1, 0.5))
    return axes
