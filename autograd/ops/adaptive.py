"""Pooling into a given number of bins, whatever the size of the input."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import own_arguments
from ..dtypes import describe
from ..errors import ShapeError
from ..spatial import check_layout, output_sizes
from ..tensor import Tensor, as_tensor
from ..wide import widened
from ..windows import Windows
from .elementwise import mul
from .pool import _max_pool, _sum_pool
from .shape import _take

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d"]


def _adaptive(where: str, x: Any, axes: int, output_size: Any, average: bool) -> Tensor:
    x = as_tensor(x, where)
    check_layout(where, x, axes)
    sizes = output_sizes(where, output_size, axes)
    if not all(x.shape[2:]):
        raise ShapeError(where, "at least one element on each spatial axis", describe(x), "Pass a larger input.")
    kernel, divisor = [], 1
    for axis, m in enumerate(sizes, 2):
        n = x.shape[axis]
        starts, ends = _bins(n, n if m is None else m)
        longest = int((ends - starts).max())
        kernel.append(longest)
        if (ends - starts == longest).all() and (starts[1:] == ends[:-1]).all():
            divisor *= longest
            continue
        places = starts[:, None] + np.arange(longest)  # a shorter bin repeats its last element
        x = _take(x, np.minimum(places, ends[:, None] - 1).reshape(-1), axis=axis)
        if average:
            share = (places < ends[:, None]) / (ends - starts)[:, None]
            share = share.astype(x.dtype if x.dtype.kind == "f" else np.float32)
            x = mul(x, share.reshape(-1, *(1,) * (x.ndim - 1 - axis)))
    windows = Windows(tuple(kernel), tuple(kernel), (1,) * axes, ((0, 0),) * axes)
    return _sum_pool(x, windows=windows) / divisor if average else _max_pool(x, windows=windows)


def _bins(n: int, m: int) -> tuple[Any, Any]:
    """Return the starts and the ends of ``m`` bins of ``n`` elements."""
    places = np.arange(m)
    return places * n // m, -((places + 1) * n // -m)


@widened
def adaptive_avg_pool1d(x: Any, output_size: Any) -> Tensor:
    """Take the means of ``output_size`` bins of ``[N, C, L]``, as :func:`adaptive_avg_pool2d` does along two axes."""
    return _adaptive("ops.adaptive_avg_pool1d", x, 1, output_size, True)


@widened
def adaptive_avg_pool2d(x: Any, output_size: Any) -> Tensor:
    """Cut ``[N, C, H, W]`` into ``output_size`` bins along each axis and take their means.

    Bin ``i`` of ``m`` goes from ``floor(i H / m)`` up to ``ceil((i + 1) H / m)``, so that bins overlap where ``m`` does not
    divide ``H``. ``output_size`` is an int or two of them; None keeps the length of an axis.
    """
    return _adaptive("ops.adaptive_avg_pool2d", x, 2, output_size, True)


@own_arguments
def adaptive_max_pool1d(x: Any, output_size: Any) -> Tensor:
    """Take the largest element of each of ``output_size`` bins of ``[N, C, L]``, cut as in :func:`adaptive_avg_pool2d`."""
    return _adaptive("ops.adaptive_max_pool1d", x, 1, output_size, False)


@own_arguments
def adaptive_max_pool2d(x: Any, output_size: Any) -> Tensor:
    """Take the largest element of each of ``output_size`` bins of ``[N, C, H, W]``, cut as in :func:`adaptive_avg_pool2d`."""
    return _adaptive("ops.adaptive_max_pool2d", x, 2, output_size, False)
