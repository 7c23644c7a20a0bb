"""A gradient kept as a product of two matrices, for a layer whose output has few features."""

from __future__ import annotations

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array, DType

from ..engine.blas import one_thread_each, product

__all__ = ["Factored"]


class Factored(Tensor):
    """``factors @ weight`` as a Tensor; the product is computed on first access.

    Parameters
    ----------
    factors : array
        ``[rows, k]``.
    weight : array
        ``[k, features]``.
    shape : tuple of int
        ``[T, N, ..., features]``, with as many rows.
    """

    __slots__ = ("_shape", "_values", "factors", "weight")

    def __init__(self, factors: Array, weight: Array, shape: tuple[int, ...]) -> None:
        self.factors, self.weight, self._shape, self.node = factors, weight, shape, None
        self._values: Array | None = None

    @property
    def array(self) -> Array:  # type: ignore[override]
        """The values. Treat as read-only."""
        if self._values is None:
            made = np.empty((len(self.factors), self.weight.shape[1]), self.weight.dtype)
            values = one_thread_each(lambda: product(self.factors, self.weight, made))
            self._values = values.reshape(self._shape)
        return self._values

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._shape

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        dtype: DType = self.weight.dtype
        return dtype
