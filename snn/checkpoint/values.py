"""Values as JSON with arrays beside it, and back: numbers, text, arrays, containers, Cells, optimizers, generators."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd import Cell, Tensor
from autograd.dtypes import Array, describe
from autograd.errors import CheckpointError
from autograd.optim import Optimizer

from .attributes import attributes_of
from .container import DTYPES
from .generators import generators_of, made, state_of

__all__ = ["CELL", "DICT", "GENERATOR", "LIST", "NAMED", "OPTIMIZER", "TUPLE", "kind_of", "pack", "plain_repr", "unpack"]

# A value that JSON does not know is an object with one key, its kind.
ARRAY, SCALAR, FLOAT, LIST, TUPLE, DICT, NAMED = "array", "scalar", "float", "list", "tuple", "dict", "named"
GENERATOR, CELL, OPTIMIZER = "generator", "cell", "optimizer"
_DEEPEST = 50
_KEPT = {np.dtype(dtype).name for dtype in DTYPES.values()}


def pack(value: Any, name: str, arrays: dict[str, Array], where: str, depth: int = 0) -> Any:
    """Return a value as JSON, and collect its arrays in ``arrays``; ``name`` is its path, and ``where`` is for errors."""

    def inside(items: Mapping[Any, Any]) -> dict[str, Any]:
        return {key: pack(item, f"{name}/{key}", arrays, where, depth + 1) for key, item in items.items()}

    if depth > _DEEPEST:
        raise CheckpointError(
            f"{where}, {name[:100]}", f"at most {_DEEPEST} containers inside one another", "more",
            "Nothing was written. Does it contain itself?",
        )  # fmt: skip
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {FLOAT: str(value)}
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return {SCALAR if isinstance(value, np.generic) else ARRAY: _kept(value, name, arrays, where)}
    if isinstance(value, np.random.Generator):
        return {GENERATOR: inside(state_of(value, f"{where}, {name}"))}
    if isinstance(value, Cell):
        drawn = {key: state_of(rng, f"{where}, {name}/{key}") for key, rng in generators_of(value).items()}
        saved: dict[str, dict[str, Any]] = {
            "weights": value.state_dict(),
            "generators": drawn,
            "attributes": attributes_of(value),
        }
        return {CELL: {part: inside(items) for part, items in saved.items()}}
    if isinstance(value, Optimizer):
        return {OPTIMIZER: {"made": plain_repr(value), "memory": inside(value.state_dict())}}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {DICT: inside(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {NAMED: inside(dict(zip(value._fields, value, strict=True)))}
    if isinstance(value, (list, tuple)):
        return {LIST if isinstance(value, list) else TUPLE: list(inside(dict(enumerate(value))).values())}
    raise CheckpointError(
        f"{where}, {name}", "numbers, text, arrays, lists, tuples, dicts with names, Cells, optimizers or generators",
        describe(value), "Nothing was written. Save its contents; for a dataclass, dataclasses.asdict(it).",
    )  # fmt: skip


def unpack(node: Any, arrays: Mapping[str, Array]) -> Any:
    """Return the value of JSON and arrays; a NamedTuple, a Cell and an optimizer come back as dicts."""
    kind, inside = kind_of(node)
    if not kind:
        return inside
    if kind == ARRAY:
        return arrays[inside]
    if kind == SCALAR:
        return arrays[inside][()]
    if kind == FLOAT:
        return float(inside)
    if kind in (LIST, TUPLE):
        items = [unpack(item, arrays) for item in inside]
        return items if kind == LIST else tuple(items)
    if kind in (CELL, OPTIMIZER):
        inside = inside["weights" if kind == CELL else "memory"]
    elif kind not in (DICT, NAMED, GENERATOR):
        raise ValueError(f"no kind of value is named {kind!r}")
    found = {key: unpack(item, arrays) for key, item in inside.items()}
    return made(found) if kind == GENERATOR else found


def kind_of(node: Any) -> tuple[str, Any]:
    """Return the kind of a packed value, empty for a plain one, and its content."""
    if not isinstance(node, dict):
        return "", node
    ((kind, inside),) = node.items()
    return kind, inside


def plain_repr(optimizer: Optimizer) -> str:
    """Return the repr of an optimizer without addresses, which differ between processes."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(optimizer))


def _kept(value: Any, name: str, arrays: dict[str, Array], where: str) -> str:
    array = value.asnumpy() if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.name not in _KEPT:
        raise CheckpointError(
            f"{where}, {name}", f"an array of {', '.join(sorted(_KEPT))}", describe(array), "Nothing was written. Convert it."
        )
    key = name.encode("utf-8", "backslashreplace").decode()
    while key in arrays or key == "__metadata__":  # reserved by the format
        key += "'"
    arrays[key] = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    return key
