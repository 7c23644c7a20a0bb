"""Phase planes: one variable of a neuron against another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, AutogradError, DTypeError, ShapeError
from autograd.state import quietly

from .panels import by_neuron, look, make_panels, margin_legend, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["phase"]

_ACROSS = 121  # points of the plane, each way, at which a flow is evaluated


def phase(
    x: ArrayLike,
    y: ArrayLike,
    *,
    spikes: ArrayLike | None = None,
    flow: Callable[[Any, Any], Any] | None = None,
    labels: Sequence[str] = ("$v$", "$w$"),
    sample: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Plot the trajectory of a neuron in the plane of two of its variables, with the nullclines of an equation.

    Parameters
    ----------
    x, y : array_like, shape ``[T]``, ``[T, n]`` or ``[T, N, ...]``
        Two variables, such as ``record["v"]`` and ``record["w"]``; each neuron is a line.
    spikes : array_like, optional
        Of the same shape: at a spike the line ends, and it begins again after the reset in the next step.
    flow : callable, optional
        ``flow(x, y) -> (dx, dy)``, the rates of change of both, on arrays of one shape. A nullcline is where one of them is 0.
    labels : sequence of two str
        Names of the variables.
    sample : int
        Sample of the batch.
    ax : Axes, optional
        Axes to draw on; by default a new figure. Limits that are already set do not change.

    Returns
    -------
    Axes
        A dot marks the start of a line.

    Raises
    ------
    ShapeError
        If the arrays do not have the same time steps and neurons, or the flow returns other shapes.
    DTypeError
        If ``flow`` cannot be called, or ``labels`` are not two strings.
    ArgumentError
        If ``sample`` is out of range, or the flow cannot be computed.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.phase"
    if flow is not None and not callable(flow):
        raise DTypeError(
            where, "flow to be a function of x and y", describe(flow), "For example lambda v, w: (v - w, 0.1 * v)."
        )
    if not isinstance(labels, (tuple, list)) or len(labels) != 2 or not all(isinstance(name, str) for name in labels):
        raise DTypeError(where, "labels to be two strings", describe(labels), "For example labels=('v', 'w').")
    for name, given in (("x", x), ("y", y)):
        if given is None:
            raise DTypeError(where, f"{name} to be an array over time", "None", "For example record['v'] of snn.run.")
    arrays = by_neuron({"x": x, "y": y, "spikes": spikes}, where, sample, least=1)
    across, up = (np.array(arrays[name], np.float64) for name in "xy")
    starts = across[0].copy(), up[0].copy()
    if "spikes" in arrays:
        across, up = (_broken(values, arrays["spikes"]) for values in (across, up))
    panel: Axes = make_panels(ax, where, 4.4, [3.6])[0]
    tidy(panel, labels[0], labels[1], whole=False)
    shades = look(panel)
    colours = np.resize(shades.colours, across.shape[1])
    panel.set_prop_cycle(color=list(colours))
    panel.plot(across, up, lw=1.1, zorder=3)
    panel.scatter(*starts, c=list(colours), s=14, zorder=4)
    if flow is not None:
        _nullclines(panel, flow, labels, where)
    return panel


def _broken(values: Any, spikes: Any) -> Any:
    """Return values with a gap after each spike."""
    return np.insert(values, np.arange(1, len(values) + 1), np.where(spikes != 0, np.nan, values), axis=0)


def _nullclines(panel: Axes, flow: Callable[[Any, Any], Any], labels: Sequence[str], where: str) -> None:
    (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
    grid = np.meshgrid(np.linspace(left, right, _ACROSS), np.linspace(low, high, _ACROSS))
    try:
        found = [np.broadcast_to(np.asarray(values, np.float64), grid[0].shape) for values in flow(*grid)]
    except AutogradError:
        raise
    except Exception as error:
        raise ArgumentError(
            where, "flow(x, y) to return two arrays as large as x", f"{type(error).__name__} ({error})",
            "It is called with two arrays of floats; write it in numpy.",
        ) from error  # fmt: skip
    if len(found) != 2:
        raise ShapeError(where, "flow(x, y) to return two arrays", f"{len(found)}", "They are the rates of x and y.")
    shades, handles = look(panel), []
    for values, name, dashes in zip(found, labels, ("--", ":"), strict=True):
        finite = values[np.isfinite(values)]
        if finite.size and finite.min() < 0 < finite.max():
            panel.contour(*grid, np.ma.masked_invalid(values), [0.0], colors=[shades.grey], linestyles=dashes, linewidths=1.0)
            handles.append(panel.plot([], [], dashes, c=shades.grey, lw=1.0, label=f"{name.partition(' (')[0]}-nullcline")[0])
    every = slice(6, None, 12)
    dx, dy = (values[every, every] / scale for values, scale in zip(found, (right - left, high - low), strict=True))
    length = np.hypot(dx, dy)
    dx, dy = quietly(lambda: (dx / length, dy / length))
    panel.quiver(
        grid[0][every, every], grid[1][every, every], dx, dy, color=shades.faint, angles="uv", pivot="mid", scale=24,
        width=0.004, zorder=0,
    )  # fmt: skip
    panel.set(xlim=(left, right), ylim=(low, high))
    if handles:
        margin_legend(panel, handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
