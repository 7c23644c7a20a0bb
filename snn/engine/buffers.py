"""Reuse of large arrays: the system hands out new memory page by page, and clears each page first."""

from __future__ import annotations

import functools
import math
import weakref
from _thread import RLock
from collections import deque
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array

from . import tuning
from .system import after_fork
from .threads import holding, is_held

__all__ = ["Buffer", "aligned", "clear", "empty", "nothing"]


class _Lease:
    """Memory in use: it is the base of all arrays made of it, and of their parts and views."""

    __slots__ = ("__array_interface__", "__weakref__", "memory")

    def __init__(self, memory: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.memory = memory
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": dtype.str, "data": (memory.ctypes.data, False)}


class _Loan(weakref.ref[_Lease]):
    """The pool's side of a lease; the memory comes back when no reference to the lease is left."""

    __slots__ = ("memory",)
    memory: Array


_lock = RLock()
_loans: set[_Loan] = set()
_returned: deque[_Loan] = deque()  # filled by the garbage collector, at any time and in any thread, without a Python call
_idle: dict[int, Array] = {}


def aligned(size: int, dtype: Any) -> Array:
    """Return an uninitialised flat array whose vectors lie in one cache line each."""
    dtype = np.dtype(dtype)
    room = empty((size + 64 // dtype.itemsize,), dtype)
    first = -room.ctypes.data % 64 // dtype.itemsize
    return room[first : first + size]


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an uninitialised array of a shape and dtype, as ``numpy.empty`` does.

    Its memory is reused once nothing refers to it or to a part of it.
    """
    dtype = np.dtype(dtype)
    size = dtype.itemsize
    for n in shape:
        size *= n
    limits = tuning.now()
    if not limits.reused_bytes <= size <= limits.idle_bytes or is_held(_lock):
        return np.empty(shape, dtype)

    def lend() -> Array:
        _collect()
        memory = _fitting(size)
        if memory is None:
            idle, lent = sum(m.nbytes for m in _idle.values()), sum(loan.memory.nbytes for loan in _loans)
            if idle > limits.idle_bytes or idle + lent + size > limits.reusable_bytes:
                _idle.clear()
            if lent + size > limits.reusable_bytes:
                return np.empty(shape, dtype)
            memory = np.empty(size, np.uint8)
        lease = _Lease(memory, shape, dtype)
        loan = _Loan(lease, _returned.append)
        loan.memory = memory
        _loans.add(loan)
        return np.asarray(lease)

    return holding(_lock, lend)


class Buffer(NamedTuple):
    """Describes an array before it is made; ``again`` if its memory is reused.

    Whoever needs the array makes it from this, and :func:`snn.memory_estimate` adds up the bytes.
    """

    shape: tuple[int, ...]
    dtype: Any
    again: bool = True

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * int(np.dtype(self.dtype).itemsize)

    def empty(self) -> Array:
        """Make the array, without values."""
        return empty(self.shape, self.dtype) if self.again else np.empty(self.shape, self.dtype)


@functools.lru_cache(256)
def nothing(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return read-only zeros of a shape and dtype that take no memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def clear() -> None:
    """Release all idle memory."""

    def let_go() -> None:
        _collect()
        _idle.clear()

    if not is_held(_lock):
        holding(_lock, let_go)


def _collect() -> None:
    """Move returned memory to the idle pool. Safe to repeat after an interrupt: no memory is ever both idle and lent."""
    while _returned:
        loan = _returned[0]
        if loan in _loans:
            _idle[id(loan.memory)] = loan.memory
            _loans.discard(loan)
        _returned.popleft()


def _fitting(size: int) -> Array | None:
    """Take the smallest idle memory of at least this size and at most twice this size."""
    fitting = [m for m in _idle.values() if size <= m.nbytes <= 2 * size]
    return _idle.pop(id(min(fitting, key=attrgetter("nbytes")))) if fitting else None


def _after_fork() -> None:
    global _lock
    _lock = RLock()


after_fork(_after_fork)
