"""The base class of transforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError

from ..events import Events

__all__ = ["Transform"]


@dataclass(frozen=True)
class Transform:
    """A function of events with options. As a dataclass it prints its options."""

    random: ClassVar[bool] = False
    """Whether it also takes a generator."""
    gives: ClassVar[str | None] = None
    """The kind of sample that it returns, if that differs: ``"sequence"`` for frames."""

    def check_whole(self, name: str, least: int = 1) -> None:
        """Raise unless an option is an int that is large enough."""
        value = getattr(self, name)
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise ArgumentError(
                type(self).__name__, f"{name}, an int of at least {least}", describe(value), "Times are in microseconds."
            )

    def check_number(self, name: str, low: float, high: float) -> None:
        """Raise unless an option is a number in a range."""
        value = getattr(self, name)
        if not isinstance(value, (int, float, np.number)) or isinstance(value, bool) or not low <= value <= high:
            raise ArgumentError(
                type(self).__name__, f"{name} in [{low:g}, {high:g}]", describe(value), "Choose it in that range."
            )

    def checked(self, events: Any) -> Events:
        """Return the argument if it is events, or raise."""
        if not isinstance(events, Events):
            raise DTypeError(
                type(self).__name__,
                "snn.data.Events",
                describe(events),
                "Make frames last; for arrays, snn.data.from_structured.",
            )
        return events
