"""Contenders: one file each, with a class ``Contender(work)``. Each is imported only in a worker, where its library is."""

from __future__ import annotations

import os

__all__ = ["threads"]


def threads() -> int:
    """Return how many threads each contender uses: all cores that it may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
