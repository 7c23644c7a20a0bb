"""Runs in processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from .manifest import ROOT

__all__ = ["Local", "Workers", "begun", "importable"]

_THREADS = ("SPIKECELL_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Workers:
    """What makes the runs of a sweep."""

    def run(self, new: Sequence[str], again: Sequence[str], place: Path) -> int:
        """Run a command and return its exit status, minus a signal that has ended it.

        Parameters
        ----------
        new : sequence of str
            The command.
        again : sequence of str
            The command that goes on with the run directory that is put behind it, if there is one.
        place : Path
            Directory of the trial; its output goes to ``output.txt``.
        """
        raise NotImplementedError

    def interrupt(self) -> None:
        """Begin no other run, and let those under way save where they are."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave nothing."""


class Local(Workers):
    """Processes beside this one, whose threads fit the processor.

    Parameters
    ----------
    workers : int
        How many there will be at a time.
    handle : int, optional
        The lock of a sweep, which they hold too as long as they run.
    """

    def __init__(self, workers: int, handle: int | None) -> None:
        self._handles = () if handle is None else (handle,)
        each = str(max(1, (os.cpu_count() or 1) // workers))
        self._environment = dict.fromkeys(_THREADS, each) | os.environ | importable()
        self._lock, self._running, self._stop = threading.Lock(), set[subprocess.Popen[bytes]](), False

    def run(self, new: Sequence[str], again: Sequence[str], place: Path) -> int:
        """Run a command in a process of its own."""
        there = begun(place)
        command = [*again, str(there[0])] if there else new
        with (place / "output.txt").open("ab") as output:
            with self._lock:
                if self._stop:
                    return -signal.SIGINT
                process = subprocess.Popen(
                    command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=self._environment,
                    start_new_session=True, pass_fds=self._handles,
                )  # fmt: skip
                self._running.add(process)
            code = process.wait()
            with self._lock:
                self._running.discard(process)
        return code

    def interrupt(self) -> None:
        """Begin no other run, and let those under way save where they are."""
        with self._lock:
            self._stop = True
            for process in self._running:
                process.send_signal(signal.SIGINT)


def begun(place: Path) -> list[Path]:
    """Return the run directories of a trial."""
    return [path.parent for path in sorted(place.glob("*/*/config.json"))]


def importable() -> dict[str, str]:
    """Return what a process needs in its environment to find this code."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))}
