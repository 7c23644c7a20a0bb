"""Runs on a Dask cluster, given by the address of its scheduler."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograd.errors import ArgumentError, MissingExtraError

from .local import Workers, importable
from .manifest import ROOT

__all__ = ["Cluster"]

WAIT = "10s"
"""For a scheduler to answer."""


class Cluster(Workers):
    """The workers of a scheduler, which see the directory of the sweep, this code and this Python under the same paths.

    Parameters
    ----------
    address : str
        For example ``tcp://10.0.0.1:8786``.
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
        client: Any = distributed.Client
        try:
            self._client = client(address, timeout=WAIT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ArgumentError(
                "sweep, --dask", "the address of a scheduler that answers", f"{address} ({error})",
                "Start one with: dask scheduler. It prints its address.",
            ) from error  # fmt: skip
        self._dead: type[Exception] = distributed.KilledWorker
        self._stop = stop.resolve()
        self._stop.unlink(missing_ok=True)

    def run(self, new: Sequence[str], again: Sequence[str], place: Path) -> int:
        """Run a command on some worker, and once more on another one if that dies; -9 if one after another has died."""
        order = {
            "new": list(new), "again": list(again), "place": str(place.resolve()), "stop": str(self._stop),
            "environment": importable(),
        }  # fmt: skip
        # A function that every worker has: nothing of ours is pickled. The pipe ends with the worker.
        command = [sys.executable, str(ROOT / "experiments" / "leash.py"), json.dumps(order)]
        future = self._client.submit(subprocess.call, command, stdin=subprocess.PIPE, start_new_session=True, pure=False)
        try:
            return int(future.result())
        except self._dead:
            return -9

    def interrupt(self) -> None:
        """Let runs save where they are and end."""
        self._stop.touch()

    def close(self) -> None:
        """Leave the cluster."""
        self._stop.unlink(missing_ok=True)
        self._client.close()
