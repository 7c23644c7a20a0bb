"""Runs on a cluster of Dask, given by the address of its scheduler."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograd.errors import ArgumentError, MissingExtraError

from .local import importable
from .manifest import ROOT

__all__ = ["Cluster"]

_LOOK = 0.2  # seconds between two looks whether to stop


class Cluster:
    """The workers of a scheduler, which see the directory of the sweep and this code under the same paths.

    Parameters
    ----------
    address : str
        Such as ``tcp://10.0.0.1:8786``.
    stop : Path
        A file in the directory of the sweep: while it is there, runs save where they are and end.

    Raises
    ------
    MissingExtraError
        If Dask is not installed.
    ArgumentError
        If nobody answers at the address.
    """

    def __init__(self, address: str, stop: Path) -> None:
        try:
            import distributed
        except ModuleNotFoundError as error:
            raise MissingExtraError("distributed", "dask", "python -m experiments sweep --dask") from error
        try:
            client: Any = distributed.Client
            self._client = client(address, timeout="10s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise ArgumentError(
                "sweep, --dask", "the address of a scheduler that answers", f"{address} ({error})",
                "Start one with: dask scheduler. It prints its address.",
            ) from error  # fmt: skip
        self._dead: type[Exception] = distributed.KilledWorker
        self._stop = stop.resolve()
        self._stop.unlink(missing_ok=True)

    def run(self, new: Sequence[str], again: Sequence[str], place: Path) -> int:
        """Run a command on some worker, and once more on another one if that dies; return its exit status.

        Parameters
        ----------
        new : sequence of str
            The command, whose first word is replaced by the worker's Python.
        again : sequence of str
            What goes on with the run directory behind it, if there is one in ``place``.
        place : Path
            Directory of the trial.

        Returns
        -------
        int
            As for a process: minus the number of the signal that has ended it. -9 too, if one worker after another has died.
        """
        future = self._client.submit(
            _carry, list(new), list(again), str(place.resolve()), importable(), str(self._stop),
            str(ROOT / "experiments" / "leash.py"), pure=False,
        )  # fmt: skip
        try:
            return int(future.result())
        except self._dead:
            return -9

    def interrupt(self) -> None:
        """Let runs save where they are and end."""
        self._stop.touch()

    def close(self) -> None:
        """Leave the cluster."""
        with contextlib.suppress(OSError):
            self._stop.unlink(missing_ok=True)
        self._client.close()


def _carry(new: list[str], again: list[str], place: str, environment: dict[str, str], stop: str, leash: str) -> int:
    """On a worker: run a command that ends with the worker, or goes on with the run which is there."""
    begun = sorted(Path(place).glob("*/*/config.json"))
    command = [*again, str(begun[0].parent)] if begun else new
    with (Path(place) / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, leash, sys.executable, *command[1:]], stdin=subprocess.PIPE, stdout=output, stderr=output,
            env=os.environ | environment, start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None
    asked = False
    while process.poll() is None:
        time.sleep(_LOOK)
        if not asked and Path(stop).exists():
            asked = True
            with contextlib.suppress(OSError):
                process.stdin.write(b"i")
                process.stdin.flush()
    process.stdin.close()
    return process.returncode
