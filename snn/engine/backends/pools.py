"""Loops that pool spikes over time. Each does the jobs ``lo`` to ``hi``, the channels of samples, and owns what it writes.

Arrays are flat: ``[steps, rows, places]``. The places of window p are ``place[start[p]:start[p + 1]]``, one at least.
"""

import numpy as np

from .python.lanes import njit


@njit(error_model="numpy", nogil=True)
def pooled(lo, hi, steps, rows, plane, spikes, amount, first, start, place, outputs, lead, out, at):
    """Write, for each window and step, whether the place that leads fires, and which that is: the first of several.

    ``lead``, ``[rows, plane]``, has the state before the first step, and at last that after the last one: sums of ``amount``,
    or with ``first`` the steps since the first spike.
    """
    one, row = np.uint64(1), lead.dtype.type(1)
    for r in range(lo, hi):
        own = r * plane
        for t in range(steps):
            base, to = (t * rows + r) * plane, (t * rows + r) * outputs
            for k in range(plane):
                fired = spikes[base + k] != 0
                if first:
                    if fired or lead[own + k] != 0:
                        lead[own + k] += row
                elif fired:
                    lead[own + k] += amount
            for p in range(outputs):
                best = place[start[p]]
                for q in range(start[p] + one, start[p + one]):
                    if lead[own + place[q]] > lead[own + best]:
                        best = place[q]
                out[to + p] = spikes[base + best] != 0
                at[to + p] = best


@njit(error_model="numpy", nogil=True)
def put_back(lo, hi, plane, outputs, g, at, out):
    """Add each gradient at the place that was chosen; a job is a row of a step, and ``out`` is 0."""
    for r in range(lo, hi):
        for p in range(r * outputs, (r + np.uint64(1)) * outputs):
            out[r * plane + np.uint64(at[p])] += g[p]
