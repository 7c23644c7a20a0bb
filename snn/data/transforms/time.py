"""Transforms of times, and random removal of events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..events import Events
from .base import Transform

__all__ = ["CropTime", "Drop", "DropTime", "TimeJitter"]


@dataclass(frozen=True)
class CropTime(Transform):
    """Keep an interval of time, and count time from its beginning.

    Parameters
    ----------
    start : int
        Microseconds.
    length : int, optional
        Microseconds; None goes to the end.
    """

    start: int = 0
    length: int | None = None

    def __post_init__(self) -> None:
        self.check_whole("start", 0)
        if self.length is not None:
            self.check_whole("length")

    def __call__(self, events: Events) -> Events:
        """Return the events inside the interval."""
        first = int(np.searchsorted(self.checked(events).t, self.start))
        last = len(events) if self.length is None else int(np.searchsorted(events.t, self.start + self.length))
        inside = events[first:last]
        return inside.but(t=inside.t - self.start)


@dataclass(frozen=True)
class TimeJitter(Transform):
    """Move each event in time by a normally distributed offset; events before the beginning are removed.

    Parameters
    ----------
    sigma : float
        Standard deviation in microseconds.
    """

    random = True

    sigma: float

    def __post_init__(self) -> None:
        self.check_number("sigma", 0.0, 1e12)

    def __call__(self, events: Events, rng: np.random.Generator) -> Events:
        """Return the events in the order of their new times."""
        t = self.checked(events).t + np.rint(rng.normal(0.0, self.sigma, len(events))).astype(np.int64)
        return events.but(t=t)[t >= 0].in_order()


@dataclass(frozen=True)
class Drop(Transform):
    """Remove events at random.

    Parameters
    ----------
    share : float
        Probability that an event is removed, in [0, 1].
    """

    random = True

    share: float

    def __post_init__(self) -> None:
        self.check_number("share", 0.0, 1.0)

    def __call__(self, events: Events, rng: np.random.Generator) -> Events:
        """Return the remaining events."""
        return self.checked(events)[rng.random(len(events), np.float32) >= self.share]


@dataclass(frozen=True)
class DropTime(Transform):
    """Remove all events of a random interval of time.

    Parameters
    ----------
    share : float
        Share of the sample's duration, in [0, 1].
    """

    random = True

    share: float

    def __post_init__(self) -> None:
        self.check_number("share", 0.0, 1.0)

    def __call__(self, events: Events, rng: np.random.Generator) -> Events:
        """Return the events outside the interval."""
        span = self.checked(events).duration + 1
        start = events.first + rng.random() * span * (1 - self.share)
        return events[(events.t < start) | (events.t >= start + self.share * span)]
