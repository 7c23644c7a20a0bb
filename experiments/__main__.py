"""Command line: ``python -m experiments`` lists the experiments; ``NAME [options]`` runs one, ``NAME --help`` describes it.

``NAME --resume DIR`` resumes a run that was interrupted or killed; ``replay DIR`` repeats one and compares the bits;
``report DIR...`` writes a page about runs, ``sweep NAME ...`` makes many runs with different options in parallel.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import experiments
from autograd.errors import ArgumentError, AutogradError, MissingExtraError

__all__ = ["main", "names"]


def names() -> list[str]:
    """Return the names of the experiments: the modules of the package that are not machinery."""
    machinery = (
        "__main__", "cluster", "curves", "files", "fitting", "harness", "leash", "local", "manifest", "parametric", "ranks",
        "replay", "report", "results", "samples", "study", "sweep", "training", "words",
    )  # fmt: skip
    return sorted(m.name for m in pkgutil.iter_modules(experiments.__path__) if m.name not in machinery)


def load(name: str) -> Any:
    """Import an experiment.

    Raises
    ------
    ArgumentError
        If there is none with that name.
    MissingExtraError
        If it needs a package that is not installed.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), 1)
        fix = f"Did you mean {near[0]!r}?" if near else "List them with: python -m experiments"
        raise ArgumentError("python -m experiments", f"one of {', '.join(names())}", repr(name), fix)
    return _module(name, f"experiment {name}")


def _module(name: str, where: str) -> Any:
    try:
        return importlib.import_module(f"experiments.{name}")
    except ModuleNotFoundError as error:
        raise MissingExtraError((error.name or "?").partition(".")[0], "experiments", where) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        if not args or args[0] in ("-h", "--help"):
            print(_USAGE)
            for name in names():
                print(f"  {name:14s}{(load(name).__doc__ or '').strip().splitlines()[0]}")
            return 0
        if args[0] == "report":
            return int(_module("report", "python -m experiments report").main(args[1:]))
        if args[0] == "sweep":
            return int(_module("sweep", "python -m experiments sweep").main(args[1:], _configured))
        if args[0] == "replay":
            return 0 if _replay(args[1:]) else 1
        _run(args[0], args[1:])
    except AutogradError as error:
        print("\n".join([f"error: {error}", *getattr(error, "__notes__", ())]), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # the convention of shells
    return 0


_USAGE = """\
usage: python -m experiments NAME [options]     (NAME --help shows its options)
       python -m experiments NAME --resume DIR  (resume a run that was interrupted or killed)
       python -m experiments replay DIR         (run it again, and check that the bits are the same)
       python -m experiments report DIR...      (write a page about runs, with figures and comparisons)
       python -m experiments sweep NAME ...     (run it with many options; see sweep --help)
"""

_REPLAY = """\
usage: python -m experiments replay DIR

Repeat the run of a directory in a temporary place, and compare every file to the bit. Exits with 1 if one
differs, and lists what else has changed. DIR, such as runs/traces/<time>-0, is only read.
"""


def _run(name: str, args: list[str]) -> None:
    module = load(name)
    if place := _resumed(name, args):
        _go_on(name, module, place)
        return
    config = _config(name, module, args)
    config.check()
    from . import ranks
    from .harness import RunDirectory

    together = ranks.begin(config, " ".join([name, *args]))
    results: list[dict[str, float]] = []
    for seed in range(config.seed, config.seed + config.seeds):
        one = config.with_seed(seed)
        directory = ranks.shared(together, functools.partial(RunDirectory, one, name))
        try:
            results += _one(module, one, directory)
        except Exception:
            directory.discard()
            raise
    if len(results) > 1:
        for key in results[0]:
            values = [result[key] for result in results]
            print(f"{key}: mean {np.mean(values):.4f}, standard deviation {np.std(values):.4f} over {len(values)} seeds")


def _configured(name: str, args: list[str]) -> Any:
    return _config(name, load(name), args)


def _config(name: str, module: Any, args: list[str]) -> Any:
    """Return the options of a command line; a smoke run has smaller defaults."""
    import tyro

    def parsed(default: Any) -> Any:
        return tyro.cli(
            module.Config, prog=f"python -m experiments {name}", description=module.__doc__, args=args, default=default,
            return_unknown_args=True,
        )  # fmt: skip

    config, unknown = parsed(module.Config())
    if config.smoke:
        config, unknown = parsed(module.Config().smaller())
    if unknown:
        options = ["--" + field.name.replace("_", "-") for field in dataclasses.fields(module.Config)]
        near = difflib.get_close_matches(unknown[0], options, 1)
        fix = f"Did you mean {near[0]}?" if near else f"See: python -m experiments {name} --help"
        raise ArgumentError(f"experiment {name}", f"the options {', '.join(options)}", " ".join(unknown), fix)
    return config


def _one(module: Any, config: Any, directory: Any) -> list[dict[str, float]]:
    """Run an experiment in its directory; print the path, or after Ctrl-C the command to resume. Only one rank has results."""
    from .harness import NotFirstError
    from .ranks import command

    try:
        results = module.run(config, directory)
    except NotFirstError:
        return []
    except KeyboardInterrupt:
        again = command(getattr(config, "ranks", 1), f"{directory.name} --resume {directory.path}")
        if not directory.first:
            raise SystemExit(0) from None  # another status would end the first rank before its message
        print(f"interrupted; resume with: {again}", file=sys.stderr)
        raise
    finally:
        directory.close()
    print(f"wrote {directory.path}/: {', '.join(sorted(p.name for p in directory.path.iterdir()))}")
    return [results]


def _resumed(name: str, args: list[str]) -> Path | None:
    """Return the run directory to resume, if one is given."""
    if not any(arg.partition("=")[0] == "--resume" for arg in args):
        return None
    values = args[1:] if args[0] == "--resume" else [args[0].partition("=")[2], *args[1:]]
    if len(values) != 1 or not values[0]:
        raise ArgumentError(
            f"experiment {name}", "--resume with a run directory and nothing else", " ".join(args),
            "A run resumes with its own options.",
        )  # fmt: skip
    return Path(values[0])


def _go_on(name: str, module: Any, place: Path) -> None:
    from . import ranks
    from .harness import RunDirectory, read_config
    from .manifest import differences, manifest

    saved = read_config(place)
    if saved["experiment"] != name:
        raise ArgumentError(
            f"experiment {name}, --resume", f"a run of {name}", f"one of {saved['experiment']}",
            f"Use: python -m experiments {saved['experiment']} --resume {place}",
        )  # fmt: skip
    config = module.Config.saved(saved["options"], place / "config.json")
    config.check()
    together = ranks.begin(config, f"{name} --resume {place}")
    directory = ranks.shared(together, functools.partial(RunDirectory.again, place))
    for line in differences(saved, {**manifest(), "data": config.digests()}) if directory.first else ():
        print(f"note: the bits may differ from those of an uninterrupted run: {line}", file=sys.stderr)
    _one(module, config, directory)


def _replay(args: list[str]) -> bool:
    if args in (["-h"], ["--help"]):
        print(_REPLAY)
        return True
    if len(args) != 1 or args[0].startswith("-"):
        raise ArgumentError(
            "python -m experiments replay", "a run directory", " ".join(args) or "none", "For example runs/traces/<time>-0."
        )
    from . import ranks
    from .harness import NotFirstError, RunDirectory
    from .replay import check_data, check_ended, replay

    def run(name: str, options: dict[str, Any], out: Path) -> RunDirectory:
        module = load(name)
        config = module.Config.saved(options, Path(args[0]) / "config.json", out=out)
        config.check()
        check_ended(Path(args[0]))
        check_data(Path(args[0]), config.digests())
        together = ranks.begin(config, f"replay {args[0]}")
        directory = ranks.shared(together, functools.partial(RunDirectory, config, name))
        module.run(config, directory)
        return directory

    try:
        return replay(Path(args[0]), run)
    except NotFirstError:  # the first rank compares
        return True


if __name__ == "__main__":
    sys.exit(main())
