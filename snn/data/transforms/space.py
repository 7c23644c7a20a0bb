"""Transforms of positions and polarities: crop, downsampling, jitter, hot pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograd.errors import ArgumentError

from ..events import Events
from .base import Transform

__all__ = ["Crop", "Downsample", "HotPixels", "MergePolarity", "SpaceJitter"]


@dataclass(frozen=True)
class Crop(Transform):
    """Keep a rectangle of the sensor.

    Parameters
    ----------
    height, width : int
        Size of the rectangle; for channels the height is 1.
    top, left : int, optional
        Position of the corner; None centres it.
    """

    height: int
    width: int
    top: int | None = None
    left: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("height", 1), ("width", 1), ("top", 0), ("left", 0)):
            if getattr(self, name) is not None:
                self.check_whole(name, least)

    def __call__(self, events: Events) -> Events:
        """Return the events inside the rectangle, with positions from its corner."""
        polarities, height, width = self.checked(events).grid
        top = (height - self.height) // 2 if self.top is None else self.top
        left = (width - self.width) // 2 if self.left is None else self.left
        if top < 0 or left < 0 or top + self.height > height or left + self.width > width:
            raise ArgumentError("Crop", f"a rectangle within {height} x {width}", f"{self!r}", "Make it smaller.")
        inside = events[
            (events.y >= top) & (events.y < top + self.height) & (events.x >= left) & (events.x < left + self.width)
        ]
        shape = (polarities, self.height, self.width) if len(events.shape) == 3 else (self.width,)
        return inside.but(x=inside.x - np.int16(left), y=inside.y - np.int16(top), shape=shape)


@dataclass(frozen=True)
class Downsample(Transform):
    """Merge blocks of pixels or channels; all events remain.

    Parameters
    ----------
    factor : int
        Side of a block. The rest at the right and lower edges forms smaller blocks.
    """

    factor: int

    def __post_init__(self) -> None:
        self.check_whole("factor")

    def __call__(self, events: Events) -> Events:
        """Return the events with coarser positions."""
        polarities, height, width = self.checked(events).grid
        shape = (polarities, -(-height // self.factor), -(-width // self.factor))
        factor = np.int16(min(self.factor, (1 << 15) - 1))
        return events.but(x=events.x // factor, y=events.y // factor, shape=shape if len(events.shape) == 3 else shape[2:])


@dataclass(frozen=True)
class MergePolarity(Transform):
    """Merge the polarities: one kind of event remains."""

    def __call__(self, events: Events) -> Events:
        """Return the events with polarity 0."""
        shape = self.checked(events).shape
        shape = (1, *shape[1:]) if len(shape) == 3 else shape
        return events.but(p=np.zeros_like(events.p), shape=shape)


@dataclass(frozen=True)
class HotPixels(Transform):
    """Remove pixels that fire too often, such as damaged ones.

    Parameters
    ----------
    rate : float
        Largest rate of a pixel over the sample in events per second, of both polarities.
    """

    rate: float

    def __post_init__(self) -> None:
        self.check_number("rate", 0.0, 1e9)

    def __call__(self, events: Events) -> Events:
        """Return the events of the other pixels."""
        _, height, width = self.checked(events).grid
        pixel = events.y.astype(np.intp) * width + events.x
        often = np.bincount(pixel, minlength=height * width) > self.rate * max(events.duration, 1) * 1e-6
        return events[~often[pixel]] if often.any() else events


@dataclass(frozen=True)
class SpaceJitter(Transform):
    """Move each event by a normally distributed offset; events that leave the sensor are removed.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels, in each direction; offsets are rounded to whole pixels. Channels move along their axis.
    """

    random = True

    sigma: float

    def __post_init__(self) -> None:
        self.check_number("sigma", 0.0, 1e4)

    def __call__(self, events: Events, rng: np.random.Generator) -> Events:
        """Return the events at their new positions."""
        _, height, width = self.checked(events).grid
        x = events.x + np.rint(rng.normal(0.0, self.sigma, len(events))).astype(np.int32)
        y = events.y.astype(np.int32)
        if len(events.shape) == 3:
            y = y + np.rint(rng.normal(0.0, self.sigma, len(events))).astype(np.int32)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        return events.but(x=x.astype(np.int16), y=y.astype(np.int16))[inside]
