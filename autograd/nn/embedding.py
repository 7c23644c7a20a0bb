"""Vectors for whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..dtypes import describe, float32, is_int
from ..errors import ArgumentError
from ..intake import to_generator
from ..tensor import Tensor
from .options import Layer, flag, float_dtype, parameter, positive

__all__ = ["Embedding"]


class Embedding(Layer):
    """A table of vectors, one for each whole number: :func:`autograd.ops.embedding` as a layer.

    Parameters
    ----------
    vocab_size, embedding_size : int
        Rows of the table, and their length.
    use_one_hot : bool
        Accepted for MindSpore's signature; the rows are looked up either way.
    embedding_table : str, number, array or initialiser
        Initial table. See :mod:`autograd.nn.init`.
    dtype : dtype
        Dtype of the table.
    padding_idx : int, optional
        Index of a row that starts as zeros and gets no gradient.
    rng : numpy.random.Generator or int, optional
        Source of random initial values.

    Attributes
    ----------
    embedding_table : Parameter
        ``[vocab_size, embedding_size]``.

    Raises
    ------
    ArgumentError
        If a size is not a positive int, or ``padding_idx`` is not a row.
    DTypeError
        When called, if the input does not hold whole numbers.
    PositionError
        When called, if a number is not in [0, vocab_size).

    Examples
    --------
    >>> from autograd import Tensor, nn
    >>> nn.Embedding(10, 4, rng=0)(Tensor([[1, 2, 9]])).shape
    (1, 3, 4)
    """

    def __init__(
        self, vocab_size: int, embedding_size: int, use_one_hot: bool = False, embedding_table: Any = "normal",
        dtype: Any = float32, padding_idx: int | None = None, *, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        positive("Embedding", vocab_size=vocab_size, embedding_size=embedding_size)
        if padding_idx is not None and (not is_int(padding_idx) or not 0 <= padding_idx < vocab_size):
            raise ArgumentError(
                "Embedding", f"padding_idx in [0, {vocab_size}), or None", describe(padding_idx), "It is the number of a row."
            )
        self.vocab_size, self.embedding_size, self.padding_idx = vocab_size, embedding_size, padding_idx
        self.use_one_hot, self.dtype = flag("Embedding", "use_one_hot", use_one_hot), float_dtype("Embedding", dtype)
        rng = to_generator(rng, "Embedding")
        shape = (vocab_size, embedding_size)
        table = parameter("Embedding, embedding_table", embedding_table, shape, rng, self.dtype)
        if padding_idx is not None:
            table.array[padding_idx] = 0
        self.embedding_table = table

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` whole numbers to ``[..., embedding_size]``."""
        return ops.embedding(x, self.embedding_table, self.padding_idx)
