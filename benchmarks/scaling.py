"""Growth of the time of a layer with the number of steps, and with the number of spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from .harness import Options, quartiles, table, write
from .layer import alone, first_layer
from .rounds import Result, measure, processes
from .work import Work

TITLE = "time of a first layer against the number of time steps and of input spikes, beside its neurons without weights"
PEERS: tuple[str, ...] = ()
DENSITIES = 1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2
ALONE = "neurons alone"
PARTS = {"steps": "T", "density": "density of the input spikes"}


def exponent(x: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the slope of the least-squares line through the logarithms."""
    return float(np.polyfit(np.log(x), np.log(seconds), 1)[0])


def run(options: Options) -> None:
    """Measure, print, plot and write the results."""
    from . import plots

    n, steps = (32, (10, 20)) if options.small else (512, (100, 200, 500, 1000, 2000, 5000, 10_000))
    wide, long, densities = (64, 20, (0.01, 0.1)) if options.small else (4096, 500, DENSITIES)
    varied: dict[str, tuple[str, dict[float, Work]]] = {
        "steps": (f"n = {n}, 2 % spikes, T", {t: first_layer(n, t, 16) for t in steps}),
        "density": (f"n = {wide}, T = {long}, density", {p: first_layer(wide, long, 16, p) for p in densities}),
    }  # fmt: skip
    print(TITLE)
    found: dict[str, Any] = {}
    panels = {}
    for part, (text, works) in varied.items():
        if options.only not in part:
            continue
        with processes() as kept:
            again = kept if options.small else None
            results = {x: measure(work, ["ours"], options.repeats, again)["ours"] for x, work in works.items()}
            base = {}
            if part == "density":
                base[ALONE] = measure(alone(wide, long, 16), ["ours"], options.repeats, again)["ours"]
        table(f"{text} =", {f"{x:g}": result for x, result in results.items()} | base, ours=ALONE)
        medians = {float(x): quartiles(r.seconds)[1] for x, r in results.items() if r.seconds}
        found[part] = _fitted(results, medians) | {name: asdict(result) for name, result in base.items()}
        if medians:
            fit = found[part]["exponent"]
            panels[part] = PARTS[part], list(medians), list(medians.values()), f"{text}; exponent {fit:.2f}"
    path = write("scaling", TITLE, options, {"parts": found})
    if panels:
        plots.curves(TITLE, panels, path)


def _fitted(results: dict[float, Result], medians: dict[float, float]) -> dict[str, Any]:
    """Print and return the exponents over all points and between neighbours."""
    x, y = list(medians), list(medians.values())
    pairs = range(len(x) - 1)
    local = [exponent(x[i : i + 2], y[i : i + 2]) for i in pairs]
    overall = exponent(x, y) if pairs else float("nan")
    if pairs:
        print(f"  exponent {overall:.3f}; from point to point {', '.join(f'{e:.2f}' for e in local)}")
    return {"exponent": overall, "local": local, "results": {str(k): asdict(r) for k, r in results.items()}}
