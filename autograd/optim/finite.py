"""Bounds which show that a step of an optimizer leaves all numbers finite, without a look at each number."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from ..dtypes import Array, DType

__all__ = ["Array", "Largest", "is_finite", "largest", "limits"]

Largest = Callable[[str], float]
"""Called with ``"w"``, ``"g"`` or a slot; returns a bound of the absolute values of weights, gradient or memory."""


def largest(values: Array) -> float:
    """Return an upper bound of the absolute values: their norm, computed in one pass. NaN or infinity if it is not finite.

    Squares may be 0 for values below 1e-18. A sum of squares is never below any of them, whatever is rounded.
    """
    flat = (values if values.dtype.char in "fd" else values.astype(np.float64)).ravel("K")
    return math.sqrt(flat.dot(flat))


@functools.cache
def limits(dtype: DType) -> tuple[float, float]:
    """Return a quarter of the largest number of a dtype, and its smallest normal one."""
    info = np.finfo(dtype)
    return float(info.max) / 4, float(info.tiny)


def is_finite(values: Array, before: Array | None = None) -> bool:
    """Return whether all values are finite, except those that were not before."""
    if math.isfinite(largest(values)):
        return True
    finite = np.isfinite(values)
    return bool((finite if before is None else finite | ~np.isfinite(before)).all())
