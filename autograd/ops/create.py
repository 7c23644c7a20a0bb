"""Tensors of given values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import float32, to_dtype
from ..operator import operator
from ..tensor import Tensor, as_tensor


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


OnesLike = operator("OnesLike", ones_like)
ZerosLike = operator("ZerosLike", zeros_like)
