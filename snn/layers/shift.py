"""Operations on sequences that can keep spikes as spikes: delayed features, dropped elements, pooled windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array
from autograd.primitive import primitive
from autograd.state import state

from ..spikes import Spikes, as_spikes

__all__: list[str] = []  # nothing public


def _back(g: Any, shape: Any, delays: Any, start: Any) -> Any:
    return _shifted(g, delays=-delays, start=-start, stop=shape[0] - start)


@primitive(_back, expects="delays that broadcast to the features of the sequence")
def _shifted(x, /, delays, start, stop):
    return moved(x, delays, start, stop)


def moved(x: Array, delays: Array, start: int, stop: int) -> Array:
    """Return the steps ``start`` to ``stop`` of a sequence in which each feature comes later by its delay.

    ``delays`` broadcasts to the features of ``x``, ``[T, N, ...]``; a negative delay moves a feature to earlier steps. The
    steps may lie before 0 or after ``T``, where there are zeros.
    """
    steps, out = len(x), np.zeros((stop - start, *x.shape[1:]), x.dtype)
    low, high = int(delays.min()), int(delays.max())
    a, b = max(start, low), min(stop, steps + high)  # all is zero outside
    if a >= b or not x.size:
        return out
    if low == high:
        out[a - start : b - start] = x[a - low : b - low]
        return out
    samples, features = x.shape[1], math.prod(x.shape[2:])
    columns = np.broadcast_to(delays, x.shape[2:]).reshape(features)
    first, last = max(0, a - high), min(steps, b - low)  # the steps that are read
    rows = np.zeros((samples, last - first + 1, features), x.dtype)  # the last row stays zero
    rows[:, :-1] = np.moveaxis(x[first:last].reshape(last - first, samples, features), 1, 0)
    source = np.arange(a, b)[:, None] - columns - first
    source[(source < 0) | (source >= last - first)] = last - first
    source *= features
    source += np.arange(features)
    found = np.take(rows.reshape(samples, -1), source.reshape(-1), axis=1)
    out[a - start : b - start] = np.moveaxis(found.reshape(samples, b - a, *x.shape[2:]), 0, 1)
    return out


@primitive(lambda g, keep: times(g, keep=keep))
def times(x, /, keep):
    """Return a sequence times the factor ``keep`` of each element, which has no gradient."""
    return x * keep


def shifted(x: Tensor, delays: Array, start: int, stop: int) -> Tensor:
    """Do the same as :func:`moved` with a Tensor ``[T, N, ...]``; spikes stay spikes."""
    if not isinstance(x, Spikes) or x.is_shared:
        return _shifted(x, delays=delays, start=start, stop=stop)
    flags = moved(x.flags, delays, start, stop)
    out = Spikes(flags, x.amplitude, x.backend)
    if state.recording:
        out.node = _shifted._node((x,), {"delays": delays, "start": start, "stop": stop}, out)
    return out


# The spikes at the leading position of each window


@primitive(lambda g, shape, at: _put_back(g, at=at, shape=shape))
def _picked(x, /, at):
    flat = (*at.shape[:3], -1)
    return np.take_along_axis(x.reshape(flat), at.reshape(flat), 3).reshape(at.shape)


@primitive(lambda u, at: _picked(u, at=at))
def _put_back(g, /, at, shape):
    from ..engine.pooling import put_back

    return put_back(g, at, shape)


def led(x: Tensor, lead: Array, windows: Any, first: bool) -> tuple[Spikes, Array] | None:
    """Return the spikes of the leaders of all windows at all steps, and the lead of each input at the end.

    The result is None unless ``x``, ``[T, N, C, ...]``, is spikes of one amplitude. For the other arguments see
    :func:`snn.engine.pooling.pooled`.
    """
    from ..engine.backends import back_end
    from ..engine.pooling import pooled

    spikes = as_spikes(x, back_end())
    if spikes is None or spikes.amplitude.size > 1:
        return None
    flags, at, lead = pooled(spikes.flags, spikes.amplitude.reshape(())[()], lead, windows, first, spikes.backend)
    out = Spikes(flags, spikes.amplitude.reshape(()), spikes.backend)
    if state.recording:
        out.node = _picked._node((x,), {"at": at}, out)
    return out, lead
