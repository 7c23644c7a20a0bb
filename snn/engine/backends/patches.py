"""Convolutions inside loops and kernels, after ``head.py`` in every emitted file.

A convolution moves rows of adjacent places between images whose channels are last, and weights whose outputs are last.
"""

import numpy as np

from .head import add_rows_of_16, add_rows_of_64, add_to_16_of_1, add_to_16_of_4, add_to_16_of_6
from .python.lanes import LANES, njit
from .python.tiles import add_patch, patch_dot, weighted_sum

add_times_rows_of_16, add_times_rows_of_48 = weighted_sum(16), weighted_sum(48)
add_times_rows_of_64, add_times_rows_of_80 = weighted_sum(LANES), weighted_sum(80)


@njit(error_model="numpy", nogil=True, inline="always")
def sum_rows(dst, at, src, base, pitch, index, start, stop, length):
    """Add the rows ``src[base + pitch * index[p]]``, p from start to stop, to ``dst[at : at + length]``, a multiple of 16."""
    g = np.uint64(0)
    while g + np.uint64(64) <= length:
        add_rows_of_64(dst, at + g, src, base + g, pitch, index, start, stop)
        g += np.uint64(64)
    while g < length:
        add_rows_of_16(dst, at + g, src, base + g, pitch, index, start, stop)
        g += np.uint64(16)


@njit(error_model="numpy", nogil=True, inline="always")
def sum_times_rows(dst, at, src, base, pitch, index, factors, start, stop, length):
    """Do the same with each row times ``factors[p]``; kernels of 3 and 5 places and of 16 channels go in one piece."""
    g = np.uint64(0)
    while g < length:
        if length == np.uint64(80):
            add_times_rows_of_80(dst, at, src, base, pitch, index, factors, start, stop)
            g = length
        elif length == np.uint64(48):
            add_times_rows_of_48(dst, at, src, base, pitch, index, factors, start, stop)
            g = length
        elif g + np.uint64(64) <= length:
            add_times_rows_of_64(dst, at + g, src, base + g, pitch, index, factors, start, stop)
            g += np.uint64(64)
        else:
            add_times_rows_of_16(dst, at + g, src, base + g, pitch, index, factors, start, stop)
            g += np.uint64(16)


@njit(error_model="numpy", nogil=True)
def aligned(n, like):
    """Return room for n elements of the dtype of an array; vectors from its first element on lie in one cache line each."""
    room = np.empty(n + np.uint64(64 // like.itemsize), like.dtype)
    first = np.uint64((-room.ctypes.data) % 64) // np.uint64(like.itemsize)
    return room[first : first + n]


@njit(error_model="numpy", nogil=True, inline="always")
def add_kernels(
    work, place, factor, first, group, width, kw, group_out, columns_out, pitch, row_start, rows, run_start, runs, weights
):  # fmt: skip
    """Add the kernels of an input at a place, from row ``first`` on, times a factor, to an image ``[places, pitch]``.

    A row of the input reaches the outputs in some runs of ``rows``, of which ``row_start`` has the first: the first row of
    the output, the first of the kernel, and their number. ``runs`` has the same along a row. The weights are
    ``[channels, rows of a kernel, kw, group_out]``.
    """
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    y = place // width
    x = place - y * width
    across, down = kw * group_out, columns_out * pitch
    for i in range(row_start[y], row_start[y + one]):
        o, k, n = rows[three * i], rows[three * i + one], rows[three * i + two]
        for run in range(run_start[x], run_start[x + one]):
            at = o * down + runs[three * run] * pitch + group
            w = (first + k) * across + runs[three * run + one] * group_out
            add_patch(work, at, down, weights, w, across, factor, runs[three * run + two] * group_out, n)


@njit(error_model="numpy", nogil=True, inline="always")
def dot_kernels(
    gradient, base, place, first, width, kw, length, columns_out, pitch, lanes, row_start, rows, run_start, runs, weights
):  # fmt: skip
    """Return the gradient of an input at a place, from that of an image ``[places, pitch]`` from ``gradient[base]`` on.

    Of each place it sums ``length`` elements. The weights are ``[channels, rows of a kernel, kw, lanes]``; for the rest see
    ``add_kernels``.
    """
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    y = place // width
    x = place - y * width
    across, down = kw * lanes, columns_out * pitch
    total = gradient.dtype.type(0)
    for i in range(row_start[y], row_start[y + one]):
        o, k, n = rows[three * i], rows[three * i + one], rows[three * i + two]
        for run in range(run_start[x], run_start[x + one]):
            at = base + o * down + runs[three * run] * pitch
            w = (first + k) * across + runs[three * run + one] * lanes
            total += patch_dot(gradient, at, down, weights, w, across, runs[three * run + two] * length, n)
    return total


@njit(error_model="numpy", nogil=True, inline="always")
def add_channels_first(work, channels, pitch, plane, out, to):
    """Add an image whose channels are last, ``[plane, pitch]``, to one whose channels are first, from ``out[to]`` on."""
    for k0 in range(np.uint64(0), plane, np.uint64(16)):  # places whose channels stay in the first-level cache
        for c in range(channels):
            first = to + c * plane
            for k in range(k0, min(k0 + np.uint64(16), plane)):
                out[first + k] += work[k * pitch + c]


@njit(error_model="numpy", nogil=True)
def spread_spikes(out, to, fired, start, stop, work, weights, sizes, row_start, rows, run_start, runs):
    """Add the kernels of the spikes ``fired[start:stop]`` of one image to the image at ``out[to]``.

    A spike is its position in ``[channels, plane]``. ``sizes`` has the places of a channel, the channels per group, the
    outputs per group, all outputs, the outputs per place of ``work``, the width, the rows and columns of the kernel, and the
    rows and columns of the output; for the rest see ``add_kernels``.
    """
    plane, each, group_out, n_out, pitch = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    width, kh, kw, rows_out, columns_out = sizes[5], sizes[6], sizes[7], sizes[8], sizes[9]
    unit = weights.dtype.type(1)
    if start == stop:
        return
    for k in range(rows_out * columns_out * pitch):
        work[k] = 0
    for p in range(start, stop):
        c = np.uint64(fired[p]) // plane
        add_kernels(
            work, np.uint64(fired[p]) - c * plane, unit, c * kh, c // each * group_out, width, kw, group_out, columns_out,
            pitch, row_start, rows, run_start, runs, weights,
        )  # fmt: skip
    add_channels_first(work, n_out, pitch, rows_out * columns_out, out, to)


@njit(error_model="numpy", nogil=True)
def spread_numbers(out, to, numbers, start, columns, work, weights, sizes, row_start, rows, run_start, runs):
    """Add the convolution of the image ``numbers[start:start + columns]`` to that at ``out[to]``; see ``spread_spikes``."""
    plane, each, group_out, n_out, pitch = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    width, kh, kw, rows_out, columns_out = sizes[5], sizes[6], sizes[7], sizes[8], sizes[9]
    for k in range(rows_out * columns_out * pitch):
        work[k] = 0
    for c in range(columns // plane):
        for place in range(plane):
            factor = numbers[start + c * plane + place]
            if factor != 0:
                add_kernels(
                    work, place, factor, c * kh, c // each * group_out, width, kw, group_out, columns_out, pitch, row_start,
                    rows, run_start, runs, weights,
                )  # fmt: skip
    add_channels_first(work, n_out, pitch, rows_out * columns_out, out, to)


@njit(error_model="numpy", nogil=True)
def convolve(out, to, numbers, start, image, work, weights, sizes, inner, row_of):
    """Add the convolution of the image ``numbers[start:]`` with strides of 1 and one group to the image at ``out[to]``.

    ``image`` is the padded image with the channels last, zero where padded: ``inner`` has its row for each row of the input,
    ``row_of`` that for each row of the output and of the kernel. ``sizes`` has the channels, the rows and columns of the
    input, the padding before a row, the columns of ``image``, the rows and columns of the kernel, its dilation along a row,
    the rows and columns of the output, its channels, and those of ``work``, a multiple of 16. The weights are
    ``[channels of work / 16, rows, columns, channels, 16]``.
    """
    channels, rows, columns, before, across, kh = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]
    kw, apart, rows_out, columns_out, n_out, pitch = sizes[6], sizes[7], sizes[8], sizes[9], sizes[10], sizes[11]
    one, four, six = np.uint64(1), np.uint64(4), np.uint64(6)
    for y in range(rows):
        base = (inner[y] * across + before) * channels
        for c in range(channels):
            first = start + (c * rows + y) * columns
            for x in range(columns):
                image[base + x * channels + c] = numbers[first + x]
    for k in range(rows_out * columns_out * pitch):
        work[k] = 0
    parts, n = kw, channels
    if apart == one:  # the places of a row of the kernel are adjacent
        parts, n = one, kw * channels
    for g in range(np.uint64(0), pitch, np.uint64(16)):
        for y in range(rows_out):
            for k in range(kh):
                for part in range(parts):
                    w = (g * kh + k * np.uint64(16)) * kw * channels + part * n * np.uint64(16)
                    at, a = y * columns_out * pitch + g, (row_of[y * kh + k] * across + part * apart) * channels
                    x = np.uint64(0)
                    while x + six <= columns_out:
                        add_to_16_of_6(work, at + x * pitch, pitch, image, a + x * channels, channels, weights, w, n)
                        x += six
                    while x + four <= columns_out:
                        add_to_16_of_4(work, at + x * pitch, pitch, image, a + x * channels, channels, weights, w, n)
                        x += four
                    while x < columns_out:
                        add_to_16_of_1(work, at + x * pitch, pitch, image, a + x * channels, channels, weights, w, n)
                        x += one
    add_channels_first(work, n_out, pitch, rows_out * columns_out, out, to)


@njit(error_model="numpy", nogil=True)
def spread_where(out, to, gradient, start, columns, flags, at, work, weights, sizes, row_start, rows, run_start, runs):
    """Add the gradient of a convolution's input where ``flags[at:at + columns]`` are set, from that of its output.

    ``sizes`` and the tables are those of the convolution; see ``spread_spikes``.
    """
    plane, each, group_out, n_out, pitch = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    width, kh, kw, rows_out, columns_out = sizes[5], sizes[6], sizes[7], sizes[8], sizes[9]
    places = rows_out * columns_out
    for k0 in range(np.uint64(0), places, np.uint64(16)):
        for c in range(n_out):
            for k in range(k0, min(k0 + np.uint64(16), places)):
                work[k * pitch + c] = gradient[start + c * places + k]
    for c in range(columns // plane):
        group, first = c // each * group_out, c * plane
        for place in range(plane):
            if flags[at + first + place] != 0:
                out[to + first + place] += dot_kernels(
                    work, group, place, c * kh, width, kw, group_out, columns_out, pitch, group_out, row_start, rows,
                    run_start, runs, weights,
                )  # fmt: skip
