"""The fields of NIR's nodes, read as numbers, and the names of nodes in errors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.dtypes import Array, describe, is_int, is_number
from autograd.errors import ArgumentError, DataError

from ...common.others import extra

__all__ = [
    "LIMIT", "MEND", "Array", "check_limit", "check_names", "full", "label", "library", "many", "numbers", "positive_step",
    "sizes", "uniform", "whole",
]  # fmt: skip

LIMIT = 1 << 30
"""Default limit in bytes of all arrays of a graph, and of one sample of a value between two nodes."""
MEND = "Fix the graph, or ask its author."


def library(where: str) -> Any:
    """Return the package nir."""
    return extra("nir", "nir", where)


def positive_step(where: str, dt: Any) -> float:
    """Return a time step in seconds as a float."""
    number = is_number(dt)
    if not number or not 0 < dt < math.inf:
        raise ArgumentError(where, "dt, the seconds of a time step, as a number above 0", describe(dt), "For example dt=1e-3.")
    return float(dt)


def check_limit(where: str, limit: Any) -> None:
    """Check a limit in bytes."""
    if not is_int(limit) or limit < 1:
        raise ArgumentError(
            where, "limit, a number of bytes, as a whole number above 0", describe(limit), "For example limit=1 << 30."
        )


def check_names(where: str, names: Iterable[Any]) -> None:
    """Check names that go into a file, where HDF5 would take a slash for the end of a group."""
    for name in names:
        if not isinstance(name, str) or not name.isprintable() or "/" in name or name in ("", "."):
            raise DataError(
                where, "names without slashes and control characters", ascii(name)[:100], "Rename it, such as with '_'."
            )


def label(name: str, kind: str) -> str:
    """Name a node for an error message."""
    return f"NIR node {name!r} ({kind})"


def numbers(node: Any, field: str, where: str) -> Array:
    """Return a field as an array of finite numbers; torch's tensors are accepted too."""
    value = getattr(node, field, None)
    try:
        found = np.asarray(value)
    except Exception as error:  # a tensor that is being differentiated, or of another device
        raise DataError(
            f"{where}, {field}", "numbers", f"{type(value).__name__}: {' '.join(str(error).split())[:100]}", MEND
        ) from error
    if found.dtype.kind not in "biuf":
        raise DataError(f"{where}, {field}", "numbers", describe(value), MEND)
    if not np.all(np.isfinite(found)):
        raise DataError(f"{where}, {field}", "finite numbers", "NaN or infinity", MEND)
    return found


def whole(value: Any, where: str, least: int = 0) -> int:
    """Return a field that is one whole number, at least ``least``."""
    found = np.asarray(value)
    if found.size != 1 or found.dtype.kind not in "iu" or not least <= (number := int(found.reshape(()))) < 1 << 31:
        raise DataError(where, f"a whole number of at least {least}", describe(value), MEND)
    return number


def sizes(value: Any, where: str, axes: int, least: int = 0) -> tuple[int, ...]:
    """Return a field that holds one whole number, or one for each of ``axes`` axes."""
    found = np.asarray(value)
    if found.size not in (1, axes) or found.ndim > 1:
        raise DataError(where, f"a whole number, or {axes} of them", describe(value), MEND)
    each = [whole(number, where, least) for number in found.reshape(-1)]
    return tuple(each * axes if len(each) == 1 else each)


def full(value: Array, shape: tuple[int, ...], where: str) -> Array:
    """Return the parameter of a neuron with a value for each feature; a single value holds for all."""
    if value.size == 1:
        return np.broadcast_to(value.reshape(()), shape)
    if value.shape != shape:
        raise DataError(where, f"{list(shape)}, a value for each neuron, or one value", f"{list(value.shape)}", MEND)
    return value


def uniform(value: Array) -> Any:
    """Return a constant as a float if it is the same for all, or else as the array."""
    first = value.reshape(-1)[0]
    return float(first) if np.all(value == first) else np.array(value)


def many(shape: tuple[int, ...], limit: int, where: str) -> tuple[int, ...]:
    """Return a shape if a sample of it is no larger than the limit."""
    if math.prod(shape) * 8 > limit:
        raise DataError(where, f"at most {limit:,} bytes per sample", f"{list(shape)}", "Pass limit= if the graph is trusted.")
    return shape
