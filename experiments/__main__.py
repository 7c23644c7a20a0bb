"""Command line: ``python -m experiments``, ``python -m experiments NAME --help``, ``python -m experiments NAME [options]``."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import experiments
from autograd.errors import ArgumentError, AutogradError, MissingExtraError

__all__ = ["main", "names"]


def names() -> list[str]:
    """Return the experiments: the modules of the package that are not its machinery."""
    machinery = ("__main__", "harness", "training")
    return sorted(m.name for m in pkgutil.iter_modules(experiments.__path__) if m.name not in machinery)


def load(name: str) -> Any:
    """Import an experiment.

    Raises
    ------
    ArgumentError
        If there is none of that name.
    MissingExtraError
        If it needs a package that is not installed.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), 1)
        fix = f"Did you mean {near[0]!r}?" if near else "List them with: python -m experiments"
        raise ArgumentError("python -m experiments", f"one of {', '.join(names())}", repr(name), fix)
    try:
        return importlib.import_module(f"experiments.{name}")
    except ModuleNotFoundError as error:
        raise MissingExtraError((error.name or "?").partition(".")[0], "experiments", f"experiment {name}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        if not args or args[0] in ("-h", "--help"):
            print("usage: python -m experiments NAME [options]     (NAME --help shows its options)\n")
            for name in names():
                print(f"  {name:12s}{(load(name).__doc__ or '').strip().splitlines()[0]}")
            return 0
        _run(args[0], args[1:])
    except AutogradError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _run(name: str, args: list[str]) -> None:
    module = load(name)
    import tyro

    config, unknown = tyro.cli(
        module.Config, prog=f"python -m experiments {name}", description=module.__doc__, args=args,
        return_unknown_args=True,
    )  # fmt: skip
    if unknown:
        options = ["--" + field.name.replace("_", "-") for field in dataclasses.fields(module.Config)]
        near = difflib.get_close_matches(unknown[0], options, 1)
        fix = f"Did you mean {near[0]}?" if near else f"See: python -m experiments {name} --help"
        raise ArgumentError(f"experiment {name}", f"the options {', '.join(options)}", " ".join(unknown), fix)
    config = config.smaller() if config.smoke else config
    config.check()
    from .harness import RunDirectory

    results: list[dict[str, float]] = []
    for seed in range(config.seed, config.seed + config.seeds):
        one = config.with_seed(seed)
        directory = RunDirectory(one, name)
        results.append(module.run(one, directory))
        print(f"wrote {directory.path}/: {', '.join(sorted(p.name for p in directory.path.iterdir()))}")
    if len(results) > 1:
        for key in results[0]:
            values = [result[key] for result in results]
            print(f"{key}: mean {np.mean(values):.4f}, standard deviation {np.std(values):.4f} over {len(values)} seeds")


if __name__ == "__main__":
    sys.exit(main())
