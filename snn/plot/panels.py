"""Shared parts of the plots: looks, panels on a figure or inside given Axes, time in steps or ms, and the shapes of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe, is_int
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.intake import to_numbers

from ..common.checks import positive
from ..common.others import extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Panels = Axes | Sequence[Axes] | NDArray[np.object_] | None

__all__ = [
    "BESIDE", "DARK", "LIGHT", "Look", "Time", "by_neuron", "colour_bar", "look", "make_panels", "margin_legend", "reach",
    "small", "tidy", "time_of", "whole_ticks",
]  # fmt: skip

BESIDE = ("axes fraction", "data")


@dataclass(frozen=True)
class Look:
    """Colours of a figure on a light or a dark page."""

    paper: str
    """The background of the page."""
    ink: str
    """Text and axes."""
    grey: str
    """Notes beside the data: levels and their names."""
    faint: str
    """Areas behind the data."""
    colours: tuple[str, ...]
    """Colours of neurons, layers and runs, safe for colour-blind readers."""
    diverging: str
    """Colour map of values with a sign; 0 is close to the colour of the page."""
    rising: str
    """Colour map of values without a sign."""


# Okabe and Ito's palette: on white without its yellow, on black without its blue and black, too faint for thin lines.
LIGHT = Look(
    "#ffffff", "#1b1b1b", "0.35", "0.9",
    ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"), "PuOr_r", "Blues",
)  # fmt: skip
DARK = Look(
    "#141414", "#e6e6e6", "0.65", "0.25",
    ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#ffffff"), "berlin", "Blues_r",
)  # fmt: skip


def look(panel: Axes) -> Look:
    """Return the colours that suit the background of some Axes, or the colour of text where the background is transparent."""
    import matplotlib as mpl
    from matplotlib.colors import to_rgba

    figure: Any = panel.get_figure(root=True)
    for behind in (panel.get_facecolor(), figure.get_facecolor()):
        *colour, alpha = to_rgba(behind)
        if alpha > 0.5:
            return DARK if _brightness(colour) < 0.5 else LIGHT
    return LIGHT if _brightness(to_rgba(mpl.rcParams["text.color"])[:3]) < 0.5 else DARK


def _brightness(colour: Any) -> float:
    return float(np.dot(colour, (0.3, 0.59, 0.11)))


def small() -> float:
    """Return the size of text in figures, in points: four fifths of matplotlib's ``font.size``."""
    import matplotlib as mpl

    return 0.8 * float(mpl.rcParams["font.size"])


def margin_legend(panel: Axes, *given: Any, **options: Any) -> Any:
    """Add a legend without a frame."""
    narrow = {"borderaxespad": 0.2, "handlelength": 1.2, "columnspacing": 1.2, "handletextpad": 0.5}
    return panel.legend(*given, **{"frameon": False, "fontsize": small(), **narrow, **options})


@dataclass(frozen=True)
class Time:
    """How time is shown: in steps, or in milliseconds."""

    dt: float
    """Length of a step in the unit."""
    unit: str
    label: str
    whole: bool
    """Whether there is nothing between two steps."""

    def rate(self, per_step: Any) -> Any:
        """Return a rate in spikes per step in the unit that goes with the time."""
        return per_step if self.whole else 1000 * np.asarray(per_step) / self.dt

    @property
    def rate_unit(self) -> str:
        """The unit of a rate."""
        return "spikes/step" if self.whole else "Hz"


def time_of(dt: Any, where: str) -> Time:
    """Return how time is shown where a step takes ``dt`` milliseconds, or None for steps."""
    if dt is None:
        return Time(1.0, "steps", "Time (steps)", True)
    return Time(
        positive(dt, where, "dt", "Pass the length of a time step in ms, or leave it out for steps."), "ms", "Time (ms)", False
    )


def by_neuron(given: Mapping[str, Any], where: str, sample: Any, least: int) -> dict[str, NDArray[Any]]:
    """Return the arrays that are not None as [T, n], one sample of each batch; with `least` one axis, all of one shape."""
    arrays = {name: to_numbers(value, f"{where}, {name or 'spikes'}") for name, value in given.items() if value is not None}
    expected = "[T, n] or [T, N, ...]" if least > 1 else "[T], [T, n] or [T, N, ...]"
    if not is_int(sample):
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
    """Return one Axes per panel: on a new figure, inside one Axes (with room for a note on top), or those given."""
    plt, axes = extra("matplotlib.pyplot", "plot", where), extra("matplotlib.axes", "plot", where)
    given, count = np.asarray(ax, dtype=object), len(heights) * columns
    for panel in () if ax is None else given.ravel():
        if not isinstance(panel, axes.Axes):
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
        behind = {"facecolor": parent.get_facecolor()}
        bounds = [places[i].get_position(parent.figure).bounds for i in range(count)]
        given = np.array([parent.inset_axes(place, **behind) for place in bounds])
    if given.size != count:
        raise ArgumentError(where, f"ax of one or {count} Axes", f"{given.size}", "Leave ax out for a new figure.")
    return given.ravel()


def tidy(panel: Axes, xlabel: str, ylabel: str, *, whole: bool = True) -> None:
    """Label the axes, thin out the frame, and put ticks of time steps and epochs on whole numbers."""
    from matplotlib.ticker import MaxNLocator

    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(labelsize=small(), labelbottom=bool(xlabel))
    panel.set_xlabel(xlabel, size=1.1 * small())
    panel.set_ylabel(ylabel, size=1.1 * small())
    panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=whole, min_n_ticks=1))


def reach(panel: Axes, x: tuple[float, float], y: tuple[float, float] | None = None, *, more: bool = False) -> None:
    """Set limits of some Axes; with `more`, where something was drawn before, they only become wider."""

    def both(now: tuple[float, float], new: tuple[float, float]) -> tuple[float, float]:
        return (min(now[0], new[0]), max(now[1], new[1])) if more else new

    panel.set_xlim(*both(panel.get_xlim(), x))
    if y is not None:
        panel.set_ylim(*both(panel.get_ylim(), y))


def whole_ticks(axis: Any) -> None:
    """Put the ticks of an axis on whole numbers, with commas between thousands."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def colour_bar(panel: Axes, image: Any, label: str) -> Any:
    """Add a colour bar at the right of some Axes, as high as they are."""
    bar = panel.figure.colorbar(image, cax=panel.inset_axes((1.03, 0, 0.035, 1)))
    bar.ax.tick_params(labelsize=small())
    bar.ax.set_ylabel(label, size=1.1 * small())
    bar.outline.set_visible(False)
    return bar
