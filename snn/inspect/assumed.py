"""Values that take no memory, and assumptions about them: for :func:`snn.memory_estimate`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array
from autograd.graph import Node

from ..compiled.back_part import Shared
from ..engine.backends import BackEnd, back_end
from ..engine.buffers import Buffer
from ..engine.events import Events
from ..spikes import Spikes

__all__ = ["AssumedLists", "assumed", "bytes_of", "plain", "same", "series", "value_of"]

FIRING = 0.05  # share of the neurons that fire in a step
GIVEN = 0.02  # share of nonzero elements in an input of events
ACTIVE = 0.10  # share of the derivatives of a surrogate with compact support that are not zero


def same(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return zeros that are the same at every step."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def series(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return zeros that count as different at every step."""
    base = np.zeros(shape[0], dtype)
    return np.lib.stride_tricks.as_strided(base, shape, (base.itemsize, *[0] * (len(shape) - 1)), writeable=False)


def events_of(shape: tuple[int, ...], density: float) -> Events:
    """Return the events of rows in which this share of the elements are spikes."""
    size, rows = math.prod(shape), math.prod(shape[:-1])
    return Events(same((rows + 1,), np.uint64), shape[-1], back_end(), same((int(density * size),), np.uint32))


def value_of(shape: tuple[int, ...], dtype: Any, node: Node | None, kind: str, amplitude: Array | None = None) -> Tensor:
    """Return a value that selects a way of currents, or represents the spikes of a neuron."""
    if kind not in ("events", "spikes"):
        return Tensor.wrap((same if kind == "once" else series)(shape, dtype), node)
    spikes = Spikes(same(shape, np.uint8), np.ones((), dtype) if amplitude is None else amplitude, back_end(), node)
    return assumed(spikes, GIVEN if kind == "events" else FIRING)


def assumed(value: Tensor, density: float = FIRING) -> Tensor:
    """Give spikes, if it is any, values without memory and events of a density."""
    if isinstance(value, Spikes):
        value._values, value._lists = series(value.shape, value.dtype), [events_of(value.shape, density)]
    return value


class AssumedLists(Shared):
    """Event lists of assumed lengths."""

    def rarely(self, flags: Sequence[Array | None], below: float, backend: BackEnd) -> Events | None:
        """Return the places of these derivatives."""
        known = [each.shape for each in flags if each is not None]
        return events_of(known[0], ACTIVE) if known and len(known) == len(flags) and below > ACTIVE else None

    def share(self, flags: Array) -> float:
        """Return the share of derivatives that are not zero."""
        return ACTIVE

    def sent(self, flags: Array, columns: int, late: int, backend: BackEnd) -> Events:
        """Return the events of the neurons that fire."""
        return events_of((flags.size // columns, columns), FIRING)


def plain(size: int, again: bool = False) -> Buffer:
    """Describe an array of some bytes."""
    return Buffer((size,), np.uint8, again)


def bytes_of(value: Tensor) -> int:
    """Return the bytes of a value, were its numbers there."""
    return math.prod(value.shape) * int(value.dtype.itemsize)
