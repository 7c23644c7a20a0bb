"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from . import (
    auto,
    backward,
    conv,
    delays,
    digits,
    events,
    graph,
    imports,
    layer,
    memory,
    overhead,
    product,
    raster,
    recurrent,
    scaling,
    train,
)  # fmt: skip
from .harness import Options

BENCHMARKS = {
    "layer": layer, "train": train, "recurrent": recurrent, "scaling": scaling, "memory": memory, "import": imports,
    "digits": digits, "overhead": overhead, "backward": backward, "auto": auto,
    "graph": graph, "product": product, "conv": conv, "events": events,
    "delays": delays, "raster": raster,
}  # fmt: skip
SMALL_REPEATS, REPEATS = 2, 10


def chosen(given: str, available: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the chosen peers, and the unknown names.

    ``torch`` and ``jax`` choose all peers whose names begin with them; ``all`` and ``none`` choose all and none.
    """
    peers: list[str] = []
    unknown = []
    for name in filter(None, given.split(",")):
        if name == "none":
            continue
        meant = [peer for peer in available if name in ("all", peer) or peer.startswith(f"{name}_")]
        peers += [peer for peer in meant if peer not in peers]
        if not meant and name != "all":
            unknown.append(name)
    return peers, unknown


def main(arguments: Sequence[str] | None = None) -> None:
    """Run benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare spikecell with other packages.")
    titles = "; ".join(f"{name}: {module.TITLE}" for name, module in BENCHMARKS.items())
    parser.add_argument("names", nargs="+", choices=BENCHMARKS, metavar="name", help=titles.replace("%", "%%"))
    peers_help = "comma-separated names; torch or jax for all peers based on it; all; none"
    parser.add_argument("--peers", default="all", help=peers_help)
    parser.add_argument("--repeats", type=int, help=f"timed rounds (default {REPEATS}; {SMALL_REPEATS} with --small)")
    parser.add_argument("--small", action="store_true", help="tiny workloads, to check that everything runs")
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    parser.add_argument("--data", type=Path, help="for train: directory of MNIST's IDX files; random images by default")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="directory of the JSON file and the figure")
    args = parser.parse_args(arguments)
    every = sorted({peer for module in BENCHMARKS.values() for peer in module.PEERS})
    if strangers := chosen(args.peers, every)[1]:
        parser.error(f"--peers must be among {', '.join(every)}, torch, jax, all and none, not {', '.join(strangers)}")
    if args.repeats is not None and args.repeats < 1:
        parser.error("--repeats must be at least 1")
    if args.data is not None and not args.data.is_dir():
        parser.error(f"--data {args.data} is not a directory")
    for name in args.names:
        benchmark = BENCHMARKS[name]
        peers, unknown = chosen(args.peers, benchmark.PEERS)
        if unknown:
            print(f"{name} has no {', '.join(unknown)}: its peers are {', '.join(benchmark.PEERS) or 'none'}")
        options = Options(
            peers=tuple(peers),
            repeats=args.repeats or (SMALL_REPEATS if args.small else REPEATS),
            small=args.small,
            out=args.out,
            data="synthetic" if args.data is None else str(args.data.resolve()),
            only=args.only,
        )
        benchmark.run(options)


if __name__ == "__main__":
    main()
