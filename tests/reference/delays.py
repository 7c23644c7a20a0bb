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
