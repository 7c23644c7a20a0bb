"""Kernels for convolutions of spikes. Jobs, arrays and events are those of ``kernels.py``."""

import numpy as np

from .head import collect
from .patches import aligned, dot_kernels, sum_rows, sum_times_rows
from .python.lanes import njit
from .python.tiles import turn_tile


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
def convolve_image(
    image, start, index, each, lanes, share, height, width, kh, kw, rows_out, columns_out, row_of, column_of, weights, base,
    number, column, who, count, listed, work,
):  # fmt: skip
    """Write the currents of an image to ``work``, ``[places, lanes]``; see ``convolve_spikes``.

    ``number``, ``column`` and ``who`` list the spikes of each row, at most ``share``; ``count`` and ``listed`` the weights of
    each output in a row.
    """
    kernel, one = kh * kw, np.uint64(1)
    most = np.uint64(len(listed)) // (columns_out + one)
    number[:] = 0
    for c in range(each):
        for p in range(start[image * each + c], start[image * each + c + one]):
            y = np.uint64(index[p]) // width
            at = y * share + number[y]
            column[at] = np.uint64(index[p]) - y * width
            who[at] = c * kernel
            number[y] += one
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


@njit(error_model="numpy", nogil=True)
def pool_image(work, lanes, outputs, positions, place, bias, top, sums, at):
    """Write the maximum of each window of an image to ``top``, and its position to ``at``, both ``[outputs, lanes]``.

    The position is that of the first of the largest sums with the ``bias``, or of the first NaN.
    """
    for p in range(outputs):
        base, i = p * lanes, place[p] * lanes
        for c in range(lanes):
            top[base + c] = work[i + c]
            sums[c] = work[i + c] + bias[c]
            at[base + c] = 0
        for k in range(np.uint64(1), positions):
            i = place[k * outputs + p] * lanes
            for c in range(lanes):
                value, best = work[i + c], top[base + c]
                found = value + bias[c]
                more = (found > sums[c]) | ((found != found) & (sums[c] == sums[c]))
                sums[c] = found if more else sums[c]
                at[base + c] = np.uint8(k) if more else at[base + c]
                top[base + c] = value if (value > best) | (value != value) else best


@njit(error_model="numpy", nogil=True)
def convolve_spikes(
    lo, hi, start, index, repeats, channels, each, group_out, lanes, height, width, kh, kw, rows_out, columns_out, row_of,
    column_of, weights, outputs, positions, place, bias, chosen, out,
):  # fmt: skip
    """Write the currents of images: for each output, the weights of the spikes in its reach are listed, and then summed.

    ``row_of`` has the row of the image for each row of the output and of the kernel. ``column_of`` has the column of the
    output for each column of the image and of the kernel; without one it is ``columns_out``, whose list is not used. The
    weights are ``[channels, kh, kw, lanes]``.

    If there are ``outputs``, write the maximum of each of these windows, and its position to ``chosen``; see ``pool_image``.
    The bias is ``[groups, lanes]``, and the places are those of ``pools.py``, all inside the image.
    """
    plane, one = rows_out * columns_out, np.uint64(1)
    groups, share = channels // each, each * width * repeats
    most = max(each * kh * kw * repeats, share * kw)  # the list that is not used starts anew in each row of the kernel
    number, column, who = np.empty(height, np.uint64), np.empty(height * share, np.uint32), np.empty(height * share, np.uint32)
    count, listed = np.empty(columns_out + one, np.uint64), np.empty((columns_out + one) * most, np.uint32)
    work, top, sums = aligned(plane * lanes, out), aligned(outputs * lanes, out), aligned(lanes, out)
    at = np.empty(outputs * lanes, np.uint8)
    for image in range(lo * groups, hi * groups):
        group = image % groups
        convolve_image(
            image, start, index, each, lanes, share, height, width, kh, kw, rows_out, columns_out, row_of, column_of, weights,
            group * each * kh * kw * lanes, number, column, who, count, listed, work,
        )  # fmt: skip
        if not outputs:
            put_channels_first(work, group_out, lanes, plane, image, out)
            continue
        pool_image(work, lanes, outputs, positions, place, bias[group * lanes : (group + one) * lanes], top, sums, at)
        put_channels_first(top, group_out, lanes, outputs, image, out)
        for c in range(group_out):
            for p in range(outputs):
                chosen[(image * group_out + c) * outputs + p] = at[p * lanes + c]


@njit(error_model="numpy", nogil=True)
def convolve_few(
    lo, hi, numbers, outputs, position, chosen, channels, each, group_out, lanes, size, width, kh, kw, rows_out, columns_out,
    row_start, rows, run_start, runs, weights, out,
):  # fmt: skip
    """Write the currents of images ``[images, channels, size]`` with few nonzero numbers.

    All numbers at a place add their kernels to the outputs in its reach together; ``add_kernels`` describes the runs. The
    weights are ``[channels, kh, kw, lanes]``.

    If there are ``outputs``, the numbers are ``[images, channels, outputs]``: one for each of these windows, at the position
    that is ``chosen``; see ``pools.py``.
    """
    plane, kernel, one, two, three = rows_out * columns_out, kh * kw * lanes, np.uint64(1), np.uint64(2), np.uint64(3)
    groups, height = channels // each, np.uint64(len(row_start)) - one
    work, index = aligned(plane * lanes, out), np.empty(size, np.uint32)
    count, who, factors = np.empty(size, np.uint64), np.empty(size * each, np.uint32), np.empty(size * each, out.dtype)
    for image in range(lo * groups, hi * groups):
        count[:] = 0
        for c in range(each):
            own = outputs if outputs else size
            first = (image * each + c) * own
            for p in range(collect(numbers, first, own, index, np.uint64(0))):
                place = np.uint64(index[p])
                factor = numbers[first + place]
                if outputs:
                    place = position[np.uint64(chosen[first + place]) * outputs + place]
                at = place * each + count[place]
                who[at] = c
                factors[at] = factor
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
    lo, hi, parts, few, start, index, repeats, images, channels, each, group_out, pitch, lanes, width, kh, kw, rows_out,
    columns_out, row_start, rows, run_start, runs, gradient, total,
):  # fmt: skip
    """Add, for each spike, the gradients of the outputs in its reach, ``[images, places, pitch]``, to the weight gradient.

    For each place of a channel's kernel the outputs are listed that its spikes reach through it, and then summed. A job is a
    channel and a part of the rows of its kernel. All jobs process ``few`` images at a time, whose gradients stay in the
    second-level cache. The weight gradient is ``[channels, kh, kw, lanes]``.
    """
    plane, one, two, three = rows_out * columns_out, np.uint64(1), np.uint64(2), np.uint64(3)
    most = few * width * (np.uint64(len(row_start)) - one) * repeats
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
def channels_last(lo, hi, images, outputs, position, chosen, channels, plane, pitch, out):
    """Move the channels of images to the last axis, and pad it with zeros to ``pitch``, a multiple of 16.

    If there are ``outputs``, ``images`` has a value for each of these windows; see ``convolve_few``.
    """
    side = np.uint64(16)
    whole = plane // side * side
    for r in range(lo, hi):
        if outputs:
            base = r * plane * pitch
            for k in range(plane * pitch):
                out[base + k] = 0
            for c in range(channels):
                first = (r * channels + c) * outputs
                for p in range(outputs):
                    if images[first + p] != 0:
                        place = position[np.uint64(chosen[first + p]) * outputs + p]
                        out[base + place * pitch + c] = images[first + p]
            continue
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
