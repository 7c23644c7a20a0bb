"""N-MNIST and N-Caltech101: images seen by a moving event camera, a file of 40-bit events each."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numpy as np

from .dataset import Dataset, Splits
from .download import Remote, provide
from .events import Events
from .files import MOST_BYTES, as_path, class_files, cut, read_bytes, sensed
from .sources import Files

__all__ = ["ncaltech101", "nmnist", "read_bin"]

_OVERFLOW_ROW, _OVERFLOW_TIME = 240, 1 << 13
_MNIST = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/{}/file_downloaded"
_CALTECH = (
    "https://data.mendeley.com/public-files/datasets/cy6cvx3ryv/files/36b5c52a-b49d-4853-addb-a836a8883e49/file_downloaded"
)
FILES = {
    "train": Remote(
        "Train.zip",
        (_MNIST.format("39c25547-014b-4137-a934-9d29fa53c7a0"),),
        "sha256:1a54ee392a5e5082a0bef52911cd9211f63b950a4905ccd8890553804d3335f9",
        gives="Train",
    ),
    "test": Remote(
        "Test.zip",
        (_MNIST.format("05a4d654-7e03-4c15-bdfa-9bb2bcbea494"),),
        "sha256:6ecfd5d85dbb49a631961d8dc3101871c5be53e645004ee34064f6557d169f09",
        gives="Test",
    ),
}
CALTECH = Remote(
    "Caltech101.zip",
    gives="Caltech101",
    inside=Remote("N-Caltech101-archive.zip", (_CALTECH,), "md5:66201824eabb0239c7ab992480b50ba3", gives="Caltech101.zip"),
)


def read_bin(path: str | os.PathLike[str], shape: tuple[int, int, int] = (2, 34, 34), *, limit: int = MOST_BYTES) -> Events:
    """Read a file of N-MNIST or N-Caltech101.

    An event has 40 bits, big endian: 8 for its column, 8 for its row, one for polarity (1 for ON), and 23 for its time in
    microseconds. One with row 240 is not an event: it adds 2^13 microseconds to all later times.

    Parameters
    ----------
    path : str or path
        The file.
    shape : tuple of int
        ``(2, height, width)`` of the sensor.
    limit : int
        Largest size of the file in bytes.

    Returns
    -------
    Events
        Sorted by time.

    Raises
    ------
    DataError
        If the file cannot be read, does not hold a whole number of events, or has one outside the sensor.
    """
    where = f"reading {as_path(path)}"
    rows = cut(where, read_bytes(as_path(path), limit), 0, 5, lambda body: np.frombuffer(body, np.uint8).reshape(-1, 5))
    x, y, high, middle, low = rows.T.astype(np.int64)
    wraps = y == _OVERFLOW_ROW
    t = ((high & 127) << 16 | middle << 8 | low) + np.cumsum(wraps) * _OVERFLOW_TIME
    kept = ~wraps
    return sensed(where, t[kept], x[kept], y[kept], high[kept] >> 7, shape)


def nmnist(directory: str | os.PathLike[str], *, download: bool = False) -> Splits:
    """Read N-MNIST: the digits of MNIST, seen by an event camera in three saccades (Orchard et al., 2015).

    Parameters
    ----------
    directory : str or path
        Where ``Train`` and ``Test`` are, with a folder for each digit; or the archives ``Train.zip`` and ``Test.zip``, which
        are unpacked there.
    download : bool
        Download missing files.

    Returns
    -------
    Splits
        ``train``, 60,000, and ``test``, 10,000: events of about 300 ms in 34 x 34 pixels, shape (2, 34, 34), read file by
        file.

    References
    ----------
    G. Orchard, A. Jayawant, G. K. Cohen, N. Thakor: Converting static image datasets to spiking neuromorphic datasets using
    saccades. Frontiers in Neuroscience 9, 2015.
    """
    base, parts = as_path(directory), {}
    for name, remote in FILES.items():
        paths, labels, classes = class_files(provide(base, remote, download, "data.nmnist"), ".bin")
        parts[name] = Dataset(Files(paths, labels, read_bin), kind="events", classes=classes, name="nmnist")
    return Splits("nmnist", **parts)


def ncaltech101(directory: str | os.PathLike[str], *, download: bool = False) -> Splits:
    """Read N-Caltech101: the images of Caltech101, seen by an event camera in three saccades (Orchard et al., 2015).

    Parameters
    ----------
    directory : str or path
        Where ``Caltech101`` is, with a folder for each class; or its archive, which is unpacked there.
    download : bool
        Download missing files.

    Returns
    -------
    Splits
        ``all``, 8,709 in 101 classes: events in at most 240 x 180 pixels, shape (2, 180, 240). The set has no predefined
        split: ``all.split(0.9, rng)``.

    References
    ----------
    As for :func:`nmnist`.
    """
    place = provide(as_path(directory), CALTECH, download, "data.ncaltech101")
    paths, labels, classes = class_files(place, ".bin")
    read: Any = partial(read_bin, shape=(2, 180, 240))
    return Splits("ncaltech101", all=Dataset(Files(paths, labels, read), kind="events", classes=classes, name="ncaltech101"))
