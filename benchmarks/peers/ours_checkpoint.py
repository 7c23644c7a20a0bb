"""Ours, keeping the state of every few steps only and computing the steps between again in the backward."""

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
