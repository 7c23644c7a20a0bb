"""Transforms of a million events of a camera of 128 x 128 pixels, in one process; binning beside a version in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from snn.data import Events
from snn.data.transforms import Crop, Downsample, Drop, EventFrames, FixedFrames, HotPixels, SpaceJitter, TimeBins, TimeJitter

from .harness import Options, interleaved, table, write
from .rounds import Result

TITLE = "a million events of 128 x 128 pixels in a second: frames and other transforms"
PEERS = ("numpy",)
SIDE, STEP = 128, 10_000


def drawn(count: int) -> Events:
    """Return events, uniform in time and space."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, 10**6, count))
    x, y, p = (rng.integers(0, end, count) for end in (SIDE, SIDE, 2))
    return Events(t, x, y, p, shape=(2, SIDE, SIDE))


def by_numpy(events: Events) -> Any:
    """Count events in time bins with one index per event and ``bincount``."""
    frames = int(events.t[-1]) // STEP + 1
    place = ((events.t // STEP * 2 + events.p) * SIDE + events.y) * SIDE + events.x
    return np.bincount(place, minlength=frames * 2 * SIDE * SIDE).reshape(frames, 2, SIDE, SIDE).astype(np.float32)


def run(options: Options) -> None:
    """Measure, print and write the results."""
    from . import plots

    events = drawn(1000 if options.small else 10**6)
    rng = np.random.default_rng(1)
    bins = TimeBins(STEP)
    assert np.array_equal(bins(events), by_numpy(events))
    work: dict[str, Callable[[], Any]] = {"ours": partial(bins, events)}
    if "numpy" in options.peers:
        work["numpy"] = partial(by_numpy, events)
    for plain in (FixedFrames(16), EventFrames(10_000), Crop(64, 64), Downsample(2), HotPixels(100.0)):
        work[type(plain).__name__] = partial(plain, events)
    for drawing in (Drop(0.1), TimeJitter(100.0), SpaceJitter(1.0)):
        work[type(drawing).__name__] = partial(drawing, events, rng)
    results = {name: Result(seconds=seconds) for name, seconds in interleaved(work, options.repeats).items()}
    table(f"{len(events):,} events; ours and numpy: bins of 10 ms, [100, 2, 128, 128] float32", results)
    path = write("events", TITLE, options, {"results": {name: asdict(result) for name, result in results.items()}})
    plots.bars(TITLE, {"transforms": {name: result.seconds for name, result in results.items()}}, path)
