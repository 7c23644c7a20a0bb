"""Learning rates as functions of the step, which counts from 0. They have a repr and can be pickled."""
# ruff: noqa: N801 - they are called like functions

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import ArgumentError

__all__ = ["Schedule", "cosine", "exponential", "step", "table", "warmup"]

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class exponential:
    """Multiply the learning rate by ``rate`` over ``every`` steps, smoothly.

    Parameters
    ----------
    lr : float
        Initial rate.
    rate : float
        The factor.
    every : int
        Number of steps.
    """

    lr: float
    rate: float
    every: int = 1

    def __post_init__(self) -> None:
        _check("exponential", every=self.every)

    def __call__(self, n: int) -> float:
        """Return the rate of a step."""
        return self.lr * float(self.rate ** (n / self.every))


@dataclass(frozen=True)
class step:
    """Multiply the learning rate by ``rate`` after every ``every`` steps, in one jump.

    Parameters
    ----------
    lr : float
        Initial rate.
    rate : float
        The factor.
    every : int
        Number of steps.
    """

    lr: float
    rate: float
    every: int

    def __post_init__(self) -> None:
        _check("step", every=self.every)

    def __call__(self, n: int) -> float:
        """Return the rate of a step."""
        return self.lr * self.rate ** (n // self.every)


@dataclass(frozen=True)
class cosine:
    """Decrease from ``lr`` to ``lowest`` along half a cosine over ``steps``, then stay (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    lr : float
        Initial rate.
    steps : int
        Number of steps until the lowest rate.
    lowest : float
        Final rate.
    """

    lr: float
    steps: int
    lowest: float = 0.0

    def __post_init__(self) -> None:
        _check("cosine", steps=self.steps)

    def __call__(self, n: int) -> float:
        """Return the rate of a step."""
        return self.lowest + (self.lr - self.lowest) * (1 + math.cos(math.pi * min(n / self.steps, 1.0))) / 2


@dataclass(frozen=True)
class warmup:
    """Rise linearly over the first ``steps``, then follow ``schedule`` from its step 0.

    Parameters
    ----------
    schedule : callable or float
        The schedule that follows.
    steps : int
        Number of steps of the rise.
    """

    schedule: Schedule | float
    steps: int

    def __post_init__(self) -> None:
        _check("warmup", steps=self.steps)

    def __call__(self, n: int) -> float:
        """Return the rate of a step."""
        if n < self.steps:
            return self._after(0) * (n + 1) / self.steps
        return self._after(n - self.steps)

    def _after(self, n: int) -> float:
        return self.schedule(n) if callable(self.schedule) else self.schedule


@dataclass(frozen=True)
class table:
    """One rate per step; the last one continues.

    Parameters
    ----------
    rates : sequence of float
        At least one.
    """

    rates: Sequence[float]

    def __post_init__(self) -> None:
        if not len(self.rates):
            raise ArgumentError("schedules.table", "at least one rate", "none", "Give the rates of the first steps.")
        object.__setattr__(self, "rates", tuple(float(rate) for rate in self.rates))

    def __call__(self, n: int) -> float:
        """Return the rate of a step."""
        return self.rates[min(n, len(self.rates) - 1)]


def _check(name: str, **counts: int) -> None:
    for what, value in counts.items():
        if value < 1:
            raise ArgumentError(f"schedules.{name}", f"{what} to be at least 1", repr(value), "Count steps of the optimizer.")


def __dir__() -> list[str]:
    return sorted(__all__)
