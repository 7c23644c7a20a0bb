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
    """Executes the runs of a sweep."""

    def run(self, new: Sequence[str], again: Sequence[str], place: Path) -> int:
        """Run a command; return its exit status, or minus the number of the signal that ended it.

        Parameters
        ----------
        new : sequence of str
            The command.
        again : sequence of str
            The command to use instead if there is a run directory, which is appended to it.
        place : Path
            Directory of the trial; its output goes to ``output.txt``.
        """
        raise NotImplementedError

    def interrupt(self) -> None:
        """Start no further run, and let the running ones save their state."""
        raise NotImplementedError

    def close(self) -> None:
        """Release all resources."""


class Local(Workers):
    """Processes on this machine, with threads to fit its processor.

    Parameters
    ----------
    workers : int
        Number of simultaneous processes.
    handle : int, optional
        The lock of a sweep, which they hold too while they run.
    """

    def __init__(self, workers: int, handle: int | None) -> None:
        self._handles = () if handle is None else (handle,)
        each = str(max(1, (os.cpu_count() or 1) // workers))
        self._environment = dict.fromkeys(_THREADS, each) | os.environ | importable()
        self._lock, self._running, self._stop = threading.Lock(), set[subprocess.Popen[bytes]](), False

    def run(self, new: Sequence[str], again: Sequence[str], place: Path) -> int:
        """Run a command in a new process."""
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
        """Start no further run, and let the running ones save their state."""
        with self._lock:
            self._stop = True
            for process in self._running:
                process.send_signal(signal.SIGINT)


def begun(place: Path) -> list[Path]:
    """Return the run directories of a trial."""
    return [path.parent for path in sorted(place.glob("*/*/config.json"))]


def importable() -> dict[str, str]:
    """Return the variables of the environment by which a process finds this code."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))}
