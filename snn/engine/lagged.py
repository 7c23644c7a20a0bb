"""Products of a sequence with weights that each have their own delay."""

from __future__ import annotations

import math

import numpy as np

from autograd.dtypes import Array
from autograd.errors import ArgumentError

from . import tuning
from .backends import back_end
from .blas import in_parts, one_thread_each
from .events import Events, Packed

__all__ = ["lagged_dots", "lagged_sums", "later_dots", "later_sums", "tap_dots", "tap_sums", "tap_sums_back"]

_LANES = 16  # steps that a product of rows takes at once


def _rows(x: Array, pitch: int) -> Array:
    """Return ``[T, M, n]`` as rows ``[M * n, pitch]``, padded with zeros after the last time step."""
    steps, *rest = x.shape
    rows = np.zeros((math.prod(rest), pitch), x.dtype)
    rows[:, :steps] = x.reshape(steps, -1).T
    return rows


def _offsets(where: str, offset: Array, given: int, steps: int) -> Array:
    """Return offsets in the type of the loops, after a check: the loops read wherever an offset points."""
    low, high, most = int(offset.min(initial=0)), int(offset.max(initial=0)), given - steps
    if low < 0 or high > most:
        raise ArgumentError(
            where, f"offsets from 0 to {most}", f"offsets from {low} to {high}",
            "Assign new delays to the layer, layer.delay = delays: this updates its longest delay too.",
        )  # fmt: skip
    return np.ascontiguousarray(offset, np.uint64)


def lagged_sums(x: Array, weight: Array, offset: Array, steps: int) -> Array:
    """Return ``out[t, m, a]``, the sum over b of ``weight[a, b] x[t + offset[a, b], m, b]``.

    Parameters
    ----------
    x : array
        ``[S, M, n_in]``; ``S`` is at least ``steps`` plus the largest offset.
    weight, offset : array
        ``[n_out, n_in]``; the offsets are whole numbers, 0 or more.
    steps : int
        Number of steps to return.

    Raises
    ------
    ArgumentError
        If an offset points outside the steps of ``x``.
    """
    (_, samples, n_in), n_out = x.shape, len(weight)
    out = np.empty((samples * n_out, steps), x.dtype)
    back_end().run(
        "lagged_sums", samples * n_out, out.size * n_in, np.ascontiguousarray(weight, x.dtype),
        _offsets("lagged_sums", offset, len(x), steps), n_out, n_in, _rows(x, len(x)), len(x), steps, out, steps, file="lags",
    )  # fmt: skip
    return np.ascontiguousarray(out.T).reshape(steps, samples, n_out)


def lagged_dots(g: Array, x: Array, offset: Array) -> Array:
    """Return ``out[a, b]``, the sum over t and m of ``g[t, m, a] x[t + offset[a, b], m, b]``.

    Parameters
    ----------
    g : array
        ``[T, M, n_out]``.
    x : array
        ``[S, M, n_in]``; ``S`` is at least ``T`` plus the largest offset.
    offset : array
        ``[n_out, n_in]``, whole numbers, 0 or more.

    Raises
    ------
    ArgumentError
        If an offset points outside the steps of ``x``.
    """
    (steps, samples, n_out), n_in = g.shape, x.shape[2]
    n = -(-steps // _LANES) * _LANES
    out = np.empty((n_out, n_in), g.dtype)
    pitch = len(x) + n - steps
    back_end().run(
        "lagged_dots", n_out, g.size * n_in, _rows(g, n), n, n_out, samples, _rows(x.astype(g.dtype, copy=False), pitch),
        pitch, _offsets("lagged_dots", offset, len(x), steps), n_in, n, out, file="lags",
    )  # fmt: skip
    return out


# One delay per weight, for an input of spikes: work for the spikes only


def _later(delay: Array, steps: int, lanes: int) -> Array:
    """Return delays ``[n_out, n_in]`` in the order of packed weights, in elements; spikes after the last step are lost."""
    n_out, n_in = delay.shape
    blocks = -(-n_out // lanes)
    out = np.zeros((blocks * lanes, n_in), np.uint32)
    out[:n_out] = np.minimum(delay, steps)
    out *= np.uint32(lanes)
    return np.ascontiguousarray(out.reshape(blocks, lanes, n_in).transpose(0, 2, 1))


def _packed(weight: Array, amplitude: Array, events: Events) -> Packed:
    return Packed(weight, amplitude.astype(weight.dtype, copy=False), events.backend, narrow=False)


def later_sums(events: Events, amplitude: Array, weight: Array, delay: Array, steps: int) -> Array:
    """Return ``out[t, m, a]``, the sum over b of ``weight[a, b] x[t - delay[a, b], m, b]``; ``x`` is 0 before step 0.

    Parameters
    ----------
    events : Events
        Spikes of ``x``, ``[steps, M, n_in]``, by row.
    amplitude : array
        Their amplitudes, ``[n_in]``.
    weight, delay : array
        ``[n_out, n_in]``; finite weights, and delays in whole steps.
    steps : int
        Number of steps, T.
    """
    (n_out, n_in), samples = weight.shape, (len(events.start) - 1) // max(1, steps)
    packed, out = _packed(weight, amplitude, events), np.empty((steps, samples, n_out), weight.dtype)
    rows = steps + min(steps, int(delay.max(initial=0)))
    events.backend.run(
        "spread_later", samples * packed.blocks, out.size, events.start, events.index, samples, n_in, packed.array,
        _later(delay, steps, packed.lanes), n_out, steps, rows, out, file="lags",
    )  # fmt: skip
    return out


def later_dots(g: Array, events: Events, amplitude: Array, delay: Array) -> Array:
    """Return ``out[a, b]``, the sum over t and m of ``g[t + delay[a, b], m, a] x[t, m, b]``; ``g`` is 0 after its last step.

    Parameters
    ----------
    g : array
        ``[T, M, n_out]``, all finite.
    events, amplitude, delay
        As for :func:`later_sums`.
    """
    (steps, samples, n_out), n_in = g.shape, delay.shape[1]
    packed, sets = _packed(np.empty(delay.shape, g.dtype), amplitude, events), max(1, min(tuning.now().delayed_sets, samples))
    total = np.zeros((sets, packed.blocks * n_in * packed.lanes), g.dtype)
    rows = steps + min(steps, int(delay.max(initial=0)))
    events.backend.run(
        "gather_later", sets * packed.blocks, events.count * n_out, sets, events.start, events.index, samples, n_in,
        _later(delay, steps, packed.lanes), n_out, steps, rows, np.ascontiguousarray(g), total, file="lags",
    )  # fmt: skip
    return packed.unpacked(total.sum(0))


# One weight per delay: products on our threads, a block of rows of sums at a time. ``D`` is the longest delay.


def _blocks(rows: slice) -> list[slice]:
    step = tuning.now().delayed_rows
    return [slice(k, min(k + step, rows.stop)) for k in range(rows.start, rows.stop, step)]


def tap_sums(x: Array, kernel: Array) -> Array:
    """Return ``out[t, m]``, the sum over k of ``kernel[k] @ x[t + D - k, m]``.

    Parameters
    ----------
    x : array
        ``[D + T, M, n_in]``.
    kernel : array
        ``[D + 1, n_out, n_in]``.
    """
    longest, (given, samples, n_in), n_out = len(kernel) - 1, x.shape, kernel.shape[1]
    rows = np.ascontiguousarray(x).reshape(-1, n_in)
    out = np.zeros(((given - longest) * samples, n_out), x.dtype)

    def part(cut: slice) -> None:
        for block in _blocks(cut):
            for delay, weight in enumerate(kernel):
                first = (longest - delay) * samples
                out[block] += rows[first + block.start : first + block.stop] @ weight.T

    one_thread_each(lambda: in_parts(len(out), part))
    return out.reshape(given - longest, samples, n_out)


def tap_sums_back(g: Array, kernel: Array) -> Array:
    """Return ``out[t, m]``, the sum over k of ``kernel[k].T @ g[t - D + k, m]``; ``g`` is 0 outside its steps.

    Parameters
    ----------
    g : array
        ``[T, M, n_out]``.
    kernel : array
        ``[D + 1, n_out, n_in]``.

    Returns
    -------
    out : array
        ``[D + T, M, n_in]``.
    """
    longest, (steps, samples, n_out), n_in = len(kernel) - 1, g.shape, kernel.shape[2]
    rows = np.ascontiguousarray(g).reshape(-1, n_out)
    out = np.zeros(((longest + steps) * samples, n_in), g.dtype)

    def part(cut: slice) -> None:
        for block in _blocks(cut):
            for delay, weight in enumerate(kernel):
                first = (longest - delay) * samples
                a, b = max(block.start, first), min(block.stop, first + len(rows))
                if a < b:
                    out[a:b] += rows[a - first : b - first] @ weight

    one_thread_each(lambda: in_parts(len(out), part))
    return out.reshape(longest + steps, samples, n_in)


def tap_dots(g: Array, x: Array, longest: int) -> Array:
    """Return ``out[k]``, the sum over t and m of the outer product of ``g[t, m]`` and ``x[t + D - k, m]``.

    Parameters
    ----------
    g, x : array
        ``[T, M, n_out]`` and ``[D + T, M, n_in]``.
    longest : int
        The longest delay, D.
    """
    samples, n_out = g.shape[1:]
    rows, given = np.ascontiguousarray(g).reshape(-1, n_out), np.ascontiguousarray(x).reshape(-1, x.shape[2])
    out = np.empty((longest + 1, n_out, x.shape[2]), g.dtype)

    def part(cut: slice) -> None:
        for delay in range(cut.start, cut.stop):
            first = (longest - delay) * samples
            np.matmul(rows.T, given[first : first + len(rows)], out=out[delay])

    one_thread_each(lambda: in_parts(longest + 1, part))
    return out
