"""Windows that slide over the spatial axes of arrays ``[N, C, ...]``, in numpy: the basis of convolution and pooling.

Convolution gathers the patches of some samples at a time as the rows of a matrix, channels last, for one matrix product. The
patches take at most ``CHUNK`` bytes, or those of one sample, for a batch of any size.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .dtypes import Array

CHUNK = 8_000_000
"""Bytes of patches made at a time: enough for a product at full speed, few enough for the cache."""
compiled: Any = None
"""Loops in place of the pooling functions below, with the same names, arguments and results; None until they are set."""


@dataclass(frozen=True)
class Windows:
    """Positions of windows: one number, or one pair (before, after) of ``pads``, per spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]

    @property
    def spans(self) -> tuple[int, ...]:
        """Extent of a window along each axis."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def padded(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the lengths with the padding."""
        return tuple(n + before + after for n, (before, after) in zip(size, self.pads, strict=True))

    def counts(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of windows along each axis."""
        lengths = zip(self.padded(size), self.spans, self.stride, strict=True)
        return tuple((n - span) // step + 1 for n, span, step in lengths)

    def inner(self, size: tuple[int, ...]) -> tuple[Any, ...]:
        """Return the slices of the array inside the padded one."""
        return tuple(slice(before, before + n) for n, (before, _) in zip(size, self.pads, strict=True))

    def places(self, counts: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        """Iterate over the positions in a window, row by row; yield the slices of the padded array with these elements."""
        for position in itertools.product(*map(range, self.kernel)):
            starts = [i * d for i, d in zip(position, self.dilation, strict=True)]
            ends = [start + step * (n - 1) + 1 for start, step, n in zip(starts, self.stride, counts, strict=True)]
            yield tuple(map(slice, starts, ends, self.stride))


def bordered(x: Array, windows: Windows, value: Any = 0) -> Array:
    """Return ``[N, C, ...]`` with a border of ``value``, in the same memory order."""
    size = x.shape[2:]
    if windows.padded(size) == size:
        return x
    out = np.full_like(x, value, shape=(*x.shape[:2], *windows.padded(size)))
    out[(..., *windows.inner(size))] = x
    return out


# Convolution. In all of these, x is [N, C, ...], w is [out, C / groups, ...kernel] and g is [N, out, ...].


def _last(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def _first(x: Array) -> Array:
    return np.moveaxis(x, -1, 1)


def _parts(n: int, size: int) -> Iterator[slice]:
    """Cut a batch of samples of ``size`` bytes each into parts of at most ``CHUNK`` bytes."""
    step = max(1, CHUNK // max(size, 1))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def _patches(x: Array, windows: Windows, groups: int) -> Array:
    """Return all patches of ``[N, C, ...]``, a view ``[groups, N, ...counts, ...kernel, C / groups]`` of the padded array."""
    counts = windows.counts(x.shape[2:])
    x = _last(bordered(x, windows))
    n, *space, c = x.strides
    each = x.shape[-1] // groups
    shape = (groups, len(x), *counts, *windows.kernel, each)
    steps = [step * s for step, s in zip(windows.stride, space, strict=True)]
    inside = [step * s for step, s in zip(windows.dilation, space, strict=True)]
    return as_strided(x, shape, (each * c, n, *steps, *inside, c), writeable=False)


def _matrices(w: Array, groups: int) -> Array:
    """Return weights as ``[groups, kernel * C / groups, out / groups]``, in the order of a patch."""
    apart = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    return np.ascontiguousarray(np.moveaxis(apart, (1, 2), (-1, -2))).reshape(groups, -1, apart.shape[1])


def _rows(g: Array, groups: int) -> Array:
    """Return ``[samples, ...counts, out]`` as ``[groups, samples * counts, out / groups]``."""
    return np.moveaxis(g.reshape(-1, groups, g.shape[-1] // groups), 1, 0)


def _is_depthwise(w: Array, groups: int) -> bool:
    return groups > 1 and w.shape[1] == 1


def convolve(x: Array, w: Array, windows: Windows, groups: int) -> Array:
    """Return ``[N, out, ...]``: each patch of ``x`` times the weights."""
    if _is_depthwise(w, groups):
        return _convolve_depthwise(x, w, windows, groups)
    patches, matrices = _patches(x, windows, groups), _matrices(w, groups)
    counts = windows.counts(x.shape[2:])
    out = np.empty((len(x), *counts, len(w)), x.dtype)
    for part in _parts(len(x), groups * math.prod(counts) * matrices.shape[1] * x.itemsize):
        rows = np.ascontiguousarray(patches[:, part]).reshape(groups, -1, matrices.shape[1])
        if groups == 1:
            np.matmul(rows[0], matrices[0], out=out[part].reshape(-1, len(w)))
        else:
            _rows(out[part], groups)[...] = np.matmul(rows, matrices)
    return _first(out)


def input_gradient(g: Array, w: Array, windows: Windows, groups: int, size: tuple[int, ...]) -> Array:
    """Return ``[N, C, ...]`` of spatial lengths ``size``: ``g`` passed back through the weights."""
    counts, each = g.shape[2:], w.shape[1]
    space = windows.padded(size)
    out = np.zeros((len(g), *space, groups * each), g.dtype)
    g = _last(g)
    if _is_depthwise(w, groups):
        apart = g.reshape(*g.shape[:-1], groups, -1)
        for place, weights in zip(windows.places(counts), _by_position(w, groups), strict=True):
            out[(slice(None), *place)] += (apart * weights).sum(-1) if apart.shape[-1] > 1 else g * weights[:, 0]
    else:
        positions = math.prod(windows.kernel)
        matrices = _matrices(w, groups).reshape(groups, positions, each, -1)
        matrices = np.ascontiguousarray(np.moveaxis(matrices, (1, 3), (0, 2)))  # [positions, groups, out / groups, C / groups]
        for part in _parts(len(g), math.prod(counts) * groups * each * g.itemsize):
            rows, target = _rows(g[part], groups), out[part].reshape(-1, *space, groups, each)
            made = np.empty((groups, rows.shape[1], each), g.dtype)
            for matrix, place in zip(matrices, windows.places(counts), strict=True):
                np.matmul(rows, matrix, out=made)
                target[(slice(None), *place)] += np.moveaxis(made.reshape(groups, -1, *counts, each), 0, -2)
    return _first(out[(slice(None), *windows.inner(size))])


def weight_gradient(x: Array, g: Array, windows: Windows, groups: int) -> Array:
    """Return ``[out, C / groups, ...kernel]``: the sum of each patch of ``x`` times ``g`` at its position."""
    counts, out, each = g.shape[2:], g.shape[1] // groups, x.shape[1] // groups
    if groups > 1 and each == 1:
        return _weight_gradient_depthwise(x, g, windows, groups)
    patches, g = _patches(x, windows, groups), _last(g)
    length = math.prod(windows.kernel) * each
    total = np.zeros((groups, length, out), x.dtype)
    for part in _parts(len(x), groups * math.prod(counts) * length * x.itemsize):
        rows = np.ascontiguousarray(patches[:, part]).reshape(groups, -1, length)
        total += np.matmul(np.swapaxes(rows, 1, 2), _rows(g[part], groups))
    total = total.reshape(groups, *windows.kernel, each, out)
    return np.ascontiguousarray(np.moveaxis(total, (-1, -2), (1, 2))).reshape(groups * out, each, *windows.kernel)


# With one channel per group there are no matrices to multiply: sum over positions, all channels at once.


def _by_position(w: Array, groups: int) -> Array:
    """Return weights ``[out, 1, ...kernel]`` as ``[kernel, groups, out / groups]``."""
    return np.moveaxis(w.reshape(groups, w.shape[0] // groups, -1), -1, 0)


def _convolve_depthwise(x: Array, w: Array, windows: Windows, groups: int) -> Array:
    counts = windows.counts(x.shape[2:])
    x = _last(bordered(x, windows))
    out = np.zeros((len(x), *counts, groups, len(w) // groups), x.dtype)
    for place, weights in zip(windows.places(counts), _by_position(w, groups), strict=True):
        out += x[(slice(None), *place)][..., None] * weights
    return _first(out.reshape(*out.shape[:-2], len(w)))


def _weight_gradient_depthwise(x: Array, g: Array, windows: Windows, groups: int) -> Array:
    counts, out = g.shape[2:], g.shape[1] // groups
    x, g = _last(bordered(x, windows)), _last(g).reshape(-1, groups, out)
    sums = [np.einsum("rg,rgo->go", x[(slice(None), *place)].reshape(-1, groups), g) for place in windows.places(counts)]
    return np.moveaxis(np.asarray(sums), 0, -1).reshape(groups * out, 1, *windows.kernel)


# Pooling


def _by_loops(function: Callable[..., Array]) -> Callable[..., Array]:
    """Make a function use its compiled loop, if there is one for the array."""

    @functools.wraps(function)
    def chosen(x: Array, *rest: Any) -> Array:
        loops = compiled
        made: Array = (function if loops is None or not loops.takes(x, *rest) else getattr(loops, function.__name__))(x, *rest)
        return made

    return chosen


@_by_loops
def largest(x: Array, windows: Windows) -> Array:
    """Return the largest element of each window."""
    counts = windows.counts(x.shape[2:])
    x = bordered(x, windows, _least(x.dtype))
    places = windows.places(counts)
    out = np.array(x[(..., *next(places))])
    for place in places:
        np.maximum(out, x[(..., *place)], out=out)
    return out


@_by_loops
def first_largest(x: Array, out: Array, windows: Windows) -> Array:
    """Return the position of the largest element in each window, the first of several; NaN counts as largest."""
    x = bordered(x, windows, _least(x.dtype))
    found = np.zeros_like(out, np.int32)
    for k, place in reversed([*enumerate(windows.places(out.shape[2:]))]):
        there = x[(..., *place)]
        np.copyto(found, k, where=(there == out) | (there != there))
    return found


def _least(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def picked(x: Array, chosen: Array, windows: Windows) -> Array:
    """Return the element of each window at the chosen position."""
    x = bordered(x, windows)
    out = np.zeros_like(chosen, x.dtype)
    for k, place in enumerate(windows.places(chosen.shape[2:])):
        np.copyto(out, x[(..., *place)], where=chosen == k)
    return out


@_by_loops
def put_back(g: Array, chosen: Array, windows: Windows, size: tuple[int, ...]) -> Array:
    """Return ``[N, C, *size]`` with each element of ``g`` added at its chosen position."""
    out = np.zeros_like(g, shape=(*g.shape[:2], *windows.padded(size)))
    for k, place in enumerate(windows.places(g.shape[2:])):
        target = out[(..., *place)]
        np.add(target, g, out=target, where=chosen == k)
    return out[(..., *windows.inner(size))]


@_by_loops
def summed(x: Array, windows: Windows) -> Array:
    """Return the sum of each window."""
    counts = windows.counts(x.shape[2:])
    x = bordered(x, windows)
    places = windows.places(counts)
    out = np.array(x[(..., *next(places))])
    for place in places:
        out += x[(..., *place)]
    return out


@_by_loops
def spread(g: Array, windows: Windows, size: tuple[int, ...]) -> Array:
    """Return ``[N, C, *size]`` with each element of ``g`` added to every position of its window."""
    out = np.zeros_like(g, shape=(*g.shape[:2], *windows.padded(size)))
    for place in windows.places(g.shape[2:]):
        out[(..., *place)] += g
    return out[(..., *windows.inner(size))]
