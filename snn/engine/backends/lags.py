"""Loops over connections with individual delays: time is innermost, so that a connection is contiguous in memory.

Each does the jobs ``lo`` to ``hi`` and owns what it writes. Arrays are flat; a row has the time steps of one feature of a
sample. The last two loops go from spike to spike, with the lists of ``kernels.py``. There the outputs are innermost, in
blocks of LANES; ``later``, ``[blocks, n_in, LANES]``, has the delay of each connection times LANES.
"""

import numpy as np

from .head import dot_rows
from .python.lanes import LANES, njit


@njit(error_model="numpy", nogil=True)
def lagged_sums(lo, hi, weight, offset, n_out, n_in, x, x_pitch, steps, out, pitch):
    """Write sums of rows ``x[offset[a, b] : offset[a, b] + steps]`` times ``weight[a, b]``; a job is an output of a sample."""
    one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    for job in range(lo, hi):
        sample, at = job // n_out, job * pitch
        first, row = (job - sample * n_out) * n_in, sample * n_in * x_pitch
        for t in range(steps):
            out[at + t] = 0
        b = np.uint64(0)
        while b + four <= n_in:
            k = first + b
            w0, w1, w2, w3 = weight[k], weight[k + one], weight[k + two], weight[k + three]
            x0 = row + b * x_pitch + offset[k]
            x1 = row + (b + one) * x_pitch + offset[k + one]
            x2 = row + (b + two) * x_pitch + offset[k + two]
            x3 = row + (b + three) * x_pitch + offset[k + three]
            for t in range(steps):
                out[at + t] += (w0 * x[x0 + t] + w1 * x[x1 + t]) + (w2 * x[x2 + t] + w3 * x[x3 + t])
            b += four
        while b < n_in:
            w0, x0 = weight[first + b], row + b * x_pitch + offset[first + b]
            for t in range(steps):
                out[at + t] += w0 * x[x0 + t]
            b += one


@njit(error_model="numpy", nogil=True)
def lagged_dots(lo, hi, g, g_pitch, n_out, samples, x, x_pitch, offset, n_in, n, out):
    """Write products of the first ``n`` steps of rows of ``g`` with rows of ``x`` from an offset on; a job is an output."""
    one, two, three, last = np.uint64(1), np.uint64(2), np.uint64(3), n_in - np.uint64(1)
    four = np.empty(4, g.dtype)
    for k in range(lo * n_in, hi * n_in):
        out[k] = 0
    for sample in range(samples):
        row = sample * n_in * x_pitch
        for a in range(lo, hi):
            at, first = (sample * n_out + a) * g_pitch, a * n_in
            for b in range(np.uint64(0), n_in, np.uint64(4)):
                b1, b2, b3 = min(b + one, last), min(b + two, last), min(b + three, last)
                x0, x1 = row + b * x_pitch + offset[first + b], row + b1 * x_pitch + offset[first + b1]
                x2, x3 = row + b2 * x_pitch + offset[first + b2], row + b3 * x_pitch + offset[first + b3]
                dot_rows(four, g, at, x, x0, x1, x2, x3, n)
                out[first + b] += four[0]
                if b1 > b:
                    out[first + b1] += four[1]
                if b2 > b1:
                    out[first + b2] += four[2]
                if b3 > b2:
                    out[first + b3] += four[3]


@njit(error_model="numpy", nogil=True)
def spread_later(lo, hi, start, index, samples, n_in, weights, later, n_out, steps, rows, out):
    """Write currents ``[steps, samples, n_out]``: each spike adds its weights at their arrival.

    A job is a sample and a block of outputs, with ``rows`` steps of work space: the steps, then as many as the longest delay.
    """
    lanes = np.uint64(LANES)
    blocks = (n_out + lanes - np.uint64(1)) // lanes
    work = np.empty(rows * lanes, out.dtype)
    for job in range(lo, hi):
        sample, first = job // blocks, job % blocks * lanes
        n = min(lanes, n_out - first)
        for k in range(rows * lanes):
            work[k] = 0
        for t in range(steps):
            base, r = t * lanes, t * samples + sample
            for p in range(start[r], start[r + np.uint64(1)]):
                w = first * n_in + np.uint64(index[p]) * lanes
                for j in range(n):
                    work[base + np.uint64(later[w + j]) + j] += weights[w + j]
        for t in range(steps):
            at = (t * samples + sample) * n_out + first
            for j in range(n):
                out[at + j] = work[t * lanes + j]


@njit(error_model="numpy", nogil=True)
def gather_later(lo, hi, sets, start, index, samples, n_in, later, n_out, steps, rows, g, total):
    """Add, for each spike, the gradients of its later currents to the weight gradient, ``[sets, blocks, n_in, LANES]``.

    A job is a block of outputs and one of ``sets`` of samples.
    """
    lanes = np.uint64(LANES)
    blocks = (n_out + lanes - np.uint64(1)) // lanes
    work = np.zeros(rows * lanes, g.dtype)
    for job in range(lo, hi):
        part, first = job // blocks, job % blocks * lanes
        n, to = min(lanes, n_out - first), job * n_in * lanes
        for sample in range(samples * part // sets, samples * (part + np.uint64(1)) // sets):
            for t in range(steps):
                at = (t * samples + sample) * n_out + first
                for j in range(n):
                    work[t * lanes + j] = g[at + j]
            for t in range(steps):
                base, r = t * lanes, t * samples + sample
                for p in range(start[r], start[r + np.uint64(1)]):
                    i = np.uint64(index[p]) * lanes
                    for j in range(n):
                        total[to + i + j] += work[base + np.uint64(later[first * n_in + i + j]) + j]
