"""What the plots share: colours, panels on a figure or inside given Axes, and the shapes of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, MissingExtraError, ShapeError
from autograd.intake import to_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Panels = Axes | Sequence[Axes] | NDArray[np.object_] | None

__all__ = ["BESIDE", "COLOURS", "GREY", "LEGEND", "SMALL", "by_neuron", "make_panels", "tidy"]

# Okabe and Ito's palette, safe for colour-blind readers, without its yellow, which is too faint for thin lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
GREY = "0.35"
BESIDE = ("axes fraction", "data")
SMALL = 8  # points
LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": SMALL,
    "borderaxespad": 0.2,
    "handlelength": 1.2,
    "columnspacing": 1.2,
    "handletextpad": 0.5,
}


def by_neuron(given: Mapping[str, Any], where: str, sample: Any, least: int) -> dict[str, NDArray[Any]]:
    """Return the arrays that are not None as [T, n], those of a batch by a sample; with `least` one axis all of one shape."""
    arrays = {name: to_numbers(value, f"{where}, {name or 'spikes'}") for name, value in given.items() if value is not None}
    expected = "[T, n] or [T, N, ...]" if least > 1 else "[T], [T, n] or [T, N, ...]"
    if not isinstance(sample, (int, np.integer)) or isinstance(sample, bool):
        raise DTypeError(where, "sample to be an int", describe(sample), "Pass the number of one sample of the batch.")
    if not arrays:
        raise ArgumentError(where, f"at least one of {', '.join(given) or 'layers'}", "none", "Pass one.")
    for name, array in arrays.items():
        if array.ndim < least or not array.size:
            raise ShapeError(
                where, f"{name or 'spikes'} of shape {expected}", f"{array.shape} {array.dtype}", "Give it steps and neurons."
            )
        if array.ndim > 2 and not 0 <= sample < array.shape[1]:
            raise ArgumentError(where, f"sample from 0 to {array.shape[1] - 1}", f"{sample}", "Pick another sample.")
        arrays[name] = (array if array.ndim < 3 else array[:, sample]).reshape(len(array), -1)
    shapes = {name: array.shape if least == 1 else len(array) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise ShapeError(where, "the same T in all, and in a trace the same n", f"{shapes}", "Record all in one run.")
    return arrays


def make_panels(
    ax: Panels, where: str, width: float, heights: list[float], columns: int = 1, share: bool = True
) -> NDArray[np.object_]:
    """Return one Axes a panel: on a new figure, inside one Axes (with room for a note on top), or those given."""
    try:
        import matplotlib.pyplot as plt
        from matplotlib.axes import Axes
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot", where=where) from error
    given, count = np.asarray(ax, dtype=object), len(heights) * columns
    for panel in () if ax is None else given.ravel():
        if not isinstance(panel, Axes):
            raise DTypeError(where, "ax to be Axes of matplotlib", describe(panel), "Make one: figure.add_subplot().")
    grid: dict[str, Any] = {"nrows": len(heights), "ncols": columns, "height_ratios": heights}
    if ax is None:
        figure = plt.figure(figsize=(width, sum(heights) + 0.6), layout="constrained")
        given = figure.subplots(**grid, sharex=share, squeeze=False)
        figure.align_ylabels()
    elif given.ndim == 0 and count > 1:
        parent = given.item()
        parent.set_axis_off()
        places = parent.figure.add_gridspec(**grid, left=0, right=1, bottom=0, top=0.93, wspace=0.3, hspace=0.15)
        given = np.array([parent.inset_axes(places[i].get_position(parent.figure).bounds) for i in range(count)])
    if given.size != count:
        raise ArgumentError(where, f"ax of one or {count} Axes", f"{given.size}", "Leave ax out for a new figure.")
    return given.ravel()


def tidy(panel: Axes, xlabel: str, ylabel: str) -> None:
    """Label the axes, thin out the frame, and put time and epoch ticks on whole numbers."""
    from matplotlib.ticker import MaxNLocator

    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=SMALL, labelbottom=bool(xlabel))
    panel.set_xlabel(xlabel, size=SMALL + 1)
    panel.set_ylabel(ylabel, size=SMALL + 1)
    panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
