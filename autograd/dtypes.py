"""The dtypes of tensors, and how they combine."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DTypeError
from .state import quietly

__all__ = [
    "RANK", "as_bool", "bool_", "converted", "describe", "float16", "float32", "float64", "int8", "int16", "int32", "int64",
    "is_int", "is_number", "promote", "sum_dtype", "to_dtype", "uint8", "uint16", "uint32", "uint64",
]  # fmt: skip

Array = np.ndarray[Any, np.dtype[Any]]
DType = np.dtype[Any]

float16, float32, float64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
int8, int16, int32, int64 = np.dtype("int8"), np.dtype("int16"), np.dtype("int32"), np.dtype("int64")
uint8, uint16, uint32, uint64 = np.dtype("uint8"), np.dtype("uint16"), np.dtype("uint32"), np.dtype("uint64")
bool_ = np.dtype("bool")

RANK = {"b": 0, "u": 1, "i": 1, "f": 2}
"""The rank of each kind of number: a kind can hold those of lower rank."""
_promoted: dict[tuple[DType, DType], DType] = {}


def to_dtype(value: Any, where: str) -> DType:
    """Return ``value`` as a numpy dtype that a tensor can have, in this machine's byte order, which loops require."""
    try:
        dtype: DType = np.dtype(value)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in RANK:
        raise DTypeError(
            where, "a bool, int or float dtype", f"{value!r}" if dtype.kind == "O" else f"dtype {dtype}",
            "For example, use autograd.float32.",
        )  # fmt: skip
    return dtype if dtype.isnative else np.dtype(dtype.type)


def promote(a: DType, b: DType) -> DType:
    """Return the dtype of an operation on two arrays: the higher kind wins (bool, int, float), then the wider.

    Unlike numpy, int64 with float32 gives float32.
    """
    key = (a, b)
    if (found := _promoted.get(key)) is None:
        rank_a, rank_b = RANK[a.kind], RANK[b.kind]
        found = np.promote_types(a, b) if rank_a == rank_b else (a if rank_a > rank_b else b)
        _promoted[key] = found
    return found


def sum_dtype(dtype: DType) -> DType:
    """Return the dtype for sums of numbers of a dtype: float32 for float16, in which a sum of ones stops at 2,048."""
    return float32 if dtype == float16 else dtype


def converted(array: Any, dtype: DType) -> Any:
    """Return an array in another dtype, with the same result on every machine.

    A float beyond the range of an integer dtype becomes its nearest bound, NaN becomes 0. numpy leaves both to the processor.
    """
    if array.dtype.kind != "f" or dtype.kind not in "iu":
        return array.astype(dtype)
    info = np.iinfo(dtype)

    def convert() -> Any:
        out = np.asarray(array.astype(dtype))
        np.copyto(out, info.max, where=array >= float(info.max + 1))  # a power of two: exact, or inf in float16
        np.copyto(out, info.min, where=array <= float(info.min))
        np.copyto(out, 0, where=array != array)
        return out

    return quietly(convert)


def is_int(value: Any) -> bool:
    """Return whether a value is a whole number; a bool is not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Return whether a value is a real number: no bool, no text, no array."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def as_bool(value: Any, where: str, name: str) -> bool:
    """Return a flag as a bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise DTypeError(where, f"{name} to be a bool", describe(value), "Pass True or False.")
    return bool(value)


def _holds_arrays(value: Any, depth: int = 8) -> bool:
    return (
        isinstance(value, (tuple, list))
        and depth > 0
        and any(hasattr(item, "dtype") or _holds_arrays(item, depth - 1) for item in value)
    )


def describe(value: Any) -> str:
    """Name a value for an error message: shape and dtype for an array, type and value for the rest."""
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if isinstance(dtype, np.dtype) and isinstance(shape, tuple):
        kind = type(value).__name__
        return f"{'' if kind == 'Tensor' else kind + ' '}{list(shape)} {str(dtype).capitalize()}"
    kind = "type" if isinstance(value, type) else type(value).__name__
    text = f"of {', '.join(map(describe, value))}" if _holds_arrays(value) else " ".join(repr(value).split())
    text = text if len(text) <= 60 else text[:57] + "..."
    return text if text.startswith(f"{kind}(") else f"{kind} {text}"


def __dir__() -> list[str]:
    return sorted(__all__)
