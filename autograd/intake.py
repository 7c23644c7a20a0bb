"""Conversion of all foreign data to plain numpy arrays of numbers, or an error that says what to do."""

from __future__ import annotations

from array import array as array_of_module
from typing import Any

import numpy as np

from .dtypes import Array, describe
from .errors import AutogradError, DTypeError, ShapeError
from .tree import leaves

__all__ = ["is_weak", "to_generator", "to_numbers"]

_NUMBERS = "biuf"
_FIXES = {
    "c": "Take its .real, its .imag or its absolute value.",
    "M": "Count from a start: (t - t[0]) / np.timedelta64(1, 's').",
    "m": "Divide by a unit: t / np.timedelta64(1, 's').",
    "S": "Convert the text first, such as with np.asarray(values, float).",
    "V": "Take one field of it, or convert it with .astype(np.float32).",
    "O": "Take the columns that hold numbers, and convert them with .astype(float).",
}
_FIXES |= dict.fromkeys("UT", _FIXES["S"])


def to_numbers(value: Any, where: str) -> Array:
    """Return a user's value as a plain numpy array of bools, whole numbers or floats; an array is not copied."""
    if type(value) is np.ndarray and value.dtype.kind in _NUMBERS:
        return value
    if hasattr(value, "asnumpy"):  # a Tensor: its values are wanted even while it is being differentiated
        value = value.asnumpy()
    parts = leaves(value) if isinstance(value, (list, tuple)) else (value,)
    for part in parts:
        _check_whole(part, where)
    try:
        array = np.asarray(value)
    except AutogradError:
        raise  # a Tensor raises its own error
    except Exception as error:
        if isinstance(value, tuple) and any(isinstance(part, dict) for part in value):
            raise DTypeError(
                where, "numbers or an array of them", describe(value), "Take one of its parts, as in out, state, record = ..."
            ) from None
        if isinstance(error, ValueError) and isinstance(value, (list, tuple)):
            raise ShapeError(
                where, "nested sequences of one length", describe(value), "Pad the rows, or make one tensor for each."
            ) from None
        raise DTypeError(
            where, "numbers or an array of them", describe(value),
            f"Convert it to a numpy array first, a torch tensor with .detach().cpu().numpy() (numpy says: {error}).",
        ) from error  # fmt: skip
    if array.dtype.kind not in _NUMBERS:
        raise DTypeError(where, "numbers or an array of them", describe(value), _fix(value, array))
    return array


def to_generator(rng: Any, where: str) -> np.random.Generator:
    """Return a user's generator, one made from a seed, or for None one that cannot be repeated."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise DTypeError(
            where, "rng to be a numpy.random.Generator, a seed or None", describe(rng),
            "Make one: np.random.default_rng(seed).",
        ) from None  # fmt: skip


def is_weak(value: Any) -> bool:
    """Return whether a value consists of Python numbers only, which carry no dtype."""
    if isinstance(value, (list, tuple)):
        return all(isinstance(leaf, np.generic) or is_weak(leaf) for leaf in leaves(value))
    return not (hasattr(value, "__array__") or hasattr(value, "__array_interface__") or isinstance(value, _BUFFERS))


_BUFFERS = (memoryview, array_of_module)


def _check_whole(value: Any, where: str) -> None:
    """Reject an array that numpy would convert only in part."""
    if isinstance(value, np.ma.MaskedArray):
        raise DTypeError(
            where, "an array without a mask", describe(value),
            "The mask would be lost. Fill the array with .filled(0); if there is an argument mask=, pass the valid steps.",
        )  # fmt: skip
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise DTypeError(where, "a dense array", describe(value), "Convert it with .toarray().")


def _fix(value: Any, array: Array) -> str:
    if array.dtype.kind == "O" and array.ndim == 0:
        return "Make a list of it first." if hasattr(value, "__iter__") else "Pass numbers, a list of them or an array."
    return _FIXES[array.dtype.kind]
