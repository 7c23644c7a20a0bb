"""Hooks that report on training: a progress bar, a file of JSON lines, TensorBoard."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from autograd.errors import ArgumentError

from ..common.files import ELSEWHERE, append, make_directory, write_whole
from ..common.others import extra
from .trainer import Hook, Trainer

__all__ = ["JSONLines", "Progress", "TensorBoard"]


class Progress(Hook):
    """A progress bar with rate, time left, the means of this epoch and metrics of the last one. It needs the extra ``train``.

    Parameters
    ----------
    name : str
        Text before the epoch.
    samples : int, optional
        Samples per epoch. Without it the bar counts batches, if their number is known.
    unit : str
        Name of a sample.
    show : sequence of str
        Entries of ``trainer.history`` whose last values are shown.
    """

    def __init__(
        self, *, name: str = "", samples: int | None = None, unit: str = "samples", show: tuple[str, ...] = ()
    ) -> None:
        self.name, self.samples, self.unit, self.show = name, samples, unit, show
        self._bar: Any = None

    def on_start(self, trainer: Trainer) -> None:
        """Open the bar at the current position."""
        auto = extra("tqdm.auto", "train", "snn.train.Progress")
        done, total = self._done(trainer)
        self._bar = auto.tqdm(  # a widget in a notebook
            total=total,
            initial=done,
            unit=f" {self.unit if self.samples else 'batches'}",
            unit_scale=self.samples is not None,
            dynamic_ncols=True,
        )
        self._write(trainer)

    def on_step(self, trainer: Trainer) -> None:
        """Move the bar."""
        self._write(trainer)

    def on_epoch(self, trainer: Trainer) -> None:
        """Show the metrics of the epoch."""
        self._write(trainer, refresh=True)

    def close(self) -> None:
        """Close the bar; it stays on the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _done(self, trainer: Trainer) -> tuple[int, int | None]:
        """Return the finished and the total number of samples or batches."""
        each = self.samples or trainer.per_epoch
        here = trainer.seen if self.samples else trainer.batch
        return trainer.epoch * (each or 0) + here, None if each is None else trainer.epochs * each

    def _write(self, trainer: Trainer, refresh: bool = False) -> None:
        done, self._bar.total = self._done(trainer)
        line = trainer.history[-1] if trainer.history else {}
        means = trainer.means or {name[6:]: value for name, value in line.items() if name.startswith("train_")}
        shown = {name: f"{value:.4f}" for name, value in means.items()}
        shown |= {name: f"{line[name]:.3f}" for name in self.show if name in line}
        label = f"{self.name}, " if self.name else ""
        now = trainer.epoch + bool(trainer.batch or not trainer.epoch)
        self._bar.set_description(f"{label}epoch {min(now, trainer.epochs)}/{trainer.epochs}", refresh=False)
        self._bar.set_postfix(shown, refresh=refresh)
        self._bar.update(done - self._bar.n)


class JSONLines(Hook):
    """A file with one line of JSON per epoch, from ``trainer.history``; after a resume it has each epoch once.

    Parameters
    ----------
    path : str or path
        The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def on_start(self, trainer: Trainer) -> None:
        """Write the finished epochs anew: a killed process may have written more of them, or a part of a line."""
        if not trainer.resumed and self.path.exists() and self.path.stat().st_size:
            raise ArgumentError(
                "JSONLines", "a new file for a new run", f"{self.path}, which has lines",
                "Nothing was run. Resume, or name another file.",
            )  # fmt: skip
        make_directory(self.path.parent)
        if trainer.resumed:
            write_whole(self.path, "".join(json.dumps(line) + "\n" for line in trainer.history).encode(), ELSEWHERE)

    def on_epoch(self, trainer: Trainer) -> None:
        """Add the last epoch."""
        append(self.path, json.dumps(trainer.history[-1]))


class TensorBoard(Hook):
    """Curves for TensorBoard, by epoch. It needs the extra ``tensorboard``.

    Parameters
    ----------
    directory : str or path
        Directory of its files.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        self._writer: Any = None

    def on_start(self, trainer: Trainer) -> None:
        """Open a file, and discard what an interrupted run wrote after its last checkpoint."""
        writers = extra("tensorboardX", "tensorboard", "snn.train.TensorBoard")
        make_directory(self.directory)
        self._writer = writers.SummaryWriter(str(self.directory), purge_step=trainer.epoch + 1)

    def on_epoch(self, trainer: Trainer) -> None:
        """Write each metric of the epoch."""
        for name, value in trainer.history[-1].items():
            if name != "epoch":
                self._writer.add_scalar(name, value, trainer.epoch)

    def close(self) -> None:
        """Flush and close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
