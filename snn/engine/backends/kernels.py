"""Loops over events that are the same for every neuron. Each does the jobs ``lo`` to ``hi`` and owns what it writes.

All arrays are flat and all indices unsigned, or LLVM does not vectorise. An event is the position of a spike in its row, and
a row is one sample at one time step: the events of row r are ``index[start[r]:start[r + 1]]``. Weights ``[n_out, n_in]`` are
packed to ``[blocks, n_in, lanes]`` with 16, 32 or 64 outputs per block, so that a block stays in the cache while all rows are
read.
"""

import numpy as np

from .head import add_dots, add_rows
from .python.lanes import LANES, lowest, njit, ones, where_nonzero
from .python.micro import turns

turn_4 = turns(4)


@njit(error_model="numpy", nogil=True)
def mark(lo, hi, array, columns, value, checks, words, per_row, count, wrong):
    """Write, for each row, a set bit for each nonzero element, and the number of set bits.

    If ``checks``, set ``wrong`` where an element is neither zero nor ``value``.
    """
    whole = columns // np.uint64(LANES)
    for r in range(lo, hi):
        first, found, bad = r * columns, np.uint64(0), False
        if checks:
            for k in range(columns):
                bad |= (array[first + k] != value) & (array[first + k] != 0)
        wrong[r] = bad
        for w in range(whole):
            word = where_nonzero(array, first + w * np.uint64(LANES))
            words[r * per_row + w] = word
            found += ones(word)
        if whole < per_row:
            word = np.uint64(0)
            for k in range(whole * np.uint64(LANES), columns):
                if array[first + k] != 0:
                    word |= np.uint64(1) << (k - whole * np.uint64(LANES))
            words[r * per_row + whole] = word
            found += ones(word)
        count[r] = found


@njit(error_model="numpy", nogil=True)
def numbers(lo, hi, share, flags, amplitude, out):
    """Write bytes that are 0 or 1 as 0 or an amplitude."""
    for k in range(lo * share, min(hi * share, np.uint64(len(flags)))):
        out[k] = flags[k]  # a product of bytes and a float would be float64
        out[k] *= amplitude


@njit(error_model="numpy", nogil=True)
def largest(lo, hi, share, words, mask, found):
    """Write the largest word of each share, without the bits outside the mask; ``found`` starts at 0."""
    for job in range(lo, hi):
        worst = found[job]
        for k in range(job * share, min((job + np.uint64(1)) * share, np.uint64(len(words)))):
            word = words[k] & mask
            worst = word if word > worst else worst
        found[job] = worst


@njit(error_model="numpy", nogil=True)
def listed(lo, hi, words, per_row, start, index):
    """Write the position of each set bit."""
    for r in range(lo, hi):
        p = start[r]
        for w in range(per_row):
            word = words[r * per_row + w]
            while word:
                index[p] = w * np.uint64(LANES) + lowest(word)
                word &= word - np.uint64(1)
                p += np.uint64(1)


@njit(error_model="numpy", nogil=True)
def join(lo, hi, start_a, index_a, start_b, index_b, start, index):
    """Write the events of two lists row by row, those of the first list first."""
    for r in range(lo, hi):
        p, one = start[r], np.uint64(1)
        for k in range(start_a[r], start_a[r + one]):
            index[p] = index_a[k]
            p += one
        for k in range(start_b[r], start_b[r + one]):
            index[p] = index_b[k]
            p += one


@njit(error_model="numpy", nogil=True)
def transposed(lo, hi, start, index, rows, chunk, columns, column_start, row_index):
    """Write the rows of each column's events in each chunk: ``row_index[column_start[c, i]:column_start[c, i + 1]]``."""
    cursor = np.empty(columns, np.uint64)
    for c in range(lo, hi):
        first, last = c * chunk, min((c + np.uint64(1)) * chunk, rows)
        at = c * (columns + np.uint64(1))
        for i in range(columns):
            cursor[i] = 0
        for p in range(start[first], start[last]):
            cursor[index[p]] += np.uint64(1)
        p = start[first]
        for i in range(columns):
            column_start[at + i] = p
            p += cursor[i]
            cursor[i] = column_start[at + i]
        column_start[at + columns] = p
        for r in range(first, last):
            for p in range(start[r], start[r + np.uint64(1)]):
                i = index[p]
                row_index[cursor[i]] = r - first
                cursor[i] += np.uint64(1)


@njit(error_model="numpy", nogil=True)
def pack(lo, hi, weight, n_out, n_in, amplitude, lanes, packed):
    """Pack weights, each column times the amplitude of its input."""
    strip = np.uint64(16)
    strips = (n_in + strip - np.uint64(1)) // strip
    for job in range(lo, hi):
        b, i0 = job // strips, job % strips * strip
        first, i1 = b * lanes, min(i0 + strip, n_in)
        n = min(lanes, n_out - first)
        for j in range(n):
            o = (first + j) * n_in
            for i in range(i0, i1):
                packed[(b * n_in + i) * lanes + j] = weight[o + i] * amplitude[i]
        for i in range(i0, i1):
            for j in range(n, lanes):
                packed[(b * n_in + i) * lanes + j] = 0


@njit(error_model="numpy", nogil=True)
def unpack(lo, hi, packed, n_out, n_in, amplitude, lanes, weight):
    """Undo :func:`pack` for gradients."""
    strip = np.uint64(16)
    strips = (n_in + strip - np.uint64(1)) // strip
    for job in range(lo, hi):
        b, i0 = job // strips, job % strips * strip
        first, i1 = b * lanes, min(i0 + strip, n_in)
        for j in range(min(lanes, n_out - first)):
            o = (first + j) * n_in
            for i in range(i0, i1):
                weight[o + i] = packed[(b * n_in + i) * lanes + j] * amplitude[i]


@njit(error_model="numpy", nogil=True)
def turn(lo, hi, weight, n_out, n_in, pitch, turned):
    """Write weights transposed, ``[n_in, pitch]``, padded with zeros."""
    strip = np.uint64(16)
    for job in range(lo, hi):
        i0, i1 = job * strip, min((job + np.uint64(1)) * strip, n_in)
        for o in range(n_out):
            for i in range(i0, i1):
                turned[i * pitch + o] = weight[o * n_in + i]
        for i in range(i0, i1):
            for o in range(n_out, pitch):
                turned[i * pitch + o] = 0


@njit(error_model="numpy", nogil=True)
def gather(lo, hi, n_out, n_in, lanes, width, rows, gradient, column_start, row_index, amplitude, adds, weight):
    """Write the weight gradient ``[n_out, n_in]``, or add it: for each event, the gradient of its row's currents.

    That is ``[blocks, rows, width]``. A job is ``lanes`` outputs and LANES inputs, summed and transposed in the cache.
    """
    strip, four, one = np.uint64(LANES), np.uint64(4), weight.dtype.type(1)
    strips = (n_in + strip - np.uint64(1)) // strip
    sums, turned = np.empty(strip * lanes, weight.dtype), np.empty(strip * lanes, weight.dtype)
    for job in range(lo, hi):
        first, i0 = job // strips * lanes, job % strips * strip
        n, count = min(lanes, n_out - first), min(strip, n_in - i0)
        silent = column_start[i0] == column_start[i0 + count]
        if silent and adds:
            continue
        for k in range(strip * lanes):
            sums[k] = 0
        at = first // width * rows * width + first % width
        for i in range(np.uint64(0), np.uint64(0) if silent else count):
            start, stop = column_start[i0 + i], column_start[i0 + i + np.uint64(1)]
            if start < stop:
                add_rows(sums, i * lanes, gradient, at, width, row_index, start, stop, lanes)
        for i in range(np.uint64(0), count, four):
            p = i * lanes
            for j in range(np.uint64(0), lanes, four):
                turn_4(
                    turned, j * strip + i, strip, sums, p + j, p + lanes + j, p + np.uint64(2) * lanes + j,
                    p + np.uint64(3) * lanes + j, one,
                )  # fmt: skip
        for j in range(n):
            o = (first + j) * n_in + i0
            if adds:
                for i in range(count):
                    weight[o + i] += turned[j * strip + i] * amplitude[i0 + i]
            else:
                for i in range(count):
                    weight[o + i] = turned[j * strip + i] * amplitude[i0 + i]


@njit(error_model="numpy", nogil=True)
def spread(lo, hi, start, index, packed, n_in, columns, lanes, out):
    """Write the currents ``[rows, columns]`` of events."""
    row = np.empty(LANES, packed.dtype)
    for r in range(lo, hi):
        for first in range(np.uint64(0), columns, lanes):
            for j in range(lanes):
                row[j] = 0
            add_rows(row, np.uint64(0), packed, first * n_in, lanes, index, start[r], start[r + np.uint64(1)], lanes)
            for j in range(min(lanes, columns - first)):
                out[r * columns + first + j] = row[j]


@njit(error_model="numpy", nogil=True)
def sampled(lo, hi, share, rows, start, index, gradient, pitch, weights, strip, n_in, out):
    """Write ``gradient @ weights.T``, ``[rows, n_in]``, at the listed places and zero elsewhere.

    ``gradient`` is ``[rows, pitch]`` and ``weights`` ``[n_in, pitch]``, read in strips of inputs that stay in the cache.
    """
    four, cursor = np.empty(4, out.dtype), np.empty(share, np.uint64)
    for job in range(lo, hi):
        first = job * share
        n = min(share, rows - first)
        for k in range(n * n_in):
            out[first * n_in + k] = 0
        add_dots(
            out, first * n_in, n_in, gradient, first * pitch, pitch, n, start, index, first, weights, strip, n_in, cursor, four
        )


@njit(error_model="numpy", nogil=True)
def adam(lo, hi, piece, w, g, mean, square, new, beta1, rest1, beta2, rest2, size, eps, keep):
    """Make a step of Adam, with the order of operations of the numpy form."""
    for i in range(lo * piece, min(hi * piece, np.uint64(len(w)))):
        m = mean[i] * beta1 + g[i] * rest1
        s = square[i] * beta2 + g[i] * g[i] * rest2
        mean[i] = m
        square[i] = s
        new[i] = w[i] * keep - size * m / (np.sqrt(s) + eps)


@njit(error_model="numpy", nogil=True)
def binned(lo, hi, start, p, y, x, height, width, place, counts, out):
    """Count events into frames ``[frames, place]``, or mark them: frame f has the events ``start[f]:start[f + 1]``."""
    for f in range(lo, hi):
        first = f * place
        for e in range(start[f], start[f + np.uint64(1)]):
            at = first + (np.uint64(p[e]) * height + np.uint64(y[e])) * width + np.uint64(x[e])
            out[at] = out[at] + 1 if counts else 1
