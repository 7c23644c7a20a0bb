"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import imports, overhead
from .harness import interleaved, report

BENCHMARKS = {"overhead": overhead, "import": imports}


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS, help="; ".join(f"{n}: {m.TITLE}" for n, m in BENCHMARKS.items()))
    parser.add_argument("--peers", default="", help="comma-separated: torch (both), nothing and numpy (import)")
    parser.add_argument("--repeats", type=int, default=20, help="rounds that are timed")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="where the JSON file goes")
    args = parser.parse_args()
    benchmark = BENCHMARKS[args.name]
    peers = [peer for peer in args.peers.split(",") if peer]
    if unknown := [peer for peer in peers if peer not in benchmark.PEERS]:
        parser.error(f"--peers of {args.name} are {', '.join(benchmark.PEERS)}, not {', '.join(unknown)}")
    work = {"ours": benchmark.ours(), **{peer: benchmark.PEERS[peer]() for peer in peers}}
    report(args.name, benchmark.TITLE, interleaved(work, args.repeats), args.out)


if __name__ == "__main__":
    main()
