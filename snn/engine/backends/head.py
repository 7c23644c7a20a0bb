"""The head of every emitted file, after the ``lanes.py`` of its back end."""

import math  # noqa: F401 - a loop may use it

import numpy as np

from .python.lanes import LANES, dot_rows, lowest, njit, products, row_sum, where_nonzero
from .python.tiles import exponential

zero32, one32 = np.float32(0), np.float32(1)
zero64, one64 = np.float64(0), np.float64(1)

add_products_of_1, add_products_of_4, add_products_of_6 = products(1), products(4), products(6)
add_to_16_of_1, add_to_16_of_4, add_to_16_of_6 = products(1, 16), products(4, 16), products(6, 16)
add_rows_of_16, add_rows_of_32, add_rows_of_64 = row_sum(16), row_sum(32), row_sum(LANES)
exp32 = exponential(32, 8, -105.0, 89.0, 12582912.0, (0.693359375, -2.12194440e-4))
exp64 = exponential(64, 14, -747.0, 710.0, 6755399441055744.0, (0.693145751953125, 1.42860682030941723212e-6))


@njit(error_model="numpy", nogil=True)
def add_rows(dst, at, src, base, pitch, index, start, stop, lanes):
    """Add the rows ``src[base + pitch * index[p]]``, p from start to stop, to ``dst[at : at + lanes]``."""
    if lanes == 64:
        add_rows_of_64(dst, at, src, base, pitch, index, start, stop)
    elif lanes == 32:
        add_rows_of_32(dst, at, src, base, pitch, index, start, stop)
    else:
        add_rows_of_16(dst, at, src, base, pitch, index, start, stop)


@njit(error_model="numpy", nogil=True)
def collect(flags, at, columns, index, to):
    """Write the positions of the set flags among ``columns`` from ``at`` on; return their number."""
    p, whole = to, columns // np.uint64(LANES) * np.uint64(LANES)
    for k in range(np.uint64(0), whole, np.uint64(LANES)):
        word = where_nonzero(flags, at + k)
        while word:
            index[p] = k + lowest(word)
            word &= word - np.uint64(1)
            p += np.uint64(1)
    for k in range(whole, columns):
        if flags[at + k] != 0:
            index[p] = k
            p += np.uint64(1)
    return p - to


@njit(error_model="numpy", nogil=True)
def add_product(dst, pitch, a, a_pitch, members, n, weights):
    """Add to ``dst``, ``[members, pitch]``, the product of the first n columns of ``a`` with packed weights."""
    one, four, six = np.uint64(1), np.uint64(4), np.uint64(6)
    for g in range(np.uint64(0), pitch, np.uint64(LANES)):
        s = np.uint64(0)
        while s + six <= members:
            add_products_of_6(dst, s * pitch + g, pitch, a, s * a_pitch, a_pitch, weights, g * n, n)
            s += six
        while s + four <= members:
            add_products_of_4(dst, s * pitch + g, pitch, a, s * a_pitch, a_pitch, weights, g * n, n)
            s += four
        while s < members:
            add_products_of_1(dst, s * pitch + g, pitch, a, s * a_pitch, a_pitch, weights, g * n, n)
            s += one


@njit(error_model="numpy", nogil=True)
def add_dots(out, out_at, out_pitch, a, a_at, pitch, rows, start, index, first, weights, strip, n, cursor, four):
    """Add products of rows of ``a`` with rows of weights, ``[n, pitch]``, to the listed places of rows of ``out``.

    The places of row r are ``index[start[first + r]:start[first + r + 1]]``. The weights are read in strips that stay in the
    cache.
    """
    one = np.uint64(1)
    for r in range(rows):
        cursor[r] = start[first + r]
    for stop in range(strip, n + strip, strip):
        for r in range(rows):
            p, last = cursor[r], start[first + r + one]
            while p < last and index[p] < stop:
                end = p
                while end + one < min(p + np.uint64(4), last) and index[end + one] < stop:
                    end += one
                i0, i1 = np.uint64(index[p]), np.uint64(index[min(p + one, end)])
                i2, i3 = np.uint64(index[min(p + np.uint64(2), end)]), np.uint64(index[end])
                dot_rows(four, a, a_at + r * pitch, weights, i0 * pitch, i1 * pitch, i2 * pitch, i3 * pitch, pitch)
                at = out_at + r * out_pitch
                old0, old1, old2, old3 = out[at + i0], out[at + i1], out[at + i2], out[at + i3]
                out[at + i0] = old0 + four[0]
                out[at + i1] = old1 + four[1]
                out[at + i2] = old2 + four[2]
                out[at + i3] = old3 + four[3]
                p = end + one
            cursor[r] = p


@njit(error_model="numpy", nogil=True)
def add_dots_where(out, out_pitch, a, a_pitch, members, flags, at, columns, weights, pitch, n, chosen, count, four):
    """Add products of rows of ``a`` with rows of weights where flags, ``[members, columns]`` from ``at`` on, are set.

    The weights are ``[columns, pitch]``; each row is read once for all members. ``n``, a multiple of 16, is the length of the
    products.
    """
    one, none = np.uint64(1), np.uint64(0)
    for first in range(none, columns, np.uint64(LANES)):
        width = min(np.uint64(LANES), columns - first)
        for j in range(width):
            count[j] = none
        for s in range(members):
            word, place = none, at + s * columns + first
            if width == np.uint64(LANES):
                word = where_nonzero(flags, place)
            else:
                for j in range(width):
                    if flags[place + j] != 0:
                        word |= one << j
            while word:
                j = lowest(word)
                chosen[j * members + count[j]] = s
                count[j] += one
                word &= word - one
        for j in range(width):
            k, last, i = j * members, j * members + count[j], first + j
            while k < last:
                end = min(k + np.uint64(3), last - one)
                s0, s1 = chosen[k], chosen[min(k + one, end)]
                s2, s3 = chosen[min(k + np.uint64(2), end)], chosen[end]
                dot_rows(four, weights, i * pitch, a, s0 * a_pitch, s1 * a_pitch, s2 * a_pitch, s3 * a_pitch, n)
                old0, old1 = out[s0 * out_pitch + i], out[s1 * out_pitch + i]
                old2, old3 = out[s2 * out_pitch + i], out[s3 * out_pitch + i]
                out[s0 * out_pitch + i] = old0 + four[0]
                out[s1 * out_pitch + i] = old1 + four[1]
                out[s2 * out_pitch + i] = old2 + four[2]
                out[s3 * out_pitch + i] = old3 + four[3]
                k = end + one
