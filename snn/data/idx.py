"""IDX files, the format of MNIST: a type code, the lengths of the axes, and the values, all big endian."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from typing import Any, BinaryIO, cast

import numpy as np

from autograd.dtypes import Array
from autograd.errors import DataError

from .files import AGAIN, as_path, reading

__all__ = ["read_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_AXES = 64  # of an array of numpy
_MORE = "Bytes follow the last value: is it two files in one?"
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str], *, limit: int = 1 << 30) -> Array:
    """Read an IDX file.

    Parameters
    ----------
    path : str or path
        The file. Its first bytes, not its name, tell whether it is gzipped.
    limit : int
        Largest unpacked size of a gzipped file in bytes. No more memory is taken than the header says and the file fills.

    Returns
    -------
    numpy.ndarray
        uint8, int8, int16, int32, float32 or float64 in the byte order of this machine, with as many axes as the file says.

    Raises
    ------
    DataError
        If the file cannot be read, is not an IDX file, holds fewer or more bytes than its header says, or unpacks to more than
        ``limit``.
    DTypeError
        If ``path`` is not a path.
    """
    where = f"reading {as_path(path)}"
    with reading(where), open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            return _read(file, where, limit, os.fstat(file.fileno()).st_size)
        try:
            with gzip.open(file) as unpacked:
                return _read(cast(BinaryIO, unpacked), where, limit, None)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(where, "an intact gzip file", f"a damaged one ({error})", AGAIN) from error


def _read(file: BinaryIO, where: str, limit: int, length: int | None) -> Array:
    """Read an unpacked file, of ``length`` bytes if that is known."""
    dtype, shape, start = _read_header(file, where)
    count = math.prod(shape)
    size = start + dtype.itemsize * count
    promised = f"{size} bytes, for shape {list(shape)} {dtype.name}"
    if length is not None and length != size:
        raise DataError(where, promised, f"{length} bytes", _MORE if length > size else AGAIN)
    if length is None and size > limit:
        raise DataError(
            where, f"at most {limit} bytes unpacked", f"a header that says {size}", "Pass limit= if the file is trusted."
        )
    try:
        array = np.empty(shape, dtype)
    except ValueError as error:  # a length of 0 beside huge ones
        raise DataError(where, "a shape that an array can have", f"{list(shape)}", AGAIN) from error
    values, filled = array.reshape(-1).view(np.uint8), 0
    while filled < len(values) and (more := file.readinto(values[filled:][:_CHUNK])):  # type: ignore[attr-defined]
        filled += more
    if filled < len(values):
        raise DataError(where, promised, f"{start + filled} bytes", AGAIN)
    if file.read(1):
        raise DataError(where, promised, f"{size + 1} bytes or more", _MORE)
    if not dtype.isnative:
        array.byteswap(inplace=True)
    return array.view(dtype.newbyteorder("="))


def _read_header(file: BinaryIO, where: str) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Read the header: return the type of the values, the lengths of the axes and the size of the header in bytes."""
    head = file.read(4)
    if len(head) < 4:
        raise DataError(where, "an IDX file, which begins with 4 bytes about its type", f"{len(head)} bytes", AGAIN)
    if head[:2] != b"\0\0":
        raise DataError(
            where, "an IDX file, which begins with the bytes 00 00", head[:2].hex(" "),
            "Pass the file as it is published, gzipped or not.",
        )  # fmt: skip
    code, axes = head[2:]
    if code not in _TYPES:
        known = ", ".join(f"{known:02x}" for known in _TYPES)
        raise DataError(where, f"a type code among {known}", f"{code:02x}", "The third byte says the type of the values.")
    start, lengths = 4 + 4 * axes, file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise DataError(where, f"a header of {start} bytes, for {axes} axes", f"{4 + len(lengths)} bytes", AGAIN)
    if axes > _MOST_AXES:
        raise DataError(where, f"at most {_MOST_AXES} axes", f"{axes}", "The fourth byte says how many there are.")
    return np.dtype(_TYPES[code]), tuple(int(length) for length in np.frombuffer(lengths, ">u4")), start
