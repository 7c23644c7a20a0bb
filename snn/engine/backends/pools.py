"""Loops that pool images, and spikes over time. Each does the jobs ``lo`` to ``hi``, rows of places, and owns what it writes.

Arrays are flat. For spikes they are ``[steps, rows, places]``, and the places of window p are
``place[start[p]:start[p + 1]]``, at least one. For images they are ``[rows, places]``, and all windows have the same
positions: ``place[k * outputs + p]`` is the place of position k in window p, or ``plane`` if that is outside the image.
"""

import numpy as np

from .python.lanes import njit


@njit(error_model="numpy", nogil=True)
def pooled(lo, hi, steps, rows, plane, spikes, amount, first, start, place, outputs, lead, out, at):
    """Write, for each window and step, whether the leading place fires, and its number; the first one wins a tie.

    ``lead``, ``[rows, plane]``, has the state before the first step, and on return after the last: sums of ``amount``, or with
    ``first`` the steps since the first spike.
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
    """Add each gradient at the chosen place; a job is a row of a step, and ``out`` starts at 0."""
    for r in range(lo, hi):
        for p in range(r * outputs, (r + np.uint64(1)) * outputs):
            out[r * plane + np.uint64(at[p])] += g[p]


@njit(error_model="numpy", nogil=True)
def largest(lo, hi, plane, outputs, positions, place, outside, x, out):
    """Write the maximum of each window; NaN if it contains one."""
    for r in range(lo, hi):
        for p in range(outputs):
            best = outside
            for k in range(positions):
                i = place[k * outputs + p]
                value = x[r * plane + i] if i < plane else outside
                best = value if (value > best) | (value != value) else best
            out[r * outputs + p] = best


@njit(error_model="numpy", nogil=True)
def first_largest(lo, hi, plane, outputs, positions, place, outside, channels, bias, x, top, found):
    """Write the position of each window's maximum, ``top``: the first of several, once the bias is added; NaN counts too."""
    for r in range(lo, hi):
        more = bias[r % channels]
        for p in range(outputs):
            best, before, at = top[r * outputs + p] + more, np.uint64(1), np.uint64(0)
            for k in range(positions):
                i = place[k * outputs + p]
                value = (x[r * plane + i] if i < plane else outside) + more
                before &= np.uint64((value != best) & (value == value))
                at += before
            found[r * outputs + p] = at


@njit(error_model="numpy", nogil=True)
def put_chosen(lo, hi, plane, outputs, positions, place, apart, g, chosen, out):
    """Write each element of ``g`` at its chosen position, and 0 elsewhere.

    If windows are not ``apart``, a place sums its elements position by position.
    """
    for r in range(lo, hi):
        for i in range(plane):
            out[r * plane + i] = 0
        for p in range(outputs if apart else np.uint64(0)):
            i = place[np.uint64(chosen[r * outputs + p]) * outputs + p]
            if i < plane:
                out[r * plane + i] += g[r * outputs + p]
        for k in range(np.uint64(0) if apart else positions):
            for p in range(outputs):
                i = place[k * outputs + p]
                if np.uint64(chosen[r * outputs + p]) == k and i < plane:
                    out[r * plane + i] += g[r * outputs + p]


@njit(error_model="numpy", nogil=True)
def summed(lo, hi, plane, outputs, positions, place, x, out):
    """Write the sum of each window."""
    for r in range(lo, hi):
        for k in range(positions):
            for p in range(outputs):
                i = place[k * outputs + p]
                value = x[r * plane + i] if i < plane else x.dtype.type(0)
                out[r * outputs + p] = value if k == 0 else out[r * outputs + p] + value


@njit(error_model="numpy", nogil=True)
def spread_out(lo, hi, plane, outputs, positions, place, g, out):
    """Write each element of ``g`` all over its window, summed position by position."""
    for r in range(lo, hi):
        for i in range(plane):
            out[r * plane + i] = 0
        for k in range(positions):
            for p in range(outputs):
                i = place[k * outputs + p]
                if i < plane:
                    out[r * plane + i] += g[r * outputs + p]
