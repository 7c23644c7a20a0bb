"""What operating systems do each in their own way, with an answer where one does not know the question."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["after_fork", "before_fork", "cores", "is_mine"]


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on; it knows PYTHON_CPU_COUNT too
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # neither macOS nor Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def after_fork(function: Callable[[], None]) -> None:
    """Have a function called in each child that is forked: threads do not come along, and locks as they happened to be."""
    if hasattr(os, "register_at_fork"):  # where it is not, nothing forks
        os.register_at_fork(after_in_child=function)


def before_fork(function: Callable[[], None]) -> None:
    """Have a function called before each fork, in the thread that forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=function)


def is_mine(status: os.stat_result) -> bool | None:
    """Tell whether a file or directory belongs to this user; None where files have no owner by number, as on Windows."""
    return status.st_uid == os.geteuid() if hasattr(os, "geteuid") else None
