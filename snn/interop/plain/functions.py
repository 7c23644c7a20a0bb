"""Functions that an exported file needs in addition to those of numpy.

Their source is copied there, so each uses only numpy and the others of this file.
"""

from __future__ import annotations

from itertools import product

import numpy as np

__all__ = [
    "bordered", "convolve", "first_largest", "least", "log_softmax", "max_pool", "picked", "places", "softmax", "standardize",
    "sum_pool", "to_whole", "transposed",
]  # fmt: skip


def places(count, kernel, stride, dilation):
    """Iterate over the positions in a window: which elements of the padded array lie there."""
    for position in product(*map(range, kernel)):
        starts = [i * d for i, d in zip(position, dilation)]
        yield tuple(slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(starts, stride, count))


def bordered(x, kernel, stride, dilation, pads, value=0):
    """Return ``[N, C, ...]`` with a border, and how many windows fit along each axis."""
    x = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=value)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    return x, [(n - span) // s + 1 for n, span, s in zip(x.shape[2:], spans, stride)]


def convolve(x, w, groups, kernel, stride, dilation, pads):
    """Return ``[N, out, ...]``: the patches of ``[N, C, ...]`` times the weights ``[out, C / groups, ...]``."""
    x, count = bordered(x, kernel, stride, dilation, pads)
    x = x.reshape(len(x), groups, -1, *x.shape[2:])
    patches = np.stack([x[(..., *place)] for place in places(count, kernel, stride, dilation)], 3)
    patches = patches.reshape(len(x), groups, -1, int(np.prod(count)))
    w = w.reshape(groups, len(w) // groups, -1)
    return np.matmul(w, patches).reshape(len(x), -1, *count)


def transposed(g, w, groups, kernel, stride, dilation, pads, size):
    """Return ``[N, C, *size]``: each element of ``[N, out, ...]`` times its kernel ``[out, C / groups, ...]``, added up."""
    count, each = g.shape[2:], w.shape[1]
    out = np.zeros((len(g), groups, each, *(n + a + b for n, (a, b) in zip(size, pads))), g.dtype)
    g = g.reshape(len(g), groups, len(w) // groups, -1)
    w = w.reshape(groups, len(w) // groups, each, -1)
    for k, place in enumerate(places(count, kernel, stride, dilation)):
        out[(..., *place)] += np.matmul(np.swapaxes(w[..., k], 1, 2), g).reshape(len(g), groups, each, *count)
    inner = tuple(slice(a, a + n) for n, (a, _) in zip(size, pads))
    return out.reshape(len(g), groups * each, *out.shape[3:])[(..., *inner)]


def sum_pool(x, kernel, stride, dilation, pads):
    """Return the sum of each window."""
    x = x.astype(np.int64) if x.dtype == bool else x
    x, count = bordered(x, kernel, stride, dilation, pads)
    every = places(count, kernel, stride, dilation)
    out = np.array(x[(..., *next(every))])
    for place in every:
        out += x[(..., *place)]
    return out


def least(x):
    """Return a value that is never the largest."""
    return -np.inf if x.dtype.kind == "f" else False if x.dtype.kind == "b" else np.iinfo(x.dtype).min


def max_pool(x, kernel, stride, dilation, pads):
    """Return the largest of each window."""
    x, count = bordered(x, kernel, stride, dilation, pads, least(x))
    every = places(count, kernel, stride, dilation)
    out = np.array(x[(..., *next(every))])
    for place in every:
        np.maximum(out, x[(..., *place)], out=out)
    return out


def first_largest(x, out, kernel, stride, dilation, pads):
    """Return the position of the largest in each window, the first of several."""
    x, count = bordered(x, kernel, stride, dilation, pads, least(x))
    found = np.zeros(out.shape, np.int32)
    for k, place in reversed([*enumerate(places(count, kernel, stride, dilation))]):
        there = x[(..., *place)]
        np.copyto(found, k, where=(there == out) | (there != there))
    return found


def picked(x, chosen, kernel, stride, dilation, pads):
    """Return the element of each window at the chosen position."""
    x, count = bordered(x, kernel, stride, dilation, pads)
    out = np.zeros(chosen.shape, x.dtype)
    for k, place in enumerate(places(count, kernel, stride, dilation)):
        np.copyto(out, x[(..., *place)], where=chosen == k)
    return out


def standardize(x, axis, eps):
    """Return values with the mean 0 and the variance 1 over some axes."""
    centered = x - np.mean(x, axis, keepdims=True)
    return centered / np.sqrt(np.mean(np.square(centered), axis, keepdims=True) + x.dtype.type(eps))


def softmax(x, axis):
    """Return shares that add up to 1 over some axes."""
    shifted = np.exp(x - np.maximum.reduce(x, axis, keepdims=True))
    return shifted / np.add.reduce(shifted, axis, keepdims=True)


def log_softmax(x, axis):
    """Return the logarithms of such shares."""
    shifted = x - np.maximum.reduce(x, axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis, keepdims=True))


def to_whole(x, dtype):
    """Return floats as whole numbers: NaN as 0, and a value out of range as its nearest bound."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    inside = np.where((x > low) & (x < high), x, 0).astype(dtype)
    return np.where(x >= high, dtype(high), np.where(x <= low, dtype(low), inside))
