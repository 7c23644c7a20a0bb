"""Calls of a loop of one body by runs that differ in some of its arguments only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.loop import Body
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
        The loop.
    body : Body
        Its only body.
    layout : Layout
        Division of the elements of a step.
    first : list
        Arguments before those of the body.
    jobs : int
        Number of jobs.
    """

    def __init__(self, ready: Ready, body: Body, layout: Layout, first: Sequence[Any], jobs: int) -> None:
        self.body, self.function, self.jobs = body, ready.function, jobs
        self.work = ready.work(layout.steps * layout.samples * layout.columns)
        self.shared: list[Any] = list(first)
        self.places: dict[str, slice] = {}
        for kind, count in body.counts:
            self.places[kind] = slice(len(self.shared), len(self.shared) + count)
            self.shared += [None] * count
        self.shared += ready.always
        width, columns = layout.sizes
        self.set("width", (width,))
        self.set("columns", (columns,))

    def set(self, kind: str, values: Sequence[Any]) -> None:
        """Set arguments that all runs share."""
        place = self.places.get(kind)
        if place is not None:
            self.shared[place] = values

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
