"""The parent process: it starts one process per contender and asks them in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .peers import threads
from .work import Work

__all__ = ["FailedError", "Result", "Worker", "measure", "processes", "quartiles"]

ROOT = Path(__file__).parents[1]
PAUSE = 0.1  # seconds for the threads of the previous contender to stop spinning and go to sleep
BUDGET = 30.0  # seconds of timed work after which a contender skips the remaining rounds, if it has done LEAST of them
LEAST = 3
LIMIT = 1200.0  # seconds to wait for an answer


class FailedError(Exception):
    """A contender cannot run the workload; the message is the reason."""


@dataclass
class Result:
    """The results of one contender."""

    seconds: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    note: str = ""
    reason: str = ""
    """The reason why there are no times."""


def quartiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return lower quartile, median and upper quartile."""
    if len(seconds) < 2:
        return (seconds[0],) * 3
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, statistics.median(seconds), high


class Worker:
    """The process of a contender.

    Parameters
    ----------
    name : str
        A module of :mod:`benchmarks.peers`.
    env : mapping, optional
        Additional environment variables.

    Raises
    ------
    FailedError
        From :meth:`ask`, if the contender cannot run the workload, ends, or takes too long.
    """

    def __init__(self, name: str, env: Mapping[str, str] | None = None) -> None:
        # Each may use all cores; these variables set the threads of numpy's products and of torch's.
        numbers = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "SPIKECELL_THREADS")
        everywhere = dict.fromkeys(numbers, str(threads())) | {"JAX_PLATFORMS": "cpu"}
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed at the exit
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, encoding="utf-8", cwd=ROOT, env={**os.environ, **everywhere, **(env or {})},
        )  # fmt: skip

    def ask(self, do: str, work: Work | None = None, **options: Any) -> dict[str, Any]:
        """Send a command and return the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        timer = threading.Timer(LIMIT, self.process.kill)
        timer.start()
        try:
            command = {"do": do, **options} | ({} if work is None else {"work": work.to_json()})
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            late = not timer.is_alive()
            timer.cancel()
        if not line:
            raise FailedError(f"no answer within {LIMIT:.0f} s" if late else self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "reason" in answer:
            raise FailedError(answer["reason"])
        return answer

    def _last_words(self) -> str:
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return f"its process ended with {code}" + (f": {lines[-1][:200]}" if lines else "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


@contextmanager
def processes() -> Iterator[dict[str, Worker]]:
    """Yield an empty dict for workers by name; end the workers afterwards."""
    workers: dict[str, Worker] = {}
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.__exit__()


def measure(work: Work, names: Sequence[str], repeats: int, kept: dict[str, Worker] | None = None) -> dict[str, Result]:
    """Time contenders in turn, once per round, so that noise of the machine affects all of them equally.

    Parameters
    ----------
    work : Work
        The workload of all contenders.
    names : sequence of str
        Modules of :mod:`benchmarks.peers`.
    repeats : int
        Number of rounds. A contender that has used up :data:`BUDGET` takes part in fewer.
    kept : dict, optional
        Workers from :func:`processes` to reuse; missing ones are added. By default each worker is new.

    Returns
    -------
    dict
        Results by name.
    """
    results = {name: Result() for name in names}
    with processes() if kept is None else nullcontext(kept) as workers:
        for name in names:
            if name not in workers:
                workers[name] = Worker(name)
            _attempt(results[name], lambda name=name: workers[name].ask("build", work))
        for round_number in range(repeats):
            for name, result in results.items():
                if result.reason or (round_number >= LEAST and sum(result.seconds) > BUDGET):
                    continue
                time.sleep(PAUSE)
                answer = _attempt(result, lambda name=name: workers[name].ask("run"))
                if answer:
                    result.seconds.append(answer["seconds"])
        for name, result in results.items():
            answer = {} if result.reason else _attempt(result, lambda name=name: workers[name].ask("facts"))
            result.facts, result.versions = answer.get("facts", {}), answer.get("versions", {})
            result.note = answer.get("note", "")
    return results


def _attempt(result: Result, ask: Any) -> dict[str, Any]:
    """Return the answer; a failure is the result's reason."""
    try:
        answer: dict[str, Any] = ask()
    except FailedError as failure:
        result.reason, result.seconds = str(failure), []
        return {}
    return answer
