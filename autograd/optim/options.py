"""Checks of the options of optimizers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import is_number
from ..errors import ArgumentError
from ..tensor import Tensor
from .schedules import table

__all__ = ["Option", "divisor", "flag", "positive", "rate", "within"]

Option = Callable[[str, Any], Any]
"""Called with the name of a class and the value of an option; checks the value and returns it."""


def within(what: str, low: float, high: float) -> Option:
    """Return a check for a number in [low, high)."""

    def check(where: str, value: Any) -> float:
        if not is_number(value) or not low <= value < high:
            raise ArgumentError(where, f"{what} in [{low:g}, {high:g})", repr(value), "Choose another value.")
        return float(value)

    return check


def flag(what: str) -> Option:
    """Return a check for a bool."""

    def check(where: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ArgumentError(where, f"{what}=True or False", repr(value), "Pass the other arguments by name.")
        return value

    return check


positive = within("lr", 0.0, math.inf)


def rate(where: str, lr: Any) -> Any:
    """Check a learning rate: a number, a function of the step, or a number for each step."""
    if callable(lr):
        return lr
    numbers = lr.asnumpy() if isinstance(lr, Tensor) else lr
    if not isinstance(numbers, float) and np.ndim(numbers):
        return table([positive(where, number) for number in numbers])
    return positive(where, numbers.item() if isinstance(numbers, np.ndarray) else numbers)


def divisor(where: str, loss_scale: Any) -> float:
    """Check the divisor of the gradients."""
    if not loss_scale > 0:
        raise ArgumentError(where, "a positive loss_scale", repr(loss_scale), "Leave it out.")
    return float(loss_scale)
