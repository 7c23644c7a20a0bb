"""Loops over events that are the same for every neuron. Each does the jobs ``lo`` to ``hi`` and owns what it writes.

All arrays are flat and all indices unsigned, or LLVM does not vectorise. An event is the position of a spike in its row, and
a row is one sample at one time step: the events of row r are ``index[start[r]:start[r + 1]]``. Weights ``[n_out, n_in]`` are
packed to ``[blocks, n_in, lanes]`` with 16, 32 or 64 outputs per block, so that a block stays in the cache while all rows are
read.
"""

import numpy as np

from .head import add_dots, add_rows, aligned, collect, dot_kernels, sum_rows, sum_times_rows
from .python.lanes import LANES, lowest, njit, ones, turn_tile, where_nonzero


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
def gather(lo, hi, parts, n_in, width, rows, gradient, column_start, row_index, lanes, packed):
    """Add, for each event, the gradient of its row's currents, ``[block, rows, width]``, to the packed weight gradient."""
    for job in range(lo, hi):
        b, part = job // parts, job % parts
        end = min(width, np.uint64(len(packed)) // n_in - b * width)  # the last block may be wider than the remaining outputs
        for i in range(n_in * part // parts, n_in * (part + np.uint64(1)) // parts):
            first, last = column_start[i], column_start[i + np.uint64(1)]
            if first < last:
                for g in range(np.uint64(0), end, lanes):
                    at = (b * width + g) * n_in + i * lanes
                    add_rows(packed, at, gradient, b * rows * width + g, width, row_index, first, last, lanes)


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
def put_channels_first(work, channels, pitch, plane, r, out):
    """Write an image whose channels are last, each place with a multiple of 16."""
    side = np.uint64(16)
    whole = plane // side * side
    for c0 in range(np.uint64(0), channels, side):
        first, n = (r * channels + c0) * plane, min(channels - c0, side)
        for k in range(np.uint64(0), whole, side):
            turn_tile(out, first + k, plane, work, k * pitch + c0, pitch, side, n)
        for c in range(n):
            for k in range(whole, plane):
                out[first + c * plane + k] = work[k * pitch + c0 + c]


@njit(error_model="numpy", nogil=True)
def convolve_spikes(
    lo, hi, start, index, channels, each, group_out, lanes, height, width, kh, kw, rows_out, columns_out, row_of, column_of,
    weights, out,
):  # fmt: skip
    """Write the currents of images: for each output, the weights of the spikes in its reach are listed, and then summed.

    ``row_of`` has the row of the image for each row of the output and of the kernel. ``column_of`` has the column of the output
    for each column of the image and of the kernel; without one it is ``columns_out``, whose list is not used. The weights are
    ``[channels, kh, kw, lanes]``.
    """
    kernel, plane, one = kh * kw, rows_out * columns_out, np.uint64(1)
    groups, share, most = channels // each, each * width, each * kernel
    number, column, who = np.empty(height, np.uint64), np.empty(height * share, np.uint32), np.empty(height * share, np.uint32)
    count, listed = np.empty(columns_out + one, np.uint64), np.empty(columns_out * most + share * kw, np.uint32)
    work = aligned(plane * lanes, out)
    for image in range(lo * groups, hi * groups):
        number[:] = 0
        for c in range(each):
            for p in range(start[image * each + c], start[image * each + c + one]):
                y = np.uint64(index[p]) // width
                at = y * share + number[y]
                column[at] = np.uint64(index[p]) - y * width
                who[at] = c * kernel
                number[y] += one
        base = image % groups * most * lanes
        for o in range(rows_out):
            count[:] = 0
            for k in range(kh):
                y = row_of[o * kh + k]
                if y < height:
                    count[columns_out] = 0
                    for e in range(y * share, y * share + number[y]):
                        x, w = np.uint64(column[e]) * kw, who[e] + np.uint32(k * kw)
                        for q in range(kw):
                            place = column_of[x + q]
                            listed[place * most + count[place]] = w + np.uint32(q)
                            count[place] += one
            for x in range(columns_out):
                at = (o * columns_out + x) * lanes
                for k in range(lanes):
                    work[at + k] = 0
                sum_rows(work, at, weights, base, lanes, listed, x * most, x * most + count[x], lanes)
        put_channels_first(work, group_out, lanes, plane, image, out)


@njit(error_model="numpy", nogil=True)
def convolve_few(
    lo, hi, numbers, channels, each, group_out, lanes, size, width, kh, kw, rows_out, columns_out, row_start, rows,
    run_start, runs, weights, out,
):  # fmt: skip
    """Write the currents of images ``[images, channels, size]`` with few nonzero numbers.

    All numbers at a place add their kernels to the outputs in its reach together; ``add_kernels`` describes the runs. The
    weights are ``[channels, kh, kw, lanes]``.
    """
    plane, kernel, one, two, three = rows_out * columns_out, kh * kw * lanes, np.uint64(1), np.uint64(2), np.uint64(3)
    groups, height = channels // each, np.uint64(len(row_start)) - one
    work, index = aligned(plane * lanes, out), np.empty(size, np.uint32)
    count, who, factors = np.empty(size, np.uint64), np.empty(size * each, np.uint32), np.empty(size * each, out.dtype)
    for image in range(lo * groups, hi * groups):
        count[:] = 0
        for c in range(each):
            first = (image * each + c) * size
            for p in range(collect(numbers, first, size, index, np.uint64(0))):
                place = np.uint64(index[p])
                at = place * each + count[place]
                who[at] = c
                factors[at] = numbers[first + place]
                count[place] += one
        for k in range(plane * lanes):
            work[k] = 0
        base = image % groups * each * kernel
        for y in range(height):
            for x in range(width):
                place = y * width + x
                start, stop = place * each, place * each + count[place]
                if start == stop:
                    continue
                for i in range(row_start[y], row_start[y + one]):
                    for run in range(run_start[x], run_start[x + one]):
                        length = runs[three * run + two] * lanes
                        for j in range(rows[three * i + two]):
                            at = ((rows[three * i] + j) * columns_out + runs[three * run]) * lanes
                            w = base + ((rows[three * i + one] + j) * kw + runs[three * run + one]) * lanes
                            sum_times_rows(work, at, weights, w, kernel, who, factors, start, stop, length)
        put_channels_first(work, group_out, lanes, plane, image, out)


@njit(error_model="numpy", nogil=True)
def gather_spikes(
    lo, hi, parts, start, index, images, channels, each, group_out, pitch, lanes, width, kh, kw, rows_out, columns_out,
    row_start, rows, run_start, runs, gradient, total,
):  # fmt: skip
    """Add, for each spike, the gradients of the outputs in its reach, ``[images, places, pitch]``, to the weight gradient.

    For each place of a channel's kernel the outputs are listed that its spikes reach through it, and then summed. A job is a
    channel and a part of the rows of its kernel. All jobs process a few images at a time, whose gradients stay in the
    first-level cache. The weight gradient is ``[channels, kh, kw, lanes]``.
    """
    plane, one, two, three = rows_out * columns_out, np.uint64(1), np.uint64(2), np.uint64(3)
    few = max(one, np.uint64(1 << 14) // (plane * pitch))
    most = few * width * (np.uint64(len(row_start)) - one)
    count, outputs = np.empty(kh * kw, np.uint64), np.empty(kh * kw * most, np.uint32)
    for r0 in range(np.uint64(0), images, few):
        for job in range(lo, hi):
            c, part = job // parts, job % parts
            first, last = kh * part // parts, kh * (part + one) // parts
            count[:] = 0
            for r in range(r0, min(r0 + few, images)):
                for p in range(start[r * channels + c], start[r * channels + c + one]):
                    y = np.uint64(index[p]) // width
                    x = np.uint64(index[p]) - y * width
                    for i in range(row_start[y], row_start[y + one]):
                        o, k = rows[three * i], rows[three * i + one]
                        for m in range(max(k, first), min(k + rows[three * i + two], last)):
                            for run in range(run_start[x], run_start[x + one]):
                                at = ((r - r0) * rows_out + o + m - k) * columns_out + runs[three * run]
                                w = m * kw + runs[three * run + one]
                                for j in range(runs[three * run + two]):
                                    outputs[(w + j) * most + count[w + j]] = at + j
                                    count[w + j] += one
            base = r0 * plane * pitch + c // each * group_out
            for w in range(first * kw, last * kw):
                sum_rows(
                    total, (c * kh * kw + w) * lanes, gradient, base, pitch, outputs, w * most, w * most + count[w], lanes
                )


@njit(error_model="numpy", nogil=True)
def channels_last(lo, hi, images, channels, plane, pitch, out):
    """Move the channels of images to the last axis, and pad it with zeros to ``pitch``, a multiple of 16."""
    side = np.uint64(16)
    whole = plane // side * side
    for r in range(lo, hi):
        for c0 in range(np.uint64(0), pitch, side):
            first, base = (r * channels + c0) * plane, r * plane * pitch + c0
            n = min(max(channels, c0) - c0, side)
            for k in range(np.uint64(0), whole, side):
                turn_tile(out, base + k * pitch, pitch, images, first + k, plane, n, side)
            for k in range(whole, plane):
                for c in range(side):
                    out[base + k * pitch + c] = images[first + c * plane + k] if c < n else 0


@njit(error_model="numpy", nogil=True)
def sample_convolved(
    lo, hi, start, index, channels, each, group_out, pitch, lanes, width, kh, kw, rows_out, columns_out, row_start, rows,
    run_start, runs, weights, gradient, size, out,
):  # fmt: skip
    """Write the gradient of images at the listed places, from that of outputs ``[images, places, pitch]``, and 0 elsewhere."""
    length = lanes if channels == each else group_out  # of padded places, the sums include the zeros
    for r in range(lo, hi):
        base = r * rows_out * columns_out * pitch
        for c in range(channels):
            first = (r * channels + c) * size
            for k in range(size):
                out[first + k] = 0
            for p in range(start[r * channels + c], start[r * channels + c + np.uint64(1)]):
                out[first + np.uint64(index[p])] = dot_kernels(
                    gradient, base + c // each * group_out, np.uint64(index[p]), c * kh, width, kw, length, columns_out, pitch,
                    lanes, row_start, rows, run_start, runs, weights,
                )  # fmt: skip


@njit(error_model="numpy", nogil=True)
def binned(lo, hi, start, p, y, x, height, width, place, out):
    """Count events into frames ``[frames, place]``: frame f has the events ``start[f]:start[f + 1]``."""
    for f in range(lo, hi):
        first = f * place
        for e in range(start[f], start[f + np.uint64(1)]):
            out[first + (np.uint64(p[e]) * height + np.uint64(y[e])) * width + np.uint64(x[e])] += 1


@njit(error_model="numpy", nogil=True)
def occupied(lo, hi, start, p, y, x, height, width, place, out):
    """Set places of frames that have an event; see :func:`binned`."""
    for f in range(lo, hi):
        first = f * place
        for e in range(start[f], start[f + np.uint64(1)]):
            out[first + (np.uint64(p[e]) * height + np.uint64(y[e])) * width + np.uint64(x[e])] = 1
