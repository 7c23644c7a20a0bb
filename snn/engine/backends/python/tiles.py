"""More innermost loops in plain numpy: tiles, rows of images, weighted sums, exponentials."""

import math

import numpy as np


def turn_tile(dst, to, dst_pitch, src, at, src_pitch, rows, columns):
    """Write a transposed tile of 16 x 16 elements: read its first rows, and zeros for the others; write its first columns."""
    to, dst_pitch, at, src_pitch = map(int, (to, dst_pitch, at, src_pitch))
    for c in range(min(columns, 16)):
        for r in range(16):
            dst[to + c * dst_pitch + r] = src[at + r * src_pitch + c] if r < rows else 0


def add_patch(dst, at, dst_pitch, src, base, src_pitch, factor, n, rows):
    """Add ``factor`` times some rows of n elements, from ``src[base]`` on, to those from ``dst[at]`` on."""
    at, dst_pitch, base, src_pitch, n = map(int, (at, dst_pitch, base, src_pitch, n))
    for r in range(rows):
        to, of = at + r * dst_pitch, base + r * src_pitch
        dst[to : to + n] += factor * src[of : of + n]


def patch_dot(a, at, a_pitch, b, base, b_pitch, n, rows):
    """Return the sum of the products of some rows of n elements, from ``a[at]`` and ``b[base]`` on."""
    at, a_pitch, base, b_pitch, n = map(int, (at, a_pitch, base, b_pitch, n))
    starts = [(at + r * a_pitch, base + r * b_pitch) for r in range(rows)]
    return sum((np.dot(a[x : x + n], b[y : y + n]) for x, y in starts), a.dtype.type(0))


def weighted_sum(lanes):
    """Return the function that adds rows of this many lanes times numbers."""

    def add_times_rows(dst, at, src, base, pitch, index, factors, start, stop):
        """Add the rows ``src[base + pitch * index[p]]`` times ``factors[p]`` to ``dst[at : at + lanes]``."""
        at = int(at)
        for p in range(start, stop):
            row = int(base) + int(pitch) * int(index[p])
            dst[at : at + lanes] += factors[p] * src[row : row + lanes]

    return add_times_rows


def exponential(bits, terms, low, high, large, parts):
    """Return a function for the exponential of a float of this many bits, with the steps of the Numba version."""
    number, whole, places, bias = (np.float32, np.int32, 23, 127) if bits == 32 else (np.float64, np.int64, 52, 1023)

    def exponential_of(x):
        """Return the exponential of x, limited to where the result just becomes 0 or infinite; NaN stays."""
        x = np.clip(number(x), number(low), number(high))
        shifted = x * number(1 / math.log(2)) + number(large)
        power = shifted - number(large)
        rest = power * number(-parts[1]) + (power * number(-parts[0]) + x)
        sums, x = [number(1 / math.factorial(k)) for k in range(2, terms)], rest
        while len(sums) > 1:
            pairs = [b * x + a for a, b in zip(sums[::2], sums[1::2], strict=False)]
            sums, x = pairs + sums[len(pairs) * 2 :], x * x
        p = (sums[0] * rest + number(1)) * rest + number(1)
        exponent = (shifted.view(whole) << whole(places)) >> whole(places)
        half = exponent >> whole(1)
        factors = [((part + whole(bias)) << whole(places)).view(number) for part in (half, exponent - half)]
        return p * factors[0] * factors[1]

    return exponential_of
