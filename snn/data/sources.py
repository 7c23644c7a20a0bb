"""Sources of samples: arrays, files, or a function of a seed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd.dtypes import Array, describe
from autograd.errors import ShapeError

from .events import FIELDS, Events
from .files import reading

__all__ = ["Arrays", "Drawn", "Files", "Source"]

_PIECE = 1 << 20


class Source:
    """Samples by index; a subclass defines ``read``, and ``take`` if reading many at once is faster.

    Parameters
    ----------
    labels : array or None
        Labels of all samples, ``[N, ...]``; None if only reading a sample tells its label, which requires ``length``.
    length : int, optional
        Number of samples.
    """

    def __init__(self, labels: Array | None, length: int | None = None) -> None:
        self._labels = labels
        self._length = len(labels) if labels is not None else length or 0

    def __len__(self) -> int:
        return self._length

    def read(self, place: int) -> tuple[Any, Any]:
        """Return a sample and its label."""
        raise NotImplementedError

    def take(self, places: Iterable[Any]) -> list[tuple[Any, Any]]:
        """Return samples and labels at several places."""
        return [self.read(int(place)) for place in places]

    def stacked(self, places: Array) -> tuple[Array, Array] | None:
        """Return samples and labels at several places as one array each, None if samples are read one by one."""
        return None

    def contents(self) -> Iterator[Any]:
        """Return the bytes of all samples and labels as buffers, for :meth:`snn.data.Dataset.digest`."""
        for place in range(len(self)):
            x, label = self.read(place)
            parts = [getattr(x, name) for name in FIELDS] if isinstance(x, Events) else [x]
            for part in (*parts, label):
                yield from pieces(np.asarray(part))

    def labels(self) -> Array:
        """Return the labels of all samples, reading them if they are not known."""
        if self._labels is None:
            self._labels = np.array([self.read(place)[1] for place in range(len(self))])
        return self._labels

    def label(self, place: int) -> Any:
        """Return the label of a sample: an int if it is a class."""
        label = self.labels()[place]
        return int(label) if np.ndim(label) == 0 and label.dtype.kind in "iu" else label


class Arrays(Source):
    """Samples in memory, or in a file that is mapped into memory.

    Parameters
    ----------
    x : array
        ``[N, ...]``.
    labels : array
        ``[N, ...]``.
    prepare : callable, optional
        Maps some of ``x``, ``[n, ...]``, to the samples ``[n, ...]``.
    """

    def __init__(self, x: Array, labels: Array, prepare: Callable[[Array], Array] | None = None) -> None:
        if len(x) != len(labels):
            raise ShapeError(
                "sources.Arrays", f"a label for each of {len(x)} samples", describe(labels), "Pass one label per sample."
            )
        super().__init__(labels)
        self.x, self.prepare = x, prepare

    def read(self, place: int) -> tuple[Any, Any]:
        """Return a sample and its label."""
        return self.take([place])[0]

    def take(self, places: Iterable[Any]) -> list[tuple[Any, Any]]:
        """Return samples and labels at several places."""
        places = np.asarray(places)
        return list(zip(self.stacked(places)[0], map(self.label, places), strict=True))

    def stacked(self, places: Array) -> tuple[Array, Array]:
        """Return samples and labels at several places as one array each."""
        x, labels = self.x[places], self.labels()[places]
        whole = labels.ndim == 1 and labels.dtype.kind in "iu"
        return x if self.prepare is None else self.prepare(x), labels.astype(np.int64) if whole else labels

    def contents(self) -> Iterator[Any]:
        """Return the bytes of the arrays."""
        yield from pieces(self.x)
        yield from pieces(self.labels())


class Files(Source):
    """Samples in files of their own.

    Parameters
    ----------
    paths : sequence of Path
        One for each sample.
    labels : array
        ``[N]``.
    read_file : callable
        Maps a path to the sample.
    """

    def __init__(self, paths: Sequence[Path], labels: Array, read_file: Callable[[Path], Any]) -> None:
        super().__init__(labels)
        self.paths, self.read_file = paths, read_file

    def read(self, place: int) -> tuple[Any, Any]:
        """Return a sample and its label."""
        return self.read_file(self.paths[place]), self.label(place)

    def contents(self) -> Iterator[Any]:
        """Return the labels and the bytes of the files."""
        yield from pieces(self.labels())
        for path in self.paths:
            yield from file_pieces(path)


class Drawn(Source):
    """Samples that are made on demand, each from its own seed: the same each time.

    Parameters
    ----------
    labels : array
        ``[N, ...]``.
    make : callable
        Maps a label and a generator to the sample.
    rng : numpy.random.Generator
        Source of the seeds.
    """

    def __init__(self, labels: Array, make: Callable[[Any, np.random.Generator], Any], rng: np.random.Generator) -> None:
        super().__init__(labels)
        self.make, self.seeds = make, rng.integers(0, 1 << 63, len(labels))

    def read(self, place: int) -> tuple[Any, Any]:
        """Return a sample and its label."""
        label = self.label(place)
        return self.make(label, np.random.default_rng(self.seeds[place])), label


def pieces(array: Array) -> Iterator[Any]:
    """Return an array as buffers: its dtype and shape, and its bytes."""
    yield f"{array.dtype.str}{array.shape}".encode()
    yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b""


def file_pieces(path: Path) -> Iterator[bytes]:
    """Return the size of a file and then its bytes, in pieces."""
    with reading(f"reading {path}"), open(path, "rb") as file:
        yield f"{os.fstat(file.fileno()).st_size}".encode()
        while piece := file.read(_PIECE):
            yield piece
