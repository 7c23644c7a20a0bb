"""Run kernels over ranges of jobs on all cores. Each job owns what it writes: the bits never depend on the cores."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from itertools import pairwise
from operator import attrgetter
from types import FunctionType
from typing import Any

import numpy as np

from autograd.errors import CompileError

from .cache import forget

__all__ = ["launch", "run_all", "thread_count"]

_SMALL = 1 << 18  # elements below which handing out costs more than it saves
_pool: ThreadPoolExecutor | None = None
_ready: set[Any] = set()
_dtype = attrgetter("dtype")


def thread_count() -> int:
    """Return the number of threads: ``$SPIKECELL_THREADS``, or as many as this process may use."""
    return int(os.environ.get("SPIKECELL_THREADS") or len(os.sched_getaffinity(0)))


def launch(function: Any, jobs: int, arguments: list[Any], work: int) -> None:
    """Call ``function(lo, hi, *arguments)`` for ranges that make up 0 to ``jobs``.

    Parameters
    ----------
    function : callable
        A kernel, compiled or plain.
    jobs : int
        Number of jobs.
    arguments : list
        Flat arrays, and numbers as numpy scalars.
    work : int
        Number of elements that all jobs together look at: a little work is not handed out.
    """
    if not isinstance(function, FunctionType):
        key = (function, *map(_dtype, arguments))
        if key not in _ready:
            _compile(function, arguments)
            _ready.add(key)
        if work >= _SMALL and (threads := min(thread_count(), jobs)) > 1:
            ends = [jobs * i // threads for i in range(threads + 1)]
            run_all([partial(function, np.uint64(lo), np.uint64(hi), *arguments) for lo, hi in pairwise(ends)])
            return
    function(np.uint64(0), np.uint64(jobs), *arguments)


def run_all(parts: Sequence[Callable[[], Any]]) -> None:
    """Call all of some functions that let go of the interpreter's lock, on our threads and this one."""
    helpers = min(thread_count(), len(parts)) - 1
    left = iter(parts)

    def work() -> None:
        for part in left:  # whoever is free takes the next
            part()

    running = [_workers().submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        wait(running)
    for job in running:
        job.result()


def _compile(function: Any, arguments: list[Any]) -> None:
    """Compile by doing nothing.

    What numba cannot compile is a CompileError; what it has stored in vain is made again, and what it cannot store is used.
    """
    from numba.core.errors import NumbaError

    nothing = (np.uint64(0), np.uint64(0), *arguments)
    try:
        try:
            function(*nothing)
        except (EOFError, pickle.UnpicklingError):
            forget(function)
            function.recompile()
            function(*nothing)
        except OSError:  # it is compiled, but there is no space to store it
            function(*nothing)
    except (NumbaError, NotImplementedError) as error:
        raise CompileError(
            f"numba, {function.__module__}", "a loop that it can compile", str(error).strip().splitlines()[-1],
            "Please report the neuron; mode='eager' runs it.",
        ) from error  # fmt: skip


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max(1, thread_count() - 1), thread_name_prefix="spikecell")
    return _pool


def _after_fork() -> None:
    global _pool
    _pool = None  # threads do not survive a fork


os.register_at_fork(after_in_child=_after_fork)
