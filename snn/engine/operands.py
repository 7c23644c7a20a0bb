"""Operands of matrix products: floats with any strides, spikes as bytes or bits, gathered rows, patches of images."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from autograd.dtypes import Array

__all__ = ["Matrix", "bits", "flags", "gathered", "numbers", "patches", "strided"]


class Matrix(NamedTuple):
    """An operand: the positions of its elements, and their meaning.

    Attributes
    ----------
    elements : array
        Flat: floats, bytes that are 0 or 1, or 64-bit words with a bit for each element.
    rows, columns : array of uint64
        Start of each row, and offset of each column from there; in bits for words.
    beside_rows, beside_columns : bool
        Whether adjacent rows, or columns, are adjacent elements.
    amplitude : float
        Value of a 1 in bytes or words.
    """

    elements: Array
    rows: Array
    columns: Array
    beside_rows: bool
    beside_columns: bool
    amplitude: Any

    @property
    def T(self) -> Matrix:  # noqa: N802 - as numpy has it
        """The transposed matrix."""
        return self._replace(
            rows=self.columns, columns=self.rows, beside_rows=self.beside_columns, beside_columns=self.beside_rows
        )


class _Flat:
    """The memory of an array from its lowest address on, as flat elements; kernels only read it."""

    __slots__ = ("__array_interface__", "array")

    def __init__(self, array: Array, lowest: int, count: int) -> None:
        self.array = array
        place = array.__array_interface__["data"][0] + lowest
        self.__array_interface__ = {"version": 3, "shape": (count,), "typestr": array.dtype.str, "data": (place, False)}


@functools.lru_cache(64)
def _steps(n: int, step: int) -> Array:
    made = np.arange(n, dtype=np.int64) * step
    return (made - min(0, int(made[-1]) if n else 0)).astype(np.uint64)


def strided(array: Array) -> tuple[Array, list[int]]:
    """Return an array's flat elements, and its strides in elements; unaligned arrays are copied."""
    size, found = array.itemsize, array.flags
    if found.writeable and found.aligned and array.dtype.isnative and (found.c_contiguous or found.f_contiguous):
        return (array if found.c_contiguous else array.T).reshape(-1), [step // size for step in array.strides]
    if not found.aligned or not array.dtype.isnative or any(step % size for step in array.strides):
        array = np.array(array, array.dtype.newbyteorder("="), order="C", copy=True)
    if not array.size:
        return np.empty(0, array.dtype), [0] * array.ndim
    reaches = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    lowest = sum(reach for reach in reaches if reach < 0)
    count = (sum(map(abs, reaches)) + size) // size
    return np.asarray(_Flat(array, lowest, count)), [step // size for step in array.strides]


def numbers(array: Array) -> Matrix:
    """Return floats ``[rows, columns]`` with any strides as an operand."""
    flat, (down, across) = strided(array)
    rows, columns = array.shape
    return Matrix(flat, _steps(rows, down), _steps(columns, across), down == 1, across == 1, flat.dtype.type(1))


def flags(array: Array, amplitude: Any) -> Matrix:
    """Return bytes or bools ``[rows, columns]`` that are 0 or 1 as an operand with the dtype of the amplitude."""
    return numbers(array.view(np.uint8))._replace(amplitude=amplitude)


def bits(words: Array, columns: int, amplitude: Any) -> Matrix:
    """Return rows of 64-bit words ``[rows, words]``, lowest bit first, as an operand."""
    flat, (down, _) = strided(np.ascontiguousarray(words))
    return Matrix(flat, _steps(len(words), 64 * down), _steps(columns, 1), False, False, amplitude)


def gathered(matrix: Matrix, index: Array) -> Matrix:
    """Return some rows of an operand, in any order, as an operand."""
    return matrix._replace(rows=matrix.rows[index], beside_rows=False)


def patches(images: Array, height: int, width: int, step: int = 1, amplitude: Any = 1) -> Matrix:
    """Return the patches of images ``[N, C, H, W]`` as the rows of an operand, ``[N * y * x, C * height * width]``.

    Bools and bytes are spikes with this amplitude.
    """
    images = images.view(np.uint8) if images.dtype == np.bool_ else images
    flat, steps = strided(images)
    n, c, h, w = images.shape
    y, x = (h - height) // step + 1, (w - width) // step + 1

    def offsets(counts: tuple[int, ...], steps: list[int]) -> Array:
        made = np.zeros(1, np.int64)
        for count, step in zip(counts, steps, strict=True):
            made = np.add.outer(made, np.arange(count) * step).reshape(-1)
        return made

    rows = offsets((n, y, x), [steps[0], step * steps[2], step * steps[3]])
    first = sum((count - 1) * -s for count, s in zip(images.shape, steps, strict=True) if s < 0)
    columns = offsets((c, height, width), steps[1:])
    return Matrix(flat, (rows + first).astype(np.uint64), columns.astype(np.uint64), False, False, amplitude)
