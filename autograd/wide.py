"""Sums of float16 numbers in float32; in float16 a sum of ones would stop at 2,048."""

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
    """Run a numpy reduction on an array; float16 is reduced in float32 and rounded once."""
    if x.dtype != float16:
        return reduction(x, *args, **options)
    return np.asarray(reduction(x, *args, dtype=float32, **options)).astype(float16)


def widened(fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Make a function of a tensor compute in float32 on float16; only its result and its gradient are rounded."""

    @functools.wraps(fn)
    def wide(x: Any, *args: Any, **options: Any) -> Tensor:
        x = as_tensor(x, f"ops.{fn.__name__}")
        try:
            return fn(x.astype(float32), *args, **options).astype(float16) if x.dtype == float16 else fn(x, *args, **options)
        except TypeError:
            check_names(fn, options, f"ops.{fn.__name__}")
            raise

    return wide
