"""A gradient between two loops, which is often added to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array
from autograd.state import state

from ..engine.buffers import empty

__all__ = ["Pooled"]


class Pooled(Tensor):
    """A gradient whose sums reuse memory: fresh pages cost more time than the addition.

    Parameters
    ----------
    array : array
        Its values, not copied.
    """

    __slots__ = ()

    def __init__(self, array: Array) -> None:
        self.array, self.node = array, None

    def __add__(self, other: Any) -> Tensor:
        """Return the sum, with its derivatives."""
        if not isinstance(other, Tensor) or state.recording or (other.shape, other.dtype) != (self.shape, self.dtype):
            return super().__add__(other)
        return Pooled(np.add(self.array, other.array, out=empty(self.shape, self.dtype)))
