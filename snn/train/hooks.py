"""Hooks for early stopping and checkpoints."""

from __future__ import annotations

import math
import os
import time

from autograd.dtypes import is_number
from autograd.errors import ArgumentError, CheckpointError, PositionError

from ..checkpoint import Checkpoints
from . import checks
from .trainer import Hook, Trainer

__all__ = ["EarlyStopping", "SaveCheckpoints", "scores"]


def scores(trainer: Trainer, metric: str, lowest: bool, where: str) -> list[float]:
    """Return a metric of each epoch, with the sign chosen so that higher is better."""
    found = []
    for line in trainer.history:
        if metric not in line:
            raise PositionError(where, f"a metric among {', '.join(line)}", repr(metric), "evaluate() returns the metrics.")
        found.append(-line[metric] if lowest else line[metric])
    return found


class EarlyStopping(Hook):
    """End training once a metric has not improved for some epochs.

    Parameters
    ----------
    metric : str
        A name in the lines of ``trainer.history``, such as ``"test_loss"``.
    patience : int
        Number of epochs without improvement before training ends.
    lowest : bool
        Whether lower is better.
    least : float
        Smallest improvement that counts, at least 0.
    """

    def __init__(self, metric: str, patience: int, *, lowest: bool, least: float = 0.0) -> None:
        if not is_number(least) or not 0 <= least < math.inf:
            raise ArgumentError("EarlyStopping", "least, a number of at least 0", repr(least), "0 counts every improvement.")
        self.metric, self.lowest, self.least = checks.text("EarlyStopping", "metric", metric), lowest, least
        self.patience = checks.whole("EarlyStopping", "patience", patience, 1, "It counts epochs.")

    def on_start(self, trainer: Trainer) -> None:
        """Stop at once if training had already ended."""
        self.on_epoch(trainer)

    def on_epoch(self, trainer: Trainer) -> None:
        """Decide from the whole history, so that a resumed run stops at the same epoch as an uninterrupted one."""
        best, since = -math.inf, 0
        for score in scores(trainer, self.metric, self.lowest, "EarlyStopping"):
            best, since = (score, 0) if score > best + self.least else (best, since + 1)
        if since >= self.patience:
            trainer.stop = True


class SaveCheckpoints(Hook):
    """Save checkpoints during training: regularly, at the end, and on Ctrl-C. It belongs after the other hooks.

    Parameters
    ----------
    directory : str, path or Checkpoints
        Directory of the checkpoints.
    seconds : float
        Save after the first step that ends this long after the last checkpoint.
    steps : int, optional
        Also save every so many steps.
    best : str, optional
        A metric in ``trainer.history``: the epoch with its best value, ignoring NaN, is kept as
        ``best.safetensors``.
    lowest : bool
        Whether lower is better.
    """

    def __init__(
        self, directory: str | os.PathLike[str] | Checkpoints, *, seconds: float = 60.0, steps: int | None = None,
        best: str | None = None, lowest: bool = False,
    ) -> None:  # fmt: skip
        if not is_number(seconds) or not seconds >= 0:
            raise ArgumentError(
                "SaveCheckpoints", "seconds of at least 0", repr(seconds),
                "0 saves after every step, math.inf never saves by time.",
            )  # fmt: skip
        if steps is not None:
            steps = checks.whole("SaveCheckpoints", "steps", steps, 1, "Or leave it out.")
        if best is not None:
            checks.text("SaveCheckpoints", "best", best)
        self.checkpoints = directory if isinstance(directory, Checkpoints) else Checkpoints(directory)
        self.seconds, self.steps, self.best, self.lowest = seconds, steps, best, lowest
        self._at, self._saved = 0.0, (-1, -1)

    def on_start(self, trainer: Trainer) -> None:
        """Refuse the checkpoints of another run; save the start of a new one, so that a resume never draws it anew."""
        place, last = self.checkpoints.directory.resolve(), self.checkpoints.last
        if last is not None and place not in trainer.places:
            run = " or ".join(sorted(map(str, trainer.places)))
            raise CheckpointError(
                f"{self.checkpoints}", f"an empty directory{f', or {run}' if run else ' for a new run'}", f"{last.name}",
                "Nothing was run. Call trainer.resume(directory) first, or use another directory.",
            )  # fmt: skip
        trainer.places.add(place)
        self._at, self._saved = time.monotonic(), (trainer.epoch, trainer.batch)
        if not trainer.resumed:
            self.checkpoints.save(trainer.step, **trainer.parts())

    def on_step(self, trainer: Trainer) -> None:
        """Save if a checkpoint is due."""
        if time.monotonic() - self._at >= self.seconds or (self.steps and not trainer.step % self.steps):
            self._save(trainer)

    def on_epoch(self, trainer: Trainer) -> None:
        """Save if this epoch is the best so far."""
        if self.best is not None:
            *before, score = scores(trainer, self.best, self.lowest, "SaveCheckpoints")
            if score > max((other for other in before if not math.isnan(other)), default=-math.inf):
                self._save(trainer, score)

    def on_end(self, trainer: Trainer) -> None:
        """Save the final state."""
        self._save(trainer)

    def _save(self, trainer: Trainer, score: float | None = None) -> None:
        now = trainer.epoch, trainer.batch
        if score is not None or now != self._saved:
            self.checkpoints.save(trainer.step, score, **trainer.parts())
            self._at, self._saved = time.monotonic(), now
