"""Calls of a loop with one body, for runs that differ in only some of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.threads import launch
from .form import Ready
from .layout import Layout, Stream
from .work import flat_strides

__all__ = ["Call"]


class Call:
    """A loop with the arguments that all runs share.

    Parameters
    ----------
    ready : Ready
        The loop, with one body.
    layout : Layout
        Division of the elements of a step.
    first : sequence
        Arguments before those of the body.
    jobs : int
        Number of jobs.
    """

    def __init__(self, ready: Ready, layout: Layout, first: Sequence[Any], jobs: int) -> None:
        (self.body,), self.function, self.jobs = ready.loop.bodies, ready.function, jobs
        self.work = ready.work(layout.steps * layout.samples * layout.columns)
        self.first, self.last = list(first), ready.always
        width, columns = layout.sizes
        self.shared: dict[str, Sequence[Any]] = {"width": (width,), "columns": (columns,)}

    def run(self, streams: Sequence[Stream], written: Sequence[Stream], parameters: Sequence[Stream], **given: Any) -> None:
        """Call the loop. Streams bring their strides; ``given`` are further arguments by kind."""
        strides = flat_strides(tuple([strides for _, strides in (*streams, *written, *parameters)]))
        given |= self.shared | {"strides": (strides,)}
        for kind, several in (("in", streams), ("out", written), ("par", parameters)):
            given[kind] = [flat for flat, _ in several]
        launch(self.function, self.jobs, [*self.first, *self.body.ordered(given), *self.last], self.work)
