"""Gradients accumulated over several batches, for a batch that does not fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import describe, is_number, sum_dtype
from ..errors import ArgumentError, DTypeError, ShapeError
from ..tensor import Tensor
from .gradients import check_gradients

__all__ = ["Accumulator"]


class Accumulator:
    """The weighted mean of gradients: the gradient of a loss that is a mean over all samples.

    Examples
    --------
    >>> from autograd import Tensor, optim
    >>> gradients = optim.Accumulator()
    >>> gradients.add((Tensor([1.0, 2.0]),), 3)  # of 3 samples
    >>> gradients.add((Tensor([5.0, 2.0]),), 1)  # of 1
    >>> print(gradients.take()[0], len(gradients))
    [2. 2.] 0
    """

    def __init__(self) -> None:
        self._only: tuple[Tensor, ...] = ()
        self._sums: list[Any] = []
        self._weight, self._count = 0.0, 0

    def __len__(self) -> int:
        """Return the number of additions since the last ``take``."""
        return self._count

    def add(self, gradients: Sequence[Tensor], weight: float = 1.0) -> None:
        """Add gradients, as a transform returns them.

        Parameters
        ----------
        gradients : sequence of Tensor
            One for each Parameter; not changed.
        weight : float
            Weight of these gradients, positive: the number of samples if the loss is a mean over them.

        Raises
        ------
        ArgumentError
            If the weight is not positive, or not finite.
        ShapeError
            If their number or shapes differ from the earlier gradients.
        DTypeError
            If they are not gradients, such as the loss, or their dtypes differ from the earlier ones.
        """
        found = check_gradients(gradients, "Accumulator.add")
        number = is_number(weight)
        if not number or not 0 < weight < np.inf:
            raise ArgumentError(
                "Accumulator.add", "a positive weight that is finite", describe(weight), "For example the number of samples."
            )
        shapes, before = [g.shape for g in found], [g.shape for g in self._only]
        if self._count and shapes != before:
            raise ShapeError(
                "Accumulator.add", f"gradients of the shapes {before}", f"{shapes}", "Add gradients of the same Parameters."
            )
        dtypes, first = [str(g.dtype) for g in found], [str(g.dtype) for g in self._only]
        if self._count and dtypes != first:
            raise DTypeError("Accumulator.add", f"gradients of {first}", f"{dtypes}", "Add gradients of the same Parameters.")
        if not self._count:  # a single one is returned unchanged, to the bit
            self._only, self._sums = found, []
        else:
            if not self._sums:
                self._sums = [_weighted(g, self._weight) for g in self._only]
            for total, g in zip(self._sums, found, strict=True):
                total += _weighted(g, weight)
        self._weight, self._count = self._weight + float(weight), self._count + 1

    def take(self) -> tuple[Tensor, ...]:
        """Return the mean, and start anew.

        Raises
        ------
        ArgumentError
            If no gradients were added.
        """
        if not self._count:
            raise ArgumentError("Accumulator.take", "gradients to be added first", "none", "Call add for each batch.")
        only, sums, weight = self._only, self._sums, self._weight
        self._only, self._sums, self._weight, self._count = (), [], 0.0, 0
        if not sums:
            return only
        return tuple(Tensor.wrap((s / s.dtype.type(weight)).astype(g.dtype)) for s, g in zip(sums, only, strict=True))


def _weighted(g: Tensor, weight: float) -> Any:
    wide = sum_dtype(g.dtype)
    return g.array.astype(wide) * wide.type(weight)
