"""DVS Gesture: eleven gestures before a DVS128 camera, in AEDAT 3.1 recordings with tables of their times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import DataError

from .aedat3 import Recording
from .dataset import Dataset, Splits
from .download import Remote, provide
from .events import Events
from .files import as_path, read_bytes
from .sources import Source, file_pieces, pieces

__all__ = ["dvs_gesture"]

CLASSES = (
    "hand clapping", "right hand wave", "left hand wave", "right arm clockwise", "right arm counter clockwise",
    "left arm clockwise", "left arm counter clockwise", "arm roll", "air drums", "air guitar", "other gestures",
)  # fmt: skip
FILE = Remote(
    "DvsGesture.tar.gz",
    page="https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8",
    checksum="md5:8a5c71fb11e24e5ca5b11866ca6c00a1",
    gives="DvsGesture",
)


def dvs_gesture(directory: str | os.PathLike[str]) -> Splits:
    """Read DVS Gesture: eleven gestures of 29 people under three kinds of light (Amir et al., 2017).

    Parameters
    ----------
    directory : str or path
        Where ``DvsGesture`` is, with ``trials_to_train.txt``, ``trials_to_test.txt``, the recordings ``*.aedat`` and their
        tables ``*_labels.csv``; or the archive ``DvsGesture.tar.gz``, which is unpacked there. Its licence must be accepted
        on the page of the set, so it cannot be fetched by a program.

    Returns
    -------
    Splits
        ``train`` (people 1 to 23) and ``test``: events of about 6 s, shape (2, 128, 128), counted from the beginning of the
        gesture. Recordings are mapped into memory, and the packets of a gesture are read on demand.

    Raises
    ------
    DataError
        If a file is missing or cannot be used.

    References
    ----------
    A. Amir et al.: A low power, fully event-based gesture recognition system. CVPR, 2017.
    """
    base = provide(as_path(directory), FILE, False, "data.dvs_gesture")
    parts = {}
    for split in ("train", "test"):
        source = _Gestures(base, _trials(base / f"trials_to_{split}.txt"))
        parts[split] = Dataset(source, kind="events", classes=CLASSES, name="dvs_gesture")
    return Splits("dvs_gesture", **parts)


def _trials(path: Path) -> list[str]:
    """Return the names of the recordings in a list; they must be in the same folder."""
    names = [line.strip() for line in read_bytes(path, 1 << 20).decode("utf-8", "replace").splitlines()]
    for name in filter(None, names):
        if not name.endswith(".aedat") or set(name) & set("/\\:\0") or name.startswith("."):
            raise DataError(
                f"reading {path}", "names of recordings such as user01_led.aedat", repr(name)[:60], "They lie beside the list."
            )
    return [name for name in names if name]


def _table(path: Path) -> np.ndarray[Any, Any]:
    """Return the class (from 0), start and end (in microseconds) of each gesture, ``[gestures, 3]``."""
    where, lines = f"reading {path}", read_bytes(path, 1 << 20).decode("utf-8", "replace").split()
    if not lines or lines[0].split(",")[0] != "class":
        raise DataError(
            where, "a line class,startTime_usec,endTime_usec", repr(lines[0] if lines else "")[:60], "Fetch it again."
        )
    rows = []
    for line in lines[1:]:
        cells = line.split(",")
        if len(cells) != 3 or not all(cell.isascii() and cell.isdecimal() and len(cell) < 19 for cell in cells):
            raise DataError(where, "three whole numbers in a line", repr(line)[:60], "Fetch the file again.")
        label, start, end = map(int, cells)
        if not 1 <= label <= len(CLASSES) or start > end:
            raise DataError(where, f"a class from 1 to {len(CLASSES)}, start before end", repr(line), "Fetch the file again.")
        rows.append((label - 1, start, end))
    return np.array(rows, np.int64).reshape(-1, 3)


class _Gestures(Source):
    """Gestures as intervals of recordings."""

    def __init__(self, base: Path, names: list[str]) -> None:
        tables = [_table(base / f"{name.removesuffix('.aedat')}_labels.csv") for name in names]
        rows = np.concatenate([*tables, np.zeros((0, 3), np.int64)])
        super().__init__(rows[:, 0])
        self.spans, self.paths = rows[:, 1:], [base / name for name, table in zip(names, tables, strict=True) for _ in table]
        self.open: dict[Path, Recording] = {}

    def read(self, place: int) -> tuple[Events, Any]:
        """Return the events of a gesture and its label."""
        path = self.paths[place]
        if path not in self.open:
            self.open[path] = Recording(path)
        start, end = self.spans[place]
        return self.open[path].between(int(start), int(end)), self.label(place)

    def contents(self) -> Iterator[Any]:
        """Return the tables, and the bytes of each recording."""
        yield from pieces(self.labels())
        yield from pieces(self.spans)
        for path in dict.fromkeys(self.paths):
            yield from file_pieces(path)
