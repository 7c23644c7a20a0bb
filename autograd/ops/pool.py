"""Pooling: the sum, the mean or the largest element of each window."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .. import windows as kernels
from ..arguments import own_arguments
from ..dtypes import as_bool, bool_, describe, int64, is_int, sum_dtype
from ..errors import ArgumentError, DTypeError
from ..primitive import primitive
from ..spatial import check_fits, check_layout, per_axis, windows_on
from ..tensor import Tensor, as_tensor
from ..wide import widened
from ..windows import Windows
from .elementwise import not_equal, pow, where

__all__ = [
    "avg_pool1d", "avg_pool2d", "lp_pool1d", "lp_pool2d", "max_pool1d", "max_pool2d", "sum_pool1d", "sum_pool2d",
]  # fmt: skip


# Sums, and gradients that go back to every element of a window


def _widely(function: Any, x: Any, *args: Any) -> Any:
    wide = function(x.astype(int64 if x.dtype == bool_ else sum_dtype(x.dtype), copy=False), *args)
    return wide.astype(x.dtype, copy=False) if x.dtype.kind == "f" else wide


@primitive(lambda g, x, windows: _spread(g, windows=windows, size=x.shape[2:]))
def _sum_pool(x, /, windows):
    return _widely(kernels.summed, x, windows)


@primitive(lambda h, windows: _sum_pool(h, windows=windows))
def _spread(g, /, windows, size):
    return _widely(kernels.spread, g, windows, size)


# The largest element, and gradients that go back to its position


@primitive(lambda g, x, out, windows: _put_back(g, _where_largest(x, out, windows=windows), windows=windows, size=x.shape[2:]))
def _max_pool(x, /, windows):
    return kernels.largest(x, windows)


@primitive()
def _where_largest(x, out, /, windows):
    return kernels.first_largest(x, out, windows)


@primitive(lambda h, chosen, windows: _picked(h, chosen, windows=windows), None, promotes=(0,))
def _put_back(g, chosen, /, windows, size):
    return _widely(kernels.put_back, g, chosen, windows, size)


@primitive(lambda g, x, chosen, windows: _put_back(g, chosen, windows=windows, size=x.shape[2:]), None, promotes=(0,))
def _picked(x, chosen, /, windows):
    return kernels.picked(x, chosen, windows)


# Shared parts


def _windows(
    where: str, x: Tensor, axes: int, kernel: Any, stride: Any, pad_mode: str, padding: Any, ceil_mode: Any, dilation: Any = 1
) -> tuple[Windows, Windows]:
    """Return the windows on an input, without and with those that ``ceil_mode`` adds at its end."""
    check_layout(where, x, axes)
    kernel = per_axis(where, "kernel_size", kernel, axes)
    stride = kernel if stride is None else per_axis(where, "stride", stride, axes)
    windows = windows_on(where, x.shape[2:], kernel, stride, per_axis(where, "dilation", dilation, axes), pad_mode, padding)
    if any(2 * max(pads) > span for pads, span in zip(windows.pads, windows.spans, strict=True)):
        raise ArgumentError(
            where, f"padding of at most half the kernel, {list(windows.spans)}", repr(padding),
            "A window must not lie entirely in it; use ops.pad for more.",
        )  # fmt: skip
    check_fits(where, x, windows)
    return windows, _with_ceil(windows, x.shape[2:]) if as_bool(ceil_mode, where, "ceil_mode") else windows


def _with_ceil(windows: Windows, size: tuple[int, ...]) -> Windows:
    """Add windows that begin in the input and end beyond it."""
    pads = []
    axes = zip(size, windows.padded(size), windows.spans, windows.stride, windows.pads, strict=True)
    for n, padded, span, stride, (before, after) in axes:
        count = -(-(padded - span) // stride) + 1
        count -= (count - 1) * stride >= n + before
        pads.append((before, after + max((count - 1) * stride + span - padded, 0)))
    return Windows(windows.kernel, windows.stride, windows.dilation, tuple(pads))


@functools.lru_cache(256)
def _divisors(size: tuple[int, ...], windows: Windows, stretched: Windows, with_pads: bool) -> Any:
    """Return the divisor of each window's sum: one number, or an array of them by position."""
    product: Any = 1
    for axis, count in enumerate(stretched.counts(size)):
        first, last = (
            (0, windows.padded(size)[axis]) if with_pads else (windows.pads[axis][0], windows.pads[axis][0] + size[axis])
        )
        places = np.arange(count)[:, None] * windows.stride[axis] + np.arange(windows.kernel[axis])
        counted = np.count_nonzero((places >= first) & (places < last), axis=1)
        product = np.multiply.outer(product, counted)
    return int(product.flat[0]) if product.size and (product == product.flat[0]).all() else product


def _average(
    where: str, x: Any, axes: int, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, count_include_pad: Any,
    pad_mode: str, divisor_override: Any = None,
) -> Tensor:  # fmt: skip
    x = as_tensor(x, where)
    windows, stretched = _windows(where, x, axes, kernel, stride, pad_mode, padding, ceil_mode)
    with_pads = as_bool(count_include_pad, where, "count_include_pad") and pad_mode != "same"
    total = _sum_pool(x, windows=stretched)
    if divisor_override:
        if not is_int(divisor_override):
            raise DTypeError(where, "divisor_override as an int, or None", describe(divisor_override), "Leave it out.")
        return total / int(divisor_override)
    by = _divisors(x.shape[2:], windows, stretched, with_pads)
    return total / (by if isinstance(by, int) else by.astype(total.dtype if total.dtype.kind == "f" else np.float32))


def _sum(where: str, x: Any, axes: int, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, pad_mode: str) -> Tensor:
    x = as_tensor(x, where)
    return _sum_pool(x, windows=_windows(where, x, axes, kernel, stride, pad_mode, padding, ceil_mode)[1])


def _maximum(
    where: str, x: Any, axes: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, pad_mode: str
) -> Tensor:
    x = as_tensor(x, where)
    return _max_pool(x, windows=_windows(where, x, axes, kernel, stride, pad_mode, padding, ceil_mode, dilation)[1])


def _root(where_: str, x: Any, axes: int, norm_type: Any, kernel: Any, stride: Any, ceil_mode: Any) -> Tensor:
    x = as_tensor(x, where_)
    if isinstance(norm_type, bool) or not isinstance(norm_type, (int, float)) or not norm_type > 0:
        raise ArgumentError(where_, "norm_type as a number above 0", describe(norm_type), "2 is the Euclidean norm.")
    windows = _windows(where_, x, axes, kernel, stride, "valid", 0, ceil_mode)[1]
    total = _sum_pool(pow(x, float(norm_type)), windows=windows)
    there = not_equal(total, 0)  # the root has no derivative at 0: it is taken as 0
    return where(there, pow(where(there, total, 1.0), 1 / norm_type), 0.0)


# Public operations


@own_arguments
def max_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    pad_mode: str = "pad",
) -> Tensor:
    """Take the largest element of each window of ``[N, C, L]``, as :func:`max_pool2d` does along two axes."""
    return _maximum("ops.max_pool1d", x, 1, kernel_size, stride, padding, dilation, ceil_mode, pad_mode)


@own_arguments
def max_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    pad_mode: str = "pad",
) -> Tensor:
    """Take the largest element of each window; among equal ones, the first, row by row, gets the gradient.

    Parameters
    ----------
    x : Tensor
        ``[N, C, H, W]``.
    kernel_size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Step from window to window; by default the kernel size, so that windows do not overlap.
    padding : int or sequence of int
        Border around the input that is never the largest: one number for all sides, ``(height, width)`` or
        ``(top, bottom, left, right)``.
    dilation : int or (int, int)
        Distance between the elements of a window.
    ceil_mode : bool
        Include windows that begin in the input and end beyond it.
    pad_mode : {"pad", "valid", "same"}
        As for :func:`conv2d`.

    Returns
    -------
    Tensor
        ``[N, C, H', W']``.

    Raises
    ------
    ShapeError
        If a window is larger than the padded input.
    ArgumentError
        If an option is invalid, or a window lies entirely in the padding.
    """
    return _maximum("ops.max_pool2d", x, 2, kernel_size, stride, padding, dilation, ceil_mode, pad_mode)


@own_arguments
def avg_pool1d(
    x: Any, kernel_size: Any = 1, stride: Any = 1, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
    pad_mode: str = "pad",
) -> Tensor:  # fmt: skip
    """Take the mean of each window of ``[N, C, L]``, as :func:`avg_pool2d` does along two axes."""
    return _average("ops.avg_pool1d", x, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, pad_mode)


@own_arguments
def avg_pool2d(
    x: Any, kernel_size: Any = 1, stride: Any = 1, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None, pad_mode: str = "pad",
) -> Tensor:  # fmt: skip
    """Take the mean of each window of ``[N, C, H, W]``.

    The options are those of :func:`max_pool2d`, but the default stride is 1, as in MindSpore; None means the kernel size. The
    zeros of ``padding`` count unless ``count_include_pad=False``; those of ``pad_mode="same"`` do not. ``divisor_override``
    divides all sums instead.
    """
    return _average(
        "ops.avg_pool2d", x, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, pad_mode, divisor_override
    )


@own_arguments
def sum_pool1d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, pad_mode: str = "pad"
) -> Tensor:
    """Add up each window of ``[N, C, L]``; the options are those of :func:`max_pool2d`."""
    return _sum("ops.sum_pool1d", x, 1, kernel_size, stride, padding, ceil_mode, pad_mode)


@own_arguments
def sum_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, pad_mode: str = "pad"
) -> Tensor:
    """Add up each window of ``[N, C, H, W]``; the options are those of :func:`max_pool2d`."""
    return _sum("ops.sum_pool2d", x, 2, kernel_size, stride, padding, ceil_mode, pad_mode)


@widened
def lp_pool1d(x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Take the norm of each window of ``[N, C, L]``, as :func:`lp_pool2d` does along two axes."""
    return _root("ops.lp_pool1d", x, 1, norm_type, kernel_size, stride, ceil_mode)


@widened
def lp_pool2d(x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """Take the norm of each window of ``[N, C, H, W]``: the root of the sum of the elements' powers ``norm_type``.

    The derivative is zero where the sum is zero; the norm is NaN where the sum is negative. The options are those of
    :func:`max_pool2d`.
    """
    return _root("ops.lp_pool2d", x, 2, norm_type, kernel_size, stride, ceil_mode)
