"""Shared parts of the benchmarks: options, a table of medians and ratios, a plot, a JSON file with machine and versions."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from . import plots
from .peers import threads
from .rounds import Result, measure, processes, quartiles
from .work import Work

__all__ = ["Options", "compare", "interleaved", "machine", "quartiles", "table", "write"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command line."""

    peers: tuple[str, ...] = ()
    """Names of the peers to compare with."""
    repeats: int = 10
    """Number of timed rounds."""
    small: bool = False
    """Whether to use tiny workloads, to check that everything runs."""
    out: Path = field(default=Path("runs/benchmarks"))
    """Directory of the results."""
    data: str = "synthetic"
    """Directory of MNIST's files, for ``train``."""
    only: str = ""
    """Run only the cases whose name contains this."""


def interleaved(work: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Time each function of ``work`` once per round, in this process.

    Returns
    -------
    dict
        Seconds of each round by name; a first round is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for round_number in range(repeats + 1):
        for name, fn in work.items():
            start = time.perf_counter()
            fn()
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def machine() -> dict[str, Any]:
    """Return the facts about the machine that a reader of the numbers needs."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip()
            for line in info.read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    versions = {"python": platform.python_version()}
    for package in ("spikecell", "numpy", "numba", "scipy"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": threads(), "system": platform.system(), "versions": versions}


def table(title: str, results: Mapping[str, Result], ours: str = "ours") -> None:
    """Print medians, their ratios to ours, and facts that show that all contenders computed the same."""
    print(f"\n{title}")
    base = quartiles(results[ours].seconds)[1] if ours in results and results[ours].seconds else None
    for name, result in results.items():
        if result.reason:
            print(f"  {name:16s} --  {result.reason}")
            continue
        low, median, high = quartiles(result.seconds)
        line = f"  {name:16s}{_time(median)}  ({_time(low).strip()} to {_time(high).strip()}, {len(result.seconds)} times)"
        ratio = "" if base is None or name == ours else f"{median / base:.2f} x {ours}"
        print(f"{line:68s}{ratio:>18s}  {_described(result)}".rstrip())


def _time(seconds: float) -> str:
    return f"{seconds:9.2f} s " if seconds >= 10 else f"{1e3 * seconds:9.2f} ms"


def _described(result: Result) -> str:
    facts = result.facts
    parts = []
    if facts.get("rates"):
        parts.append("fires " + " / ".join(f"{100 * rate:.2f} %" for rate in facts["rates"]))
    for key, symbol in (("weight_gradient", "|dW|"), ("input_gradient", "|dx|")):
        if key in facts:
            parts.append(f"{symbol} {facts[key]:.5g}")
    if "accuracy" in facts:
        parts.append(f"accuracy {facts['accuracy']:.4f}")
    return ", ".join(parts) + (f"  [{result.note}]" if result.note else "")


def write(name: str, title: str, options: Options, found: Mapping[str, Any]) -> Path:
    """Write all results as JSON; return the path without its suffix, for figures beside it."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{name}-{datetime.now():%Y%m%d-%H%M%S}.json"
    values = {"benchmark": name, "title": title, "small": options.small, "machine": machine(), **found}
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    print(f"\nwrote {path}")
    return path.with_suffix("")


def compare(name: str, title: str, cases: Mapping[str, tuple[str, Work]], contenders: Sequence[str], options: Options) -> None:
    """Measure every case, print a table for each, plot them and write all results.

    Parameters
    ----------
    name, title : str
        Name and title of the benchmark.
    cases : mapping
        From a short name to a line of description and the workload.
    contenders : sequence of str
        Modules of :mod:`benchmarks.peers`, ours first.
    options : Options
        Options of the command line.
    """
    tiny = " (tiny, to check that it runs)" if options.small else ""
    print(f"{title}{tiny}\n{threads()} threads each, medians of up to {options.repeats} interleaved repeats (quartiles)")
    found: dict[str, dict[str, Result]] = {}
    with processes() as kept:
        for case, (text, work) in cases.items():
            if options.only in case:
                found[case] = measure(work, contenders, options.repeats, kept if options.small else None)
                table(f"{case}: {text}", found[case])
    values = {
        case: {"work": cases[case][1].to_json(), "results": {who: asdict(r) for who, r in results.items()}}
        for case, results in found.items()
    }
    path = write(name, title, options, {"cases": values})
    plots.bars(title, {case: {who: r.seconds for who, r in results.items()} for case, results in found.items()}, path)
