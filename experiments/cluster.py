"""Runs on a Dask cluster, given by the address of its scheduler."""

from __future__ import annotations

import asyncio
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

WAIT = 10.0
"""Seconds to wait for the answer of a scheduler."""


class Cluster(Workers):
    """The workers of a scheduler. They see the directory of the sweep, this code and this Python under the same paths.

    Parameters
    ----------
    address : str
        For example ``tcp://10.0.0.1:8786``.
    stop : Path
        A file in the directory of the sweep: while it exists, runs save their state and end.

    Raises
    ------
    MissingExtraError
        If Dask is not installed.
    ArgumentError
        If no scheduler answers at the address within :data:`WAIT` seconds.
    """

    def __init__(self, address: str, stop: Path) -> None:
        try:
            import distributed
        except ModuleNotFoundError as error:
            raise MissingExtraError("distributed", "dask", "python -m experiments sweep --dask") from error
        self._dead: type[Exception] = distributed.KilledWorker
        self._stop = stop.resolve()
        self._stop.unlink(missing_ok=True)
        print(f"connecting to the Dask scheduler at {address}, for at most {WAIT:g} s", file=sys.stderr, flush=True)
        _check_scheduler(distributed, address)
        client: Any = distributed.Client
        try:
            self._client = client(address, timeout=WAIT, set_as_default=False)
        except (OSError, ValueError) as error:  # it has ended since
            raise _no_scheduler(f"{address} ({error})") from error

    def run(self, new: Sequence[str], again: Sequence[str], place: Path) -> int:
        """Run a command on a worker, and on another one if that dies; return -9 if several have died in turn."""
        order = {
            "new": list(new), "again": list(again), "place": str(place.resolve()), "stop": str(self._stop),
            "environment": importable(),
        }  # fmt: skip
        # A function that every worker has, so no code is sent. The pipe closes when the worker ends.
        command = [sys.executable, str(ROOT / "experiments" / "leash.py"), json.dumps(order)]
        future = self._client.submit(subprocess.call, command, stdin=subprocess.PIPE, start_new_session=True, pure=False)
        try:
            return int(future.result())
        except self._dead:
            return -9

    def interrupt(self) -> None:
        """Let runs save their state and end."""
        self._stop.touch()

    def close(self) -> None:
        """Leave the cluster."""
        try:
            self._client.close()
        finally:
            self._stop.unlink(missing_ok=True)


def _check_scheduler(distributed: Any, address: str) -> None:
    """Check that a scheduler answers: a Client waits without end for a server that accepts connections and says nothing.

    Raises
    ------
    ArgumentError
        If none does.
    """

    async def asked() -> str:
        async with distributed.rpc(address) as server:
            return str((await server.identity()).get("type"))

    async def within() -> str:
        return await asyncio.wait_for(asked(), WAIT)

    try:
        kind = asyncio.run(within())
        got = f"{address}, where a {kind} answers"
    except TimeoutError:
        kind, got = "", f"{address}, where nothing has answered for {WAIT:g} s"
    except (OSError, ValueError, TypeError, AttributeError) as error:  # the last two: an answer of something else
        kind, got = "", f"{address} ({error})"
    if kind != "Scheduler":
        raise _no_scheduler(got)


def _no_scheduler(got: str) -> ArgumentError:
    return ArgumentError(
        "sweep, --dask", "the address of a Dask scheduler, such as tcp://10.0.0.1:8786", got,
        "Start one with `dask scheduler`, which prints its address. Nothing was run.",
    )  # fmt: skip
