"""Pooling of spikes by the leading input, as plain loops."""

import numpy as np


def spike_pool(x, bins, by):
    """Pool ``[T, N, C, H, W]``; ``bins`` has for each of two axes the ranges of its windows, which may lie outside."""
    steps, samples, channels, height, width = x.shape
    out = np.zeros((steps, samples, channels, *map(len, bins)), x.dtype)
    for n, c, i, j in np.ndindex(samples, channels, *map(len, bins)):
        places = [(h, w) for h in bins[0][i] for w in bins[1][j] if 0 <= h < height and 0 <= w < width]
        spikes = np.array([x[:, n, c, h, w] for h, w in places])
        for t in range(steps):
            seen = spikes[:, : t + 1]
            if by == "rate":
                score = np.abs(seen).sum(1)
            else:
                score = [steps - int(np.flatnonzero(row)[0]) if row.any() else 0 for row in seen]
            out[t, n, c, i, j] = spikes[int(np.argmax(score)), t]
    return out


def side_by_side(size, kernel, stride, padding):
    """Return the ranges of windows along an axis."""
    return [range(a, a + kernel) for a in range(-padding, size + padding - kernel + 1, stride)]


def adaptive(size, count):
    """Return the ranges of bins along an axis."""
    return [range(k * size // count, -(-(k + 1) * size // count)) for k in range(count)]
