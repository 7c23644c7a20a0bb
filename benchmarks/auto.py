"""The basis of ``mode="auto"``: times of eager and compiled runs of growing work, and of compiling, in one process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

import snn
from autograd import Cell, Tensor, grad, nn
from snn.compiled import auto
from snn.engine import tuning

from .harness import Options, interleaved, quartiles, write
from .peers import threads
from .rounds import Result

TITLE = "eager and compiled training steps of growing work, and compile time"
PEERS = ()
CASES: dict[str, tuple[tuple[int, ...], int, tuple[int, ...]]] = {
    "one neuron": ((1,), 1, (1, 8, 64, 512, 4096)),
    "1 to 256": ((1, 256), 16, (4, 16, 64, 256)),
    "64 to 128 to 10": ((64, 128, 10), 64, (2, 4, 8, 16, 64)),
    "700 to 512 to 20": ((700, 512, 20), 64, (1, 4, 16, 64)),
}
"""Sizes of dense layers with leaky neurons, samples, and numbers of time steps."""
_FIRST = """
import time, numpy as np, snn
from benchmarks.auto import net_of, step
net, x = net_of((64, 128, 10)), np.ones((4, 2, 64), np.float32)
start = time.perf_counter()
step(net, x, "compiled")()
print(time.perf_counter() - start)
"""


def net_of(sizes: tuple[int, ...]) -> Cell:
    """Return dense layers, each with leaky neurons; for a single size, neurons without weights."""
    rng = np.random.default_rng(0)
    pairs = [(nn.Dense(n_in, n_out, rng=rng), snn.LIFNode(beta=0.9)) for n_in, n_out in pairwise(sizes)]
    return nn.SequentialCell([cell for pair in pairs for cell in pair]) if pairs else snn.LIFNode(beta=0.9)


def step(net: Cell, x: Any, mode: str) -> Callable[[], Any]:
    """Return a run with its gradient with respect to the weights, or to the input if there are none."""
    weights = net.trainable_params()
    if weights:
        return lambda: grad(lambda: snn.run(net, x, mode=mode)[0].sum(), None, weights)()
    return lambda: grad(lambda x: snn.run(net, x, mode=mode)[0].sum())(x)


def run(options: Options) -> None:
    """Measure, print and write the results."""
    print(f"{TITLE}\n{threads()} threads, medians of {options.repeats} interleaved repeats (quartiles in the file)\n")
    print("| net | N | T | estimated | eager | compiled | auto |\n|---|---|---|---|---|---|---|")
    found: dict[str, Any] = {}
    for name, (sizes, samples, all_steps) in CASES.items():
        net = net_of(sizes)
        for steps in all_steps[:1] if options.small else all_steps:
            x = Tensor(np.random.default_rng(0).random((steps, samples, sizes[0]), np.float32))
            estimate = auto.work(net, x)
            repeats = max(1, min(options.repeats, int(4 / estimate)))
            seconds = interleaved({mode: step(net, x, mode) for mode in ("eager", "compiled")}, repeats)
            eager, compiled = (quartiles(seconds[mode])[1] for mode in ("eager", "compiled"))
            chosen = "eager" if estimate < tuning.now().worthwhile else "compiled"
            times = " | ".join(f"{1000 * s:.3g} ms" for s in (estimate, eager, compiled))
            print(f"| {name} | {samples} | {steps} | {times} | {chosen} |")
            results = {mode: asdict(Result(seconds=values)) for mode, values in seconds.items()}
            found[f"{name}, T = {steps}"] = {"estimate": estimate, "auto": chosen, "results": results}
    first: dict[str, float] = {}
    if not options.small:
        with tempfile.TemporaryDirectory() as cache:
            first = {"compiling": _first(cache), "loading": _first(cache)}
        print(f"\nthe first step of a process: {first['compiling']:.1f} s without a cache, {first['loading']:.1f} s with one")
    write("auto", TITLE, options, {"cases": found, "first": first})


def _first(cache: str) -> float:
    """Return the seconds of the first training step of a new process."""
    done = subprocess.run(
        [sys.executable, "-c", _FIRST], env=os.environ | {"SPIKECELL_CACHE": cache}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
