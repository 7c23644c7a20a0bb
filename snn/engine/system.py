"""Differences between operating systems, with a result for systems that lack a feature."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections.abc import Callable, Iterable

__all__ = ["after_fork", "before_fork", "cores", "is_mine", "keep_apart", "use_cores"]


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on; it respects PYTHON_CPU_COUNT
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS or Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def _current_core() -> Callable[[], int] | None:
    """Return a function that returns the core of the calling thread, or None."""
    return getattr(ctypes.PyDLL(None), "sched_getcpu", None) if hasattr(os, "sched_getaffinity") else None


def keep_apart(threads: Iterable[int]) -> set[int] | None:
    """Keep other threads off the current core of this thread, so that they wake on another; return the cores it may use.

    A scheduler may wake a thread on the core of the thread that wakes it, and leave it there for many milliseconds: where
    cores share no cache, or where it packs threads on few cores. The threads call :func:`use_cores` once they are awake, so
    that they can move again.

    Parameters
    ----------
    threads : iterable of int
        Native identifiers.
    """
    current = _current_core()
    if current is None:
        return None
    cores = os.sched_getaffinity(0)
    others = cores - {current()}
    try:
        for thread in threads if others else ():
            os.sched_setaffinity(thread, others)
    except OSError:  # not permitted
        return None
    return cores


def use_cores(cores: set[int] | None) -> None:
    """Let this thread use these cores, if any are given."""
    if cores:
        with contextlib.suppress(OSError):  # they may be gone
            os.sched_setaffinity(0, cores)


def after_fork(function: Callable[[], None]) -> None:
    """Call a function in each forked child: it inherits no threads, and locks in an arbitrary state."""
    if hasattr(os, "register_at_fork"):  # without it, the system has no forks
        os.register_at_fork(after_in_child=function)


def before_fork(function: Callable[[], None]) -> None:
    """Call a function before each fork, in the forking thread."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=function)


def is_mine(status: os.stat_result) -> bool | None:
    """Return whether a file or directory belongs to this user; None if files have no numeric owner, as on Windows."""
    return status.st_uid == os.geteuid() if hasattr(os, "geteuid") else None
