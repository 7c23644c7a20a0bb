"""Run kernels over ranges of jobs on all cores. Each job owns the memory it writes, so the bits never depend on the cores.

A KeyboardInterrupt may come between any two steps of the main thread. Its shared state therefore has no lock that Python code
takes or releases, as in :mod:`threading` and :mod:`concurrent.futures`. It uses queues, sets, and locks in C, which
:func:`holding` takes. Work that must not be interrupted runs on another thread.
"""

from __future__ import annotations

import atexit
import functools
import os
import queue
import threading
import time
from _thread import RLock, get_ident, get_native_id, start_new_thread
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from itertools import pairwise
from operator import attrgetter
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from autograd.errors import ArgumentError

from . import tuning
from .system import after_fork, before_fork, cores, keep_apart, use_cores

__all__ = ["holding", "is_held", "launch", "run_all", "thread_count", "undisturbed"]

T = TypeVar("T")
_MOST = 1024
_PATIENCE = 60.0  # seconds
_lock = RLock()
_jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
_hired = 0
_helpers: list[int] = []  # native identifiers of the helping threads
_asked: set[object] = set()  # calls that must run undisturbed
_begun: dict[object, int] = {}  # those that have begun, with their thread
_ready: set[Any] = set()
_dtype = attrgetter("dtype")


def thread_count() -> int:
    """Return the number of threads: ``$SPIKECELL_THREADS``, or every core that this process may use.

    Raises
    ------
    ArgumentError
        If the variable is not a whole number from 1 to 1,024.
    """
    given = os.environ.get("SPIKECELL_THREADS")
    return _number(given) if given else cores()


@functools.lru_cache(16)
def _number(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 6 and 1 <= int(digits) <= _MOST):
        raise ArgumentError(
            "$SPIKECELL_THREADS", f"a whole number from 1 to {_MOST}", repr(text),
            "Set it to the number of threads, or unset it to use every core that the process may use.",
        )  # fmt: skip
    return int(digits)


def launch(function: Any, jobs: int, arguments: list[Any], work: int) -> None:
    """Call ``function(lo, hi, *arguments)`` for ranges that cover 0 to ``jobs``.

    Parameters
    ----------
    function : callable
        A kernel, compiled or plain.
    jobs : int
        Number of jobs.
    arguments : list
        Flat arrays, and numpy scalars.
    work : int
        Number of elements that all jobs process: small work stays on this thread.
    """
    limits = tuning.now()
    if work >= limits.shared_elements and not isinstance(function, FunctionType):
        threads = min(thread_count(), jobs)
        if threads > 1:
            key = (function, *map(_dtype, arguments))
            if key not in _ready:
                function(np.uint64(0), np.uint64(0), *arguments)  # compile it before other threads call it
                _ready.add(key)
            ranges = min(jobs, 2 * threads) if work >= limits.uneven_elements else threads
            ends = [jobs * i // ranges for i in range(ranges + 1)]
            run_all([partial(function, np.uint64(lo), np.uint64(hi), *arguments) for lo, hi in pairwise(ends)])
            return
    function(np.uint64(0), np.uint64(jobs), *arguments)


class _Job:
    """Parts of a job for any free thread, and the threads that are running one."""

    __slots__ = ("bell", "context", "cores", "errors", "inside", "left")

    def __init__(self, parts: Sequence[Callable[[], Any]]) -> None:
        self.left = deque(parts)
        self.inside: set[object] = set()
        self.errors: list[BaseException] = []
        self.bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.context = copy_context()  # includes numpy's errstate
        self.cores: set[int] | None = None

    def work(self) -> None:
        """Run parts until none is left."""
        take = self.left.popleft
        while True:
            try:
                part = take()
            except IndexError:
                return
            part()

    def help(self) -> None:
        """Run parts on one of our threads."""
        me = object()
        self.inside.add(me)
        try:
            use_cores(self.cores)
            self.context.copy().run(self.work)
        except BaseException as error:  # noqa: BLE001, RUF100 - the calling thread raises it
            self.errors.append(error)
        finally:
            self.inside.discard(me)
            self.bell.put(None)

    def settle(self) -> None:
        """Cancel the remaining parts, and wait for those in progress. An interrupt is raised after the wait."""
        self.left.clear()
        interrupt = None
        while self.inside:
            try:
                self.bell.get(timeout=0.1)  # an interrupt may have consumed the ring
            except queue.Empty:
                pass
            except BaseException as error:  # noqa: BLE001, RUF100 - raised below
                interrupt = error
        if interrupt is not None:
            raise interrupt


def run_all(parts: Sequence[Callable[[], Any]]) -> None:
    """Call functions that release the interpreter's lock, on our threads and this one."""
    job = _Job(parts)
    try:
        helpers = _hire(min(thread_count(), len(parts)) - 1)
        if helpers:
            job.cores = keep_apart(_helpers)
        for _ in range(helpers):
            _jobs.put(job)
        job.work()
    finally:
        try:
            job.settle()
        except BaseException:
            job.settle()  # the first call may not have begun
            raise
    if job.errors:
        raise job.errors[0]


def _hire(number: int) -> int:
    """Start this many helping threads, or as many as the system allows; return their number."""

    def hire() -> None:
        global _hired
        while _hired < number:
            try:
                start_new_thread(_serve, (_jobs,))
            except RuntimeError:  # no more threads, or the interpreter is about to end
                break
            _hired += 1

    if _hired < number:
        holding(_lock, hire)
    return min(_hired, number)


def _serve(jobs: queue.SimpleQueue[_Job]) -> None:
    _helpers.append(get_native_id())
    while True:
        jobs.get().help()  # no variable, which would keep the job's arrays alive until the next one


def holding(lock: RLock, function: Callable[[], T]) -> T:
    """Call a function while this thread holds a lock, which is released whatever interrupts it; return the result.

    ``with lock`` may be left without its end: from Python 3.14 on, an interrupt may come after the lock is taken and before
    the block begins. After an interrupt before the lock is taken, the release finds that this thread does not own it.
    """
    try:
        lock.acquire()
        return function()
    finally:
        try:  # noqa: SIM105 - in contextlib.suppress an interrupt could come before its first step
            lock.release()
        except RuntimeError:
            pass


def is_held(lock: Any) -> bool:
    """Return whether this thread holds a lock: if so, a signal handler or finalizer has interrupted its holder."""
    held: bool = lock._is_owned()  # as threading.Condition does
    return held


def undisturbed(function: Callable[[], Any]) -> Any:
    """Call a function where no KeyboardInterrupt reaches it; return its result.

    An interrupt ends the wait; the function runs to its end, unless it had not begun.
    """
    if get_ident() != threading.main_thread().ident:
        return function()
    context, found = copy_context(), queue.SimpleQueue[tuple[Any, BaseException | None]]()

    def run() -> None:
        _begun[found] = get_ident()
        try:
            _asked.remove(found)
            _expect_forks()
            result, error = context.run(function), None
        except BaseException as caught:  # noqa: BLE001, RUF100 - raised below
            result, error = None, caught
        _begun.pop(found, None)
        found.put((result, error))

    _asked.add(found)
    try:
        start_new_thread(run, ())
    except RuntimeError:  # no more threads, or the interpreter is about to end
        run()
    result, error = found.get()
    if error is not None:
        raise error
    return result


def _leave() -> None:
    """Before the process ends, wait for undisturbed calls: LLVM crashes if it is torn down at work."""
    _asked.clear()  # cancel calls that have not begun
    while _begun:
        time.sleep(0.001)


atexit.register(_leave)


@functools.cache
def _expect_forks() -> None:
    """Make forks wait for undisturbed calls: a child would wait forever for the locks they hold.

    Fork handlers run in reverse order of registration. The imports below register the handlers of Python's own
    locks, which the compiler may need, so this handler runs before them. Handlers registered later may take such locks too,
    so the wait has a limit.
    """
    import concurrent.futures.thread  # noqa: F401
    import logging  # noqa: F401

    def wait() -> None:
        me, until = get_ident(), time.monotonic() + _PATIENCE
        while any(thread != me for thread in [*_begun.values()]) and time.monotonic() < until:
            time.sleep(0.001)

    before_fork(wait)


def _after_fork() -> None:
    global _lock, _jobs, _hired
    _lock, _jobs, _hired = RLock(), queue.SimpleQueue(), 0
    _helpers.clear()
    _asked.clear()
    _begun.clear()


after_fork(_after_fork)
