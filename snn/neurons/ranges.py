"""Where the constants of neurons make sense."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor
from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError
from autograd.intake import to_numbers

__all__ = ["FINITE", "POSITIVE", "SHARE", "STEPS", "STEPS_EXPONENTIAL", "Range", "check", "check_number"]


class Range(NamedTuple):
    """From ``low`` to ``high``: as an error says it, after the name of the constant, and what it says to do."""

    low: float
    high: float
    expected: str
    advice: str


_ABOVE_ZERO, _BELOW_INFINITY = np.nextafter(0, 1), np.finfo(float).max

STEPS = Range(1, np.inf, "{} >= 1, in time steps", "A {} of 1 forgets everything in a step.")
STEPS_EXPONENTIAL = Range(_ABOVE_ZERO, np.inf, "{} > 0, in time steps", "exp(-1 / {}) is left after a step.")
SHARE = Range(0, 1, "{} in [0, 1]", "{} is the share left after a step.")
POSITIVE = Range(_ABOVE_ZERO, _BELOW_INFINITY, "a finite {} > 0", "Start above 0.")
FINITE = Range(-_BELOW_INFINITY, _BELOW_INFINITY, "a finite {}", "Pass a number.")


def check_number(name: str, **values: Any) -> None:
    """Check that arguments are numbers, or arrays or Parameters of them, or None."""
    for argument, value in values.items():
        if value is None:
            continue
        if isinstance(value, (str, bytes, bool, np.bool_, type)) or callable(value):
            raise DTypeError(name, f"{argument} to be a number, an array or a Parameter", describe(value), "Pass a float.")
        to_numbers(value, f"{name}, {argument}")


def check(node: Any, **ranges: Range) -> None:
    """Check constants of a neuron, by name; one that is None is not checked.

    Raises
    ------
    ArgumentError
        If one is out of range.
    """
    for argument, (low, high, expected, advice) in ranges.items():
        value, name = getattr(node, argument), type(node).__name__
        check_number(name, **{argument: value})
        if value is None:
            continue
        numbers, got = to_numbers(value, f"{name}, {argument}"), describe(value)
        if not np.all((numbers >= low) & (numbers <= high)):
            if isinstance(value, Tensor) and value.size == 1:
                got += f" of {numbers.item():g}"
            elif numbers.ndim and numbers.size:
                got += f" from {numbers.min():g} to {numbers.max():g}"
            raise ArgumentError(name, expected.format(argument), got, advice.format(argument))
