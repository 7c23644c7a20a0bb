"""Valid ranges of the constants of neurons."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from autograd import Cell, Tensor
from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError
from autograd.intake import to_numbers

__all__ = ["FINITE", "POSITIVE", "SHARE", "STEPS", "STEPS_EXPONENTIAL", "Range", "check", "check_number"]


class Range(NamedTuple):
    """From ``low`` to ``high``, with the texts of its error, in which ``{}`` stands for the name of the constant."""

    low: float
    high: float
    expected: str
    advice: str


_ABOVE_ZERO, _BELOW_INFINITY = np.nextafter(0, 1), np.finfo(float).max

STEPS = Range(1, np.inf, "{} >= 1, in time steps", "With a {} of 1, nothing remains after a step.")
STEPS_EXPONENTIAL = Range(_ABOVE_ZERO, np.inf, "{} > 0, in time steps", "exp(-1 / {}) remains after a step.")
SHARE = Range(0, 1, "{} in [0, 1]", "{} is the share that remains after a step.")
POSITIVE = Range(_ABOVE_ZERO, _BELOW_INFINITY, "a finite {} > 0", "Use a value above 0.")
FINITE = Range(-_BELOW_INFINITY, _BELOW_INFINITY, "a finite {}", "Pass a number.")


def check_number(name: str, **values: Any) -> None:
    """Check that arguments are numbers, arrays or Parameters of numbers, or None."""
    for argument, value in values.items():
        if value is None:
            continue
        if isinstance(value, (str, bytes, bool, np.bool_, type)) or callable(value):
            raise DTypeError(name, f"{argument} to be a number, an array or a Parameter", describe(value), "Pass a float.")
        to_numbers(value, f"{name}, {argument}")


def check(node: Any, **ranges: Range) -> None:
    """Check constants of a neuron by name, except those that are None."""
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


T = TypeVar("T")


class Whole(type):
    """Checks the constants of a Cell at the end of its construction, when all of them are set."""

    def __call__(cls: type[T], *args: Any, **options: Any) -> T:
        """Make a Cell with the arguments of ``__init__``, and check it."""
        made: Any = type.__call__(cls, *args, **options)
        if "_hooks" in vars(made):  # else its first use raises an error that asks for super().__init__()
            made.check_ranges()
        return made  # type: ignore[no-any-return]

    @property
    def __signature__(cls: type[Checked]) -> inspect.Signature:  # type: ignore[misc]
        """Arguments of ``__init__``; ``inspect`` would show those of ``__call__``."""
        return inspect.Signature([*cls.takes().values()])


class Checked(Cell, metaclass=Whole):
    """Base class of Cells whose constants are checked."""

    ranges: ClassVar[dict[str, Range]] = {}
    """Valid ranges of the constants that a subclass adds, which are checked at the end of construction."""

    @classmethod
    def takes(cls) -> dict[str, inspect.Parameter]:
        """Return the arguments of the constructor, by name."""
        return dict([*inspect.signature(cls.__init__).parameters.items()][1:])

    def check_ranges(self) -> None:
        """Check that the constants are in their valid ranges; learning may have moved them."""
        for cls in reversed(type(self).__mro__):
            check(self, **vars(cls).get("ranges", {}))
