"""``python -m experiments replay DIR``: repeat the run of a directory, and compare every file to the bit."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import ArgumentError

from .harness import RunDirectory, read_config
from .manifest import differences
from .results import read

__all__ = ["check_data", "check_ended", "replay"]

_NOT_COMPARED = ("config.json", "checkpoints")  # the one describes a run, the others contain times
_TIMES = ("seconds",)


def replay(path: Path, run: Callable[[str, dict[str, Any], Path], RunDirectory]) -> bool:
    """Repeat the run of a directory, print which files agree and which differ, and return whether all agree.

    Parameters
    ----------
    path : Path
        The run directory; it is only read.
    run : callable
        Maps the name of an experiment, its options and an output directory to the directory of a new run.

    Raises
    ------
    ArgumentError
        If it is not a run directory, or the run has not ended.
    """
    config = read_config(path)
    with tempfile.TemporaryDirectory(prefix="replay-") as place:
        again = run(config["experiment"], config["options"], Path(place)).path
        made = sorted(p.name for p in again.iterdir() if p.name not in _NOT_COMPARED)
        missing = [name for name in made if not (path / name).exists()]
        if missing:
            raise _unfinished(path, config, f", with {', '.join(made)}", f"no {', '.join(missing)}")
        found = {name: _difference(path / name, again / name) for name in made}
        changed = differences(config, read_config(again))
    for name, text in found.items():
        print(f"{name}: {text or 'the same bits'}")
    if not any(found.values()):
        print(f"{path} was repeated to the bit")
        return True
    print(f"{path} was not repeated. Differences between then and now:")
    print("\n".join(f"  {line}" for line in changed) if changed else "  nothing that is recorded")
    return False


def check_ended(path: Path) -> None:
    """Check that a run has ended, as far as its files tell, before hours are spent on repeating it.

    Raises
    ------
    ArgumentError
        If it has not ended.
    """
    run = read(path)
    if run.epochs_left:
        raise _unfinished(path, run.config, "", f"one with {run.epochs_left} epochs to go")
    if not {p.name for p in path.iterdir()} - {*_NOT_COMPARED}:
        raise _unfinished(path, run.config, "", "one that has made no files yet")


def check_data(path: Path, digests: dict[str, str]) -> None:
    """Check that the data are the same as in a run, before hours are spent on others.

    Raises
    ------
    ArgumentError
        If they differ.
    """
    config = read_config(path)
    then = config.get("data", {})  # older runs do not record it
    if then and (changed := differences({"data": then}, {"data": digests})):
        place = config["options"].get("data")
        fix = f"Are the right files in {place}?" if place else "The code that made the run makes the same data."
        raise ArgumentError(f"replay {path}", "the data that it was made with", "; ".join(changed), f"Nothing was run. {fix}")


def _unfinished(path: Path, config: dict[str, Any], more: str, got: str) -> ArgumentError:
    return ArgumentError(
        f"replay {path}", f"a finished run{more}", got,
        f"Finish it first: python -m experiments {config['experiment']} --resume {path}",
    )  # fmt: skip


def _difference(then: Path, now: Path) -> str:
    """Return how two files differ, as text; empty if they are equal."""
    if then.suffix == ".npz":
        return _of_arrays(then, now)
    if then.suffix == ".jsonl":
        return _of_lines(_lines(then), _lines(now))
    return "" if then.read_bytes() == now.read_bytes() else "another file"


def _of_arrays(then: Path, now: Path) -> str:
    try:
        opened = np.load(then)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        return f"the file of the first run cannot be read ({error})"
    with opened as before, np.load(now) as after:
        if set(before.files) != set(after.files):
            return f"other names, {', '.join(sorted(set(before.files) ^ set(after.files)))}"
        for name in before.files:
            a, b = before[name], after[name]
            if (a.shape, a.dtype) != (b.shape, b.dtype):
                return f"{name} is {b.dtype}{list(b.shape)}, not {a.dtype}{list(a.shape)}"
            if a.tobytes() != b.tobytes():
                off = np.abs(a.astype(np.float64) - b.astype(np.float64))
                return f"{name} differs in {np.count_nonzero(off):,} of {a.size:,} numbers, by up to {off.max():.2g}"
    return ""


def _of_lines(before: list[Any], after: list[Any]) -> str:
    if len(before) != len(after):
        return f"{len(after)} lines, not {len(before)}"
    for number, (a, b) in enumerate(zip(before, after, strict=True), 1):
        if a != b:
            name = next(name for name in {**a, **b} if a.get(name) != b.get(name))
            return f"line {number}: {name} is {b.get(name)}, not {a.get(name)}"
    return ""


def _lines(path: Path) -> list[Any]:
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in line.items() if name not in _TIMES} for line in found]
