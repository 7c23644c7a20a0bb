"""Learning rates as functions of the step, which counts from 0."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..errors import ArgumentError

__all__ = ["Schedule", "cosine", "exponential", "step", "warmup"]

Schedule = Callable[[int], float]


def exponential(lr: float, rate: float, every: int = 1) -> Schedule:
    """Multiply by ``rate`` over each ``every`` steps, smoothly."""
    _positive(every=every)
    return lambda n: lr * rate ** (n / every)


def step(lr: float, rate: float, every: int) -> Schedule:
    """Multiply by ``rate`` after each ``every`` steps, at once."""
    _positive(every=every)
    return lambda n: lr * rate ** (n // every)


def cosine(lr: float, steps: int, lowest: float = 0.0) -> Schedule:
    """Fall from ``lr`` to ``lowest`` along half a cosine over ``steps``, then stay (Loshchilov and Hutter, 2017)."""
    _positive(steps=steps)
    return lambda n: lowest + (lr - lowest) * (1 + math.cos(math.pi * min(n / steps, 1.0))) / 2


def warmup(schedule: Schedule | float, steps: int) -> Schedule:
    """Rise linearly over the first ``steps``, then follow ``schedule`` from its own step 0 on."""
    _positive(steps=steps)
    after = schedule if callable(schedule) else lambda n: schedule
    return lambda n: after(0) * (n + 1) / steps if n < steps else after(n - steps)


def _positive(**numbers: int) -> None:
    for name, value in numbers.items():
        if value < 1:
            raise ArgumentError("schedule", f"{name} to be at least 1", repr(value), "Count steps of the optimizer.")
