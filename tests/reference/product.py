"""Matrix products as plain loops, to check those of the engine."""

import numpy as np


def product(a, b, before=None):
    """Return ``before + a @ b``, each sum from the first product to the last."""
    m, n = len(a), b.shape[1]
    out = np.zeros((m, n), b.dtype)
    for i in range(m):
        for j in range(n):
            total = b.dtype.type(0)
            for k in range(len(b)):
                total += a[i, k] * b[k, j]
            out[i, j] = total if before is None else before[i, j] + total
    return out


def patches(images, height, width, step):
    """Return the patches of images ``[N, C, H, W]``, each flat, as rows: image by image, from the left and from above."""
    rows = []
    for image in images:
        for y in range(0, image.shape[1] - height + 1, step):
            for x in range(0, image.shape[2] - width + 1, step):
                rows.append(image[:, y : y + height, x : x + width].reshape(-1))
    return np.array(rows)


def bits(flags):
    """Return rows of flags as rows of words of 64 bits, the lowest bit first."""
    words = np.zeros((len(flags), -(-flags.shape[1] // 64)), np.uint64)
    for r, row in enumerate(flags):
        for k, flag in enumerate(row):
            words[r, k // 64] |= np.uint64(int(flag) << k % 64)
    return words
