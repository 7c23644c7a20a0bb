"""Differences between operating systems, with a result for systems that lack a feature."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["after_fork", "before_fork", "cores", "is_mine"]


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on; it respects PYTHON_CPU_COUNT
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS or Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
