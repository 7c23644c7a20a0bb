"""Synaptic operations by loops over every product."""

import itertools

import numpy as np


def dense(x, weight):
    """Return products and those without a 0, for one step of inputs ``[N, n_in]`` and weights ``[n_out, n_in]``."""
    every = effective = 0
    for row in x:
        for weights in weight:
            for a, w in zip(row, weights, strict=True):
                every += 1
                effective += bool(a != 0 and w != 0)
    return every, effective


def convolution(x, weight, padding, stride=(1, 1), groups=1):
    """Return the same for images ``[N, C, H, W]``, kernels ``[out, C / groups, kh, kw]`` and (top, left) borders.

    As many windows are taken as begin above the last row and column that a border of the same size at the end allows.
    """
    every = effective = 0
    (top, left), (h, w), (kh, kw) = padding, x.shape[2:], weight.shape[2:]
    share = len(weight) // groups
    for image in x:
        for o, kernel in enumerate(weight):
            channels = image[o // share * kernel.shape[0] :][: kernel.shape[0]]
            rows, columns = range(-top, h + top - kh + 1, stride[0]), range(-left, w + left - kw + 1, stride[1])
            for i, j in itertools.product(rows, columns):
                for c, a, b in np.ndindex(kernel.shape):
                    if 0 <= i + a < h and 0 <= j + b < w:
                        every += 1
                        effective += bool(channels[c, i + a, j + b] != 0 and kernel[c, a, b] != 0)
    return every, effective
