"""Checks of numbers that users pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import describe, is_int, is_number
from autograd.errors import ArgumentError, NonFiniteError

__all__ = ["fired", "positive", "whole"]


def fired(values: Any, where: str) -> Any:
    """Return where an array of spikes is not 0; NaN and infinity are errors."""
    if values.dtype.kind in "fc" and not np.isfinite(values).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise NonFiniteError(
            where, "spikes that are finite, and 0 elsewhere", f"{values[at]} at {list(at)}",
            "Find where it comes from: snn.run(net, x, check=True).",
        )  # fmt: skip
    return values != 0


def positive(value: Any, where: str, name: str, fix: str) -> float:
    """Return a number above 0 and below 1e30 after a check."""
    real = is_number(value)
    if not real or not 0 < value < 1e30:
        raise ArgumentError(where, f"{name} to be a positive number", describe(value), fix)
    return float(value)


def whole(value: Any, where: str, name: str, fix: str, most: int) -> int:
    """Return a whole number from 1 to ``most`` after a check."""
    if not is_int(value) or not 1 <= value <= most:
        raise ArgumentError(where, f"{name} to be a whole number from 1 to {most:,}", describe(value), fix)
    return int(value)
