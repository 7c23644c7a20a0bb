"""Time to draw and save a raster of a million spikes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

import snn

from .harness import Options, interleaved, table, write
from .rounds import Result

TITLE = "drawing a raster of a million spikes and saving it as PNG or PDF"
PEERS = ()


def run(options: Options) -> None:
    """Measure, print and write the results."""
    rng = np.random.default_rng(1)
    shapes = ((20, 500), (500, 20)) if options.small else ((1000, 10_000), (10_000, 1000))
    work, facts = {}, {}
    for steps, neurons in shapes:
        spikes = rng.random((steps, neurons), np.float32) < 0.1
        for kind in ("png", "pdf"):
            name = f"{neurons:,} {kind}"
            work[name] = _saved(spikes, kind)
            facts[name] = {"spikes": int(spikes.sum()), "bytes": work[name]()}
    results = {name: Result(seconds, facts[name]) for name, seconds in interleaved(work, options.repeats).items()}
    table(TITLE, results)
    write("raster", TITLE, options, {"results": {name: asdict(result) for name, result in results.items()}})


def _saved(spikes: Any, kind: str) -> Callable[[], int]:
    def once() -> int:
        import matplotlib.pyplot as plt

        figure = snn.plot.raster(spikes).get_figure(root=True)
        assert figure is not None
        file = io.BytesIO()
        figure.savefig(file, format=kind, dpi=150)
        plt.close(figure)
        return len(file.getvalue())

    return once
