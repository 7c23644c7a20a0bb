"""One contender in its own process: it answers each line of JSON with a line of JSON.

``build`` makes the workload and warms up. ``run`` does one repetition and answers with its seconds. ``facts`` answers with
facts about the results. ``first`` builds and does one iteration without warming up. ``memory`` does the same and answers
with the memory added; if ``loaded``, after a tiny iteration, which excludes the memory of code that is loaded on first use.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .work import UnsupportedError, Work

__all__ = ["Job", "main"]

SHORT = 0.5  # seconds: before a shorter repetition, one that is not timed fills the caches
ACCURACY_AFTER = 3  # epochs


class Job:
    """The job of one contender.

    Parameters
    ----------
    name : str
        A module of :mod:`benchmarks.peers`.
    work : Work
        The workload.
    """

    def __init__(self, name: str, work: Work) -> None:
        self.name, self.work = name, work
        self.module = importlib.import_module(f"benchmarks.peers.{name}")
        self.contender = self.module.Contender(work)
        self.facts: dict[str, Any] = {}
        self.epoch = self.step = 0

    def warm(self) -> None:
        """Collect the facts, and do once or twice everything that is slow only at first."""
        self.facts |= self.contender.facts()
        if self.work.epochs_of_images:
            if self.work.fresh:
                self._train(1)
                self.contender.reset()
            else:
                self.run()
            return
        for _ in range(2):
            last = self._timed(self.contender.iteration)
        self.short = last < SHORT

    def run(self) -> float:
        """Do one repetition; return its seconds."""
        if not self.work.epochs_of_images:
            if self.short:
                self.contender.iteration()
            return self._timed(self.contender.iteration)
        if self.work.fresh:
            self.contender.reset()
            self.epoch = self.step = 0
        seconds = self._timed(lambda: self._train(self.work.epochs))
        if self.work.fresh or self.epoch == ACCURACY_AFTER:
            self._test()
        return seconds

    def _train(self, epochs: int) -> None:
        for _ in range(epochs):
            for images, labels in self.work.batches(self.epoch):
                self.contender.train(images, labels, self.work.rate(self.step))
                self.step += 1
            self.epoch += 1

    def _test(self) -> None:
        _, _, images, labels = self.work.images()
        parts = np.array_split(images, -(-len(images) // self.work.batch))
        guesses = np.concatenate([np.asarray(self.contender.scores(part)).argmax(-1) for part in parts])
        self.facts["accuracy"] = float((guesses == labels).mean())

    @staticmethod
    def _timed(fn: Callable[[], Any]) -> float:
        start = time.perf_counter()
        fn()
        return time.perf_counter() - start

    def versions(self) -> dict[str, str]:
        """Return the versions of the contender's packages."""
        found = {}
        for package in ("numpy", *self.module.Contender.packages):
            with suppress(metadata.PackageNotFoundError):  # ours may run from its sources
                found[package] = metadata.version(package)
        return found


class Memory:
    """Resident memory of this process, in bytes."""

    def __init__(self) -> None:
        if not Path("/proc/self/status").exists():
            raise UnsupportedError("the system has no /proc to measure memory with")
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak
            self.resets = True
        except OSError:
            self.resets = False
        self.before = self._status("VmRSS")

    def added(self) -> int:
        """Return the bytes by which the peak exceeds the memory at the start."""
        if self.resets:
            return self._status("VmHWM") - self.before
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self.before

    @staticmethod
    def _status(key: str) -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


def _answer(jobs: list[Job], name: str, command: dict[str, Any]) -> dict[str, Any]:
    do = command["do"]
    if do == "run":
        return {"seconds": jobs[-1].run()}
    if do == "facts":
        return {"facts": jobs[-1].facts, "versions": jobs[-1].versions(), "note": jobs[-1].module.Contender.note}
    work = Work.from_json(command["work"])
    if do == "memory" and command["loaded"]:
        Job(name, work.first()).contender.iteration()
    job = Job(name, work)
    if do == "build":
        jobs[:] = [job]
        job.warm()
        return {}
    if do == "first":
        return {"seconds": job._timed(job.contender.iteration)}
    memory = Memory()
    seconds = job._timed(job.contender.iteration)
    added = memory.added()
    again = job._timed(job.contender.iteration)
    return {"bytes": added, "seconds": seconds, "again": again, "estimate": job.contender.memory_estimate()}


def main() -> None:
    """Answer until the input ends."""
    name = sys.argv[1]
    # Output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    jobs: list[Job] = []
    for line in sys.stdin:
        try:
            answer = _answer(jobs, name, json.loads(line))
        except ModuleNotFoundError as error:
            answer = {"reason": f"not installed: {error.name}"}
        except UnsupportedError as error:
            answer = {"reason": str(error)}
        except Exception as error:
            text = " ".join(str(error).split())
            answer = {"reason": f"{type(error).__name__}: {text[:200]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
