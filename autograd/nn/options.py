"""The repr of layers, and checks of their arguments."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ..cell import Cell
from ..dtypes import DType, as_bool, describe, float32, is_int, is_number, to_dtype
from ..errors import ArgumentError, DTypeError
from ..parameter import Parameter
from . import init

__all__ = ["Layer", "check_data_format", "fixed", "float_dtype", "number", "parameter", "positive", "probability"]

_LARGEST = float(np.finfo(np.float64).max)
_NOT_SHOWN = {"data_format", "rng"}


class Layer(Cell):
    """A layer that keeps its arguments under their names, treats each sample separately, and prints the call that makes it."""

    per_sample = True

    def extra_repr(self) -> str:
        """Show the arguments that make such a layer: required ones, and others that differ from the default."""
        shown = []
        for name, argument in inspect.signature(type(self)).parameters.items():
            if name in _NOT_SHOWN or name not in vars(self):
                continue
            value = vars(self)[name]
            if isinstance(value, Parameter):
                continue
            if name == "dtype":
                shown += [f"dtype={str(value)!r}"] if value != float32 else []
            elif argument.default is argument.empty or value != argument.default or type(value) is not type(argument.default):
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)


def fixed(value: Any) -> Any:
    """Return an option in the form in which it is kept: a sequence as a tuple."""
    return tuple(value) if isinstance(value, list) else value


def positive(where: str, advice: str = "Count the channels, or the features.", /, **sizes: Any) -> None:
    """Check that arguments are positive ints; ``advice`` says what they count."""
    for name, value in sizes.items():
        if not is_int(value) or value < 1:
            raise ArgumentError(where, f"{name} to be a positive int", describe(value), advice)


def number(where: str, name: str, value: Any, low: float, high: float = _LARGEST) -> float:
    """Return an option, a finite number from ``low`` to ``high``, as a float."""
    if not is_number(value) or not low <= (value if isinstance(value, int) else float(value)) <= high:
        limits = f"finite number of at least {low:g}" if high == _LARGEST else f"number from {low:g} to {high:g}"
        raise ArgumentError(where, f"{name} as a {limits}", describe(value), "Leave it out for the default.")
    return float(value)


def probability(where: str, p: Any) -> float:
    """Return the probability of a zero, in [0, 1), as a float."""
    if not is_number(p) or not 0 <= p < 1:
        raise ArgumentError(where, "a probability p in [0, 1)", repr(p), "p is the share that is dropped.")
    return float(p)


def check_data_format(where: str, data_format: str, known: str) -> None:
    """Check the order of axes; only one is supported."""
    if data_format != known:
        raise ArgumentError(
            where, f"data_format={known!r}", repr(data_format), "Move the channels: ops.transpose(x, (0, 3, 1, 2)) for NHWC."
        )


def float_dtype(where: str, dtype: Any) -> DType:
    """Return the dtype of Parameters, after a check that it is floating."""
    found = to_dtype(dtype, where)
    if found.kind != "f":
        raise DTypeError(where, "a float dtype", str(found), "Learnt weights are floats: dtype=autograd.float32.")
    return found


def flag(where: str, name: str, value: Any) -> bool:
    """Return a flag as a bool."""
    return as_bool(value, where, name)


def parameter(where: str, how: Any, shape: tuple[int, ...], rng: Any, dtype: Any, trained: bool = True) -> Parameter:
    """Make a Parameter; ``how`` gives its initial values, as for :func:`autograd.nn.init.make`."""
    return Parameter(init.make(how, shape, rng, where).astype(dtype), requires_grad=trained)
