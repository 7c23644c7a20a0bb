"""Operations that pick elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import own_arguments
from ..dtypes import converted, describe, is_int, sum_dtype, to_dtype
from ..errors import ArgumentError, DTypeError, PositionError, ShapeError
from ..operator import operator
from ..primitive import primitive
from ..spatial import refuse_elements
from ..tensor import Tensor, as_tensor
from .shape import _put, _take, reshape


def _is_basic(index: Any) -> bool:
    """Return whether an index picks each element at most once, as a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or (isinstance(part, (slice, int, np.integer)) and not isinstance(part, bool))
        for part in parts
    )


def _add_at(buffer: Any, g: Any, attrs: dict[str, Any]) -> None:
    index = attrs["index"]
    if _is_basic(index):
        buffer[index] += g
    else:
        np.add.at(buffer, index, g)


@primitive(lambda g, shape, index: _scatter(g, to=shape, index=index), into=_add_at)
def _getitem(x, /, index):
    return x[index]


@primitive(lambda g, index: _getitem(g, index=index))
def _scatter(x, /, to, index):
    out = np.zeros(to, sum_dtype(x.dtype))
    _add_at(out, x, {"index": index})
    return out.astype(x.dtype, copy=False)


def getitem(x: Any, index: Any) -> Tensor:
    """Pick elements, as in numpy, by numbers, slices, ``None``, ``...``, and arrays or Tensors of positions or bools."""
    return _getitem(as_tensor(x, "ops.getitem"), index=_plain(index))


def _plain(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_plain(part) for part in index)
    return index.array if isinstance(index, Tensor) else index


@own_arguments
def gather(x: Any, indices: Any, axis: int = 0) -> Tensor:
    """Pick elements along ``axis`` at given positions; the result has the shape of ``indices`` in place of that axis."""
    x = as_tensor(x, "ops.gather")
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError("ops.gather", f"an axis of the input, {describe(x)}", f"axis {axis}", "Axes count from 0.")
    return getitem(x, (slice(None),) * (axis % x.ndim) + (_positions(indices, "ops.gather"),))


@primitive(lambda g, weight, ids, padding_idx: _rows_put(g, weight, ids, padding_idx), None, promotes=(0,))
def _embedding(weight, ids, /, padding_idx):
    return np.take(weight, ids, 0)


def _rows_put(g: Tensor, weight: Tensor, ids: Tensor, padding_idx: int | None) -> Tensor:
    """Add up the gradient of each row, except the padding row."""
    flat = ids.array.reshape(-1)
    g = reshape(g, (flat.size, weight.shape[1]))
    if padding_idx is not None:
        kept = np.flatnonzero(flat != padding_idx)
        flat, g = flat[kept], _take(g, kept, axis=0)
    return _put(g, flat, axis=0, length=weight.shape[0])


@own_arguments
def embedding(ids: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """Look up rows of a table: ``[...]`` whole numbers and ``[n, size]`` give ``[..., size]``.

    The row ``padding_idx`` gets no gradient.

    Raises
    ------
    DTypeError
        If the numbers are not whole.
    PositionError
        If one is not in [0, n).
    ShapeError
        If the table is not a matrix.
    """
    where = "ops.embedding"
    ids, weight = as_tensor(ids, where), as_tensor(weight, where)
    refuse_elements(where, ids, weight)
    if weight.ndim != 2:
        raise ShapeError(where, "a table [n, size]", describe(weight), "Give it one row per number.")
    if ids.dtype.kind not in "iu":
        raise DTypeError(where, "whole numbers", describe(ids), "Convert them with .astype(int).")
    n = weight.shape[0]
    if padding_idx is not None and (not is_int(padding_idx) or not 0 <= padding_idx < n):
        raise ArgumentError(where, f"padding_idx in [0, {n}), or None", describe(padding_idx), "It is the number of a row.")
    if type(ids.array) is np.ndarray and ids.size and (ids.array.min() < 0 or ids.array.max() >= n):
        raise PositionError(
            where, f"numbers in [0, {n})", f"{ids.array.min()} to {ids.array.max()}", "The table needs a row for each number."
        )
    return _embedding(weight, ids, padding_idx=padding_idx)


@own_arguments
def one_hot(indices: Any, depth: int, on_value: float = 1.0, off_value: float = 0.0, dtype: Any = np.float32) -> Tensor:
    """Encode whole numbers as vectors of length ``depth``, with ``on_value`` at their position, on a new last axis.

    Raises
    ------
    DTypeError
        If the indices are not whole numbers.
    IndexError
        If an index is not in [0, depth).
    """
    positions = _positions(indices, "ops.one_hot")
    if positions.size and (positions.min() < 0 or positions.max() >= depth):
        raise IndexError(f"ops.one_hot: expected indices in [0, {depth}), got {positions.min()} to {positions.max()}")
    hot = positions[..., None] == np.arange(depth)
    return Tensor.wrap(converted(np.where(hot, on_value, off_value), to_dtype(dtype, "ops.one_hot")))


def _positions(indices: Any, where: str) -> np.ndarray[Any, Any]:
    positions = as_tensor(indices, where).array
    if positions.dtype.kind not in "iu":
        raise DTypeError(where, "whole numbers as indices", describe(indices), "Convert them with .astype(int).")
    return positions


Gather = operator("Gather", gather)
OneHot = operator("OneHot", one_hot)
