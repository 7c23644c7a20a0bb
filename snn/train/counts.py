"""Numbers of batches in epochs of unknown length, to notice whether a resumed epoch is complete."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from autograd.errors import CheckpointError

__all__ = ["Counts"]


@dataclass
class Counts:
    """Batches of the epochs so far, if ``batches`` returns something without a length."""

    resumed: bool = False
    """Whether the current epoch was resumed in the middle."""
    last: int | None = None
    """Number of batches in the last epoch."""
    last_resumed: bool = False
    varies: bool = False
    """Whether two complete epochs had different numbers; then there is nothing to compare."""

    def begin(self, *, resumed: bool) -> None:
        """Begin an epoch, or resume one; a run may be resumed several times within an epoch."""
        self.resumed = resumed

    def end(self, count: int) -> None:
        """End an epoch, whose number of batches must be that of the last epoch if one of the two was resumed."""
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
        """Return the values to save."""
        return asdict(self)
