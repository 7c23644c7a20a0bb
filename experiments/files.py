"""Shared by the experiments on published sets: the option ``--data``, small files of their formats for smoke runs, digests."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

import snn
from autograd.errors import ArgumentError

from .training import TrainingOptions

__all__ = ["FileOptions"]


@dataclass(frozen=True, kw_only=True)
class FileOptions(TrainingOptions):
    """Options of an experiment on a set that is read from files.

    A subclass defines how its files are read, and how a smoke run makes small ones.
    """

    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory of the published files; without it a smoke run makes its own small files."""

    of: ClassVar[str] = ""
    """Name of the set."""

    @staticmethod
    def read(directory: Path) -> snn.data.Splits:
        """Return the splits of the set in a directory."""
        raise NotImplementedError  # each experiment has its own

    @staticmethod
    def make_up(directory: Path) -> None:
        """Write a small set in the true format."""
        raise NotImplementedError  # each experiment has its own

    def check(self) -> None:
        """Check the ranks, and read the data."""
        super().check()
        self.splits()

    def splits(self) -> Any:
        """Return the splits; they are read once for all runs of a command.

        Raises
        ------
        ArgumentError
            If no directory was given; a smoke run needs none.
        DataError
            If the files cannot be used.
        """
        if self.data is None and not self.smoke:
            raise ArgumentError(
                "option --data",
                f"the directory of the {self.of} files",
                "none",
                "Pass --data, or try --smoke, which needs no files.",
            )
        kind: Any = type(self)
        return _splits(kind, self.data)

    def digests(self) -> dict[str, str]:
        """Return the sha256 of each split, by :meth:`snn.data.Dataset.digest`."""
        kind: Any = type(self)
        self.splits()
        return dict(_digests(kind, self.data))


@functools.lru_cache(maxsize=1)
def _splits(options: Any, directory: Path | None) -> snn.data.Splits:
    if directory is not None:
        found: snn.data.Splits = options.read(directory)
        return found
    with tempfile.TemporaryDirectory() as place:
        options.make_up(Path(place))
        splits: snn.data.Splits = options.read(Path(place))
        for part in splits.values():
            if part.kind == "events":  # their files are temporary
                part.source = _Kept(part)
    return splits


@functools.lru_cache(maxsize=1)
def _digests(options: Any, directory: Path | None) -> dict[str, str]:
    return {name: part.digest() for name, part in _splits(options, directory).items()}


class _Kept(snn.data.Source):
    """The samples of a whole data set, in memory."""

    def __init__(self, data: snn.data.Dataset) -> None:
        super().__init__(data.labels)
        self.samples = list(data)

    def read(self, place: int) -> tuple[Any, Any]:
        """Return a sample and its label."""
        return self.samples[place]
