"""A tree of HDF5 as dicts, read so that no file can refer to others, take more memory than was allowed, or end the process.

The library finds the groups, describes each data set and locates its bytes. The bytes of numbers and texts are read
here, because nothing bounds what the library does with those of damaged files.
"""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import AutogradError, DataError

from ...common.others import extra, told
from ...data.files import AGAIN, as_path
from ...data.heap import read_row
from .fields import Array, check_limit

__all__ = ["read_tree"]

# Errors of the library for a damaged file.
_BROKEN = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    OverflowError,
    MemoryError,
    zlib.error,
    struct.error,
)
_DEEPEST = 200
_DEFLATE, _SHUFFLE = 1, 2
_KINDS = "biuf"


def read_tree(path: Any, limit: int, where: str, attributes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the contents of an HDF5 file: groups as dicts, numbers as arrays or numpy's scalars, texts as str.

    ``limit`` is the largest total size of all data sets in bytes; ``where`` names the function that needs h5py; ``attributes``
    are attributes of groups to read as numbers among their members. A damaged file, links to elsewhere and compression other
    than gzip are errors.
    """
    h5py = extra("h5py", "nir", where)
    check_limit(where, limit)
    found, place = as_path(path, where), f"reading {path}"
    if not found.is_file():
        raise DataError(place, "a file", "a folder" if found.is_dir() else "no such file", "Is the path right?")
    try:
        with h5py.File(found, "r") as file:
            if file.userblock_size or file.id.get_create_plist().get_sizes() != (8, 8):
                raise DataError(place, "offsets of 8 bytes from the start of the file", "another layout", AGAIN)
            return _Reader(h5py, found, place, limit, attributes).group(file, 0)
    except AutogradError:
        raise
    except _BROKEN as error:
        raise DataError(place, "an HDF5 file of groups, numbers and texts", told(error), AGAIN) from error


class _Reader:
    def __init__(self, h5py: Any, path: Path, where: str, limit: int, attributes: Sequence[str]) -> None:
        self.h5py, self.path, self.where, self.left = h5py, path, where, limit
        self.limit, self.size = limit, path.stat().st_size
        self.seen: set[int] = set()
        self.attributes = attributes

    def group(self, group: Any, depth: int) -> dict[str, Any]:
        """Return a group as a dict."""
        address = self.h5py.h5o.get_info(group.id).addr
        if depth > _DEEPEST or address in self.seen:
            raise DataError(f"{self.where}, {group.name}", "a tree of groups", "a group inside itself, or twice", AGAIN)
        self.seen.add(address)
        found: dict[str, Any] = {}
        for name in self.attributes:
            if name in group.attrs and (held := group.attrs.get_id(name)).shape == () and held.dtype.kind in "iuf":
                found[name] = group.attrs[name]
        for name in group:
            if type(group.get(name, getlink=True)) is not self.h5py.HardLink:
                raise DataError(
                    f"{self.where}, {group.name}/{name}"[:300], "data in the file itself", "a link to elsewhere", AGAIN
                )
            item = group[name]
            if isinstance(item, self.h5py.Group):
                found[name] = self.group(item, depth + 1)
            elif isinstance(item, self.h5py.Dataset):
                found[name] = self.value(item)
            else:
                raise DataError(f"{self.where}, {name}"[:300], "groups and data sets", type(item).__name__, AGAIN)
        return found

    def take(self, size: int, what: str) -> None:
        """Count bytes."""
        self.left -= size
        if self.left < 0:
            raise DataError(
                f"{self.where}, {what}"[:300], f"at most {self.limit:,} bytes in all", "more",
                "Pass limit= if the file is trusted.",
            )  # fmt: skip

    def value(self, node: Any) -> Any:
        """Return a data set as an array, a scalar or a text."""
        what = f"{self.where}, {node.name}"[:300]
        if node.external or node.is_virtual:
            raise DataError(what, "data in the file itself", "data in other files", AGAIN)
        if node.shape is None:
            raise DataError(what, "a value", "none", AGAIN)
        count = math.prod(node.shape)
        text = self.h5py.check_string_dtype(node.dtype)
        if text is not None and text.length is None:
            return self.texts(node, count)
        if node.dtype.kind not in _KINDS + "S" or node.dtype.hasobject or node.dtype.subdtype is not None:
            raise DataError(what, "numbers or text", f"{node.dtype}"[:80], AGAIN)
        self.take(count * node.dtype.itemsize, node.name)
        array = self.array(node, count, what)
        if node.dtype.kind == "S":
            words = [word.decode("utf-8", "strict") for word in array.reshape(-1).tolist()]
            return words[0] if node.shape == () else np.array(words, object).reshape(node.shape)
        return array[()] if node.shape == () else array

    def texts(self, node: Any, count: int) -> Any:
        """Return texts, each of which lies elsewhere in the file."""
        if node.chunks is not None or count > self.size // 16:
            raise DataError(f"{self.where}, {node.name}"[:300], "contiguous texts", f"{node.shape} in chunks", AGAIN)
        words = []
        for place in range(count):
            row = read_row(self.path, node, place, np.dtype("u1"), self.where)
            self.take(len(row) + 64, node.name)
            words.append(row.tobytes().decode("utf-8", "strict"))
        return words[0] if node.shape == () else np.array(words, object).reshape(node.shape)

    def array(self, node: Any, count: int, what: str) -> Array:
        """Return numbers, read at the position that the library gives."""
        dtype = np.dtype(node.dtype.str)
        if node.chunks is not None:
            return self.chunked(node, dtype, what)
        start, size = node.id.get_offset(), count * dtype.itemsize
        if start is None:
            if size > 1 << 16:
                raise DataError(what, "numbers that were written", "none", AGAIN)
            return np.asarray(node[()], dtype)  # small, in the header of the data set
        return np.frombuffer(self.bytes(start, size, what), dtype, count).reshape(node.shape)

    def bytes(self, start: int, size: int, what: str) -> bytes:
        """Return ``size`` bytes of the file from ``start`` on."""
        if not 0 <= start <= start + size <= self.size:
            raise DataError(what, f"{size} bytes at byte {start}", f"a file of {self.size}", AGAIN)
        with open(self.path, "rb") as file:
            file.seek(start)
            return file.read(size)

    def chunked(self, node: Any, dtype: np.dtype[Any], what: str) -> Array:
        """Return numbers that were written in chunks."""
        plist, shape, chunks = node.id.get_create_plist(), node.shape, node.chunks
        filters = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
        if not {*filters} <= {_DEFLATE, _SHUFFLE} or len(filters) > 2:
            raise DataError(what, "gzip as the compression, or none", f"filters {filters}", "Write it again, with gzip.")
        size = math.prod(chunks) * dtype.itemsize
        self.take(size, node.name)
        corners = [range(0, length, step) for length, step in zip(shape, chunks, strict=True)]
        if math.prod(len(corner) for corner in corners) > self.size // 16:
            raise DataError(what, "as many chunks as fit in the file", "more", AGAIN)
        out = np.empty(shape, dtype)
        for corner in itertools.product(*corners):
            info = node.id.get_chunk_info_by_coord(corner)
            if info.byte_offset is None:
                raise DataError(what, "all its chunks", f"none at {corner}", AGAIN)
            raw = self.bytes(info.byte_offset, info.size, what)
            for k in range(len(filters))[::-1]:
                if not info.filter_mask >> k & 1:
                    raw = _inflated(raw, size) if filters[k] == _DEFLATE else _unshuffled(raw, dtype.itemsize)
            piece = np.frombuffer(raw, dtype, math.prod(chunks)).reshape(chunks)
            ends = [min(step, length - start) for start, step, length in zip(corner, chunks, shape, strict=True)]
            out[tuple(slice(s, s + n) for s, n in zip(corner, ends, strict=True))] = piece[tuple(slice(n) for n in ends)]
        return out


def _inflated(raw: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(raw, size)


def _unshuffled(raw: bytes, width: int) -> bytes:
    return np.frombuffer(raw, np.uint8).reshape(width, -1).T.tobytes()
