"""Start-up time of a process: to the end of its imports, and to the end of its first training step."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial

from .harness import Options, table, write
from .layer import dense_input
from .rounds import FailedError, Result, Worker
from .work import Work

TITLE = "process start to the end of imports, and of the first training step of a layer, n = 512, T = 500, dense input"
PEERS = (
    "nothing", "numpy", "torch", "jax", "torch_expert", "torch_compile", "jax_expert", "spyx", "spikingjelly", "snntorch",
    "norse",
)  # fmt: skip
IMPORTS = {
    "ours": "autograd, snn", "nothing": "sys", "numpy": "numpy", "torch": "torch", "jax": "jax", "spyx": "spyx",
    "spikingjelly": "spikingjelly.activation_based.neuron", "snntorch": "snntorch", "norse": "norse.torch",
}  # fmt: skip
CACHES = ("ours_warm", "ours_cold")


def run(options: Options) -> None:
    """Measure, print and write the results."""
    from . import plots

    work = dense_input(*(16, 10, 2) if options.small else (512, 500, 16))
    imports: dict[str, Callable[[], float]] = {name: _imports(name) for name in ("ours", *options.peers) if name in IMPORTS}
    imported = _rounds(imports, options.repeats)
    table("a process that imports the library and ends", imported)
    steppers = [name for name in options.peers if name not in ("nothing", "numpy", "torch", "jax")]
    with tempfile.TemporaryDirectory() as warm:
        steps = {"ours_warm": partial(_first_step, "ours", work, warm), "ours_cold": partial(_cold, work)}
        steps |= {name: partial(_first_step, name, work) for name in steppers}
        stepped = _rounds(steps, options.repeats)
    table(
        "process start to the end of the first training step; ours with a warm or a cold cache of compiled loops",
        stepped,
        CACHES[0],
    )
    found = {"imports": imported, "first step": stepped}
    values = {part: {name: asdict(r) for name, r in results.items()} for part, results in found.items()}
    path = write("import", TITLE, options, {"results": values})
    plots.bars(TITLE, {part: {name: r.seconds for name, r in results.items()} for part, results in found.items()}, path)


def _rounds(work: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, Result]:
    """Run each once per round. A first round, which does not count, fills the caches of files and of compiled loops.

    A contender that starts with a cold cache each time skips that round.
    """
    results = {name: Result() for name in work}
    for round_number in range(repeats + 1):
        for name, fn in work.items():
            if results[name].reason or (not round_number and name == CACHES[1]):
                continue
            try:
                seconds = fn()
            except FailedError as failure:
                results[name] = Result(reason=str(failure))
                continue
            if round_number:
                results[name].seconds.append(seconds)
    return results


def _imports(name: str) -> Callable[[], float]:
    def once() -> float:
        start = time.perf_counter()
        code = f"import {IMPORTS[name]}"
        done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
        if done.returncode:
            raise FailedError(done.stderr.strip().splitlines()[-1][:200])
        return time.perf_counter() - start

    return once


def _first_step(name: str, work: Work, cache: str | None = None) -> float:
    start = time.perf_counter()
    with Worker(name, {} if cache is None else {"SPIKECELL_CACHE": cache}) as worker:
        worker.ask("first", work)
        return time.perf_counter() - start


def _cold(work: Work) -> float:
    with tempfile.TemporaryDirectory() as cache:
        return _first_step("ours", work, cache)
