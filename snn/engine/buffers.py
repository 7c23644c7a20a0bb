"""Large arrays that are used again: the system hands out new memory page by page, and clears each first."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

__all__ = ["KEPT", "LARGE", "empty"]

Array = np.ndarray[Any, np.dtype[Any]]
LARGE = 1 << 20  # bytes from which an array is worth keeping
KEPT = 1 << 28  # bytes that may lie idle
_owners: list[Array] = []
_lock = threading.Lock()


def _idle(owner: Array) -> bool:
    return sys.getrefcount(owner) <= 4  # the list, the loop's name, this argument, getrefcount's: no array looks into it


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array of a shape and dtype with anything in it, as ``numpy.empty`` does.

    Its memory is used again once nothing refers to it or to a part of it.
    """
    dtype = np.dtype(dtype)
    size = dtype.itemsize
    for n in shape:
        size *= n
    if not LARGE <= size <= KEPT:
        return np.empty(shape, dtype)
    with _lock:
        best, idle = None, 0
        for owner in _owners:
            if _idle(owner):
                idle += owner.nbytes
                if size <= owner.nbytes <= 2 * size and (best is None or owner.nbytes < best.nbytes):
                    best = owner
        if best is None:
            if idle > KEPT:
                _owners[:] = [owner for owner in _owners if not _idle(owner)]
            best = np.empty(size, np.uint8)
            _owners.append(best)
        array: Array = best[:size].view(dtype).reshape(shape)
        return array
