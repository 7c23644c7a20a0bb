"""Matrix products on our threads, with the BLAS on one in each: its own threads would wait busily for the next product."""

from __future__ import annotations

import ctypes
import functools
from _thread import RLock, start_new_thread
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from . import tuning
from .system import after_fork
from .threads import holding, is_held, run_all

__all__ = ["in_parts", "one_thread_each", "product"]

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")
_lock = RLock()
_inside: set[object] = set()  # who wants the BLAS on one thread
_before: list[tuple[_Library, int]] = []  # what each library had


class _Library(NamedTuple):
    """How to ask a BLAS for its number of threads, and to set it; whether that holds for the calling thread alone."""

    get: Callable[[], int]
    set: Callable[[int], Any]
    local: bool


@functools.cache
def _libraries() -> list[_Library]:
    import threadpoolctl

    found = [library for library in threadpoolctl.ThreadpoolController().lib_controllers if library.user_api == "blas"]
    ours = [library for library in found if "numpy" in library.filepath] or found  # scipy may bring one of its own
    return [_library(library) for library in ours]


def _library(controller: Any) -> _Library:
    """Return a library that threadpoolctl knows; OpenBLAS is asked directly.

    threadpoolctl lets only the first thread that sets OpenBLAS's number set it again, and passes over others in silence.
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
    """Return what a function returns, called while the BLAS uses one thread for each of ours that calls it.

    What the BLAS used before comes back with the last to leave, also after a KeyboardInterrupt: none can come before the first
    step of a ``finally`` if that is a call into C.
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
    """Have the BLAS on one thread if somebody is inside, and as it was otherwise. Interrupted, it can be done again."""
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
    """Return what a function returns, called while each BLAS whose number is the thread's own uses one thread."""
    for library in _libraries():
        if library.local and (number := library.get()) > 1:
            try:
                library.set(1)
                return _alone(function)
            finally:
                library.set(number)
    return function()


def product(a: Array, b: Array, out: Array) -> Array:
    """Write ``a @ b``, in parts that depend on the shapes alone, so that the bits do not depend on the number of threads.

    It is to be called inside of :func:`one_thread_each`.
    """
    rows, columns = out.shape
    limits = tuning.now()
    parts = max(1, min(limits.product_parts, rows * columns * a.shape[1] // limits.product_part, max(rows, columns) // 64))
    if parts == 1:
        np.matmul(a, b, out=out)
        return out
    if rows >= columns:
        cuts = [slice(rows * k // parts, rows * (k + 1) // parts) for k in range(parts)]
        calls = [functools.partial(np.matmul, a[s], b, out=out[s]) for s in cuts]
    else:
        cuts = [slice(columns * k // parts, columns * (k + 1) // parts) for k in range(parts)]
        calls = [functools.partial(np.matmul, a, b[:, s], out=out[:, s]) for s in cuts]
    run_all([functools.partial(_alone, call) for call in calls])
    return out


def in_parts(rows: int, function: Callable[[slice], Any]) -> None:
    """Call a function of products for parts of some rows, which depend on their number alone, on our threads.

    It is to be called inside of :func:`one_thread_each`.
    """
    parts = max(1, min(tuning.now().product_parts, rows))
    cuts = [slice(rows * k // parts, rows * (k + 1) // parts) for k in range(parts)]
    run_all([functools.partial(_alone, functools.partial(function, cut)) for cut in cuts])


def _after_fork() -> None:
    global _lock
    _lock = RLock()
    _inside.clear()
    _settle()


after_fork(_after_fork)
