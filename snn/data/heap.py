"""Rows of different length in HDF5 files, read without the library.

On a damaged file, the library allocates the memory that a row claims before it looks for the data, loops for ever in a heap
whose objects have no size, or ends the process.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, Any

import numpy as np

from autograd.dtypes import Array
from autograd.errors import DataError

from .files import AGAIN

__all__: list[str] = []

_ROW = struct.Struct("<IQI")  # length, where its heap begins, its number there
_OBJECT = struct.Struct("<HHIQ")  # number, references, reserved, size
_HEAD = struct.Struct("<4sB3xQ")  # GCOL, version, size of all


def read_row(path: Path, node: Any, place: int, dtype: np.dtype[Any], where: str) -> Array:
    """Return a row ``[length]`` of a data set whose rows differ in length.

    ``node`` is the h5py.Dataset ``[N]`` of the file ``path``, and ``dtype`` the dtype of its values. If it has a filter, as in
    no published set, the library reads the row. A row that lies outside the file is an error.
    """
    if node.chunks is not None and node.id.get_create_plist().get_nfilters():
        return np.asarray(node[place])
    start = _start(node, place)
    if start is None:  # nothing was written
        return np.empty(0, dtype)
    with open(path, "rb") as file:
        length, heap, number = _unpacked(_ROW, file, start, where)
        size = length * dtype.itemsize
        at = _found(file, heap, number, size, path.stat().st_size, where) if length else 0
        if at is None:
            got = f"one of {length:,} values outside"
            raise DataError(where, f"row {place} of {node.name} within the file", got, AGAIN)
        file.seek(at)
        return np.frombuffer(file.read(size), dtype)


def _start(node: Any, place: int) -> int | None:
    """Return the position in the file of the length and the place of a row."""
    if node.chunks is None:
        start, first = node.id.get_offset(), 0
    else:
        first = place // node.chunks[0] * node.chunks[0]
        start = node.id.get_chunk_info_by_coord((first,)).byte_offset
    return None if start is None else start + _ROW.size * (place - first)


def _found(file: IO[bytes], heap: int, number: int, size: int, end: int, where: str) -> int | None:
    """Return the position of the bytes of an object in a heap, if the object has ``size`` of them."""
    magic, _, whole = _unpacked(_HEAD, file, heap, where) if heap < end else (b"", 0, 0)
    if magic != b"GCOL" or heap + whole > end:
        return None
    at, last = heap + _HEAD.size, heap + whole
    while at + _OBJECT.size <= last:
        here, _, _, room = _unpacked(_OBJECT, file, at, where)
        step = _OBJECT.size + (room + 7) // 8 * 8 if here else room
        if step < _OBJECT.size or at + step > last:
            return None
        if here == number != 0:
            return at + _OBJECT.size if room >= size else None
        at += step
    return None


def _unpacked(form: struct.Struct, file: IO[bytes], start: int, where: str) -> tuple[Any, ...]:
    content = b""
    if start < 1 << 62:
        file.seek(start)
        content = file.read(form.size)
    if len(content) < form.size:
        raise DataError(where, f"{form.size} bytes at byte {start}", f"{len(content)}", AGAIN)
    return form.unpack(content)
