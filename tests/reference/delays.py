"""Delays as plain loops over every step and element, written from their definitions."""

import numpy as np


def delayed(x, delay):
    """Move each feature of ``[T, N, ...]`` to later steps."""
    out = np.zeros(x.shape, x.dtype)
    delay = np.broadcast_to(delay, x.shape[2:])
    for t, n, *place in np.ndindex(x.shape):
        source = t - delay[tuple(place)]
        if source >= 0:
            out[(t, n, *place)] = x[(source, n, *place)]
    return out


def lagged_sums(x, weight, offset, steps):
    """Sum ``weight[a, b] x[t + offset[a, b], m, b]`` over b."""
    out = np.zeros((steps, x.shape[1], len(weight)), x.dtype)
    for t, m, a in np.ndindex(out.shape):
        for b in range(x.shape[2]):
            out[t, m, a] += weight[a, b] * x[t + offset[a, b], m, b]
    return out


def lagged_dots(g, x, offset):
    """Sum ``g[t, m, a] x[t + offset[a, b], m, b]`` over time and samples."""
    out = np.zeros(offset.shape, g.dtype)
    for a, b in np.ndindex(out.shape):
        for t, m in np.ndindex(g.shape[:2]):
            out[a, b] += g[t, m, a] * x[t + offset[a, b], m, b]
    return out


def delayed_dense(x, weight, delay):
    """Sum ``weight[o, i] x[t - delay[o, i], ..., i]`` over i."""
    out = np.zeros((*x.shape[:-1], len(weight)), x.dtype)
    for t, *place, o in np.ndindex(out.shape):
        for i in range(x.shape[-1]):
            if t >= delay[o, i]:
                out[(t, *place, o)] += weight[o, i] * x[(t - delay[o, i], *place, i)]
    return out


def tap_sums(x, kernel):
    """Sum ``kernel[k] @ x[t + D - k, m]`` over k."""
    longest = len(kernel) - 1
    out = np.zeros((len(x) - longest, x.shape[1], kernel.shape[1]), x.dtype)
    for t, m, k in np.ndindex(*out.shape[:2], longest + 1):
        out[t, m] += kernel[k] @ x[t + longest - k, m]
    return out


def tap_sums_back(g, kernel):
    """Give each input the sum of what it has added to."""
    longest = len(kernel) - 1
    out = np.zeros((len(g) + longest, g.shape[1], kernel.shape[2]), g.dtype)
    for t, m, k in np.ndindex(*g.shape[:2], longest + 1):
        out[t + longest - k, m] += g[t, m] @ kernel[k]
    return out


def tap_dots(g, x, longest):
    """Sum the outer products of ``g[t, m]`` and ``x[t + D - k, m]``."""
    out = np.zeros((longest + 1, g.shape[2], x.shape[2]), g.dtype)
    for t, m, k in np.ndindex(*g.shape[:2], longest + 1):
        out[k] += np.outer(g[t, m], x[t + longest - k, m])
    return out


def delayed_weights(g, x, delay):
    """Sum ``g[t + delay[o, i], m, o] x[t, m, i]`` over time and samples."""
    out = np.zeros(delay.shape, g.dtype)
    for o, i in np.ndindex(out.shape):
        for t, m in np.ndindex(x.shape[:2]):
            if t + delay[o, i] < len(g):
                out[o, i] += g[t + delay[o, i], m, o] * x[t, m, i]
    return out
