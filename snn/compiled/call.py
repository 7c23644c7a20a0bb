"""Calls of a loop of one body by runs that differ in some of its arguments only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.threads import launch
from .form import Ready
from .layout import Layout, Stream
from .work import flat_strides

__all__ = ["Call"]


class Call:
    """A loop with the arguments that all runs share, and the places of the others.

    Parameters
    ----------
    ready : Ready
        The loop, with one body.
    layout : Layout
        Division of the elements of a step.
    first : list
        Arguments before those of the body.
    jobs : int
        Number of jobs.
    """

    def __init__(self, ready: Ready, layout: Layout, first: Sequence[Any], jobs: int) -> None:
        (self.body,), self.function, self.jobs = ready.loop.bodies, ready.function, jobs
        self.work = ready.work(layout.steps * layout.samples * layout.columns)
        self.shared: list[Any] = list(first)
        self.places: dict[str, slice] = {}
        for kind, count in self.body.counts:
            self.places[kind] = slice(len(self.shared), len(self.shared) + count)
            self.shared += [None] * count
        self.shared += ready.always
        for kind, size in zip(("width", "columns"), layout.sizes, strict=True):
            self.shared[self.places[kind]] = (size,)

    def run(self, streams: Sequence[Stream], written: Sequence[Stream], parameters: Sequence[Stream], **given: Any) -> None:
        """Call the loop. Streams bring their strides; ``given`` are further arguments by kind."""
        arguments, places = self.shared.copy(), self.places
        arguments[places["strides"]] = (flat_strides(tuple([s for _, s in (*streams, *written, *parameters)])),)
        for kind, several in (("in", streams), ("out", written), ("par", parameters)):
            if several:
                arguments[places[kind]] = [flat for flat, _ in several]
        for kind, values in given.items():
            if values:
                arguments[places[kind]] = values
        launch(self.function, self.jobs, arguments, self.work)
