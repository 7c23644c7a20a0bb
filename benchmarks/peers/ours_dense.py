"""Ours, with every convolution over whole images, however few of their numbers are spikes."""

from __future__ import annotations

from typing import Any

from snn.engine import tuning

from . import ours


class Contender(ours.Contender):
    """The compiled net without the event way of convolutions."""

    def _run(self, x: Any, **options: Any) -> Any:
        with tuning.using(convolved_density=0):
            return super()._run(x, **options)
