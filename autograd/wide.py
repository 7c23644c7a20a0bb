"""Sums over float16 in float32: in float16 they would stop at 2,048 ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .arguments import check_names
from .dtypes import float16, float32
from .tensor import Tensor, as_tensor

__all__ = ["added", "widened"]


def added(reduction: Callable[..., Any], x: Any, *args: Any, **options: Any) -> Any:
    """Run one of numpy's reductions on an array; that of float16 in float32, rounded once."""
    if x.dtype != float16:
        return reduction(x, *args, **options)
    return np.asarray(reduction(x, *args, dtype=float32, **options)).astype(float16)


def widened(fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Make a function of a tensor compute on float16 in float32; only its result is rounded, and its gradient."""

    @functools.wraps(fn)
    def wide(x: Any, *args: Any, **options: Any) -> Tensor:
        x = as_tensor(x, f"ops.{fn.__name__}")
        try:
            return fn(x.astype(float32), *args, **options).astype(float16) if x.dtype == float16 else fn(x, *args, **options)
        except TypeError:
            check_names(fn, options, f"ops.{fn.__name__}")
            raise

    return wide
