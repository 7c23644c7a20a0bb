"""Movies of event samples."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.intake import to_numbers

from ..common.checks import positive, whole
from ..common.files import write_whole
from .panels import look, make_panels, small, time_of

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes

__all__ = ["movie"]

_WRITERS = {".gif": "pillow", ".mp4": "ffmpeg"}


def movie(
    events: Any,
    path: str | os.PathLike[str],
    *,
    frames: int = 40,
    fps: float = 20.0,
    dt: float | None = None,
    ax: Axes | None = None,
) -> FuncAnimation:
    """Write a movie of the events of a sample, or of event frames: ON and OFF in two colours.

    Parameters
    ----------
    events : Events or array_like
        A sample of :mod:`snn.data`, whose events are counted in windows of equal length; or frames ``[T, polarities, height,
        width]`` with one or two polarities, OFF and then ON.
    path : str or path
        Output file: a name that ends in ``.gif``, or in ``.mp4`` if the program ffmpeg is on the PATH.
    frames : int
        Number of windows; ignored for an array.
    fps : float
        Frames per second.
    dt : float, optional
        Length of a frame of an array in ms; None numbers the frames. Events have their own times.
    ax : Axes, optional
        Axes to draw on; by default a new figure.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        The movie, already written; ``to_jshtml()`` shows it in a notebook.

    Raises
    ------
    DTypeError
        If ``path`` is not a path.
    ShapeError
        If the array has wrong axes.
    ArgumentError
        If there are no events, the path has another ending, a number is not positive, or ffmpeg is missing.
    WriteError
        If the file cannot be written.
    MissingExtraError
        If matplotlib is not installed.
    """
    where = "snn.plot.movie"
    place, writer = _place(path, where)
    rate = positive(fps, where, "fps", "For example fps=20.")
    if rate > 1000:
        raise ArgumentError(where, "at most 1,000 frames per second", describe(fps), "For example fps=20.")
    count, time = whole(frames, where, "frames", "For example frames=40.", 10_000), time_of(dt, where)
    if hasattr(events, "grid") and hasattr(events, "t"):
        shown, names = _windows(events, count, where)
    else:
        shown = _checked(events, where)
        names = [f"{time.dt * number:g} ms" if dt is not None else f"step {number}" for number in range(len(shown))]
    _, polarities, height, width = shown.shape
    wide = 4.0
    panel: Axes = make_panels(ax, where, wide, [float(np.clip(wide * height / width, 1.0, 6.0))])[0]
    from matplotlib.animation import FFMpegWriter, FuncAnimation

    if writer == "ffmpeg" and not FFMpegWriter.isAvailable():
        raise ArgumentError(where, "the program ffmpeg, for MP4", "none on the PATH", "Install it, or write a .gif.")
    colours = np.array([_rgb(colour) for colour in look(panel).colours[:2]])
    colours = colours[::-1] if polarities == 2 else colours[:1]
    peak = max(float(np.abs(shown).max()), 1e-30)
    image = panel.imshow(_picture(shown[0], colours, peak), interpolation="nearest")
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set(visible=True, color=look(panel).faint)
    title = panel.set_title(names[0], loc="left", size=small())
    if polarities == 2:
        for number, (name, colour) in enumerate(zip(("OFF", "ON"), colours, strict=True)):
            at: Any = {"x": 1 - 0.1 * number, "y": 1.01, "transform": panel.transAxes, "ha": "right", "va": "bottom"}
            panel.text(s=name, color=tuple(colour), size=small(), **at)

    def draw(number: int) -> tuple[Any, Any]:
        image.set_data(_picture(shown[number], colours, peak))
        title.set_text(names[number])
        return image, title

    figure: Any = panel.get_figure(root=True)
    pace: Any = rate  # a float is as good as the int that it is declared as
    animation = FuncAnimation(figure, draw, len(shown), interval=1000 / rate, blit=False)
    with tempfile.TemporaryDirectory() as directory:
        beside = Path(directory) / place.name
        animation.save(beside, writer=writer, fps=pace, dpi=100)
        write_whole(place, beside.read_bytes())
    return animation


def _place(path: Any, where: str) -> tuple[Path, str]:
    if not isinstance(path, (str, os.PathLike)):
        raise DTypeError(where, "path to be a string or a path", describe(path), "For example 'sample.gif'.")
    place = Path(os.fsdecode(path))
    writer = _WRITERS.get(place.suffix.lower())
    if writer is None:
        raise ArgumentError(where, "a path that ends in .gif or .mp4", repr(place.name[-40:]), "For example 'sample.gif'.")
    return place, writer


def _windows(events: Any, count: int, where: str) -> tuple[Any, list[str]]:
    """Return counts of events by window, ``[frames, polarities, height, width]``, and the time of each."""
    if not len(events):
        raise ArgumentError(where, "a sample with events", "none", "Choose another one.")
    polarities, height, width = events.grid
    if polarities > 2:
        raise ShapeError(where, "one or two polarities", f"{polarities}", "Merge them first.")
    length = max(1, -(-(events.duration + 1) // count))  # microseconds
    window = (events.t - events.first) // length
    places = ((window * polarities + events.p) * height + events.y) * width + events.x
    counts = np.bincount(places, minlength=count * polarities * height * width)
    times = [f"{(events.first + number * length) / 1000:.1f} ms" for number in range(count)]
    return counts.reshape(count, polarities, height, width), times


def _checked(frames: Any, where: str) -> Any:
    values = to_numbers(frames, f"{where}, events")
    if values.ndim != 4 or not values.size or values.shape[1] > 2 or not np.isfinite(values).all():
        raise ShapeError(
            where, "Events, or finite frames [T, 1 or 2, height, width]", describe(frames),
            "Take one sample: snn.data gives frames as [T, N, polarities, height, width], of which frames[:, 0] is the first.",
        )  # fmt: skip
    return np.abs(values)


def _picture(counts: Any, colours: Any, peak: float) -> Any:
    """Return RGBA of a frame: the colour of the polarity that has more, the stronger the more events there are."""
    total = counts.sum(0)
    picture = np.zeros((*total.shape, 4))
    picture[..., :3] = colours[counts.argmax(0)]
    picture[..., 3] = np.where(total > 0, np.minimum(0.55 + 0.45 * total / peak, 1), 0)
    return picture


def _rgb(colour: str) -> Any:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
