"""What benchmarks share: interleaved timing, a table of medians and ratios, a JSON file with machine and versions."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["interleaved", "machine", "report"]


def interleaved(work: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Time each piece of work once in every round, so that a noisy moment of the machine meets all alike.

    Returns
    -------
    dict
        Seconds of each round by name, after one round that is not counted.
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
    """Return what a reader needs to know of where the numbers come from."""
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    versions = {"python": platform.python_version()}
    for package in ("spikecell", "numpy", "scipy", "torch"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system(), "versions": versions}


def report(name: str, title: str, seconds: dict[str, list[float]], out: Path) -> None:
    """Print medians with their ratio to ours, and write everything as JSON."""
    medians = {who: statistics.median(times) for who, times in seconds.items()}
    ours = medians["ours"]
    print(f"{title}, median of {len(seconds['ours'])} interleaved repeats")
    for who, median in medians.items():
        spread = statistics.quantiles(seconds[who], n=4) if len(seconds[who]) > 1 else [median] * 3
        line = f"  {who:12s}{1e3 * median:10.2f} ms   (quartiles {1e3 * spread[0]:.2f} to {1e3 * spread[2]:.2f})"
        print(line + ("" if who == "ours" else f"   ours takes {ours / median:.2f} times as long"))
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}-{datetime.now():%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps({"benchmark": name, "title": title, "machine": machine(), "seconds": seconds}, indent=2) + "\n")
    print(f"wrote {path}")
