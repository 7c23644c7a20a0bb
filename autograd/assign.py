"""New values for an array that stays what it is: of its shape and dtype, or an error instead of a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .dtypes import RANK, describe
from .errors import ArgumentError, DTypeError, ShapeError, StateDictError
from .intake import to_numbers
from .state import quietly
from .tensor import Array, Tensor, to_array

__all__ = ["check_saved", "fitted", "fitted_all"]

_KINDS = ("bools", "bools or whole numbers", "numbers")


def fitted(value: Any, like: Tensor | Array, where: str) -> Array:
    """Return a copy of numbers in the shape and dtype of ``like``. Floats are rounded to its precision; nothing else is lost.

    Raises
    ------
    ShapeError
        If the shape differs.
    DTypeError
        If they are floats for whole numbers, or either for bools.
    ArgumentError
        If a number is out of the range of the dtype.
    """
    quietly(lambda: to_array(value, None, where, copy=False))  # says what is no array, or one that is being differentiated
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
    """Check that what is loaded has names.

    Raises
    ------
    StateDictError
        If it is something else, such as the name of a file.
    """
    if not isinstance(saved, Mapping):
        raise StateDictError(where, "a mapping of names to arrays", describe(saved), "Load a file first: np.load(file).")


def fitted_all(pairs: Mapping[str, tuple[Any, Tensor | Array]], finite: bool) -> tuple[dict[str, Array], list[str]]:
    """Fit many values by name, each paired with what it replaces; return the arrays, and the problems of those that do not.

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
