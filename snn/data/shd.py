"""Spiking Heidelberg Digits and Spiking Speech Commands: words as spikes of an artificial cochlea, in HDF5 files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.errors import DataError

from ..common.others import extra, told
from .dataset import Dataset, Splits
from .download import Remote, provide
from .events import Events
from .files import AGAIN, as_path, sensed
from .heap import read_row
from .sources import Source, file_pieces

__all__ = ["shd", "ssc"]

CHANNELS = 700
_LONGEST = 1e6  # seconds
_BASES = "https://zenkelab.org/datasets/{}", "https://compneuro.net/datasets/{}"
_MD5 = {
    "shd_train": "f3252aeb598ac776c1b526422d90eecb", "shd_test": "1503a5064faa34311c398fb0a1ed0a6f",
    "ssc_train": "d102be95e7144fcc0553d1f45ba94170", "ssc_valid": "b4eee3516a4a90dd0c71a6ac23a8ae43",
    "ssc_test": "a35ff1e9cffdd02a20eb850c17c37748",
}  # fmt: skip
FILES = {
    name: Remote(f"{name}.h5.zip", tuple(base.format(f"{name}.h5.zip") for base in _BASES), f"md5:{md5}", gives=f"{name}.h5")
    for name, md5 in _MD5.items()
}
# Errors of readers of broken files; h5py passes on errors of its library as any of these.
_BROKEN = (OSError, KeyError, ValueError, TypeError, RuntimeError, IndexError, AttributeError, OverflowError, MemoryError)


def shd(directory: str | os.PathLike[str], *, download: bool = False) -> Splits:
    """Read the Spiking Heidelberg Digits: spoken digits from 0 to 9 in German and English (Cramer et al., 2022).

    Parameters
    ----------
    directory : str or path
        Where ``shd_train.h5`` and ``shd_test.h5`` are; or their archives ``.h5.zip``, which are unpacked there.
    download : bool
        Download missing files.

    Returns
    -------
    Splits
        ``train``, 8,156, and ``test``, 2,264, in 20 classes: events of about 1 s in 700 channels, shape (700,), read on
        demand. ``train.source.speakers()`` returns the speakers.

    Raises
    ------
    MissingExtraError
        If h5py is not installed.
    DataError
        If a file is missing or cannot be used.

    References
    ----------
    B. Cramer, Y. Stradmann, J. Schemmel, F. Zenke: The Heidelberg spiking data sets for the systematic evaluation of spiking
    neural networks. IEEE Transactions on Neural Networks and Learning Systems 33, 2022.
    """
    return _read("shd", {"train": "shd_train", "test": "shd_test"}, 20, directory, download)


def ssc(directory: str | os.PathLike[str], *, download: bool = False) -> Splits:
    """Read the Spiking Speech Commands: 35 English words by many speakers (Cramer et al., 2022).

    Parameters
    ----------
    directory : str or path
        Where ``ssc_train.h5``, ``ssc_valid.h5`` and ``ssc_test.h5`` are; or their archives ``.h5.zip``, which are unpacked
        there.
    download : bool
        Download missing files.

    Returns
    -------
    Splits
        ``train``, ``validation`` and ``test``, in 35 classes, as :func:`shd`.
    """
    return _read("ssc", {"train": "ssc_train", "validation": "ssc_valid", "test": "ssc_test"}, 35, directory, download)


def _read(name: str, files: dict[str, str], classes: int, directory: Any, download: bool) -> Splits:
    base, parts = as_path(directory), {}
    for split, file in files.items():
        source = _Cochlea(provide(base, FILES[file], download, f"data.{name}"), classes, f"data.{name}")
        parts[split] = Dataset(source, kind="events", classes=source.names, name=name)
    return Splits(name, **parts)


class _Cochlea(Source):
    """Samples of one file: ``spikes/times`` in seconds, ``spikes/units``, ``labels``, ``extra/keys`` and ``extra/speaker``.

    The file is opened for each batch, so that threads and processes share nothing.
    """

    def __init__(self, path: Path, classes: int, where: str) -> None:
        self.path, self.where, self.need = path, f"reading {path}", where
        labels, self.names = self._with(lambda file: (self._whole(file, "labels"), self._names(file, classes)))
        super().__init__(labels.astype(np.int64))
        if labels.ndim != 1 or (len(labels) and not 0 <= labels.min() <= labels.max() < classes):
            raise DataError(self.where, f"labels [N] from 0 to {classes - 1}", f"others, of shape {labels.shape}", AGAIN)

    def _with(self, act: Any) -> Any:
        """Call a function with the open file; if the file is broken, the error names it."""
        h5py = extra("h5py", "data", self.need)
        try:
            with h5py.File(self.path, "r") as file:
                return act(file)
        except _BROKEN as error:
            if isinstance(error, DataError):
                raise
            expected = "an HDF5 file with spikes/times, spikes/units and labels"
            raise DataError(self.where, expected, told(error), AGAIN) from error

    def _node(self, file: Any, name: str) -> Any:
        """Return a data set that lies in this very file."""
        import h5py

        node = file
        for part in name.split("/"):
            if type(node.get(part, getlink=True)) is not h5py.HardLink:
                raise DataError(self.where, f"{name} in the file itself", "a link to elsewhere", AGAIN)
            node = node[part]
        if (
            not isinstance(node, h5py.Dataset)
            or node.external
            or node.is_virtual
            or node.ndim != 1
            or node.dtype.itemsize > 256
        ):
            raise DataError(self.where, f"{name}, an array [N] in the file itself", repr(node)[:80], AGAIN)
        return node

    def _whole(self, file: Any, name: str) -> Array:
        node = self._node(file, name)
        if node.dtype.kind not in "iu" or node.nbytes > 1 << 28:
            raise DataError(self.where, f"{name}, [N] whole numbers", f"{node.shape} {node.dtype}", AGAIN)
        return np.asarray(node[()])

    def _names(self, file: Any, classes: int) -> list[str]:
        """Return the names of the classes, or their numbers if the file has no names."""
        if "extra" not in file or "keys" not in file["extra"]:
            return [str(n) for n in range(classes)]
        import h5py

        node = self._node(file, "extra/keys")
        if node.dtype.kind == "O":
            dtype = np.dtype("u1") if h5py.check_string_dtype(node.dtype) else None
            keys = [self._row(node, place, dtype).tobytes() for place in range(min(classes, len(node)))]
        else:
            keys = list(node[:classes])
        names = [key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key) for key in keys]
        return names if len(names) == classes else [str(n) for n in range(classes)]

    def speakers(self) -> Array:
        """Return the number of the speaker of each sample, ``[N]``."""
        found: Array = self._with(lambda file: self._whole(file, "extra/speaker"))
        return found

    def read(self, place: int) -> tuple[Events, Any]:
        """Return the events of a sample and its label."""
        pair: tuple[Events, Any] = self.take([place])[0]
        return pair

    def take(self, places: Iterable[Any]) -> list[tuple[Any, Any]]:
        """Return events and labels of several samples."""
        found: list[tuple[Any, Any]] = self._with(
            lambda file: [(self._events(file, int(place)), self.label(int(place))) for place in places]
        )
        return found

    def contents(self) -> Iterator[Any]:
        """Return the bytes of the file."""
        return file_pieces(self.path)

    def _row(self, node: Any, place: int, dtype: Any) -> Array:
        """Return a row of values of a type."""
        if dtype is None or node.file.userblock_size or node.file.id.get_create_plist().get_sizes() != (8, 8):
            raise DataError(self.where, f"{node.name} with rows of different length", f"{node.dtype}", AGAIN)
        return read_row(self.path, node, place, dtype, self.where)

    def _events(self, file: Any, place: int) -> Events:
        import h5py

        nodes = [self._node(file, f"spikes/{name}") for name in ("times", "units")]
        if [len(node) for node in nodes] != [len(self)] * 2:
            got = " and ".join(str(len(node)) for node in nodes)
            raise DataError(self.where, f"times and units for each of {len(self)} labels", got, AGAIN)
        times, units = (self._row(node, place, h5py.check_vlen_dtype(node.dtype)) for node in nodes)
        kinds = times.ndim == units.ndim == 1 and times.dtype.kind == "f" and units.dtype.kind in "iu"
        if not kinds or len(times) != len(units):
            got = f"{times.shape} {times.dtype} and {units.shape} {units.dtype}"
            raise DataError(self.where, f"as many times as units in sample {place}", got, AGAIN)
        seconds = times.astype(np.float64)
        if not np.all((seconds >= 0) & (seconds < _LONGEST)):
            raise DataError(self.where, f"times in seconds in sample {place}", "one out of range or not finite", AGAIN)
        return sensed(self.where, np.rint(seconds * 1e6).astype(np.int64), units, None, None, (CHANNELS,))
