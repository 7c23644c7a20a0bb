"""The innermost loops in plain numpy, for debuggers; sums have the same bits as compiled ones."""

import numpy as np

LANES = 64  # columns summed at once


def njit(**options):
    """Silence overflow in a function, because whole numbers in arrays wrap silently in numpy; leave the rest unchanged."""
    return np.errstate(over="ignore")


def row_sum(lanes):
    """Return the function that adds rows of this many lanes."""

    def add_rows(dst, at, src, base, pitch, index, start, stop):
        """Add the rows ``src[base + pitch * index[p]]``, p from start to stop, to ``dst[at : at + lanes]``."""
        at = int(at)
        for p in range(start, stop):
            row = int(base) + int(pitch) * int(index[p])
            dst[at : at + lanes] += src[row : row + lanes]

    return add_rows


def products(rows, lanes=LANES):
    """Return the function that adds products for this many rows at once, to this many lanes."""

    def add_products(dst, at, dst_pitch, a, first, a_pitch, src, base, n):
        """Add the products of rows of ``a`` with packed weights to ``rows`` rows of ``lanes``, from ``dst[at]`` on."""
        at, dst_pitch, first, a_pitch, base, n = map(int, (at, dst_pitch, first, a_pitch, base, n))
        weights = src[base : base + n * lanes].reshape(n, lanes)
        for r in range(rows):
            place, start = at + r * dst_pitch, first + r * a_pitch
            for k in range(n):
                dst[place : place + lanes] += a[start + k] * weights[k]

    return add_products


def dot_rows(out, a, at, src, s0, s1, s2, s3, n):
    """Write the products of ``a[at : at + n]`` with four rows ``src[s : s + n]`` to ``out[:4]``; LANES divides n."""
    at, n = int(at), int(n)
    for i, s in enumerate(map(int, (s0, s1, s2, s3))):
        out[i] = np.dot(a[at : at + n], src[s : s + n])


def where_nonzero(array, at):
    """Return a word whose bit k tells whether ``array[at + k]`` is not zero, for LANES elements."""
    return np.uint64(sum(1 << k for k in range(LANES) if array[int(at) + k] != 0))


def apply(function, data, n, x, x_step, y, y_step, out, places, count, steps):
    """Write a numpy function of the first n elements of ``x``, and ``y``, to ``out``; a step of 0 repeats the first element.

    A function of one argument gets ``out`` for ``y``.
    """
    given = [a[:n] if step else a[:1] for a, step in ((x, x_step), (y, y_step))]
    function(*given[: function.nin], out=out[:n])


def lowest(word):
    """Return the position of the lowest set bit."""
    word = int(word)
    return np.uint64((word & -word).bit_length() - 1)


def ones(word):
    """Return the number of set bits."""
    return np.uint64(int(word).bit_count())
