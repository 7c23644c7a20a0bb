"""python -m experiments sweep NAME ...: many runs of an experiment, in parallel processes.

The processes are on this machine, or with --dask ADDRESS on the workers of a cluster.

Each trial has a directory with its run, its output and, once it has ended, its result. sweep --resume DIR resumes a sweep
that was interrupted or killed: finished runs are kept, and the others continue from their last checkpoint.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_type_hints

import tyro

from autograd.errors import ArgumentError
from snn.common.files import make_directory, write_whole

from .cluster import Cluster
from .harness import lock, plain, restored
from .local import Local, Workers, begun
from .results import Run, read
from .study import Compared, Grid, Options, Plan, Range, Study, Trial, arguments, pairs

__all__ = ["Options", "Sweep", "main"]

Configure = Callable[[str, list[str]], Any]
"""Maps the name of an experiment and the arguments of its command line to its Config."""

_TRIES = 3  # of a trial whose process is killed: three times is hardly chance


def main(args: Sequence[str], configure: Configure) -> int:
    """Run the command line of a sweep; return its exit status, 1 if a trial has failed.

    Raises
    ------
    ArgumentError
        If the sweep or its experiment has no such options. Nothing is run then.
    """
    at = list(args).index("--") if "--" in args else len(args)
    ours, fixed = list(args[:at]), list(args[at + 1 :])
    if ours[:1] == ["--resume"]:
        if len(ours) < 2 or ours[1].startswith("-") or fixed:
            raise ArgumentError(
                "sweep --resume", "a directory, and perhaps --metric, --lowest, --workers, --dask",
                " ".join(ours[1:] + fixed) or "none",
                "For example runs/sweep.",
            )  # fmt: skip
        return Sweep.again(Path(ours[1]), configure, ours[2:]).run()
    options = tyro.cli(Options, prog="python -m experiments sweep", description=__doc__, args=ours)
    return Sweep.new(options, fixed, configure).run()


class Sweep:
    """A sweep in its directory.

    Parameters
    ----------
    options : Options
        Options of the sweep.
    fixed : list of str
        Arguments of all runs.
    configure : callable
        Maps the name of an experiment and arguments to a checked Config.

    Raises
    ------
    ArgumentError
        If the experiment has no such option, or a value cannot be used.
    """

    def __init__(self, options: Options, fixed: list[str], configure: Configure) -> None:
        self.options, self.fixed, self.place, self._configure = options, fixed, options.out, configure
        where = f"sweep {options.experiment}"
        for name in ("trials", "workers"):
            if getattr(options, name) < 1:
                raise ArgumentError(f"{where}, --{name}", "at least 1", str(getattr(options, name)), "Nothing was run.")
        given = configure(options.experiment, fixed)
        named = {arg.partition("=")[0][2:].replace("-", "_") for arg in fixed if arg.startswith("--")}
        if given.seeds != 1 or "out" in named:
            got = " ".join(fixed)
            raise ArgumentError(where, "one run per trial, below the sweep's --out", got, "For seeds: --grid seed=0,1,2.")
        if getattr(given, "ranks", 1) != 1:
            raise ArgumentError(where, "runs of one rank each", f"--ranks {given.ranks}", "Use more --workers instead.")
        config = type(given)
        known = {field.name for field in dataclasses.fields(config)} - {"out", "seeds", "ranks"}
        grid = {name: text.split(",") for name, text in pairs(options.grid, f"{where}, --grid", known)}
        hints = get_type_hints(config)
        search = {
            name: Range.parse(text, hints[name] is int, f"{where}, --search {name}")
            for name, text in pairs(options.search, f"{where}, --search", known)
        }
        if (not grid and not search) or set(grid) & set(search):
            raise ArgumentError(
                where, "options to try, each in --grid or --search", f"{[*grid, *search]}", "For example --grid hidden=32,64."
            )
        if twice := [name for name in (*grid, *search) if {name, f"no_{name}"} & named]:
            raise ArgumentError(
                where, "each option tried or given after the --", f"{', '.join(twice)} in both", "Nothing was run."
            )
        seen: dict[str, str] = {}
        for trial in Grid(grid).trials:
            same = json.dumps(plain(configure(options.experiment, [*fixed, *arguments(trial.options)])))
            if same in seen:
                got = f"{seen[same]} and {trial.name}, which are the same run"
                raise ArgumentError(f"{where}, --grid", "values that differ", got, "Nothing was run.")
            seen[same] = trial.name
        for ends in (
            {name: r.text("low") for name, r in search.items()},
            {name: r.text("high") for name, r in search.items()},
        ):
            configure(options.experiment, [*fixed, *arguments(ends)])
        self._grid, self._search = grid, search
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._failed: list[str] = []
        self._unknown: ArgumentError | None = None
        self._found: list[tuple[Trial, float]] = []
        self._workers: Workers

    @classmethod
    def new(cls, options: Options, fixed: list[str], configure: Configure) -> Sweep:
        """Begin a sweep in a directory without one."""
        sweep, file = cls(options, fixed, configure), options.out / "sweep.json"
        if file.exists():
            raise ArgumentError(
                f"sweep in {options.out}", "a directory without a sweep", "one that has one",
                f"Resume it: python -m experiments sweep --resume {options.out}",
            )  # fmt: skip
        make_directory(options.out)
        sweep._write()
        return sweep

    def _write(self) -> None:
        values = {name: str(v) if isinstance(v, Path) else v for name, v in dataclasses.asdict(self.options).items()}
        write_whole(self.place / "sweep.json", (json.dumps(values | {"fixed": self.fixed}, indent=2) + "\n").encode())

    @classmethod
    def again(cls, place: Path, configure: Configure, args: Sequence[str] = ()) -> Sweep:
        """Return the sweep of a directory, to resume it, perhaps with another metric.

        Raises
        ------
        ArgumentError
            If there is none; or it is a search that has already compared by its metric.
        """
        try:
            values = dict(json.loads((place / "sweep.json").read_bytes()))
            fixed = values.pop("fixed")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArgumentError(
                f"sweep in {place}", "a sweep.json", f"{type(error).__name__}: {error}", "Pass the directory of a sweep."
            ) from error
        options = Options(**restored(Options, values, place / "sweep.json") | {"out": place})
        if not isinstance(fixed, list) or not all(isinstance(text, str) for text in fixed):
            raise ArgumentError(f"{place / 'sweep.json'}, fixed", "a list of texts", repr(fixed), "Undo the edit of the file.")
        was = Compared(metric=options.metric, lowest=options.lowest, dask=None, workers=options.workers)
        now = tyro.cli(Compared, prog="python -m experiments sweep --resume DIR", args=args, default=was)
        options = dataclasses.replace(options, dask=now.dask, workers=now.workers)
        if (now.metric, now.lowest) == (was.metric, was.lowest):
            return cls(options, fixed, configure)
        told = any(was.metric in _metrics_in(path) for path in place.glob("trials/*/result.json"))
        if options.search and (told or now.lowest != was.lowest):
            raise ArgumentError(
                f"sweep in {place}", f"--metric {was.metric} --{'' if was.lowest else 'no-'}lowest, which its search uses",
                " ".join(args), "Start another sweep.",
            )  # fmt: skip
        sweep = cls(dataclasses.replace(options, metric=now.metric, lowest=now.lowest), fixed, configure)
        sweep._write()
        return sweep

    def run(self) -> int:
        """Run the unfinished trials, print the results, and return 1 if a trial has failed, else 0.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, once all runs have saved their state.
        ArgumentError
            If a finished run lacks the metric. The others have saved their state.
        """
        handle = lock(self.place, f"sweep in {self.place}", "a sweep that no other process is running", "one that is running")
        try:
            self._run(handle)
        finally:
            if handle is not None:
                os.close(handle)
        if self._unknown is not None:
            raise self._unknown
        return self._say()

    def _run(self, handle: int | None) -> None:
        at, plan = self.options.dask, self._plan()
        pool = ThreadPoolExecutor(self.options.workers)
        self._workers = Local(self.options.workers, handle) if at is None else Cluster(at, self.place / "stop")
        try:
            for worker in [pool.submit(self._work, plan) for _ in range(self.options.workers)]:
                worker.result()
        except KeyboardInterrupt:
            self._interrupt()
            pool.shutdown()
            print(f"interrupted; resume with: python -m experiments sweep --resume {self.place}", file=sys.stderr)
            raise
        finally:
            self._stop.set()
            try:
                pool.shutdown()
            finally:
                self._workers.close()

    def _interrupt(self) -> None:
        """Start no further run, and let the running ones save their state."""
        self._stop.set()
        self._workers.interrupt()

    def _plan(self) -> Plan:
        o = self.options
        if not self._search:
            return Grid(self._grid)
        return Study(self.place / "study.journal", self._grid, self._search, o.trials, lowest=o.lowest, seed=o.seed)

    def _work(self, plan: Plan) -> None:
        """Run one trial after another; an error in one is reported and does not affect the others."""
        while not self._stop.is_set():
            with self._lock:
                trial = plan.ask()
            if trial is None:
                return
            try:
                metrics = self._metrics(trial)
            except Exception as error:
                with self._lock:
                    self._failed.append(f"trial {trial.number} ({trial.name}): {error}")
                continue
            if metrics is None:
                return
            if self.options.metric not in metrics:  # the other runs will not have it either
                self._interrupt()
                self._unknown = ArgumentError(
                    "sweep, --metric", f"one of {', '.join(metrics) or 'none'}", self.options.metric,
                    f"Resume with another: python -m experiments sweep --resume {self.place} --metric NAME",
                )  # fmt: skip
                return
            value = metrics[self.options.metric]
            with self._lock:
                if math.isnan(value):  # a search needs a value: the worst
                    plan.tell(trial, math.inf if self.options.lowest else -math.inf)
                    self._failed.append(f"trial {trial.number} ({trial.name}): {self.options.metric} is NaN: it has diverged")
                    continue
                plan.tell(trial, value)
                self._found.append((trial, value))
                print(f"trial {trial.number}: {self.options.metric} {value:.4f} ({trial.name})", flush=True)

    def _metrics(self, trial: Trial) -> dict[str, float] | None:
        """Return the metrics of a trial, after running it if necessary; None if it was interrupted."""
        place = self.place / "trials" / f"{trial.number:04d}"
        file = place / "result.json"
        if not file.exists():
            make_directory(place)
            if not self._ended(trial, place):
                return None
            run = read(begun(place)[0])
            self._check(trial, run)
            last = run.history[-1:]
            result = {"number": trial.number, "options": trial.options, "metrics": last[0] if last else {}}
            write_whole(file, (json.dumps(result, indent=2) + "\n").encode())
        return _metrics_in(file)

    def _check(self, trial: Trial, run: Run) -> None:
        """Check that a run has the options of its trial."""
        wanted = plain(self._configure(self.options.experiment, [*self.fixed, *arguments(trial.options)]))
        had = run.config["options"]
        if other := [name for name in trial.options if str(had.get(name)) != str(wanted[name])]:
            then, now = (", ".join(f"{name}={side.get(name)}" for name in other) for side in (had, wanted))
            raise ArgumentError(
                f"run {run.path}", now, then, "It is of another sweep, or its config.json was edited: remove it."
            )

    def _ended(self, trial: Trial, place: Path) -> bool:
        """Run the process of a trial, and again if it is killed; return False if the sweep was interrupted."""
        for _ in range(_TRIES):
            if self._stop.is_set():
                return False
            code = self._workers.run(*self._commands(trial, place), place)
            if code == 0:
                return True
            if self._stop.is_set():
                return False
            if code > 0:
                break
        lines = (place / "output.txt").read_text(encoding="utf-8", errors="replace").splitlines() or ["nothing"]
        end = f"was killed {_TRIES} times by signal {-code}" if code < 0 else f"ended with status {code}"
        raise RuntimeError(
            f"its process {end}, and its last output was: {lines[-1][-300:]} (all of it: {place / 'output.txt'})"
        )

    def _commands(self, trial: Trial, place: Path) -> tuple[list[str], list[str]]:
        """Return the command of a trial, and the one that resumes a run directory appended to it."""
        start = [sys.executable, "-m", "experiments", self.options.experiment]
        return [*start, *self.fixed, *arguments(trial.options), "--out", str(place.resolve())], [*start, "--resume"]

    def _say(self) -> int:
        sign = 1 if self.options.lowest else -1
        found = sorted(self._found, key=lambda one: (sign * one[1], one[0].number))
        if found:
            trial, value = found[0]
            print(f"best of {len(found)}: trial {trial.number}, {self.options.metric} {value:.4f} ({trial.name})")
        for text in self._failed:
            print(f"failed: {text}", file=sys.stderr)
        print(f"look at it with: python -m experiments report {self.place}")
        return 1 if self._failed else 0


def _metrics_in(file: Path) -> dict[str, float]:
    """Return the metrics in the ``result.json`` of a trial.

    Raises
    ------
    ArgumentError
        If it cannot be read, or a metric is not a number.
    """
    try:
        metrics = json.loads(file.read_bytes())["metrics"]
        if other := [
            name for name, value in metrics.items() if not isinstance(value, (int, float)) or isinstance(value, bool)
        ]:
            raise TypeError(f"{other[0]} is {metrics[other[0]]!r}")
        return {name: float(value) for name, value in metrics.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ArgumentError(
            f"{file}", "the metrics of a trial, numbers by name", f"{type(error).__name__}: {error}",
            "Remove the file: it is written again from the trial's run.",
        ) from error  # fmt: skip
