"""Shared by readers of files: paths, whole files, folders of classes, and errors that name the file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from autograd.dtypes import Array, describe
from autograd.errors import AutogradError, DataError, DTypeError

from .events import Events

__all__: list[str] = []

AGAIN = "Fetch the file again."
MOST_BYTES = 1 << 28
"""Limit for a file that is read at once; the largest published one has a tenth of it."""


def as_path(path: Any, where: str = "snn.data") -> Path:
    """Return a path as a Path, or raise."""
    if not isinstance(path, (str, os.PathLike)):
        raise DTypeError(where, "a path", describe(path), "Pass a string or a pathlib.Path.")
    if "\0" in str(path):
        raise DataError(where, "a path without NUL characters", repr(str(path)), "Is the path right?")
    return Path(path)


def read_bytes(path: Path, limit: int = MOST_BYTES) -> bytes:
    """Return the content of a file of at most ``limit`` bytes."""
    where = f"reading {path}"
    with reading(where):
        if not path.is_file():
            raise DataError(where, "a file", "a folder" if path.is_dir() else "no such file", "Is the path right?")
        with open(path, "rb") as file:
            content = file.read(min(os.fstat(file.fileno()).st_size, limit) + 1)
    if len(content) > limit:
        raise DataError(where, f"at most {limit} bytes", "more", "Pass limit= if the file is trusted.")
    return content


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn an error of the system about a file into a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(where, "a file that can be read", error.strerror or str(error), "Is the path right?") from error
    except MemoryError as error:
        raise DataError(where, "an array that fits into memory", "a larger one", "Read it on a machine with more.") from error


def sensed(where: str, t: Array, x: Array, y: Array | None, p: Array | None, shape: tuple[int, ...]) -> Events:
    """Return the events of a file, sorted by time."""
    if np.any(t[1:] < t[:-1]):
        order = np.argsort(t, kind="stable")
        t, x = t[order], x[order]
        y, p = (None if field is None else field[order] for field in (y, p))
    try:
        return Events(t, x, y, p, shape=shape)
    except AutogradError as error:
        raise DataError(where, f"{error.where.split()[-1]}: {error.expected}", error.got, AGAIN) from error


def class_files(base: Path, end: str) -> tuple[list[Path], Array, list[str]]:
    """Return the files in one folder per class, ordered by their numbers, with their labels and the classes."""
    with reading(f"reading {base}"):
        folders = sorted(entry for entry in base.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))
        found = [sorted((f for f in folder.iterdir() if f.name.endswith(end)), key=_numbered) for folder in folders]
    paths = [path for files in found for path in files]
    if not paths:
        raise DataError(f"reading {base}", f"one folder per class, with files *{end}", "none", "Is it the folder of the set?")
    labels = np.repeat(np.arange(len(folders)), [len(files) for files in found])
    return paths, labels, [folder.name for folder in folders]


def _numbered(path: Path) -> list[tuple[int, str]]:
    """Return a key by which 10 comes after 9."""
    return [
        (int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in re.split(r"([0-9]+)", path.name)
    ]


def cut(where: str, content: bytes, start: int, size: int, read: Callable[[bytes], Array]) -> Array:
    """Return the records of ``size`` bytes each that fill a file from ``start`` to its end."""
    body = content[start:]
    if len(body) % size:
        raise DataError(where, f"whole events of {size} bytes", f"{len(body)} bytes, {len(body) % size} too many", AGAIN)
    return read(body)
