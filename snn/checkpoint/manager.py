"""The last checkpoints of a run, and the best one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from autograd.errors import ArgumentError, CheckpointError

from ..common.files import make_directory, sweep, unwritable, write_whole
from .parts import load, to_bytes

__all__ = ["Checkpoints"]

_STEP = re.compile(r"step-(\d+)\.safetensors")


class Checkpoints:
    """A directory with the last checkpoints of a run, ``step-<step>.safetensors``, and the best, ``best.safetensors``.

    A new one is complete before an older one is removed, so there is always at least one.

    Parameters
    ----------
    directory : str or path
        Directory of the checkpoints; created with the first one.
    keep : int
        Number of checkpoints to keep.
    """

    def __init__(self, directory: str | os.PathLike[str], keep: int = 2) -> None:
        if not isinstance(keep, int) or isinstance(keep, bool) or keep < 1:
            raise ArgumentError(
                "Checkpoints", "keep, a whole number of at least 1", repr(keep), "The last one is needed to resume."
            )
        self.directory, self.keep = Path(directory), keep
        self._score: float | None = None

    def __repr__(self) -> str:
        return f"Checkpoints({str(self.directory)!r}, keep={self.keep})"

    def paths(self) -> list[Path]:
        """Return the last checkpoints, the oldest first."""
        found = {int(m[1]): path for path in self.directory.glob("step-*") if (m := _STEP.fullmatch(path.name))}
        return [found[step] for step in sorted(found)]

    @property
    def last(self) -> Path | None:
        """The last checkpoint, if there is one."""
        return paths[-1] if (paths := self.paths()) else None

    @property
    def best(self) -> Path | None:
        """The checkpoint with the highest score, if one was saved with a score."""
        path = self.directory / "best.safetensors"
        return path if path.exists() else None

    def save(self, step: int, score: float | None = None, **parts: Any) -> Path:
        """Save a checkpoint, as :func:`save` does, and remove those beyond the last ``keep``.

        Parameters
        ----------
        step : int
            Number of the checkpoint; saved as the part ``step``.
        score : float, optional
            If it is higher than all before, the checkpoint is also the best one; saved as the part ``score``.
        **parts : object
            As for :func:`save`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        CheckpointError
            As :func:`save`; or if the directory has a later one, of another run.
        WriteError
            If it cannot be written. The existing files were not changed.
        """
        last = self.last
        if last is not None and last.name > _name(step):
            raise CheckpointError(
                f"{self}, step {step}", "a directory of this run", f"a later checkpoint, {last.name}",
                "Nothing was written. Resume from it, or use another directory.",
            )  # fmt: skip
        content = to_bytes({"step": step, "score": score, **parts}, f"{self}, step {step}")
        make_directory(self.directory)
        path = self.directory / _name(step)
        # The best first: a process that is killed in between reaches the same score again after its resume.
        if score is not None and score > self._best_score():
            write_whole(self.directory / "best.safetensors", content)
            self._score = score
        write_whole(path, content)
        for old in self.paths()[: -self.keep]:
            try:
                old.unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(old, error, "The new one is complete; this older one could not be removed.") from error
        return path

    def load(self, **parts: Any) -> dict[str, Any] | None:
        """Load the last checkpoint, as :func:`load` does; None if there is none.

        Incomplete files of a killed process are removed.

        Raises
        ------
        CheckpointError
            As :func:`load`; the error names the previous checkpoint, if there is one. Also if the directory is a file.
        """
        if self.directory.is_file():
            raise CheckpointError(
                f"{self}", "a directory", "a file",
                "Pass the directory that it is in, or read the file with snn.checkpoint.load.",
            )  # fmt: skip
        sweep(self.directory)
        paths = self.paths()
        if not paths:
            return None
        try:
            return load(paths[-1], **parts)
        except CheckpointError as error:
            if len(paths) > 1:
                error.add_note(f"To continue from the one before, {paths[-2].name}, remove {paths[-1].name}.")
            raise

    def _best_score(self) -> float:
        """Return the score of the best one, which an earlier process may have written."""
        if self._score is None:
            self._score = float("-inf") if self.best is None else float(load(self.best)["score"])
        return self._score


def _name(step: int) -> str:
    return f"step-{step:012d}.safetensors"
