"""The file format: arrays as safetensors, and in the metadata JSON with a version and a digest of everything."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.errors import CheckpointError

from ..common.others import extra

__all__ = ["decode", "encode", "read"]

FORMAT, VERSION = "spikecell checkpoint", 1
DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "U64": np.uint64, "I8": np.int8, "I16": np.int16,
    "I32": np.int32, "I64": np.int64, "F16": np.float16, "F32": np.float32, "F64": np.float64,
}  # fmt: skip
"""Dtypes that the format can hold, by its names."""

_HEADER = 100_000_000  # bytes, a limit of the format
_KEY = "spikecell"  # a single key: safetensors writes several in any order, and equal states should give equal files
_ANOTHER = "Use another checkpoint."


def encode(content: Any, arrays: Mapping[str, Array], where: str) -> bytes:
    """Return the bytes of a file of JSON and named arrays."""
    package = safetensors(where)
    about = {"format": FORMAT, "version": VERSION, "sha256": _digest(content, arrays), "content": content}
    text = json.dumps(about)
    names = sum(len(name) + 120 for name in arrays)  # each has an entry in the header
    if 2 * len(text) + names > _HEADER:  # JSON within JSON: each quote takes two characters
        raise CheckpointError(
            where, f"numbers and text of at most {_HEADER // 2:,} bytes beside the arrays", f"{len(text):,}",
            "Nothing was written. Keep long lists as arrays.",
        )  # fmt: skip
    saved: bytes = package.numpy.save(dict(arrays), {_KEY: text})
    return saved


def read(path: Path) -> tuple[Any, dict[str, Array]]:
    """Return the JSON and the arrays of a file."""
    where = f"checkpoint {path}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(where, "a file that can be read", error.strerror or str(error), "Nothing was loaded.") from error
    return decode(data, where)


def decode(data: bytes, where: str) -> tuple[Any, dict[str, Array]]:
    """Return the JSON and the arrays in the bytes of a file."""
    package = safetensors(where)
    header = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= header <= min(len(data) - 8, _HEADER):
        raise CheckpointError(
            where, "a checkpoint, which begins with the length of its header",
            f"a header of {header:,} bytes in a file of {len(data):,}", f"It is cut off, or not a checkpoint. {_ANOTHER}",
        )  # fmt: skip
    try:
        metadata = json.loads(data[8 : 8 + header]).get("__metadata__", {})
        about = json.loads(metadata[_KEY]) if isinstance(metadata, dict) and _KEY in metadata else {}
        found = {entry: about.get(entry) for entry in ("format", "version", "sha256", "content")}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _broken(where, error) from error
    if found["format"] != FORMAT:
        raise CheckpointError(
            where, "a file that snn.checkpoint.save wrote", "another file of the safetensors format",
            "safetensors.numpy.load_file(file) reads its arrays.",
        )  # fmt: skip
    if found["version"] != VERSION:
        raise CheckpointError(
            where, f"version {VERSION} of the format", f"version {found['version']!r}",
            "Read it with the version of spikecell that wrote it.",
        )  # fmt: skip
    try:
        arrays = {name: _array(entry) for name, entry in package.deserialize(data)}
    except (package.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _broken(where, error) from error
    if found["sha256"] != _digest(found["content"], arrays):
        raise CheckpointError(
            where, "the bytes that were written", "other bytes: the digest does not match the content",
            f"Nothing was loaded. {_ANOTHER}",
        )  # fmt: skip
    return found["content"], arrays


def safetensors(where: str) -> Any:
    """Import the package safetensors with its module for numpy."""
    extra("safetensors.numpy", "train", where)
    return extra("safetensors", "train", where)


def _array(entry: Mapping[str, Any]) -> Array:
    return np.frombuffer(entry["data"], DTYPES[entry["dtype"]]).reshape(entry["shape"])


def _digest(content: Any, arrays: Mapping[str, Array]) -> str:
    found = hashlib.sha256(f"{FORMAT} {VERSION} {json.dumps(content)}".encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"\n{name} {array.dtype.name} {array.shape}\n".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def _broken(where: str, error: Exception) -> CheckpointError:
    return CheckpointError(where, "an intact checkpoint", f"a damaged one ({error})", f"Nothing was loaded. {_ANOTHER}")
