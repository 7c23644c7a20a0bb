"""What experiments share: options of the command line, and the directory a run writes."""

from __future__ import annotations

import io
import json
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import matplotlib  # noqa: F401 - so that it is missed before a run, not when its figures are drawn
import numpy as np
import tyro

from autograd.errors import ArgumentError, WriteError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Options", "RunDirectory"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options that every experiment has."""

    seed: int = 0
    """Seed of everything random; the same seed gives the same bits."""
    seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Run N times, with this seed and those after it, and print mean and spread."""
    out: Path = Path("runs")
    """Where run directories are made."""
    smoke: bool = False
    """Make a run of seconds, to see that everything works."""

    counts: ClassVar[tuple[str, ...]] = ("seeds",)
    """The options that count something; an experiment names its own too."""

    def __post_init__(self) -> None:
        for name in ("seed", *self.counts):
            least = 0 if name == "seed" else 1
            if getattr(self, name) < least:
                raise ArgumentError(
                    f"option --{name.replace('_', '-')}", f"a whole number of at least {least}", f"{getattr(self, name)}",
                    "Nothing was run.",
                )  # fmt: skip

    def smaller(self) -> Self:
        """Return the options of a smoke run; an experiment overrides this."""
        return self

    def check(self) -> None:
        """Look at what a run needs, such as its data, before it has a directory; an experiment overrides this."""

    def with_seed(self, seed: int) -> Self:
        """Return the options of one of several runs."""
        return replace(self, seed=seed, seeds=1)


class RunDirectory:
    """The directory ``<out>/<experiment>/<time>-<seed>/`` of one run.

    Every file is written whole beside its place and then put there, so that a full disk leaves what was there.

    Parameters
    ----------
    options : Options
        The options of the run; they go to ``config.json`` with the versions of everything.
    name : str
        Name of the experiment.

    Raises
    ------
    WriteError
        If it cannot be made or written.
    """

    def __init__(self, options: Options, name: str) -> None:
        self.name = name
        stem = f"{datetime.now():%Y%m%d-%H%M%S}-{options.seed}"
        base = options.out / name
        try:
            base.mkdir(parents=True, exist_ok=True)
            self.path = _fresh(base, stem)
        except OSError as error:
            raise unwritable(base, error, _OUT) from error
        config = {"experiment": name, "options": _plain(asdict(options)), "versions": _versions()}
        self.write("config.json", (json.dumps(config, indent=2) + "\n").encode())

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole, or leave what was there."""
        write_whole(self.path / name, content, _OUT)

    def save_weights(self, weights: dict[str, np.ndarray[Any, Any]]) -> None:
        """Write ``weights.npz``, to be read with ``numpy.load``."""
        self._encode("weights.npz", lambda file: np.savez(file, **weights))  # type: ignore[arg-type]

    def save_figure(self, name: str, axes: Axes) -> None:
        """Write the figure of some Axes as ``<name>.png`` and close it."""
        import matplotlib.pyplot as plt

        figure = axes.get_figure(root=True)
        assert figure is not None
        self._encode(f"{name}.png", lambda file: figure.savefig(file, format="png", dpi=150))
        plt.close(figure)

    def _encode(self, name: str, save: Callable[[io.BytesIO], Any]) -> None:
        buffer = io.BytesIO()
        save(buffer)
        self.write(name, buffer.getvalue())


def _fresh(base: Path, stem: str) -> Path:
    """Make a directory that was not there: two runs may begin in the same second."""
    for suffix in ("", *(f"-{i}" for i in range(1, 1000))):
        path = base / (stem + suffix)
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise FileExistsError(f"{base / stem} and 999 more are there")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in ("spikecell", "numpy", "scipy", "scikit-learn", "matplotlib", "tqdm", "tyro"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
