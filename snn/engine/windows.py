"""Pooling of images by loops on all threads: the functions of :mod:`autograd.windows`, with the same values.

A zero that is the largest may have another sign; everything else is the same to the bit.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.windows import Windows

from . import tuning
from .backends import BackEnd
from .buffers import empty

__all__ = ["Pools", "places_inside"]


@functools.lru_cache(16)
def _places(windows: Windows, size: tuple[int, ...]) -> Array:
    """Return the place in an image for each position of each window, ``[positions, outputs]``; the image's size if outside."""
    counts = windows.counts(size)
    axes = zip(windows.kernel, counts, windows.stride, windows.dilation, windows.pads, size, strict=True)
    found, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
    for kernel, count, step, apart, (before, _), n in axes:
        at = np.arange(kernel)[:, None] * apart + np.arange(count) * step - before
        found = (found[:, None, :, None] * n + at[None, :, None, :]).reshape(len(found) * kernel, -1)
        there = (at >= 0) & (at < n)
        inside = (inside[:, None, :, None] & there[None, :, None, :]).reshape(found.shape)
    return np.where(inside, found, math.prod(size)).astype(np.uint64).reshape(-1)


def places_inside(windows: Windows, size: tuple[int, ...]) -> Array | None:
    """Return the place in an image for each position of each window, ``[positions, outputs]``; None if one is outside."""
    return None if _reach_outside(windows, size) else _places(windows, size)


@functools.lru_cache(16)
def _reach_outside(windows: Windows, size: tuple[int, ...]) -> bool:
    return bool((_places(windows, size) == math.prod(size)).any())


class Pools:
    """Loops of a back end for arrays ``[N, C, ...]``; names, arguments and results are those of :mod:`autograd.windows`."""

    def __init__(self, backend: BackEnd) -> None:
        self.backend = backend

    def takes(self, x: Array, *rest: Any) -> bool:
        """Return whether an array is large enough to gain, of a dtype that the loops support, and its windows small enough."""
        if x.size < tuning.now().pooled_elements or x.dtype not in (np.float32, np.float64):
            return False
        windows = next(item for item in rest if isinstance(item, Windows))
        return self.fits(windows, rest[-1] if isinstance(rest[-1], tuple) else x.shape[2:])

    @staticmethod
    def fits(windows: Windows, size: tuple[int, ...]) -> bool:
        """Return whether windows, and their table for images of a size, are small enough to gain."""
        positions, limits = math.prod(windows.kernel), tuning.now()
        return positions <= limits.pooled_positions and positions * math.prod(windows.counts(size)) <= limits.pooled_places

    def _launch(self, name: str, windows: Windows, size: tuple[int, ...], out: Array, *given: Any) -> Array:
        """Run a loop over the images of ``out``; ``given`` are its arguments before ``out``."""
        rows, outputs = math.prod(out.shape[:2]), math.prod(windows.counts(size))
        sizes = math.prod(size), outputs, math.prod(windows.kernel)
        more = [np.ascontiguousarray(a) if isinstance(a, np.ndarray) else a for a in given]
        self.backend.run(name, rows, rows * math.prod(size), *sizes, _places(windows, size), *more, out, file="pools")
        return out

    def largest(self, x: Array, windows: Windows) -> Array:
        """Return the maximum of each window."""
        size = x.shape[2:]
        out = empty((*x.shape[:2], *windows.counts(size)), x.dtype)
        return self._launch("largest", windows, size, out, x.dtype.type(-np.inf), x)

    def first_largest(
        self, x: Array, out: Array, windows: Windows, found: Array | None = None, bias: Array | None = None
    ) -> Array:  # fmt: skip
        """Return the position of each window's maximum, in ``found`` if that is given.

        With a ``bias`` for each channel, the maximum is that of the sums, and the first of several counts.
        """
        found = empty(out.shape, np.int32) if found is None else found
        bias = np.zeros(1, x.dtype) if bias is None else bias
        given = x.dtype.type(-np.inf), len(bias), bias, x, out
        return self._launch("first_largest", windows, x.shape[2:], found, *given)

    def put_back(self, g: Array, chosen: Array, windows: Windows, size: tuple[int, ...]) -> Array:
        """Return ``[N, C, *size]`` with each element of ``g`` added at its chosen position."""
        apart = all(step >= span for step, span in zip(windows.stride, windows.spans, strict=True))
        return self._launch("put_chosen", windows, size, empty((*g.shape[:2], *size), g.dtype), apart, g, chosen)

    def summed(self, x: Array, windows: Windows) -> Array:
        """Return the sum of each window."""
        size = x.shape[2:]
        return self._launch("summed", windows, size, empty((*x.shape[:2], *windows.counts(size)), x.dtype), x)

    def spread(self, g: Array, windows: Windows, size: tuple[int, ...]) -> Array:
        """Return ``[N, C, *size]`` with each element of ``g`` added all over its window."""
        return self._launch("spread_out", windows, size, empty((*g.shape[:2], *size), g.dtype), g)
