"""Pooling of spikes over time: each window passes on the spikes of its leading place."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np

from autograd.dtypes import Array

from .backends import BackEnd, back_end

__all__ = ["pooled", "put_back"]

Ranges = tuple[tuple[range, ...], ...]


@functools.lru_cache(64)
def _places(windows: Ranges, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the start of each window in the list of places, and that list; places outside the image are left out."""
    inside = [[[k for k in window if 0 <= k < n] for window in axis] for axis, n in zip(windows, size, strict=True)]
    pitch = [math.prod(size[axis + 1 :]) for axis in range(len(size))]
    starts, places = [0], []
    for window in itertools.product(*inside):
        places += [sum(k * step for k, step in zip(at, pitch, strict=True)) for at in itertools.product(*window)]
        starts.append(len(places))
    return np.array(starts, np.uint64), np.array(places, np.uint64)


def pooled(
    spikes: Array, amplitude: Any, lead: Array, windows: Ranges, first: bool, backend: BackEnd
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Pool spikes.

    Parameters
    ----------
    spikes : array
        ``[T, N, C, ...]``, not 0 at spikes.
    amplitude : number
        Value of a spike.
    lead : array
        ``[N, C, ...]``: lead of each place before the first step.
    windows : tuple of tuple of range
        For each axis, the places of each window; each window has at least one inside the image.
    first : bool
        Whether the first place to fire leads; otherwise the one with the most spikes.
    backend : BackEnd
        Supplies the loop.

    Returns
    -------
    flags : array of uint8
        ``[T, N, C, ...]``, with an element for each window.
    at : array of uint32
        Place of the leader, in the same shape.
    lead : array
        Lead of each place after the last step.
    """
    steps, samples, channels, *size = spikes.shape
    start, place = _places(windows, tuple(size))
    shape = steps, samples, channels, *map(len, windows)
    flags, at, lead = np.empty(shape, np.uint8), np.empty(shape, np.uint32), np.array(lead, order="C")
    given = np.ascontiguousarray(spikes)
    given = given.view(np.uint8) if given.dtype == np.bool_ else given
    rows = samples * channels
    backend.run(
        "pooled", rows, spikes.size, steps, rows, math.prod(size), given, lead.dtype.type(abs(amplitude)), first, start, place,
        len(start) - 1, lead, flags, at, file="pools",
    )  # fmt: skip
    return flags, at, lead


def put_back(g: Array, at: Array, shape: tuple[int, ...]) -> Array:
    """Return zeros of a shape ``[T, N, C, ...]`` plus each gradient at the place in ``at``, as returned by ``pooled``."""
    out, rows = np.zeros(shape, g.dtype), math.prod(shape[:3])
    places, outputs = math.prod(shape[3:]), math.prod(at.shape[3:])
    back_end().run("put_back", rows, g.size, places, outputs, np.ascontiguousarray(g), at, out, file="pools")
    return out
