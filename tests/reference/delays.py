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
