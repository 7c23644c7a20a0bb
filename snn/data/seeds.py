"""Shared by data sets that are made from a seed, and checks of numbers in options."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.dtypes import describe, is_int, is_number
from autograd.errors import ArgumentError, DTypeError

__all__: list[str] = []


def generator(seed: Any, where: str) -> np.random.Generator:
    """Return the generator of a seed, or the generator that was passed."""
    if isinstance(seed, np.random.Generator):
        return seed
    if not is_int(seed) or seed < 0:
        raise DTypeError(where, "a seed of at least 0 or a numpy.random.Generator", describe(seed), "For example 0.")
    return np.random.default_rng(seed)


def counts(where: str, least: int = 1, **values: Any) -> None:
    """Raise unless all values are ints that are large enough."""
    for name, value in values.items():
        if not is_int(value) or value < least:
            raise ArgumentError(where, f"{name}, an int of at least {least}", describe(value), "It is a count.")


def between(where: str, low: float, high: float, **values: Any) -> None:
    """Raise unless all values are numbers in a range."""
    for name, value in values.items():
        if not is_number(value) or not low <= value <= high:
            raise ArgumentError(where, f"{name} in [{low:g}, {high:g}]", describe(value), "Choose it in that range.")


def balanced(classes: int, samples: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return labels ``[samples]`` in random order, equally many of each class up to a remainder."""
    return rng.permutation(np.arange(samples) % classes)
