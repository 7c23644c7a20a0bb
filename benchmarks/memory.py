"""Memory: by how much the peak of a fresh process rises in the first training step."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

from .harness import Options, write
from .layer import dense_input
from .rounds import FailedError, Worker
from .work import Work

TITLE = "peak memory added by the first training step: n = 512, T = 4,000, batch 16, dense input, gradient of weights"
PEERS = ("torch_expert", "torch_compile", "jax_expert", "spyx", "spikingjelly", "snntorch", "norse")
MIB = 2**20
MOST = 3  # processes of each contender: it varies little
WAYS = {"first": {"loaded": False}, "loaded": {"loaded": True}}


def case(small: bool) -> Work:
    """Return the work."""
    n, steps, batch = (32, 20, 4) if small else (512, 4000, 16)
    return replace(dense_input(n, steps, batch), input_gradient=False)


def run(options: Options) -> None:
    """Measure, print and write.

    Each contender is measured in two ways, in processes of their own: in the first step of all, which may load and compile
    code, and in the first one of this size after one of two time steps.
    """
    from . import plots

    work = case(options.small)
    contenders = ("ours", "ours_checkpoint", *options.peers)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {name: {way: [] for way in WAYS} for name in contenders}
    reasons: dict[str, str] = {}
    for name in ("ours", "ours_checkpoint"):  # so that its loops are compiled before, as they are for everyone but once
        _ask(name, work, reasons, loaded=False)
    for _ in range(min(options.repeats, MOST)):
        for name in contenders:
            for way, how in WAYS.items():
                if name not in reasons and (answer := _ask(name, work, reasons, **how)):
                    found[name][way].append(answer)
    print(f"{TITLE}, medians of {min(options.repeats, MOST)} processes")
    base = {way: _median(answers, "bytes") for way, answers in found["ours"].items()}
    for name, by_way in found.items():
        print(f"  {name:16s} --  {reasons[name]}" if name in reasons else f"  {name:16s}{_described(by_way, base)}")
    path = write("memory", TITLE, options, {"work": work.to_json(), "results": found, "reasons": reasons})
    panels = {
        text: {name: [answer["bytes"] / MIB for answer in by_way[way]] for name, by_way in found.items()}
        for way, text in (("first", "first step of the process"), ("loaded", "after a step of T = 2"))
    }
    plots.bars(TITLE, panels, path, unit="MiB")


def _described(by_way: dict[str, list[dict[str, Any]]], base: dict[str, float]) -> str:
    parts = []
    for way, text in (("first", "in the first step"), ("loaded", "after one of T = 2")):
        size = _median(by_way[way], "bytes")
        ratio = f" ({size / base[way]:.2f} x ours)" if base[way] else ""
        parts.append(f"{size / MIB:9.1f} MiB {text}{ratio}")
    parts.append(f"first step {_median(by_way['first'], 'seconds'):.2f} s, second {_median(by_way['first'], 'again'):.2f} s")
    if said := by_way["first"][0]["estimate"]:
        parts.append(f"snn.memory_estimate says {said / MIB:.1f} MiB")
    return ", ".join(parts)


def _median(answers: list[dict[str, Any]], key: str) -> float:
    return statistics.median(answer[key] for answer in answers) if answers else 0.0


def _ask(name: str, work: Work, reasons: dict[str, str], **how: bool) -> dict[str, Any]:
    with Worker(name) as worker:
        try:
            return worker.ask("memory", work, **how)
        except FailedError as failure:
            reasons[name] = str(failure)
            return {}
