"""How many batches epochs had whose length is not known before, so that one which was resumed is seen to be whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autograd.errors import CheckpointError

__all__ = ["Counts"]


@dataclass
class Counts:
    """Batches of the epochs so far, where ``batches`` returns something without a length."""

    resumed: bool = False
    """Whether the epoch under way was resumed in the middle."""
    last: int | None = None
    """Batches of the last epoch."""
    last_resumed: bool = False
    varies: bool = False
    """Whether two whole epochs had different numbers: then nothing can be said."""

    def begin(self, *, resumed: bool) -> None:
        """Begin an epoch, or go on with one: a run may be resumed in it more than once."""
        self.resumed = resumed

    def end(self, count: int) -> None:
        """End an epoch.

        Raises
        ------
        CheckpointError
            If it has another number of batches than the last one, and one of them was resumed.
        """
        differs = self.last is not None and count != self.last
        if differs and not self.varies and (self.resumed or self.last_resumed):
            resumed, whole = (count, self.last) if self.resumed else (self.last, count)
            raise CheckpointError(
                "Trainer", f"an epoch of {whole} batches", f"{resumed} in one that was resumed in the middle",
                "batches(start) must skip the first start batches. Resume from a checkpoint before that epoch.",
            )  # fmt: skip
        self.varies |= differs
        self.last, self.last_resumed = count, self.resumed

    def saved(self) -> dict[str, Any]:
        """Return what it goes on from."""
        return asdict(self)
