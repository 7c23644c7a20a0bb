"""What every contender has."""

from __future__ import annotations

from typing import Any

from ..work import Array, UnsupportedError, Work

__all__ = ["Base"]


class Base:
    """A contender.

    Parameters
    ----------
    work : Work
        What is to be done.
    """

    packages: tuple[str, ...] = ()
    """What its versions are reported of."""
    note = ""
    """In what its work differs."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def iteration(self) -> Any:
        """Do one iteration on the fixed input, to the end."""
        raise NotImplementedError

    def train(self, images: Array, labels: Array, rate: float) -> None:
        """Do one step of the optimizer."""
        raise UnsupportedError("does not train")

    def scores(self, images: Array) -> Any:
        """Return the sum over time of what comes out for images, ``[N, classes]``."""
        raise UnsupportedError("does not train")

    def reset(self) -> None:
        """Go back to the first weights."""
        raise UnsupportedError("does not train")

    def facts(self) -> dict[str, Any]:
        """Return ``rates`` of the firing layers in spikes per neuron and step, and norms of the gradients."""
        return {}

    def memory_estimate(self) -> int | None:
        """Return the bytes that it says an iteration will need, if it does."""
        return None
