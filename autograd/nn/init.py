"""Initial values of weights.

An initialiser is called with a shape ``[out, in, ...]`` and a generator, and returns an array of that shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dtypes import Array, describe, float32, to_dtype
from ..errors import ArgumentError, ShapeError
from ..intake import to_generator, to_numbers
from ..tensor import Tensor

__all__ = [
    "Constant", "KaimingNormal", "KaimingUniform", "Normal", "Uniform", "XavierNormal", "XavierUniform", "initializer", "make",
]  # fmt: skip

Initializer = Callable[[tuple[int, ...], np.random.Generator], Array]


@dataclass(frozen=True)
class Constant:
    """The same value everywhere."""

    value: float = 0.0

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return the array."""
        return np.full(shape, self.value)


@dataclass(frozen=True)
class Uniform:
    """Uniform on [-scale, scale]."""

    scale: float = 0.07

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return the array."""
        return rng.uniform(-self.scale, self.scale, shape)


@dataclass(frozen=True)
class Normal:
    """Normal with a standard deviation and a mean."""

    sigma: float = 0.01
    mean: float = 0.0

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return the array."""
        return rng.normal(self.mean, self.sigma, shape)


@dataclass(frozen=True)
class XavierUniform:
    """Uniform with variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    gain: float = 1.0

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return the array."""
        limit = self.gain * math.sqrt(6 / sum(_fans(shape)))
        return rng.uniform(-limit, limit, shape)


@dataclass(frozen=True)
class XavierNormal:
    """Normal with variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    gain: float = 1.0

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return the array."""
        return rng.normal(0.0, self.gain * math.sqrt(2 / sum(_fans(shape))), shape)


@dataclass(frozen=True)
class KaimingUniform:
    """Uniform with variance gain^2 / fan_in (He et al., 2015), gain^2 = 2 / (1 + negative_slope^2) of a leaky ReLU.

    The default slope, the square root of 5, gives the limits ``1 / sqrt(fan_in)`` that dense layers commonly start with.
    """

    negative_slope: float = math.sqrt(5)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return the array."""
        limit = math.sqrt(6 / ((1 + self.negative_slope**2) * _fans(shape)[0]))
        return rng.uniform(-limit, limit, shape)


@dataclass(frozen=True)
class KaimingNormal:
    """Normal with variance gain^2 / fan_in (He et al., 2015), gain^2 = 2 / (1 + negative_slope^2) of a leaky ReLU."""

    negative_slope: float = 0.0

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return the array."""
        return rng.normal(0.0, math.sqrt(2 / ((1 + self.negative_slope**2) * _fans(shape)[0])), shape)


_NAMES: dict[str, Initializer] = {
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
    "uniform": Uniform(),
    "normal": Normal(),
    "xavier_uniform": XavierUniform(),
    "xavier_normal": XavierNormal(),
    "he_uniform": KaimingUniform(),
    "he_normal": KaimingNormal(),
}


def make(how: Any, shape: tuple[int, ...], rng: np.random.Generator, where: str) -> Array:
    """Return initial values.

    Parameters
    ----------
    how : str, number, array or callable
        A name such as ``"xavier_uniform"``, a constant, the values themselves, or an initialiser.
    shape : tuple of int
        The shape ``[out, in, ...]``.
    rng : numpy.random.Generator
        Source of random values.
    where : str
        Name of the caller, for errors.

    Raises
    ------
    ArgumentError
        If the name is unknown, it is a bool, or an initialiser returns no array.
    DTypeError
        If it is neither text nor numbers.
    ShapeError
        If the values do not have the shape.
    """
    if isinstance(how, (bool, np.bool_)):
        raise ArgumentError(
            where, f"one of {', '.join(_NAMES)}, a number, values or an initialiser", repr(how),
            "To switch the bias off, use has_bias: nn.Dense(3, 4, has_bias=False).",
        )  # fmt: skip
    if isinstance(how, str):
        if how not in _NAMES:
            raise ArgumentError(where, f"one of {', '.join(_NAMES)}", repr(how), "Or pass an initialiser from nn.init.")
        how = _NAMES[how]
    values: Array = how(shape, rng) if callable(how) else to_numbers(how, where)
    if not hasattr(values, "shape"):
        raise ArgumentError(
            where, "an initialiser that returns an array", describe(values), "It is called with a shape and a generator."
        )
    if not values.ndim and not callable(how):
        values = np.full(shape, values)
    if values.shape != shape:
        raise ShapeError(where, f"values of shape {list(shape)}", describe(values), "Transpose or reshape them.")
    return values


def initializer(init: Any, shape: Any, dtype: Any = float32, *, rng: np.random.Generator | int | None = None) -> Tensor:
    """Return a Tensor of initial values for a Parameter, as in MindSpore; ``init`` is ``how`` of :func:`make`."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    values = make(init, shape, to_generator(rng, "initializer"), "initializer")
    return Tensor(values, to_dtype(dtype, "initializer"))


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    field = math.prod(shape[2:])
    return (shape[1] * field, shape[0] * field) if len(shape) > 1 else (shape[0], shape[0])


def __dir__() -> list[str]:
    return sorted(__all__)
