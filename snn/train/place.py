"""The position of a training run: what a checkpoint saves, where the run resumes, and what its ranks share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd import Cell, optim
from autograd.errors import CheckpointError

from ..checkpoint import Checkpoints
from ..checkpoint.generators import generators_of
from .counts import Counts
from .ranks import One

__all__ = ["Place"]


class Place:
    """Everything needed to continue a training run.

    Parameters
    ----------
    net, optimizer
        The net, and the optimizer of its Parameters.
    rngs : dict of Generator
        Generators under the user's names.
    settings : dict
        Values that must be the same on resume.
    ranks : One
        Ranks that share it.
    """

    def __init__(
        self, net: Cell, optimizer: optim.Optimizer, rngs: Mapping[str, np.random.Generator], settings: Mapping[str, Any],
        ranks: One,
    ) -> None:  # fmt: skip
        self.net, self.optimizer, self.rngs, self.settings, self.ranks = net, optimizer, rngs, dict(settings), ranks
        self.epoch = self.batch = self.seen = 0
        self.history: list[dict[str, float]] = []
        self.seconds, self.stop, self.resumed, self.interrupted = 0.0, False, False, False
        self.ends = False
        """Whether a rank was interrupted and all ranks know it."""
        self.per_epoch: int | None = None
        """Batches per epoch, if ``batches`` returns something with a length."""
        self.places: set[Path] = set()
        """Directories with checkpoints of this run: the one it resumed from, and those it has saved to."""
        self._broken = False
        self._counts = Counts()
        self._sums: dict[str, float] = {}
        self._began: dict[str, Any] = {}

    def known_generators(self) -> dict[str, np.random.Generator]:
        """Return all generators by name, both those given and those of the net."""
        return {**self.rngs} | {f"net, {name}": rng for name, rng in generators_of(self.net).items()}

    def parts(self) -> dict[str, Any]:
        """Return everything needed to continue, for :func:`snn.checkpoint.save`."""
        return self._targets() | {"here": self.here(), "config": self.settings}

    def here(self) -> dict[str, Any]:
        """Return the position as plain values."""
        return {
            "epoch": self.epoch, "batch": self.batch, "seen": self.seen, "sums": self._sums, "history": self.history,
            "seconds": self.seconds, "per_epoch": self.per_epoch, "began": self._began,
            "counts": self._counts.saved(),
        }  # fmt: skip

    def go_to(self, here: Mapping[str, Any]) -> None:
        """Move to a position that :meth:`here` returned."""
        self.epoch, self.batch, self.seen, self._sums = here["epoch"], here["batch"], here["seen"], here["sums"]
        self.history, self.seconds, self.per_epoch = here["history"], here["seconds"], here["per_epoch"]
        self._began, self._counts = here["began"], Counts(**here.get("counts", {}))  # older files have none

    def load_last(self, checkpoints: Checkpoints) -> bool:
        """Move to the position of the last checkpoint; return whether there is one."""
        saved = checkpoints.load()  # checked before anything is set
        if saved is None:
            return False
        where, ours = f"checkpoint {checkpoints.last}", self.settings
        if not {"here", "config", *self._targets()} <= set(saved):
            raise CheckpointError(
                where, "a Trainer's checkpoint", f"one of {', '.join(saved)}", "Nothing was loaded. Use snn.checkpoint.load."
            )
        theirs = saved["config"]
        other = [key for key in {**theirs, **ours} if key not in theirs or key not in ours or theirs[key] != ours[key]]
        if other:
            then, now = (", ".join(f"{key}={side.get(key)!r}" for key in other) for side in (theirs, ours))
            raise CheckpointError(where, then, now, "Nothing was loaded. Build the Trainer as it was.")
        checkpoints.load(**self._targets())
        self.go_to(saved["here"])
        self.resumed, self.places = True, {checkpoints.directory.resolve()}
        return True

    def _targets(self) -> dict[str, Any]:
        return {"net": self.net, "optimizer": self.optimizer, "generators": self.rngs}
