"""``python -m experiments sweep NAME ...``: many runs of an experiment, side by side in processes of their own.

Each trial has a directory with its run, its output and, once it has ended, its result. A sweep that is interrupted or killed
goes on with ``sweep --resume DIR``: what has ended stays, what was under way goes on from its last checkpoint.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import tyro

from autograd.errors import ArgumentError
from snn.common.files import make_directory, write_whole

from .manifest import ROOT
from .results import read
from .study import Grid, Plan, Range, Study, Trial, arguments, pairs

__all__ = ["Options", "Sweep", "main"]

Configure = Callable[[str, list[str]], Any]
"""From the name of an experiment and the arguments of its command line to its Config."""

_TRIES = 3  # of a trial whose process is killed: the third time it is hardly chance
_THREADS = ("SPIKECELL_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a sweep."""

    experiment: tyro.conf.Positional[str]
    """The experiment; its own options come after a --, such as: sweep digits --grid hidden=32,64 -- --epochs 5."""
    out: Path
    """Directory of the sweep."""
    grid: Annotated[tuple[str, ...], tyro.conf.arg(metavar="OPTION=A,B,...")] = ()
    """Values to try, in all combinations: learning_rate=1e-3,1e-2 seed=0,1,2."""
    search: Annotated[tuple[str, ...], tyro.conf.arg(metavar="OPTION=LOW:HIGH[:log]")] = ()
    """Ranges in which a study of Optuna searches; it then chooses among the values of --grid too. Extra: sweep."""
    trials: int = 20
    """Trials of a search."""
    seed: int = 0
    """Seed of a search; that of a run is an option of its own."""
    workers: int = 2
    """Runs at a time."""
    metric: str = "test_accuracy"
    """What is compared: a metric of the last epoch."""
    lowest: bool = False
    """Whether lower is better."""


def main(args: Sequence[str], configure: Configure) -> int:
    """Run the command line of a sweep; return its exit status, 1 if a trial has failed.

    Raises
    ------
    ArgumentError
        If the options are none of a sweep or of its experiment; nothing is run then.
    """
    at = list(args).index("--") if "--" in args else len(args)
    ours, fixed = list(args[:at]), list(args[at + 1 :])
    if ours[:1] == ["--resume"]:
        if len(ours) != 2 or fixed:
            raise ArgumentError(
                "sweep --resume", "a directory and nothing else", " ".join(ours[1:] + fixed) or "none", "Such as runs/sweep."
            )
        return Sweep.again(Path(ours[1]), configure).run()
    options = tyro.cli(Options, prog="python -m experiments sweep", description=__doc__, args=ours)
    return Sweep.new(options, fixed, configure).run()


class Sweep:
    """A sweep in its directory.

    Parameters
    ----------
    options : Options
        What is tried, and how.
    fixed : list of str
        Arguments that all runs have.
    configure : callable
        Checks the arguments of a run, and returns its Config.

    Raises
    ------
    ArgumentError
        If an option is not one of the experiment, or a value cannot be used.
    """

    def __init__(self, options: Options, fixed: list[str], configure: Configure) -> None:
        self.options, self.fixed, self.place = options, fixed, options.out
        where = f"sweep {options.experiment}"
        for name in ("trials", "workers"):
            if getattr(options, name) < 1:
                raise ArgumentError(f"{where}, --{name}", "at least 1", str(getattr(options, name)), "Nothing was run.")
        given = configure(options.experiment, fixed)
        if given.seeds != 1 or "--out" in fixed:
            got = " ".join(fixed)
            raise ArgumentError(where, "one run a trial, below the sweep's --out", got, "For seeds: --grid seed=0,1,2.")
        config = type(given)
        known = {field.name for field in dataclasses.fields(config)} - {"out", "seeds"}
        grid = {name: text.split(",") for name, text in pairs(options.grid, f"{where}, --grid", known)}
        hints = get_type_hints(config)
        search = {
            name: Range.parse(text, hints[name] is int, f"{where}, --search {name}")
            for name, text in pairs(options.search, f"{where}, --search", known)
        }
        if (not grid and not search) or set(grid) & set(search):
            raise ArgumentError(
                where, "options to try, each in --grid or --search", f"{[*grid, *search]}", "Such as --grid hidden=32,64."
            )
        for trial in Grid(grid).trials:
            configure(options.experiment, [*fixed, *arguments(trial.options)])
        for ends in (
            {name: r.text("low") for name, r in search.items()},
            {name: r.text("high") for name, r in search.items()},
        ):
            configure(options.experiment, [*fixed, *arguments(ends)])
        self._grid, self._search = grid, search
        self._lock, self._running, self._stop = threading.Lock(), set[Any](), threading.Event()
        self._failed: list[str] = []
        self._found: list[tuple[Trial, float]] = []

    @classmethod
    def new(cls, options: Options, fixed: list[str], configure: Configure) -> Sweep:
        """Begin a sweep in a directory that has none."""
        sweep, file = cls(options, fixed, configure), options.out / "sweep.json"
        if file.exists():
            raise ArgumentError(
                f"sweep in {options.out}", "a directory without a sweep", "one that has one",
                f"Go on with it: python -m experiments sweep --resume {options.out}",
            )  # fmt: skip
        make_directory(options.out)
        values = {name: str(v) if isinstance(v, Path) else v for name, v in dataclasses.asdict(options).items()}
        write_whole(file, (json.dumps(values | {"fixed": fixed}, indent=2) + "\n").encode())
        return sweep

    @classmethod
    def again(cls, place: Path, configure: Configure) -> Sweep:
        """Return the sweep of a directory, to go on with it."""
        try:
            values = json.loads((place / "sweep.json").read_bytes())
            fixed = values.pop("fixed")
            lists = {name: tuple(values[name]) for name in ("grid", "search")}
            options = Options(**values | lists | {"out": place})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArgumentError(
                f"sweep in {place}", "a sweep.json", f"{type(error).__name__}: {error}", "Which is its directory?"
            ) from error
        return cls(options, fixed, configure)

    def run(self) -> int:
        """Run what has not ended, print what was found, and return 1 if a trial has failed, else 0.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C, once all runs have saved where they are.
        """
        handle = _claim(self.place)
        plan = self._plan()
        pool = ThreadPoolExecutor(self.options.workers)
        try:
            for worker in [pool.submit(self._work, plan, handle) for _ in range(self.options.workers)]:
                worker.result()
        except KeyboardInterrupt:
            self._stop.set()
            with self._lock:
                for process in self._running:
                    process.send_signal(signal.SIGINT)
            pool.shutdown()
            print(f"interrupted; go on with: python -m experiments sweep --resume {self.place}", file=sys.stderr)
            raise
        finally:
            self._stop.set()
            pool.shutdown()
            if handle is not None:
                os.close(handle)
        return self._say()

    def _plan(self) -> Plan:
        o = self.options
        if not self._search:
            return Grid(self._grid)
        return Study(self.place / "study.journal", self._grid, self._search, o.trials, lowest=o.lowest, seed=o.seed)

    def _work(self, plan: Plan, handle: int | None) -> None:
        """Run one trial after another; what goes wrong in one is said, and is its own."""
        while not self._stop.is_set():
            with self._lock:
                trial = plan.ask()
            if trial is None:
                return
            try:
                value = self._value(trial, handle)
            except Exception as error:
                with self._lock:
                    self._failed.append(f"trial {trial.number} ({trial.name}): {error}")
                continue
            if value is None:
                return
            with self._lock:
                plan.tell(trial, value)
                self._found.append((trial, value))
                print(f"trial {trial.number}: {self.options.metric} {value:.4f} ({trial.name})", flush=True)

    def _value(self, trial: Trial, handle: int | None) -> float | None:
        """Return what a trial has found, after running it if it has not ended; None if it was interrupted."""
        place = self.place / "trials" / f"{trial.number:04d}"
        file = place / "result.json"
        if not file.exists():
            make_directory(place)
            if not self._ended(trial, place, handle):
                return None
            last = read(_begun(place)[0]).history[-1:]
            result = {"number": trial.number, "options": trial.options, "metrics": last[0] if last else {}}
            write_whole(file, (json.dumps(result, indent=2) + "\n").encode())
        metrics = json.loads(file.read_bytes())["metrics"]
        if self.options.metric not in metrics:
            raise ArgumentError("--metric", f"one of {', '.join(metrics) or 'none'}", self.options.metric, "Choose another.")
        return float(metrics[self.options.metric])

    def _ended(self, trial: Trial, place: Path, handle: int | None) -> bool:
        """Run the process of a trial, again if it is killed; return False if the sweep was interrupted."""
        for _ in range(_TRIES):
            command = self._command(trial, place)
            with (place / "output.txt").open("ab") as output:
                with self._lock:
                    if self._stop.is_set():
                        return False
                    process = subprocess.Popen(
                        command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=self._environment(),
                        start_new_session=True, pass_fds=() if handle is None else (handle,),
                    )  # fmt: skip
                    self._running.add(process)
                code = process.wait()
                with self._lock:
                    self._running.discard(process)
            if code == 0:
                return True
            if self._stop.is_set():
                return False
            if code > 0:
                break
        lines = (place / "output.txt").read_text(encoding="utf-8", errors="replace").splitlines() or ["nothing"]
        end = f"was killed {_TRIES} times by signal {-code}" if code < 0 else f"ended with status {code}"
        raise RuntimeError(f"its process {end}, and said last: {lines[-1][-300:]} (all of it: {place / 'output.txt'})")

    def _command(self, trial: Trial, place: Path) -> list[str]:
        """Return what runs a trial, or goes on with it."""
        begun = _begun(place)
        new = [*self.fixed, *arguments(trial.options), "--out", str(place)]
        name, options = self.options.experiment, ["--resume", str(begun[0])] if begun else new
        return [sys.executable, "-m", "experiments", name, *options]

    def _environment(self) -> dict[str, str]:
        """Return the environment of a run, in which the threads of all workers fit the processor."""
        each = str(max(1, (os.cpu_count() or 1) // self.options.workers))
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        return dict.fromkeys(_THREADS, each) | os.environ | {"PYTHONPATH": path}

    def _say(self) -> int:
        found = sorted(self._found, key=lambda one: one[1], reverse=not self.options.lowest)
        if found:
            trial, value = found[0]
            print(f"best of {len(found)}: trial {trial.number}, {self.options.metric} {value:.4f} ({trial.name})")
        for text in self._failed:
            print(f"failed: {text}", file=sys.stderr)
        print(f"look at it with: python -m experiments report {self.place}")
        return 1 if self._failed else 0


def _begun(place: Path) -> list[Path]:
    return [path.parent for path in sorted(place.glob("*/*/config.json"))]


def _claim(place: Path) -> int | None:
    """Hold a lock as long as this process or one of its runs lives, so that no two sweeps write in one place.

    Raises
    ------
    ArgumentError
        If it is held.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ArgumentError(
            f"sweep in {place}", "a sweep that nobody is at", "one whose runs are under way", "Wait for their end."
        ) from None
    except OSError:  # a file system without locks
        pass
    return handle
