"""The options of a run, and the order of a layer's elements."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.dtypes import Array

from ..common.structure import is_repeated
from ..engine import tuning
from ..engine.backends import BackEnd, back_end

__all__ = ["Layout", "Options", "Stream", "laid_out", "stream"]

Stream = tuple[Array, tuple[int, int, int]]
"""A flat array and its strides over time, samples and blocks of columns."""


@dataclass(frozen=True)
class Options:
    """Options of a run.

    Attributes
    ----------
    backend : BackEnd
        Renders the loops; by default the back end of compiled runs.
    checkpoint : int or None
        Time steps per segment; the backward pass recomputes a segment instead of reading saved values.
    seen : callable, optional
        Called with each :class:`snn.compiled.stage.Running` before it runs.
    check : bool
        Look for NaN and infinity in gradients.
    whole : callable, optional
        Called with each layer that runs on all time steps at once, and its input, before it runs.
    mode : str, optional
        The mode of :func:`snn.run` in which the same run may be found again; by default it is not.
    """

    backend: BackEnd = field(default_factory=back_end)
    checkpoint: int | None = None
    seen: Callable[[Any], None] | None = None
    check: bool = False
    whole: Callable[[Any, Any], None] | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Layout:
    """Division of the elements of a step: rows of samples, cut into blocks of columns."""

    steps: int
    samples: int
    columns: int
    width: int

    @property
    def blocks(self) -> int:
        """Number of blocks of columns."""
        return -(-self.columns // self.width)

    @functools.cached_property
    def sizes(self) -> tuple[np.uint64, np.uint64]:
        """Width and columns in the type that loops take."""
        return np.uint64(self.width), np.uint64(self.columns)

    def jobs(self, by_block: bool, threads: int) -> tuple[int, int, int]:
        """Return the maximum blocks and samples per job, and the number of jobs.

        Adjacent rows are read faster than one row of each step. ``by_block`` keeps a job to one block, whose weights stay in
        the cache.
        """
        return self._jobs(by_block, threads, tuning.now().elements)

    @functools.lru_cache(256)  # noqa: B019 - by value: layouts are few and small
    def _jobs(self, by_block: bool, threads: int, most: int) -> tuple[int, int, int]:
        span = 1 if by_block else max(1, min(self.blocks, most // self.width))
        sets = -(-self.blocks // span)
        members = max(1, min(most // (span * self.width), -(-self.samples * sets // (2 * threads)), self.samples))
        return span, members, sets * -(-self.samples // members)

    @functools.cached_property
    def strides(self) -> tuple[int, int, int]:
        """Strides of ``[T, samples, columns]`` over time, samples and blocks."""
        return self.rows()

    def rows(self, pitch: int | None = None) -> tuple[int, int, int]:
        """Return the strides of ``[T, samples, columns]`` over time, samples and blocks."""
        pitch = pitch or self.columns
        return self.samples * pitch, pitch, self.width

    def packed(self, rows: int) -> tuple[int, int, int]:
        """Return the strides of ``[blocks, rows, width]`` over time, samples and blocks."""
        return self.samples * self.width, self.width, rows * self.width


def stream(array: Array, layout: Layout) -> Stream:
    """Return an array ``[T, ...]`` flat, with its strides; the stride over time is 0 if all steps are equal."""
    strides = layout.strides
    if is_repeated(array):
        return np.ascontiguousarray(array[0]).reshape(-1), (0, *strides[1:])
    return np.ascontiguousarray(array).reshape(-1), strides


def laid_out(array: Array, layout: Layout, shape: tuple[int, ...]) -> Stream:
    """Return a parameter flat, with its strides; the stride over samples is 0 if it only has a value for each column."""
    if layout.samples > 1 and np.size(array) == np.shape(array)[-1] == layout.columns:
        return np.ascontiguousarray(array).reshape(-1), (0, 0, 0)
    spread = np.empty(shape, array.dtype)
    spread[...] = array
    return spread.reshape(-1), (0, layout.columns, 0)
