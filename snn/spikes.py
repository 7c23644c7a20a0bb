"""Spikes: a Tensor whose elements are 0 or an amplitude, kept as one byte each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array, DType, sum_dtype
from autograd.graph import Node
from autograd.wide import added

from .engine import tuning
from .engine.backends import BackEnd

__all__ = ["Spikes", "as_spikes", "in_each_row"]


def in_each_row(amplitude: Array, row: tuple[int, ...]) -> Array | None:
    """Return an amplitude in the shape of a row, the last axes of the spikes; None if it differs from row to row."""
    shape = amplitude.shape
    while shape[:1] == (1,):
        shape = shape[1:]
    return np.broadcast_to(amplitude.reshape(shape), row) if len(shape) <= len(row) else None


class Spikes(Tensor):
    """Output of a compiled spiking layer, ``[T, N, ...]``, used like any Tensor.

    The values as numbers are made when they are first needed, and kept. Sums count spikes without them, and a dense layer
    needs only the positions of the spikes.

    Parameters
    ----------
    flags : array of uint8
        1 where there is a spike, ``[T, N, ...]``.
    amplitude : array
        Value of a spike: one, or several in a shape that broadcasts to that of the spikes.
    backend : BackEnd
        Back end whose loops list the spikes.
    node : Node, optional
        Place in the autograd graph.
    """

    __slots__ = ("_lists", "_shared", "_values", "amplitude", "backend", "flags")

    def __init__(self, flags: Array, amplitude: Array, backend: BackEnd, node: Node | None = None) -> None:
        self.flags, self.amplitude, self.backend, self.node = flags, amplitude, backend, node
        self._values: Array | None = None
        self._lists: list[Any] = []
        self._shared = False

    def linked(self, node: Node) -> Spikes:
        """Return the same spikes at another place in the graph."""
        other = Spikes(self.flags, self.amplitude, self.backend, node)
        other._lists = self._lists
        return other

    @property
    def array(self) -> Array:  # type: ignore[override]
        """The values. Treat as read-only."""
        if self._values is None:
            self._values = self.values(slice(None))
        return self._values

    # A caller that has the memory of the values may write to it: from then on the values count, not the bytes.

    def asnumpy(self) -> Array:
        """Return the values as a numpy array that shares memory with the tensor."""
        self._shared = True
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        self._shared |= not copy
        return super().__array__(dtype, copy)

    def __dlpack__(self, **options: Any) -> Any:
        self._shared |= not options.get("copy")
        return super().__dlpack__(**options)

    @property
    def is_shared(self) -> bool:
        """Whether a caller has the memory of the values."""
        return self._shared

    def values(self, steps: slice) -> Array:
        """Return the values of some time steps."""
        if self._values is not None:
            return self._values[steps]
        if self.amplitude.size > 1:
            return self.flags[steps].astype(self.dtype) * self.amplitude
        from .engine.events import as_numbers

        return as_numbers(np.ascontiguousarray(self.flags[steps]), self.amplitude.reshape(()), self.backend)

    def ones(self, steps: slice) -> Array | None:
        """Return some time steps as bytes or bools that are 0 or 1, if all spikes have one amplitude."""
        bytes_count = self.flags.dtype.itemsize == 1 and not self.is_shared
        return self.flags[steps] if bytes_count and self.amplitude.size == 1 else None

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        shape: tuple[int, ...] = self.flags.shape
        return shape

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        return self.amplitude.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.flags.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.flags.size

    @property
    def events(self) -> Any:
        """Positions of the spikes: :class:`snn.engine.events.Events` of the rows ``[T * N * ..., features]``."""
        if not self._lists:
            from .engine.events import find_events

            self._lists.append(find_events(self.flags, None, self.backend))
        return self._lists[0]

    def amplitudes(self) -> Array:
        """Return the amplitude for each column of the last axis, of spikes from :func:`as_spikes`."""
        found = in_each_row(self.amplitude, self.shape[-1:])
        assert found is not None
        return np.ascontiguousarray(found)

    def packed_sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Sum spikes by counting them, for ``ops.sum``: an array."""
        axes = tuple(range(self.ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, self.ndim)
        if self.is_shared or self.flags is self._values:
            return added(np.sum, self.array, tuple(axes), keepdims=keepdims)
        if self.amplitude.size > 1:
            over = self.ndim - self.amplitude.ndim
            if any(a >= over for a in axes):
                return added(np.sum, self.array, tuple(axes), keepdims=keepdims)
        if len(axes) == self.ndim:
            count: Any = np.count_nonzero(self.flags)
            counted: Any = np.full((1,) * self.ndim if keepdims else (), count)
        else:
            most = np.min_scalar_type(math.prod(self.shape[a] for a in axes))  # the fewer bytes, the faster
            counted = self.flags.sum(axes, most, keepdims=keepdims)
        amplitude = self.amplitude.reshape(()) if self.amplitude.size == 1 else self.amplitude
        wide = counted.astype(sum_dtype(self.dtype)) * amplitude.astype(sum_dtype(self.dtype))
        return wide.astype(self.dtype, copy=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by value."""
        return Tensor, (self.array,)


def as_spikes(x: Tensor, backend: BackEnd) -> Spikes | None:
    """Return a Tensor as Spikes if its nonzero elements all have one value, else None; a sample rules out most Tensors.

    Spikes may also have an amplitude for each column of the last axis.
    """
    if isinstance(x, Spikes) and not x.is_shared:
        return x if in_each_row(x.amplitude, x.shape[-1:]) is not None else None
    array = x.array
    if array.ndim < 2 or not array.size or not array.flags.c_contiguous:
        return None
    flat = array.reshape(-1)
    some = flat[:: max(1, flat.size // tuning.now().sampled_values)]
    values = some[some != 0]
    if not values.size:
        values = flat[flat != 0][:1]
    if not values.size or not np.isfinite(values[0]) or (values != values[0]).any():
        return None
    from .engine.events import find_events

    events = find_events(array, values[0], backend)
    return None if events is None else _Input(x, values[0], events, backend)


def reshaped(x: Tensor, shape: tuple[int, ...], backend: BackEnd) -> Spikes | None:
    """Return a Tensor in another shape as Spikes of one amplitude; None if its elements are not such spikes."""
    if isinstance(x, Spikes) and not x.is_shared:
        return Spikes(x.flags.reshape(shape), x.amplitude, backend) if x.amplitude.size == 1 else None
    return as_spikes(Tensor.wrap(x.array.reshape(shape)), backend) if x.array.flags.c_contiguous else None


class _Input(Spikes):
    """Spikes given as an array."""

    __slots__ = ()

    def __init__(self, given: Tensor, amplitude: Any, events: Any, backend: BackEnd) -> None:
        super().__init__(given.array, np.asarray(amplitude), backend, given.node)
        self._values, self._lists = given.array, [events]

    def ones(self, steps: slice) -> Array | None:
        """Return some time steps as bools, if they were given as bools."""
        return self.flags[steps] if self.flags.dtype == np.bool_ else None

    def values(self, steps: slice) -> Array:
        """Return the values of some time steps."""
        return self.flags[steps]
