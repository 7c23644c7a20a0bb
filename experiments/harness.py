"""Shared by all experiments: options of the command line, and the directory that a run writes."""

from __future__ import annotations

import io
import json
import os
import shutil
import weakref
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

import matplotlib as mpl  # at import, so that it is missed before a run, not when figures are drawn
import numpy as np
import tyro

from autograd.errors import ArgumentError
from snn.common.files import sweep, unwritable, write_whole

from .manifest import PARTS, manifest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from snn.train import Ranks

__all__ = ["NotFirstError", "Options", "RunDirectory", "lock", "plain", "read_config", "restored"]

_OUT = "The existing files were not changed. Choose another place with --out."
_BEFORE_IT_BEGINS = {"config.json", "checkpoints", "checkpoints/step-000000000000.safetensors"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options that every experiment has."""

    seed: int = 0
    """Seed of all random numbers; the same seed gives the same bits."""
    seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Run N times, with the seeds from --seed on, and print mean and spread."""
    out: Path = Path("runs")
    """Parent directory of run directories."""
    smoke: bool = False
    """Run for a few seconds, to check that everything works; options that you pass are kept."""

    counts: ClassVar[tuple[str, ...]] = ("seeds",)
    """Options that are counts; an experiment adds its own."""

    def __post_init__(self) -> None:
        for name in ("seed", *self.counts):
            least = 0 if name == "seed" else 1
            if getattr(self, name) < least:
                raise ArgumentError(
                    f"option --{name.replace('_', '-')}", f"a whole number of at least {least}", f"{getattr(self, name)}",
                    "Nothing was run.",
                )  # fmt: skip

    def smaller(self) -> Self:
        """Return the options of a smoke run, for those not given on the command line; an experiment overrides this."""
        return self

    def check(self) -> None:
        """Check the needs of a run, such as its data, before it gets a directory; an experiment overrides this."""

    def digests(self) -> dict[str, str]:
        """Return a digest of each split of the data that a run reads; an experiment on files overrides this."""
        return {}

    @classmethod
    def saved(cls, options: Mapping[str, Any], file: Path, **changes: Any) -> Self:
        """Return the options in a JSON file, such as ``config.json``, with changes.

        Parameters
        ----------
        options : mapping
            The content of the file.
        file : Path
            The file, for errors.
        **changes
            Options whose values differ from those in the file.

        Raises
        ------
        ArgumentError
            If an option is missing or unknown, or has a value that the command line would refuse.
        """
        return cls(**restored(cls, options, file) | changes)

    def with_seed(self, seed: int) -> Self:
        """Return the options of one of several runs."""
        return replace(self, seed=seed, seeds=1)


class NotFirstError(Exception):
    """Ends the run on a rank when only the first rank continues."""


class RunDirectory:
    """The directory ``<out>/<experiment>/<time>-<seed>/`` of one run; no other process writes to it.

    Every file is written beside its destination and then moved there as a whole, so that a full disk leaves the old file.

    Parameters
    ----------
    options : Options
        The options of the run; ``config.json`` records them with everything that may make another run round differently.
    name : str
        Name of the experiment.

    Raises
    ------
    WriteError
        If it cannot be created or written.
    """

    name: str
    path: Path
    ranks: Ranks | None = None
    """Ranks that share the run; only the first writes."""
    _release: Callable[[], Any]

    def __init__(self, options: Options, name: str) -> None:
        self.name = name
        stem = f"{datetime.now():%Y%m%d-%H%M%S}-{options.seed}"
        base = options.out / name
        try:
            base.mkdir(parents=True, exist_ok=True)
            self.path = _fresh(base, stem)
        except OSError as error:
            raise unwritable(base, error, _OUT) from error
        try:
            _claim(self, self.path)
            config = {"experiment": name, "options": plain(options), **manifest(), "data": options.digests()}
            self.write("config.json", (json.dumps(config, indent=2) + "\n").encode())
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    @classmethod
    def again(cls, path: Path) -> Self:
        """Return the directory of an existing run, to continue it.

        Raises
        ------
        ArgumentError
            If it is not one, or another process is writing to it.
        """
        directory = cls.__new__(cls)
        directory.name, directory.path = read_config(path)["experiment"], path
        _claim(directory, path)
        sweep(path)
        return directory

    def discard(self) -> None:
        """Remove the directory, if it holds nothing but the options and the state before the first step of training."""
        if self.first and {file.relative_to(self.path).as_posix() for file in self.path.rglob("*")} <= _BEFORE_IT_BEGINS:
            shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """Release the lock. Deleting the object does too, but references from figures may delay that."""
        self._release()

    @classmethod
    def of_another(cls, name: str, path: Path) -> Self:
        """Return the directory that another rank has created and writes to."""
        directory = cls.__new__(cls)
        directory.name, directory.path, directory._release = name, path, lambda: None
        return directory

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes."""
        return self.ranks is None or self.ranks.rank == 0

    def leave_to_first(self) -> None:
        """Let only the first rank continue after training.

        Raises
        ------
        NotFirstError
            On the other ranks.
        """
        if not self.first:
            raise NotFirstError

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file, or leave the old one."""
        write_whole(self.path / name, content, _OUT)

    def save_weights(self, weights: dict[str, np.ndarray[Any, Any]]) -> None:
        """Write ``weights.npz``, to be read with ``numpy.load``."""
        self._encode("weights.npz", lambda file: np.savez(file, **weights))  # type: ignore[arg-type]

    def save_figure(self, name: str, axes: Axes) -> None:
        """Write the figure of some Axes as ``<name>.png`` and, in vectors with text as text, ``<name>.pdf``, and close it."""
        import matplotlib.pyplot as plt

        figure = axes.get_figure(root=True)
        assert figure is not None
        self._encode(f"{name}.png", lambda file: figure.savefig(file, format="png", dpi=150))
        # Without a date, so that the bits are the same each time.
        with mpl.rc_context({"pdf.fonttype": 42}):
            self._encode(f"{name}.pdf", lambda file: figure.savefig(file, format="pdf", metadata={"CreationDate": None}))
        plt.close(figure)

    def _encode(self, name: str, save: Callable[[io.BytesIO], Any]) -> None:
        buffer = io.BytesIO()
        save(buffer)
        self.write(name, buffer.getvalue())


def _fresh(base: Path, stem: str) -> Path:
    """Create a new directory; two runs may begin in the same second."""
    for suffix in ("", *(f"-{i}" for i in range(1, 1000))):
        path = base / (stem + suffix)
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise FileExistsError(f"{base / stem} and 999 more are there")


def read_config(path: Path) -> dict[str, Any]:
    """Return the content of the ``config.json`` of a run directory.

    Raises
    ------
    ArgumentError
        If there is no such file, or it does not describe a run.
    """
    try:
        config = json.loads((path / "config.json").read_bytes())
        options, parts = config["options"], [config.get(part, {}) for part in PARTS]
        if isinstance(config["experiment"], str) and all(isinstance(part, dict) for part in (options, *parts)):
            return dict(config)
        got = "a config.json that does not describe a run"
    except OSError as error:
        got = f"no config.json in it ({error.strerror})"
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        got = f"a config.json that cannot be read ({type(error).__name__}: {error})"
    raise ArgumentError(f"run directory {path}", "the directory of a run", got, "Pass one such as runs/digits/<time>-0.")


def _claim(directory: RunDirectory, path: Path) -> None:
    """Hold a lock on a directory as long as the object exists, or until the process ends."""
    handle = lock(
        path, f"run directory {path}", "a run that no other process is writing", "one that another process is writing"
    )
    directory._release = (lambda: None) if handle is None else weakref.finalize(directory, os.close, handle)


def lock(path: Path, where: str, free: str, held: str) -> int | None:
    """Return a handle that holds a lock on a directory, None on systems without locks.

    The lock lasts until this process and all that inherited the handle have closed it or ended.

    Raises
    ------
    ArgumentError
        If it is already held. ``where``, ``free`` and ``held`` are the texts of the error: its place, expected and got.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ArgumentError(where, free, held, "Wait until it ends.") from None
    except OSError:  # a file system without locks
        pass
    return handle


def restored(cls: type[Any], options: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return the arguments of a dataclass of options from a JSON file.

    Raises
    ------
    ArgumentError
        If an option is missing or unknown, or has a type or a value that the dataclass does not allow.
    """
    hints = get_type_hints(cls)
    known = [field.name for field in fields(cls)]
    if set(known) != set(options):
        raise ArgumentError(
            f"{file}, options", ", ".join(sorted(known)), ", ".join(sorted(options)),
            "Another version wrote it, or it was edited: use that version, or undo the edit.",
        )  # fmt: skip
    for name in known:
        if (wanted := _unlike(options[name], hints[name])) is not None:
            raise ArgumentError(f"{file}, option {name}", wanted, repr(options[name]), "Undo the edit of the file.")
    return {name: _from_json(options[name], hints[name]) for name in known}


_WANTED = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path as text"}


def _unlike(value: Any, hint: Any) -> str | None:
    """Return the expected kind of a value in JSON, None if it fits the hint of its option."""
    choices = get_args(hint)
    if get_origin(hint) is Literal:
        return None if value in choices and isinstance(value, str) else f"one of {', '.join(map(repr, choices))}"
    if get_origin(hint) is tuple:
        fits = isinstance(value, list) and not any(_unlike(item, choices[0]) for item in value)
        return None if fits else f"a list, each item {_WANTED[choices[0]]}"
    if choices:  # a union with None
        found = [_unlike(value, choice) for choice in choices if choice is not NoneType]
        return None if value is None or None in found else f"{found[0]}, or null"
    kinds: Any = {float: (int, float), Path: str}.get(hint, hint)
    return None if isinstance(value, kinds) and isinstance(value, bool) == (hint is bool) else _WANTED[hint]


def _from_json(value: Any, hint: Any) -> Any:
    """Return a value of JSON in the type of its option."""
    if get_origin(hint) is tuple:
        return tuple(value)
    return Path(value) if value is not None and Path in (hint, *get_args(hint)) else value


def plain(options: Options) -> dict[str, Any]:
    """Return options in the form of ``config.json``."""
    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(options).items()}
