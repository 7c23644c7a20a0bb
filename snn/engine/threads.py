"""Run a loop over ranges of elements on all cores. Each range is its own, so the bits do not depend on how many there are."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Any

import numpy as np

from autograd.errors import CompileError

from .cache import forget

__all__ = ["launch", "thread_count"]

BLOCK = 512
_SMALL = 1 << 19  # elements times steps below which handing out costs more than it saves
_pool: ThreadPoolExecutor | None = None
_ready: set[Any] = set()


def thread_count() -> int:
    """Return the number of threads: ``$SPIKECELL_THREADS``, or as many as this process may use."""
    return int(os.environ.get("SPIKECELL_THREADS") or len(os.sched_getaffinity(0)))


def launch(function: Any, n: int, order: Any, arguments: list[Any]) -> None:
    """Call ``function(lo, hi, block, order, n, *arguments)`` for ranges that make up 0 to n."""
    block, size = np.uint64(BLOCK), np.uint64(n)
    blocks = -(-n // BLOCK)
    threads = min(thread_count(), blocks)
    key = (function, *(a.dtype for a in arguments))
    if threads < 2 or n * len(order) < _SMALL or key not in _ready:
        if key in _ready:
            function(np.uint64(0), size, block, order, size, *arguments)
        else:
            _first_call(function, (np.uint64(0), size, block, order, size, *arguments))
            _ready.add(key)
        return
    ends = [min(n, BLOCK * (blocks * i // threads)) for i in range(threads)] + [n]
    jobs = [
        _workers().submit(function, np.uint64(lo), np.uint64(hi), block, order, size, *arguments) for lo, hi in pairwise(ends)
    ]
    wait(jobs)
    for job in jobs:
        job.result()


def _first_call(function: Any, arguments: tuple[Any, ...]) -> None:
    """Compile and run; what numba cannot compile is a CompileError, and what it has stored in vain is made again."""
    from numba.core.errors import NumbaError

    try:
        try:
            function(*arguments)
        except (EOFError, pickle.UnpicklingError):
            forget(function)
            function.recompile()
            function(*arguments)
    except NumbaError as error:
        raise CompileError(
            f"numba, {function.__module__}", "a loop that it can compile", str(error).strip().splitlines()[-1],
            "Please report the neuron; mode='eager' runs it.",
        ) from error  # fmt: skip


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="spikecell")
    return _pool


def _after_fork() -> None:
    global _pool
    _pool = None  # threads do not survive a fork


os.register_at_fork(after_in_child=_after_fork)
