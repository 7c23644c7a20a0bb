"""Options of the experiments that train a network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import safetensors.numpy  # noqa: F401 - at import, so that it is missed before a run, not when a checkpoint is written
import tqdm  # noqa: F401 - the same
import tyro

from autograd.errors import ArgumentError

from .harness import Options

__all__ = ["TrainingOptions"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(Options):
    """Options of an experiment that trains a network."""

    epochs: int = 1
    """Passes over the training samples."""
    batch_size: int = 64
    """Samples per step of the optimizer."""
    learning_rate: float = 1e-3
    """Initial learning rate of Adam; it falls to zero along half a cosine."""
    steps: int = 16
    """Time steps T for each sample."""
    hidden: int = 128
    """Neurons per hidden layer."""
    mode: Literal["auto", "eager", "compiled"] = "auto"
    """Mode of the network's runs, as in snn.run."""
    save_every: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 60.0
    """Shortest time between two checkpoints; the best epoch and the end are also saved."""
    ranks: int = 1
    """Processes that share each batch: mpiexec -n RANKS python -m mpi4py -m experiments ... (extra mpi)."""

    normalises: ClassVar[bool] = False
    """Whether the network has norms over the batch, which ranks cannot share; an experiment with a choice overrides it."""

    counts: ClassVar[tuple[str, ...]] = ("seeds", "epochs", "batch_size", "steps", "hidden", "ranks")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.save_every >= 0:
            raise ArgumentError("option --save-every", "seconds of at least 0", f"{self.save_every}", "Nothing was run.")
        if not 0 < self.learning_rate < math.inf:
            raise ArgumentError("option --learning-rate", "a positive number", f"{self.learning_rate}", "Nothing was run.")

    def check(self) -> None:
        """Refuse ranks that share a network which normalises over the batch."""
        if self.ranks > 1 and self.normalises:
            raise ArgumentError(
                "option --ranks", "1 for a network that normalises over the batch", f"{self.ranks}",
                "Each rank would normalise by statistics of its part alone. Nothing was run.",
            )  # fmt: skip
