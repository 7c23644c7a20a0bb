"""The base class of transforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from autograd.dtypes import describe, is_int
from autograd.errors import ArgumentError, DTypeError

from ..events import Events
from ..seeds import between

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
        if not is_int(value) or value < least:
            raise ArgumentError(
                type(self).__name__, f"{name}, an int of at least {least}", describe(value), "Times are in microseconds."
            )

    def check_number(self, name: str, low: float, high: float) -> None:
        """Raise unless an option is a number in a range."""
        between(type(self).__name__, low, high, **{name: getattr(self, name)})

    def checked(self, events: Any) -> Events:
        """Return the argument if it is events, or raise."""
        if not isinstance(events, Events):
            raise DTypeError(
                type(self).__name__, "snn.data.Events", describe(events),
                "Make frames last; for arrays, snn.data.from_structured.",
            )  # fmt: skip
        return events
