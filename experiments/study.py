"""The options of a sweep, and its trials: those of a grid, or proposals of an Optuna study from the results so far."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import tyro

from autograd.errors import ArgumentError, MissingExtraError

__all__ = ["Compared", "Grid", "Options", "Plan", "Range", "Study", "Trial", "arguments", "pairs"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a sweep."""

    experiment: tyro.conf.Positional[str]
    """The experiment; its own options follow --, for example: sweep digits --grid hidden=32,64 -- --epochs 5."""
    out: Path
    """Directory of the sweep."""
    grid: Annotated[tuple[str, ...], tyro.conf.arg(metavar="OPTION=A,B,...")] = ()
    """Values to try, in all combinations: learning_rate=1e-3,1e-2 seed=0,1,2."""
    search: Annotated[tuple[str, ...], tyro.conf.arg(metavar="OPTION=LOW:HIGH[:log]")] = ()
    """Ranges that an Optuna study searches (extra sweep); it then also chooses among the values of --grid."""
    trials: int = 20
    """Trials of a search."""
    seed: int = 0
    """Seed of a search; the seed of a run is a separate option."""
    workers: int = 2
    """Number of parallel runs."""
    dask: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Address of the scheduler of a Dask cluster that does the runs, such as tcp://10.0.0.1:8786 (extra dask)."""
    metric: str = "test_accuracy"
    """Metric of the last epoch by which runs are compared; also allowed after --resume DIR."""
    lowest: bool = False
    """Whether lower is better; also allowed after --resume DIR."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Options that may change when a sweep resumes."""

    metric: str
    """Metric of the last epoch by which runs are compared."""
    lowest: bool
    """Whether lower is better."""
    dask: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Address of the scheduler of a Dask cluster that does the runs; without it they run on this machine."""
    workers: int = 2
    """Number of parallel runs."""


class Trial(NamedTuple):
    """One run of a sweep."""

    number: int
    options: dict[str, str]
    """Values by the name of an option, as on the command line."""

    @property
    def name(self) -> str:
        """The options as text."""
        return " ".join(f"{name}={value}" for name, value in self.options.items())


class Range(NamedTuple):
    """The range of a number in a study."""

    low: float
    high: float
    log: bool
    """Whether numbers are spread over powers of ten: as many from 1 to 10 as from 10 to 100."""
    whole: bool

    def text(self, end: Literal["low", "high"]) -> str:
        """Return one end of the range as text for the command line."""
        value = self.low if end == "low" else self.high
        return str(int(value)) if self.whole else str(value)

    @classmethod
    def parse(cls, text: str, whole: bool, where: str) -> Range:
        """Read ``LOW:HIGH`` or ``LOW:HIGH:log``.

        Raises
        ------
        ArgumentError
            If it is neither.
        """
        low, _, rest = text.partition(":")
        high, _, scale = rest.partition(":")
        try:
            found = cls(float(low), float(high), scale == "log", whole)
        except ValueError:
            found = None
        if found is None or scale not in ("", "log") or not found.low < found.high or (found.log and found.low <= 0):
            raise ArgumentError(
                where, "LOW:HIGH or LOW:HIGH:log with LOW below HIGH", repr(text), "For example learning_rate=1e-4:1e-2:log."
            )
        return found


def pairs(given: Sequence[str], where: str, known: set[str]) -> list[tuple[str, str]]:
    """Read ``OPTION=TEXT`` for some options of an experiment.

    Raises
    ------
    ArgumentError
        If one does not have this form, is unknown, or is given twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, values = text.partition("=")
        name = name.strip("-").replace("-", "_")
        if not equals or not values or name not in known or name in found:
            got = f"{text} a second time" if name in found else text
            raise ArgumentError(where, f"OPTION=... with one of {', '.join(sorted(known))}", got, "Nothing was run.")
        found[name] = values
    return list(found.items())


def arguments(options: dict[str, str]) -> list[str]:
    """Return options as arguments of a command line; a switch has no value."""
    found = []
    for name, value in options.items():
        option = name.replace("_", "-")
        if value in ("True", "False"):
            found.append(f"--{option}" if value == "True" else f"--no-{option}")
        else:
            found += [f"--{option}", value]
    return found


class Plan(Protocol):
    """The source of the trials of a sweep."""

    def ask(self) -> Trial | None:
        """Return the next trial, None after the last."""

    def tell(self, trial: Trial, value: float) -> None:
        """Record the result of a trial."""


class Grid:
    """All combinations of some values.

    Parameters
    ----------
    values : mapping
        Values by the name of an option; the last option changes fastest.
    """

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        combinations = itertools.product(*values.values())
        self.trials = [Trial(n, dict(zip(values, one, strict=True))) for n, one in enumerate(combinations)]
        self._left = iter(self.trials)

    def ask(self) -> Trial | None:
        """Return the next trial."""
        return next(self._left, None)

    def tell(self, trial: Trial, value: float) -> None:
        """Ignore the result of a trial: a grid is fixed."""


class Study:
    """Proposals of Optuna's TPE sampler. Its journal is a file, from which an interrupted study continues.

    Parameters
    ----------
    place : Path
        The journal.
    choices : mapping
        Values to choose from, by the name of an option.
    ranges : mapping
        Ranges of numbers, by the name of an option.
    trials : int
        Number of trials.
    lowest : bool
        Whether lower is better.
    seed : int
        Seed of the sampler. With one worker and no interruption the same seed gives the same proposals.

    Raises
    ------
    MissingExtraError
        If Optuna is not installed.
    """

    def __init__(
        self, place: Path, choices: Mapping[str, Sequence[str]], ranges: Mapping[str, Range], trials: int, *, lowest: bool,
        seed: int,
    ) -> None:  # fmt: skip
        try:
            import optuna
            from optuna.storages.journal import JournalFileBackend
        except ModuleNotFoundError as error:
            raise MissingExtraError("optuna", "sweep", "python -m experiments sweep --search") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        backend = JournalFileBackend(str(place))
        self.choices, self.ranges, self.count = choices, ranges, trials
        self._study: Any = optuna.create_study(
            storage=optuna.storages.JournalStorage(backend), study_name="sweep", load_if_exists=True,
            direction="minimize" if lowest else "maximize",
        )  # fmt: skip
        there, running = self._study.get_trials(deepcopy=False), optuna.trial.TrialState.RUNNING
        # Another seed when it continues, or it would repeat its first proposals.
        self._study.sampler = optuna.samplers.TPESampler(seed=seed + len(there))
        self._begun = [trial for trial in there if trial.state == running]

    def ask(self) -> Trial | None:
        """Return an unfinished trial if there is one, else a new one."""
        if self._begun:
            begun = self._begun.pop(0)
            if set(begun.params) == {*self.choices, *self.ranges}:
                return self._trial(begun.number, begun.params.__getitem__)
            self._study.tell(begun.number, state=_fail())  # the process was killed during the proposal
        if len([t for t in self._study.get_trials(deepcopy=False) if t.state != _fail()]) >= self.count:
            return self.ask() if self._begun else None
        new = self._study.ask()

        def propose(name: str) -> Any:
            if name in self.choices:
                return new.suggest_categorical(name, list(self.choices[name]))
            low, high, log, whole = self.ranges[name]
            return (
                new.suggest_int(name, int(low), int(high), log=log) if whole else new.suggest_float(name, low, high, log=log)
            )

        return self._trial(new.number, propose)

    def _trial(self, number: int, value: Callable[[str], Any]) -> Trial:
        return Trial(number, {name: str(value(name)) for name in (*self.choices, *self.ranges)})

    def tell(self, trial: Trial, value: float) -> None:
        """Record the result of a trial; the next proposals depend on it."""
        self._study.tell(trial.number, value)


def _fail() -> Any:
    import optuna

    return optuna.trial.TrialState.FAIL
