"""Tensors of given values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import converted, float32, to_dtype
from ..operator import operator
from ..tensor import Tensor, as_tensor, to_array


def zeros(shape: Any, dtype: Any = float32) -> Tensor:
    """Zeros of a shape."""
    return Tensor.wrap(np.zeros(shape, to_dtype(dtype, "ops.zeros")))


def ones(shape: Any, dtype: Any = float32) -> Tensor:
    """Ones of a shape."""
    return Tensor.wrap(np.ones(shape, to_dtype(dtype, "ops.ones")))


def zeros_like(x: Any) -> Tensor:
    """Zeros of the shape and dtype of ``x``."""
    x = as_tensor(x, "ops.zeros_like")
    return Tensor.wrap(np.zeros(x.shape, x.dtype))


def ones_like(x: Any) -> Tensor:
    """Ones of the shape and dtype of ``x``."""
    x = as_tensor(x, "ops.ones_like")
    return Tensor.wrap(np.ones(x.shape, x.dtype))


def full(shape: Any, value: Any, dtype: Any = None) -> Tensor:
    """One value everywhere; a Python float gives float32."""
    array = to_array(value, dtype, "ops.full", copy=False)
    return Tensor.wrap(np.full(shape, array, array.dtype))


def eye(n: int, m: int | None = None, dtype: Any = float32) -> Tensor:
    """Ones on the diagonal of an ``n`` by ``m`` matrix, zeros elsewhere."""
    return Tensor.wrap(np.eye(n, m, dtype=to_dtype(dtype, "ops.eye")))


def arange(start: float, end: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """Numbers from ``start`` (0 if only one number is given) to ``end``, exclusive; Python floats give float32."""
    values = np.arange(start, step=step) if end is None else np.arange(start, end, step)
    default = float32 if values.dtype.kind == "f" else values.dtype
    return Tensor.wrap(converted(values, default if dtype is None else to_dtype(dtype, "ops.arange")))


OnesLike = operator("OnesLike", ones_like)
ZerosLike = operator("ZerosLike", zeros_like)
