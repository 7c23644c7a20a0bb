"""The raster: the spikes of all neurons over time, for ten to a hundred thousand neurons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError

from ..common.checks import fired as fired_in
from ..common.checks import positive
from ..records import Record
from .panels import BESIDE, by_neuron, look, make_panels, reach, small, tidy, time_of, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from .panels import Time

__all__ = ["raster"]

_ROW = 0.8  # points: the least height of a row whose spikes are marks
_MARKS = 20_000  # the most marks of a layer
_DOT = 0.75  # points: size of a dot where there are more


def raster(
    spikes: ArrayLike | Mapping[str, ArrayLike],
    *,
    sample: int = 0,
    names: str | Sequence[str] | None = None,
    dt: float | None = None,
    ax: Axes | None = None,
    markersize: float | None = None,
) -> Axes:
    """Plot the spikes of all neurons over time, for one layer or for several stacked from bottom to top.

    Parameters
    ----------
    spikes : array_like or mapping of str to array_like
        A layer of shape ``[T, n]`` or ``[T, N, ...]`` (features are flattened), or several by name, of which small ones are
        stretched; nonzero is a spike. From the record of a run it takes the spikes alone.
    sample : int
        Sample of the batch; an array of shape ``[T, n]`` has none.
    names : str or sequence of str, optional
        Names of the layers; by default the mapping's keys.
    dt : float, optional
        Length of a time step in ms; None shows time in steps, and rates per step.
    ax : Axes, optional
        Axes to draw on; by default a new figure.
    markersize : float, optional
        Height of a mark in points; by default about the height of a row.

    Returns
    -------
    Axes
        Names and mean rates of the layers are at its right.

    Raises
    ------
    ShapeError
        If an array has wrong axes, or the arrays do not have the same time steps.
    NonFiniteError
        If there is NaN or infinity among the spikes of the sample.
    ArgumentError
        If no layer or a list of layers is given, ``sample`` is out of range, ``dt`` or ``markersize`` is not positive, or
        there are not as many names as layers.
    MissingExtraError
        If matplotlib is not installed.

    Notes
    -----
    A spike is a mark as high as its row. A layer with rows of less than 0.8 points, or with more than 20,000 spikes, is an
    image of dots of 0.75 points instead, each more opaque the more spikes it holds: a million spikes are drawn at once, and
    a PDF stays small. With ``markersize`` it always uses marks.
    """
    where = "snn.plot.raster"
    layers = _layers(spikes, where)
    time = time_of(dt, where)
    trains = [
        fired_in(train, f"{where}, {name or 'spikes'}") for name, train in by_neuron(layers, where, sample, least=2).items()
    ]
    if not (names is None or isinstance(names, Sequence)):
        raise DTypeError(
            where, "names to be a string or a sequence of them", describe(names), "Pass a dict from name to spikes."
        )
    titles = list(layers) if names is None else [names] if isinstance(names, str) else list(names)
    if markersize is not None:
        markersize = positive(markersize, where, "markersize", "Leave it out to fit the rows.")
    if len(titles) != len(trains):
        raise ArgumentError(where, f"{len(trains)} names, one per layer", describe(names), "Pass a dict from name to spikes.")
    steps, counts = len(trains[0]), np.array([train.shape[1] for train in trains])
    bands = np.maximum(counts, 0.1 * counts.sum())
    bottoms = np.cumsum([0, *(bands[:-1] + 0.05 * bands.sum())])
    top = bottoms[-1] + bands[-1]
    panel: Axes = make_panels(ax, where, 6.4, [float(np.clip(1.2 + 0.012 * counts.sum(), 1.4, 3.8))])[0]
    tidy(panel, time.label, "Neuron", whole=time.whole)
    ends = (-0.5 * time.dt, (steps - 0.5) * time.dt), (-0.5 - 0.01 * top, 1.01 * top - 0.5)
    reach(panel, *ends, more=panel.has_data())
    wide, high = np.array(panel.bbox.size) * 72 / panel.figure.dpi  # points
    width, colours = float(np.clip(0.5 * wide / steps, 0.6, 2)), np.resize(look(panel).colours, len(trains))
    for title, fired, bottom, band, colour in zip(titles, trains, bottoms, bands, colours, strict=True):
        n = fired.shape[1]
        row = high * band / n / (1.02 * top)
        if markersize is None and (row < _ROW or np.count_nonzero(fired) > _MARKS):
            _dots(panel, fired, time, (bottom - 0.5 * band / n, bottom + band - 0.5 * band / n), (wide, row * n), colour)
        else:
            times, which = np.nonzero(fired)
            size = markersize or float(np.clip(0.8 * row, _ROW, 9))
            thick = max(0.6, min(width, max(0.6 * size, 1.8)))  # where rows are low, marks may be broad
            panel.plot(times * time.dt, bottom + which * band / n, "|", c=colour, ms=size, mew=thick)
        rate = f"{time.rate(fired.mean()):.3g} {'spikes/neuron/step' if time.whole else time.rate_unit}"
        text, middle = f"{title}\n{rate}", bottom + band / 2
        panel.annotate(text.strip(), (1.01, middle), xycoords=BESIDE, color=colour, va="center", size=small())
    whole_ticks(panel.yaxis)
    if len(trains) > 1:
        ticks = np.stack([bottoms, bottoms + bands * (1 - 1 / counts)], axis=1).ravel()
        panel.set_yticks(ticks, labels=[f"{index:,}" for n in counts for index in (0, n - 1)])
    return panel


def _layers(spikes: Any, where: str) -> Mapping[str, Any]:
    """Return the layers that were passed, by name; a single array has an empty name."""
    if isinstance(spikes, Record):
        found = {name: values for name, values in spikes.items() if name.rpartition(".")[2] == "spike"}
        if not found:
            raise ArgumentError(
                where, "a record with spikes", ", ".join(spikes) or "an empty one", "Run with record=['spike']."
            )
        return found
    if type(spikes) in (list, tuple) and any(getattr(layer, "ndim", 0) > 1 for layer in spikes):
        raise ArgumentError(
            where, "one array, or layers by name", f"a {type(spikes).__name__} of {len(spikes)} arrays",
            "Pass a dict from name to spikes, such as {'hidden': a, 'output': b}.",
        )  # fmt: skip
    return spikes if isinstance(spikes, Mapping) else {"": spikes}


def _dots(
    panel: Axes, fired: NDArray[np.bool_], time: Time, band: tuple[float, float], size: tuple[float, float], colour: str
) -> None:
    """Draw an image with a dot for each place of a given size that has spikes, the stronger the more spikes it has."""
    from matplotlib.colors import to_rgb

    (steps, n), (wide, high) = fired.shape, (max(1, int(length / _DOT)) for length in size)
    # A whole number of steps, and of neurons, for each dot, or a whole number of dots for each step: no pattern of its own.
    together, apart, neurons = -(-steps // wide), max(1, wide // steps), -(-n // high)
    columns, rows = -(-steps // together), -(-n // neurons)
    times, which = np.nonzero(fired)
    counts: Any = np.bincount(which // neurons * columns + times // together, minlength=rows * columns)
    counts = counts.reshape(rows, columns)
    image = np.zeros((rows, columns * apart, 4), np.uint8)
    image[..., :3] = np.rint(255 * np.array(to_rgb(colour)))
    # A lone spike must be visible where there are few; where dots are full, their shades tell how many there are.
    filled = counts[counts > 0]
    least, most = 0.6 * (1 - filled.size / counts.size), np.quantile(filled, 0.998) if filled.size else 1
    shade = np.where(counts, np.minimum(least + (1 - least) * counts / most, 1), 0)
    first = (apart - 1) // 2
    for column in (first, first + (apart >= 4)):  # a dot is twice as wide where there is room
        image[:, column::apart, 3] = np.rint(255 * shade)
    low, top = band
    bottom_to_top = low + (top - low) * rows * neurons / n
    extent = (-0.5 * time.dt, (columns * together - 0.5) * time.dt, low, bottom_to_top)
    drawn = panel.imshow(image, aspect="auto", origin="lower", extent=extent, interpolation="antialiased", zorder=2)
    drawn.set_clip_path(panel.patch)
