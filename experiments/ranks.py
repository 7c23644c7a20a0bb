"""Runs shared by several processes over MPI: ``mpiexec -n 2 python -m mpi4py -m experiments NAME --ranks 2``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import snn
from autograd.errors import ArgumentError

from .harness import RunDirectory

__all__ = ["begin", "command", "shared"]

_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")  # set by MPICH and its relatives, and by Open MPI


def command(ranks: int, rest: str) -> str:
    """Return the command line of an experiment on a number of ranks."""
    start = f"mpiexec -n {ranks} python -m mpi4py -m" if ranks > 1 else "python -m"
    return f"{start} experiments {rest}"


def begin(config: Any, rest: str) -> snn.train.Ranks | None:
    """Return the ranks of a run, None if it has one.

    Parameters
    ----------
    config : Options
        Options of the run.
    rest : str
        The command line after ``experiments``, for messages.

    Raises
    ------
    ArgumentError
        If another number of processes was started.
    MissingExtraError
        If mpi4py is not installed.
    """
    wanted = getattr(config, "ranks", 1)
    if wanted == 1:
        started = next((int(os.environ[name]) for name in _SIZES if os.environ.get(name, "").isdigit()), 1)
        if started > 1:
            raise ArgumentError(
                "option --ranks", f"{started}, as many as mpiexec has started",
                "1, with which each would make the same run by itself",
                f"Add --ranks {started} if it trains a network; or leave mpiexec out.",
            )  # fmt: skip
        return None
    ranks = snn.train.Ranks()
    if ranks.size != wanted:
        raise ArgumentError(
            "option --ranks", f"{wanted} ranks, started by mpiexec", f"{ranks.size}", f"Start them: {command(wanted, rest)}"
        )
    return ranks


def shared(ranks: snn.train.Ranks | None, make: Callable[[], RunDirectory]) -> RunDirectory:
    """Return a run directory, which rank 0 alone creates or opens, and writes."""
    if ranks is None:
        return make()
    made: list[RunDirectory] = []

    def first() -> tuple[str, Path]:
        made.append(make())
        return made[0].name, made[0].path

    with ranks.together():
        name, path = ranks.first(first)
    directory = made[0] if made else RunDirectory.of_another(name, path)
    directory.ranks = ranks
    if directory.first:
        again = command(ranks.size, f"{name} --resume {path}")
        print(f"note: {ranks.size} ranks; if one dies, resume with: {again}", file=sys.stderr)
    return directory
