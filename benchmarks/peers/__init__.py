"""Contenders: one file each, with a class ``Contender(work)``. Each is imported only in a worker that has its library."""

from __future__ import annotations

import os

__all__ = ["threads"]


def threads() -> int:
    """Return the number of threads of each contender: one per core that it may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
