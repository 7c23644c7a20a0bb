"""How a run of a layer is described: its options, the order of its elements, what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..engine.cache import enabled

__all__ = ["Layout", "Options", "Stream"]

Array = np.ndarray[Any, np.dtype[Any]]
Stream = tuple[Array, tuple[int, int, int]]
"""A flat array and its strides over time, samples and blocks of columns."""


@dataclass(frozen=True)
class Options:
    """How layers are run.

    Attributes
    ----------
    jit : bool
        Compile the loops; otherwise they run as plain Python.
    checkpoint : int or None
        Time steps in a segment that the backward computes again, instead of having all saved.
    seen : callable, optional
        Called with each :class:`Layer`, or :class:`snn.compiled.stage.Running`, before it runs.
    check : bool
        Look for NaN and infinity in gradients.
    """

    jit: bool = field(default_factory=enabled)
    checkpoint: int | None = None
    seen: Callable[[Any], None] | None = None
    check: bool = False


@dataclass
class Layout:
    """How the elements of a step are divided: rows of samples, cut to blocks of columns."""

    steps: int
    samples: int
    columns: int
    width: int

    @property
    def blocks(self) -> int:
        """Number of blocks of columns."""
        return -(-self.columns // self.width)

    def rows(self, pitch: int | None = None) -> tuple[int, int, int]:
        """Return the strides of ``[T, samples, columns]``, over time, samples and blocks."""
        pitch = pitch or self.columns
        return self.samples * pitch, pitch, self.width

    def packed(self, rows: int) -> tuple[int, int, int]:
        """Return those of ``[blocks, rows, width]``."""
        return self.samples * self.width, self.width, rows * self.width
