"""Peak memory that the first training step adds to a fresh process."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .harness import Options, write
from .layer import dense_input
from .rounds import FailedError, Worker
from .work import Work

TITLE = "peak memory added by the first training step: n = 512, T = 4,000, batch 16, dense input, gradient of weights"
PEERS = (
    "torch_expert", "torch_compile", "jax_expert", "jaxpike", "jaxpike_checkpoint", "spyx", "spikingjelly", "snntorch",
    "norse",
)  # fmt: skip
MIB = 2**20
MOST = 3  # processes per contender: memory varies little
WAYS = {"first": {"loaded": False}, "loaded": {"loaded": True}}
"""The first step of the process, which may load and compile code; and the first step of this size, after a tiny one."""


def case(small: bool) -> Work:
    """Return the workload."""
    n, steps, batch = (32, 20, 4) if small else (512, 4000, 16)
    return replace(dense_input(n, steps, batch), input_gradient=False)


def run(options: Options) -> None:
    """Measure, print and write the results."""
    compare("memory", TITLE, case(options.small), ("ours", "ours_checkpoint"), options)


def compare(
    name: str, title: str, work: Work, ours: Sequence[str], options: Options, env: Mapping[str, str] | None = None
) -> None:
    """Measure the first step of each contender in each of the :data:`WAYS`, each in its own process; print and write.

    Parameters
    ----------
    name, title : str
        Name and title of the benchmark.
    work : Work
        The workload of all contenders.
    ours : sequence of str
        Our modules of :mod:`benchmarks.peers`; the others are compared with the first.
    options : Options
        Options of the command line.
    env : mapping, optional
        Additional environment variables.
    """
    from . import plots

    contenders = (*ours, *options.peers)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {who: {way: [] for way in WAYS} for who in contenders}
    reasons: dict[str, str] = {}
    for who in ours:  # so that its loops are compiled before, as in every run of a user but the first
        _ask(who, work, reasons, env, loaded=False)
    for _ in range(min(options.repeats, MOST)):
        for who in contenders:
            for way, how in WAYS.items():
                if who not in reasons and (answer := _ask(who, work, reasons, env, **how)):
                    found[who][way].append(answer)
    print(f"{title}, medians of {min(options.repeats, MOST)} processes")
    base = {way: _median(answers, "bytes") for way, answers in found[ours[0]].items()}
    for who, by_way in found.items():
        print(f"  {who:16s} --  {reasons[who]}" if who in reasons else f"  {who:16s}{_described(by_way, base)}")
    path = write(name, title, options, {"work": work.to_json(), "results": found, "reasons": reasons})
    panels = {
        text: {who: [answer["bytes"] / MIB for answer in by_way[way]] for who, by_way in found.items()}
        for way, text in (("first", "first step of the process"), ("loaded", "after a tiny step"))
    }
    plots.bars(title, panels, path, unit="MiB")


def _described(by_way: dict[str, list[dict[str, Any]]], base: dict[str, float]) -> str:
    parts = []
    for way, text in (("first", "in the first step"), ("loaded", "after a tiny one")):
        size = _median(by_way[way], "bytes")
        ratio = f" ({size / base[way]:.2f} x ours)" if base[way] else ""
        parts.append(f"{size / MIB:9.1f} MiB {text}{ratio}")
    parts.append(f"first step {_median(by_way['first'], 'seconds'):.2f} s, second {_median(by_way['first'], 'again'):.2f} s")
    if said := by_way["first"][0]["estimate"]:
        parts.append(f"snn.memory_estimate: {said / MIB:.1f} MiB")
    return ", ".join(parts)


def _median(answers: list[dict[str, Any]], key: str) -> float:
    return statistics.median(answer[key] for answer in answers) if answers else 0.0


def _ask(name: str, work: Work, reasons: dict[str, str], env: Mapping[str, str] | None, **how: bool) -> dict[str, Any]:
    with Worker(name, env) as worker:
        try:
            return worker.ask("memory", work, **how)
        except FailedError as failure:
            reasons[name] = str(failure)
            return {}
