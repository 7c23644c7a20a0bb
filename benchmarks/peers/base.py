"""The base class of contenders."""

from __future__ import annotations

from typing import Any

from ..work import Array, UnsupportedError, Work

__all__ = ["Base"]


class Base:
    """A contender.

    Parameters
    ----------
    work : Work
        The workload.
    """

    packages: tuple[str, ...] = ()
    """The packages whose versions are reported."""
    note = ""
    """Differences of its computation from the others."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def iteration(self) -> Any:
        """Do one complete iteration on the fixed input."""
        raise NotImplementedError

    def train(self, images: Array, labels: Array, rate: float) -> None:
        """Do one step of the optimizer."""
        raise UnsupportedError("does not train")

    def scores(self, images: Array) -> Any:
        """Return the sum of the outputs over time for images, ``[N, classes]``."""
        raise UnsupportedError("does not train")

    def reset(self) -> None:
        """Restore the initial weights."""
        raise UnsupportedError("does not train")

    def facts(self) -> dict[str, Any]:
        """Return ``rates`` of the spiking layers in spikes per neuron per step, and norms of the gradients."""
        return {}

    def memory_estimate(self) -> int | None:
        """Return the contender's own estimate of the bytes of an iteration, if it has one."""
        return None
