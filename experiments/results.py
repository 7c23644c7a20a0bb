"""Reading run directories: options, metrics of each epoch, figures.

Runs that differ only in the seed belong together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import ArgumentError

from .harness import read_config

__all__ = ["Group", "Run", "find", "grouped", "read"]

_OF_ONE_RUN = ("seed", "seeds", "out")  # options in which repetitions of an experiment may differ


@dataclass
class Run:
    """The content of a run directory."""

    path: Path
    config: dict[str, Any]
    """The content of ``config.json``."""
    history: list[dict[str, float]]
    """A line of metrics for each epoch; empty where an experiment trains nothing."""
    notes: list[str] = field(default_factory=list)
    """Remarks on damage or missing epochs."""

    @property
    def options(self) -> dict[str, Any]:
        """The options, except those that tell repetitions apart."""
        return {name: value for name, value in self.config["options"].items() if name not in _OF_ONE_RUN}

    @property
    def seed(self) -> Any:
        """The seed, empty if there is none."""
        return self.config["options"].get("seed", "")

    @property
    def epochs_left(self) -> int:
        """Number of missing epochs."""
        wanted = self.config["options"].get("epochs")
        return max(0, wanted - len(self.history)) if isinstance(wanted, int) else 0

    @property
    def figures(self) -> list[Path]:
        """The figures, by name."""
        return sorted(self.path.glob("*.png"))


@dataclass
class Group:
    """Runs of one experiment with the same options."""

    experiment: str
    options: dict[str, Any]
    runs: list[Run]
    name: str = ""
    """The experiment, and the options that distinguish the group."""
    label: str = ""
    """The options alone, if there are any."""

    @property
    def counted(self) -> list[Run]:
        """One run per seed: the longest, and the first among equals."""
        found: dict[Any, Run] = {}
        for run in self.runs:
            if run.seed not in found or len(run.history) > len(found[run.seed].history):
                found[run.seed] = run
        return list(found.values())

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics."""
        names = dict.fromkeys(name for run in self.runs for line in run.history for name in line)
        return [name for name in names if name != "epoch"]

    def curve(self, metric: str) -> tuple[list[int], list[float], list[float], list[int]]:
        """Return the epochs, and for each the mean, the standard deviation and the number of seeds."""
        found: dict[int, list[float]] = {}
        for run in self.counted:
            for line in run.history:
                if metric in line:
                    found.setdefault(int(line["epoch"]), []).append(line[metric])
        epochs = sorted(found)
        values = [found[epoch] for epoch in epochs]
        return epochs, [float(np.mean(v)) for v in values], [float(np.std(v)) for v in values], [len(v) for v in values]

    def last(self, metric: str) -> list[float]:
        """Return a metric of the last epoch, for each seed that has it."""
        return [run.history[-1][metric] for run in self.counted if run.history and metric in run.history[-1]]


def find(places: Iterable[Path]) -> list[Path]:
    """Return the given run directories, and all below the other directories.

    Raises
    ------
    ArgumentError
        If a place is not a directory, or contains no run.
    """
    found: dict[Path, None] = {}
    for place in places:
        below = [place] if (place / "config.json").exists() else [p.parent for p in sorted(place.rglob("config.json"))]
        if not below:
            got = "a directory without one" if place.is_dir() else "a file" if place.exists() else "nothing there"
            raise ArgumentError(
                f"report of {place}", "a run directory, or one with runs in it", got, "Pass one such as runs/digits."
            )
        found |= dict.fromkeys(below)
    return list(found)


def read(path: Path) -> Run:
    """Read a run directory.

    Raises
    ------
    ArgumentError
        If it is not one, or its metrics cannot be read.
    """
    run = Run(path, read_config(path), [])
    place = path / "metrics.jsonl"
    lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            run.history.append({str(name): float(value) for name, value in entry.items()} | {"epoch": int(entry["epoch"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == len(lines):  # the process was killed while writing
                run.notes.append(f"line {number} of metrics.jsonl was cut off and is left out")
                break
            raise ArgumentError(
                f"{place}, line {number}", "a JSON object of numbers with an epoch", f"{line[:60]!r}",
                "Was it edited? Resume or repeat the run.",
            ) from error  # fmt: skip
    if run.epochs_left:
        run.notes.append(f"not ended: {len(run.history)} of {run.config['options']['epochs']} epochs")
    return run


def grouped(runs: Iterable[Run]) -> list[Group]:
    """Return groups of runs with the same experiment and options, each named by the options that distinguish it."""
    groups: dict[str, Group] = {}
    for run in runs:
        experiment = run.config["experiment"]
        key = json.dumps([experiment, run.options], sort_keys=True)
        groups.setdefault(key, Group(experiment, run.options, [])).runs.append(run)
    found = list(groups.values())
    for group in found:
        rivals = [other for other in found if other.experiment == group.experiment]
        apart = [k for k, v in group.options.items() if any(other.options.get(k, other) != v for other in rivals)]
        options = " ".join(f"{name}={group.options[name]}" for name in apart)
        group.name, group.label = f"{group.experiment} {options}".strip(), options or group.experiment
        group.runs.sort(key=lambda run: str(run.seed).rjust(20))  # as numbers, if they are
    return found
