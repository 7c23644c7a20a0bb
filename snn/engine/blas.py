"""Matrix products on our threads, with one BLAS thread in each: idle BLAS threads would spin until the next product."""

from __future__ import annotations

import ctypes
import functools
from _thread import RLock, start_new_thread
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from autograd.dtypes import Array

from . import tuning
from .system import after_fork
from .threads import holding, is_held, run_all

__all__ = ["in_parts", "one_thread_each", "product"]

T = TypeVar("T")
_lock = RLock()
_inside: set[object] = set()  # callers that need the BLAS on one thread
_before: list[tuple[_Library, int]] = []  # the number of threads that each library had


class _Library(NamedTuple):
    """Functions that get and set the number of threads of a BLAS; ``local`` if it applies to the calling thread only."""

    get: Callable[[], int]
    set: Callable[[int], Any]
    local: bool


@functools.cache
def _libraries() -> list[_Library]:
    import threadpoolctl

    found = [library for library in threadpoolctl.ThreadpoolController().lib_controllers if library.user_api == "blas"]
    ours = [library for library in found if "numpy" in library.filepath] or found  # scipy may bring its own
    return [_library(library) for library in ours]


def _library(controller: Any) -> _Library:
    """Return access to a library that threadpoolctl found; OpenBLAS is called directly.

    In threadpoolctl, only the first thread that sets OpenBLAS's number can set it again; others are ignored without an error.
    """
    local = getattr(controller, "threading_layer", "") == "openmp"
    if controller.internal_api == "openblas":
        library = ctypes.CDLL(controller.filepath)
        for prefix in ("", "scipy_"):
            for suffix in ("", "64_", "_64"):
                get, set = (getattr(library, f"{prefix}openblas_{do}_num_threads{suffix}", None) for do in ("get", "set"))
                if get is not None and set is not None:
                    return _Library(get, set, local)
    return _Library(controller.get_num_threads, controller.set_num_threads, local)


def one_thread_each(function: Callable[[], T]) -> T:
    """Call a function while the BLAS uses one thread in each of our threads; return its result.

    The last caller to leave restores the former number, even after a KeyboardInterrupt: no interrupt can come before the first
    step of a ``finally`` if this step is a call into C.
    """
    me = object()
    try:
        _inside.add(me)
        _settle()
        return _alone(function)
    finally:
        try:
            _inside.discard(me)
        finally:
            try:
                _settle()
            except BaseException:
                start_new_thread(_settle, ())
                raise


def _settle() -> None:
    """Set the BLAS to one thread while callers are inside, and restore it otherwise. Safe to repeat after an interrupt."""
    if not is_held(_lock):
        holding(_lock, _set)


def _set() -> None:
    global _before
    if _inside:
        _before = _before or [(library, n) for library in _libraries() if not library.local and (n := library.get()) > 1]
        for library, _ in _before:
            if library.get() > 1:
                library.set(1)
    elif _before:
        for library, number in _before:
            library.set(number)
        _before = []


def _alone(function: Callable[[], T]) -> T:
    """Call a function while each BLAS with a number per thread uses one thread; return the result."""
    for library in _libraries():
        if library.local and (number := library.get()) > 1:
            try:
                library.set(1)
                return _alone(function)
            finally:
                library.set(number)
    return function()


def product(a: Array, b: Array, out: Array) -> Array:
    """Write ``a @ b``, in parts that depend on shapes alone, so that the bits do not depend on the number of threads.

    Call it inside :func:`one_thread_each`.
    """
    rows, columns = out.shape
    limits = tuning.now()
    most = max(rows, columns) // limits.product_side
    parts = max(1, min(limits.product_parts, rows * columns * a.shape[1] // limits.product_part, most))
    if parts == 1:
        np.matmul(a, b, out=out)
        return out
    if rows >= columns:
        _each(rows, parts, lambda s: np.matmul(a[s], b, out=out[s]))
    else:
        _each(columns, parts, lambda s: np.matmul(a, b[:, s], out=out[:, s]))
    return out


def in_parts(rows: int, function: Callable[[slice], Any]) -> None:
    """Call a function that computes products on parts of some rows, on our threads; the parts depend on the row count alone.

    Call it inside :func:`one_thread_each`.
    """
    _each(rows, max(1, min(tuning.now().product_parts, rows)), function)


def _each(n: int, parts: int, function: Callable[[slice], Any]) -> None:
    """Call a function on equal parts of n rows or columns, on our threads."""
    cuts = [slice(n * k // parts, n * (k + 1) // parts) for k in range(parts)]
    run_all([functools.partial(_alone, functools.partial(function, cut)) for cut in cuts])


def _after_fork() -> None:
    global _lock
    _lock = RLock()
    _inside.clear()
    _settle()


after_fork(_after_fork)
