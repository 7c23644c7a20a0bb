"""CIFAR-10, in the version for programs in C: records of bytes, no pickles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.errors import DataError

from .dataset import Dataset, Splits
from .download import Remote, provide
from .files import AGAIN, as_path, reading
from .images import in_unit
from .sources import Arrays, pieces

__all__ = ["cifar10"]

_RECORD = 1 + 3 * 32 * 32
CLASSES = "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
FILE = Remote(
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    gives="cifar-10-batches-bin",
    limit=1 << 30,
)


def cifar10(directory: str | os.PathLike[str], *, download: bool = False) -> Splits:
    """Read CIFAR-10: small photographs of ten kinds of things (Krizhevsky, 2009).

    Parameters
    ----------
    directory : str or path
        Where ``cifar-10-batches-bin`` is; or ``cifar-10-binary.tar.gz``, which is unpacked there.
    download : bool
        Download missing files.

    Returns
    -------
    Splits
        ``train``, 50,000, and ``test``, 10,000: images ``[3, 32, 32]`` float32 in [0, 1], mapped into memory from their files.

    Raises
    ------
    DataError
        If a file is missing, does not hold a whole number of images, or has a label above 9.

    References
    ----------
    A. Krizhevsky: Learning multiple layers of features from tiny images. University of Toronto, 2009.
    """
    base = provide(as_path(directory), FILE, download, "data.cifar10")
    names = {"train": [f"data_batch_{n}.bin" for n in range(1, 6)], "test": ["test_batch.bin"]}
    parts = {}
    for split, files in names.items():
        source = _Records([_records(base / name) for name in files])
        parts[split] = Dataset(source, kind="static", classes=CLASSES, name="cifar10")
    return Splits("cifar10", **parts)


def _records(path: Path) -> Array:
    """Return the records of a file, ``[N, 3073]`` uint8: a label, then red, green and blue, row by row."""
    where = f"reading {path}"
    with reading(where):
        size = os.stat(path).st_size
        if not path.is_file() or size == 0 or size % _RECORD:
            raise DataError(where, f"records of {_RECORD} bytes", f"{size} bytes" if path.is_file() else "no file", AGAIN)
        records: Array = np.memmap(path, np.uint8, "r").reshape(-1, _RECORD)
    if (highest := records[:, 0].max()) >= len(CLASSES):
        raise DataError(where, "labels from 0 to 9", f"{highest}", AGAIN)
    return records


class _Records(Arrays):
    """The records of several files, each mapped into memory."""

    def __init__(self, files: list[Array]) -> None:
        self.files, self.ends = files, np.cumsum([len(file) for file in files])
        labels = np.concatenate([file[:, 0] for file in files]).astype(np.int64)
        super().__init__(labels, labels)

    def stacked(self, places: Any) -> tuple[Array, Array]:
        """Return images and labels at several places."""
        homes = np.searchsorted(self.ends, places, "right")
        starts = np.concatenate([[0], self.ends])[homes]
        rows = [self.files[home][place - start, 1:] for home, place, start in zip(homes, places, starts, strict=True)]
        return in_unit(np.array(rows, np.uint8).reshape(-1, 3, 32, 32)), self.labels()[places]

    def contents(self) -> Iterator[Any]:
        """Return the bytes of the files, which include the labels."""
        for file in self.files:
            yield from pieces(file)
