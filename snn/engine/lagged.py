"""Products of a sequence with weights of which each has a delay of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import emit
from .cache import enabled, load
from .threads import launch

__all__ = ["lagged_dots", "lagged_sums"]

Array = np.ndarray[Any, np.dtype[Any]]
_LANES = 16  # a product of rows takes as many steps at once
_u = np.uint64


def _kernel(name: str) -> Any:
    return getattr(load(emit.kernels(enabled(), "lags"), enabled()), name)


def _rows(x: Array, pitch: int) -> Array:
    """Return ``[T, M, n]`` as rows ``[M * n, pitch]`` with zeros behind the time steps."""
    steps, *rest = x.shape
    rows = np.zeros((math.prod(rest), pitch), x.dtype)
    rows[:, :steps] = x.reshape(steps, -1).T
    return rows


def lagged_sums(x: Array, weight: Array, offset: Array, steps: int) -> Array:
    """Return ``out[t, m, a]``, the sum over b of ``weight[a, b] x[t + offset[a, b], m, b]``.

    Parameters
    ----------
    x : array
        ``[S, M, n_in]``, with ``S`` of at least ``steps`` and the largest offset.
    weight, offset : array
        ``[n_out, n_in]``; the offsets are whole numbers of at least 0.
    steps : int
        How many are returned.
    """
    (_, samples, n_in), n_out = x.shape, len(weight)
    out = np.empty((samples * n_out, steps), x.dtype)
    arguments = [
        np.ascontiguousarray(weight, x.dtype).reshape(-1), np.ascontiguousarray(offset, _u).reshape(-1), _u(n_out), _u(n_in),
        _rows(x, len(x)).reshape(-1), _u(len(x)), _u(steps), out.reshape(-1), _u(steps),
    ]  # fmt: skip
    launch(_kernel("lagged_sums"), samples * n_out, arguments, out.size * n_in)
    return np.ascontiguousarray(out.T).reshape(steps, samples, n_out)


def lagged_dots(g: Array, x: Array, offset: Array) -> Array:
    """Return ``out[a, b]``, the sum over t and m of ``g[t, m, a] x[t + offset[a, b], m, b]``.

    Parameters
    ----------
    g : array
        ``[T, M, n_out]``.
    x : array
        ``[S, M, n_in]``, with ``S`` of at least ``T`` and the largest offset.
    offset : array
        ``[n_out, n_in]``, whole numbers of at least 0.
    """
    (steps, samples, n_out), n_in = g.shape, x.shape[2]
    n = -(-steps // _LANES) * _LANES
    out = np.empty((n_out, n_in), g.dtype)
    pitch = len(x) + n - steps
    arguments = [
        _rows(g, n).reshape(-1), _u(n), _u(n_out), _u(samples), _rows(x.astype(g.dtype, copy=False), pitch).reshape(-1),
        _u(pitch), np.ascontiguousarray(offset, _u).reshape(-1), _u(n_in), _u(n), out.reshape(-1),
    ]  # fmt: skip
    launch(_kernel("lagged_dots"), n_out, arguments, g.size * n_in)
    return out
