"""New values for an array that keeps its shape and dtype; a conversion with loss is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .dtypes import RANK, Array, describe
from .errors import ArgumentError, DTypeError, ShapeError, StateDictError
from .intake import to_numbers
from .state import quietly
from .tensor import Tensor, to_array

__all__ = ["check_saved", "fitted", "fitted_all"]

_KINDS = ("bools", "bools or whole numbers", "numbers")


def fitted(value: Any, like: Tensor | Array, where: str) -> Array:
    """Return a copy of ``value`` in the dtype of ``like``. Floats are rounded to its precision; nothing else is lost.

    Another shape is an error, and so are floats for whole numbers, other numbers for bools, and numbers out of range.
    """
    quietly(lambda: to_array(value, None, where, copy=False))  # rejects what is not an array, or is being differentiated
    given = value.array if isinstance(value, Tensor) else to_numbers(value, where)
    if given.shape != like.shape:
        raise ShapeError(where, f"shape {list(like.shape)}", describe(given), "Make a new Parameter.")
    rank = RANK[like.dtype.kind]
    if RANK[given.dtype.kind] > rank:
        raise DTypeError(
            where, f"{_KINDS[rank]} for {describe(like)}", describe(given),
            f"If rounding is meant, convert them first: .astype({str(like.dtype)!r}).",
        )  # fmt: skip
    new = quietly(lambda: np.array(given, like.dtype))
    if rank == 2:
        limits: Any = np.finfo(like.dtype)
        lost = np.isfinite(given) & ~np.isfinite(new)
    elif rank == 1:
        limits = np.iinfo(like.dtype)
        lost = (given < limits.min) | (given > limits.max)
    if rank and np.any(lost):
        raise ArgumentError(
            where, f"numbers from {limits.min} to {limits.max}, the range of {describe(like)}", f"{given[lost].flat[0]}",
            "Scale them, or make a new Parameter of a wider dtype.",
        )  # fmt: skip
    return new


def check_saved(saved: Any, where: str) -> None:
    """Check that loaded weights have names."""
    if not isinstance(saved, Mapping):
        raise StateDictError(where, "a mapping from names to arrays", describe(saved), "Load a file first: np.load(file).")


def fitted_all(pairs: Mapping[str, tuple[Any, Tensor | Array]], finite: bool) -> tuple[dict[str, Array], list[str]]:
    """Fit values by name, each paired with the array it replaces; return the fitted arrays and a list of problems.

    With ``finite``, NaN and infinity are problems too.
    """
    arrays, problems = {}, []
    for name, (value, like) in pairs.items():
        try:
            arrays[name] = new = fitted(value, like, name)
        except ArgumentError as error:
            problems.append(f"{name} has {error.got}, not {error.expected}")
        except (ShapeError, DTypeError):
            problems.append(f"{name} is {describe(value)}, not {describe(like)}")
        else:
            if finite and not np.isfinite(new).all():
                problems.append(f"{name} has NaN or infinity")
    return arrays, problems
