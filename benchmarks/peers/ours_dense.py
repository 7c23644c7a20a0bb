"""Ours, with every convolution over whole images, however sparse the spikes are."""

from __future__ import annotations

from typing import Any

from snn.engine import tuning

from . import ours


class Contender(ours.Contender):
    """The compiled net without event-based convolutions."""

    def _run(self, x: Any, **options: Any) -> Any:
        with tuning.using(convolved_density=0):
            return super()._run(x, **options)
