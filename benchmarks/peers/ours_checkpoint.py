"""Ours, with the state kept every few steps; the backward pass recomputes the steps between."""

from __future__ import annotations

import math

from ..work import Work
from . import ours


class Contender(ours.Contender):
    """Segments of about the square root of T steps."""

    note = "recomputes segments of about sqrt(T) steps"

    def __init__(self, work: Work) -> None:
        self.options = {"checkpoint": max(2, round(math.sqrt(work.steps)))}
        super().__init__(work)
