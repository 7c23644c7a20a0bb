"""Events of a sensor: their times, positions and polarities, one array each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["Events", "from_structured"]

FIELDS = {"t": np.int64, "x": np.int16, "y": np.int16, "p": np.uint8}


class Events:
    """Events in the order of their times.

    Parameters
    ----------
    t : array_like
        Times in microseconds since the sample began, ``[E]`` whole numbers that never decrease and are not negative.
    x : array_like
        Columns from the left; channels, where the sensor has no rows. ``[E]`` whole numbers.
    y, p : array_like, optional
        Rows from the top, and polarity: 0 for OFF and 1 for ON. None is 0.
    shape : tuple of int
        Shape of a frame of the sensor: ``(polarities, height, width)``, or ``(channels,)``.

    Attributes
    ----------
    t, x, y, p : numpy.ndarray
        ``[E]``, int64, int16, int16 and uint8.
    shape : tuple of int
        The shape as it was passed.

    Raises
    ------
    ShapeError
        If the arrays differ in length, or the shape is neither of the two.
    DTypeError
        If they are not whole numbers.
    ArgumentError
        If a time is negative or below the one before, or an event lies outside the sensor.

    Examples
    --------
    >>> import snn
    >>> events = snn.data.Events([0, 10, 25], x=[3, 0, 1], y=[2, 2, 0], p=[1, 0, 1], shape=(2, 3, 4))
    >>> events
    <Events: 3 in 25 us, shape (2, 3, 4)>
    >>> events[1:].t.tolist()
    [10, 25]
    """

    __slots__ = ("p", "shape", "t", "x", "y")
    t: Array
    x: Array
    y: Array
    p: Array
    shape: tuple[int, ...]

    def __init__(self, t: Any, x: Any, y: Any = None, p: Any = None, *, shape: tuple[int, ...]) -> None:
        self.shape = _checked_shape(shape)
        count = np.shape(t)
        given = {
            "t": t,
            "x": x,
            "y": np.zeros(count, np.int16) if y is None else y,
            "p": np.zeros(count, np.uint8) if p is None else p,
        }
        for name, values in given.items():
            array = np.asarray(values, None if np.size(values) else np.int64)
            if array.dtype.kind not in "iub":
                raise DTypeError(f"Events, {name}", "whole numbers [E]", describe(array), "Times are whole microseconds.")
            if array.ndim != 1 or array.shape != count:
                raise ShapeError(
                    f"Events, {name}", f"as many values as t has, {list(count)}", describe(array), "An event has one of each."
                )
            _check_range(name, array, self.most(name))
            setattr(self, name, array.astype(FIELDS[name], copy=False))
        if np.any(self.t[1:] < self.t[:-1]):
            raise ArgumentError(
                "Events, t", "times that never decrease", "some that do", "Sort all: order = np.argsort(t, kind='stable')."
            )

    def most(self, name: str) -> int:
        """Return the first value beyond the range of a field."""
        polarities, height, width = self.grid
        return {"t": 1 << 62, "x": width, "y": height, "p": polarities}[name]

    @property
    def grid(self) -> tuple[int, int, int]:
        """Polarities, height and width."""
        return (1, 1, self.shape[0]) if len(self.shape) == 1 else (self.shape[0], self.shape[1], self.shape[2])

    @property
    def duration(self) -> int:
        """Microseconds from the first event to the last."""
        return int(self.t[-1] - self.t[0]) if len(self) else 0

    @property
    def first(self) -> int:
        """Time of the first event in microseconds; 0 if there is none."""
        return int(self.t[0]) if len(self) else 0

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        return f"<Events: {len(self):,} in {self.duration:,} us, shape {self.shape}>"

    def __getitem__(self, index: Any) -> Events:
        """Return the events of a slice that goes forward, or where an array of bools is true."""
        forward = isinstance(index, slice) and (index.step is None or index.step > 0)
        if not forward and not (isinstance(index, np.ndarray) and index.dtype == np.bool_):
            raise DTypeError(
                "Events", "a slice that goes forward, or an array of bools", describe(index), "Events stay in order."
            )
        return self.but(t=self.t[index], x=self.x[index], y=self.y[index], p=self.p[index])

    def but(self, **changes: Any) -> Events:
        """Return events with other fields, unchecked; for transforms."""
        other = object.__new__(Events)
        for name in Events.__slots__:
            setattr(other, name, changes.get(name, getattr(self, name)))
        return other

    def in_order(self) -> Events:
        """Return the events sorted by time; simultaneous ones keep their order."""
        if not np.any(self.t[1:] < self.t[:-1]):
            return self
        order = np.argsort(self.t, kind="stable")
        return self.but(t=self.t[order], x=self.x[order], y=self.y[order], p=self.p[order])

    def structured(self) -> Array:
        """Return one structured array with the fields t, x, y and p, as tonic and others take them."""
        array = np.empty(len(self), list(FIELDS.items()))
        for name in FIELDS:
            array[name] = getattr(self, name)
        return array


def from_structured(array: Any, shape: tuple[int, ...] | None = None) -> Events:
    """Make events from one structured array, as tonic has them, or from a mapping of arrays, as SpikingJelly has them.

    Parameters
    ----------
    array : numpy.ndarray or mapping
        ``[E]`` with fields t (microseconds) and x, and perhaps y and p, in any order; or arrays ``[E]`` under these names,
        such as ``np.load("sample.npz")``. They are sorted by time if they are not.
    shape : tuple of int, optional
        As for :class:`Events`; tonic's ``sensor_size`` is ``(width, height, polarities)``, the other way round. None: as
        large as the events need.

    Returns
    -------
    Events
        Copies.

    Raises
    ------
    DTypeError
        If there are no such fields.
    ShapeError
        If the arrays of a mapping are not ``[E]``, all of one length.
    """
    if isinstance(array, Mapping):
        names = tuple(array)
        array = {name: np.asarray(array[name]) for name in FIELDS if name in names}
    else:
        names = getattr(getattr(array, "dtype", None), "names", None) or ()
    if not {"t", "x"} <= set(names):
        raise DTypeError(
            "data.from_structured", "a structured array or a mapping with fields t, x, perhaps y and p",
            f"{describe(array)} with fields {', '.join(map(str, names))}" if names else describe(array), "Rename its fields.",
        )  # fmt: skip
    if isinstance(array, dict) and (len({a.shape for a in array.values()}) > 1 or array["t"].ndim != 1):
        shapes = ", ".join(f"{name} {list(a.shape)}" for name, a in array.items())
        raise ShapeError("data.from_structured", "arrays [E] of one length", shapes, "An event has one of each.")
    order = np.argsort(array["t"], kind="stable")
    fields = {name: array[name][order] for name in FIELDS if name in names}
    if shape is None:
        ends = [int(fields[name].max(initial=0)) + 1 if name in fields else 1 for name in ("p", "y", "x")]
        shape = tuple(ends) if "y" in fields else (ends[2],)
    if len(shape) == 1:  # channels alone: tonic gives each event of a cochlea the polarity 1
        fields = {name: fields[name] for name in ("t", "x")}
    return Events(**fields, shape=shape)


def _checked_shape(shape: Any) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    if len(sizes) not in (1, 3) or not all(isinstance(n, (int, np.integer)) and 0 < n < 1 << 15 for n in sizes):
        raise ShapeError(
            "Events, shape", "(polarities, height, width) or (channels,)", describe(shape), "For example (2, 128, 128)."
        )
    if (len(sizes) == 3 and sizes[0] > 256) or math.prod(sizes) > 1 << 31:
        raise ShapeError("Events, shape", "a frame of at most 2^31 places", f"{sizes}", "Is the order right?")
    return tuple(int(n) for n in sizes)


def _check_range(name: str, array: Array, end: int) -> None:
    if len(array) and (array.min() < 0 or array.max() >= end):
        raise ArgumentError(
            f"Events, {name}", f"values from 0 to {end - 1}", f"{array.min()} to {array.max()}",
            "Is this the shape of the sensor?",
        )  # fmt: skip
