"""CIFAR10-DVS: images of CIFAR-10 that move before a DVS128 camera, in AEDAT 2.0 files."""

from __future__ import annotations

import os

import numpy as np

from autograd.errors import DataError

from .dataset import Dataset, Splits
from .download import Remote, provide
from .events import Events
from .files import AGAIN, MOST_BYTES, as_path, class_files, cut, read_bytes, sensed
from .sources import Files

__all__ = ["cifar10_dvs", "read_aedat2"]

_SPECIAL = 1 << 15  # of an address: a signal at the camera's connector
# Name, number of the file at figshare, md5.
_FILES = [
    ("airplane", 7712788, "0afd5c4bf9ae06af762a77b180354fdd"), ("automobile", 7712791, "8438dfeba3bc970c94962d995b1b9bdd"),
    ("bird", 7712794, "a9c207c91c55b9dc2002dc21c684d785"), ("cat", 7712812, "52c63c677c2b15fa5146a8daf4d56687"),
    ("deer", 7712815, "b6bf21f6c04d21ba4e23fc3e36c8a4a3"), ("dog", 7712818, "f379ebdf6703d16e0a690782e62639c3"),
    ("frog", 7712842, "cad6ed91214b1c7388a5f6ee56d08803"), ("horse", 7712851, "e7cbbf77bec584ffbf913f00e682782a"),
    ("ship", 7712836, "41c7bd7d6b251be82557c6cce9a7d5c9"), ("truck", 7712839, "89f3922fd147d9aeff89e76a2b0b70a7"),
]  # fmt: skip
FILES = [
    Remote(f"{name}.zip", (f"https://ndownloader.figshare.com/files/{number}",), f"md5:{md5}", gives=name)
    for name, number, md5 in _FILES
]


def read_aedat2(path: str | os.PathLike[str], *, limit: int = MOST_BYTES) -> Events:
    """Read the events of a DVS128 camera from an AEDAT 2.0 file.

    Lines that begin with # come first; then each event has, big endian, 32 bits of address and 32 of time in microseconds.
    Bit 0 of an address is 0 for ON, and bits 1 to 7 and 8 to 14 are the position. Bit 15 marks signals that are not events;
    they are left out. Images stand upright here: bits 8 to 14 are the column from the right, bits 1 to 7 the row from below.

    Parameters
    ----------
    path : str or path
        The file.
    limit : int
        Largest size of the file in bytes.

    Returns
    -------
    Events
        Shape (2, 128, 128), sorted by time, from the first event on.

    Raises
    ------
    DataError
        If the file cannot be read, does not begin with ``#!AER-DAT2.0``, or does not hold a whole number of events.
    """
    where = f"reading {as_path(path)}"
    content = read_bytes(as_path(path), limit)
    if not content.startswith(b"#!AER-DAT2"):
        raise DataError(where, "an AEDAT 2 file, which begins with #!AER-DAT2.0", repr(content[:12])[1:], AGAIN)
    start = 0
    while content[start : start + 1] == b"#":
        end = content.find(b"\n", start)
        if end < 0:
            raise DataError(where, "events after the lines with #", "the end of the file within one", AGAIN)
        start = end + 1
    address, t = cut(where, content, start, 8, lambda body: np.frombuffer(body, ">u4").reshape(-1, 2).astype(np.int64)).T
    kept = address & _SPECIAL == 0
    address, t = address[kept], t[kept]
    t = t - t.min(initial=1 << 32)
    return sensed(where, t, 127 - (address >> 8 & 127), 127 - (address >> 1 & 127), 1 - (address & 1), (2, 128, 128))


def cifar10_dvs(directory: str | os.PathLike[str], *, download: bool = False) -> Splits:
    """Read CIFAR10-DVS: 1,000 images of each class of CIFAR-10, moved on a screen before an event camera (Li et al., 2017).

    Parameters
    ----------
    directory : str or path
        Where the folders ``airplane`` to ``truck`` are; or their archives, which are unpacked there.
    download : bool
        Download missing files.

    Returns
    -------
    Splits
        ``all``, 10,000: events of about 1.3 s, shape (2, 128, 128), read file by file. The set has no predefined split:
        ``all.split(0.9, rng)``.

    References
    ----------
    H. Li, H. Liu, X. Ji, G. Li, L. Shi: CIFAR10-DVS: an event-stream dataset for object classification. Frontiers in
    Neuroscience 11, 2017.
    """
    base = as_path(directory)
    for remote in FILES:
        provide(base, remote, download, "data.cifar10_dvs")
    paths, labels, names = class_files(base, ".aedat")
    classes = [name for name, *_ in _FILES]
    if strangers := set(names) - set(classes):
        raise DataError(
            f"reading {base}", f"folders among {', '.join(classes)}", f"{sorted(strangers)}",
            "Give the set a folder of its own.",
        )  # fmt: skip
    return Splits(
        "cifar10_dvs", all=Dataset(Files(paths, labels, read_aedat2), kind="events", classes=classes, name="cifar10_dvs")
    )
