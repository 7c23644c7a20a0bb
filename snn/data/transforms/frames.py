"""Frames ``[T, ...]`` of events: by time, by number of frames, by number of events. A compiled loop counts the events."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError

from ...engine.backends import back_end
from ..events import Events
from .base import Transform

__all__ = ["EventFrames", "FixedFrames", "TimeBins"]

_MOST_BYTES = 1 << 32
_LATE = "If the clock began before the sample, pass from_first=True."


@dataclass(frozen=True)
class _Frames(Transform):
    gives = "sequence"

    dtype: Any = field(default="float32", kw_only=True)

    def __post_init__(self) -> None:
        if np.dtype(self.dtype) not in (np.float32, np.float64, np.bool_):
            raise ArgumentError(
                type(self).__name__, "dtype float32, float64 or bool", describe(self.dtype),
                "Bools say where there are events.",
            )  # fmt: skip
        object.__setattr__(self, "dtype", np.dtype(self.dtype).name)

    def count(self, events: Events, starts: Array) -> Array:
        """Return frames; frame ``f`` counts the events ``starts[f]:starts[f + 1]``."""
        polarities, height, width = events.grid
        place, dtype = polarities * height * width, np.dtype(self.dtype)
        if (size := (len(starts) - 1) * place * dtype.itemsize) > _MOST_BYTES:
            raise ArgumentError(
                type(self).__name__, f"at most {_MOST_BYTES >> 30} GiB of frames for a sample",
                f"{len(starts) - 1:,} frames, {size:,} bytes", "Make fewer frames, or smaller ones.",
            )  # fmt: skip
        frames = np.zeros((len(starts) - 1, *events.shape), dtype)
        flat = frames.reshape(-1).view(np.uint8) if dtype == np.bool_ else frames.reshape(-1)
        fields = [np.ascontiguousarray(field) for field in (events.p, events.y, events.x)]
        arguments = starts.astype(np.uint64), *fields, height, width, place, dtype != np.bool_, flat
        back_end().run("binned", len(frames), len(events), *arguments)
        return frames


@dataclass(frozen=True)
class TimeBins(_Frames):
    """Count events in bins of equal time.

    Parameters
    ----------
    step : int
        Microseconds in a bin, one time step.
    T : int, optional
        Number of bins: later events are left out, and bins without events are 0. None: up to the last event, at least one.
    from_first : bool
        Whether the first bin begins at the first event, for recordings whose clock began earlier; otherwise at time 0, where
        the sample began.
    dtype : {float32, float64, bool}
        Dtype of the frames; bool marks events, and takes a quarter of the memory of float32.

    Raises
    ------
    ArgumentError
        When called, if all events are later than the ``T`` bins, or the frames take too much memory.

    Examples
    --------
    >>> import snn
    >>> events = snn.data.Events([0, 900, 1000, 2500], x=[0, 0, 1, 2], shape=(3,))
    >>> snn.data.transforms.TimeBins(1000)(events).tolist()
    [[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    step: int
    T: int | None = None
    from_first: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_whole("step")
        if self.T is not None:
            self.check_whole("T")
        if not isinstance(self.from_first, bool):
            raise ArgumentError("TimeBins", "from_first True or False", describe(self.from_first), "False begins at time 0.")

    def __call__(self, events: Events) -> Array:
        """Return frames ``[T, *events.shape]``."""
        first = self.checked(events).first
        begin = first if self.from_first else 0
        last = (first + events.duration - begin) // self.step + 1
        bins = last if self.T is None else min(self.T, last)
        if bins > _MOST_BYTES:
            raise ArgumentError("TimeBins", "fewer bins", f"{bins:,}", f"Pass T, or a longer step. {_LATE}")
        if self.T is not None and (first - begin) // self.step >= self.T:
            raise ArgumentError(
                "TimeBins", f"events in the first {self.T * self.step:,} us, {self.T} bins", f"the first at {first:,} us",
                _LATE,
            )  # fmt: skip
        starts = np.searchsorted(events.t, begin + np.arange(bins + 1) * self.step)
        if self.T is not None and bins < self.T:
            starts = np.concatenate([starts, np.full(self.T - bins, starts[-1])])
        return self.count(events, starts)


@dataclass(frozen=True)
class FixedFrames(_Frames):
    """Count events in a fixed number of bins over the sample's own duration, from its first event to its last.

    Parameters
    ----------
    T : int
        Number of frames, which divide the duration equally.
    dtype : {float32, float64, bool}
        As for :class:`TimeBins`.
    """

    T: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_whole("T")

    def __call__(self, events: Events) -> Array:
        """Return frames ``[T, *events.shape]``."""
        span = self.checked(events).duration + 1
        edges = np.array([events.first - (-span * f // self.T) for f in range(self.T + 1)], np.int64)
        return self.count(events, np.searchsorted(events.t, edges))


@dataclass(frozen=True)
class EventFrames(_Frames):
    """Make frames of a fixed number of events, whatever their duration.

    Parameters
    ----------
    number : int
        Events per frame; the last frame has the rest.
    T : int, optional
        Number of frames: later events are left out, and missing frames are 0. None: as many as there are, at least one.
    dtype : {float32, float64, bool}
        As for :class:`TimeBins`.
    """

    number: int
    T: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_whole("number")
        if self.T is not None:
            self.check_whole("T")

    def __call__(self, events: Events) -> Array:
        """Return frames ``[T, *events.shape]``."""
        frames = self.T or max(1, math.ceil(len(self.checked(events)) / self.number))
        starts = np.minimum(np.arange(frames + 1) * self.number, len(events))
        return self.count(events, starts)
