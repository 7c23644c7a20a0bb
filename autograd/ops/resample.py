"""Resizing of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import as_bool, describe, is_int, is_number, sum_dtype
from ..errors import ArgumentError, ShapeError
from ..spatial import refuse_elements
from ..tensor import Tensor, as_tensor
from ..wide import widened
from .elementwise import mul
from .shape import _take

__all__ = ["interpolate"]

_LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}


@widened
def interpolate(
    x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """Resize ``[N, C, ...]`` along its 1 to 3 spatial axes.

    Parameters
    ----------
    x : Tensor
        ``[N, C, L]``, ``[N, C, H, W]`` or ``[N, C, D, H, W]``.
    size : int or sequence of int, optional
        The new lengths: one for all axes, or one for each. Either this or ``scale_factor``.
    scale_factor : float or sequence of float, optional
        Factor for the lengths; the products are rounded down.
    mode : {"nearest", "linear", "bilinear", "trilinear"}
        Take the element at each place, or interpolate between the two nearest along each of 1, 2 or 3 axes.
    align_corners : bool, optional
        For the linear modes: align the centres of the outermost elements, not their outer borders.

    Returns
    -------
    Tensor
        ``[N, C, ...]``.

    Raises
    ------
    ArgumentError
        If the mode is unknown or does not fit, or not exactly one of size and factor is given.
    ShapeError
        If the input is not an image, or the result would be empty.
    """
    where = "ops.interpolate"
    x = as_tensor(x, where)
    refuse_elements(where, x)
    axes = x.ndim - 2
    if not 1 <= axes <= 3 or not all(x.shape[2:]):
        raise ShapeError(where, "an input [N, C, ...] with 1 to 3 spatial axes that are not empty", describe(x), "Reshape it.")
    if mode not in ("nearest", *_LINEAR) or _LINEAR.get(mode, axes) != axes:
        fits = next(name for name, n in _LINEAR.items() if n == axes)
        raise ArgumentError(where, f"mode 'nearest' or {fits!r} for {axes} spatial axes", repr(mode), "Choose one of them.")
    if align_corners is not None and mode == "nearest":
        raise ArgumentError(where, "align_corners=None with mode='nearest'", repr(align_corners), "It is for linear modes.")
    aligned = align_corners is not None and as_bool(align_corners, where, "align_corners")
    lengths, ratios = _target(where, x.shape[2:], size, scale_factor)
    for axis, (n, m, ratio) in enumerate(zip(x.shape[2:], lengths, ratios, strict=True), 2):
        if mode == "nearest":
            x = _take(x, np.minimum((np.arange(m) * ratio).astype(int), n - 1), axis=axis)
        elif m != n or ratio != 1:
            x = _linear(x, axis, n, m, ratio, aligned)
    return x  # type: ignore[no-any-return]


def _linear(x: Any, axis: int, n: int, m: int, ratio: float, aligned: bool) -> Tensor:
    """Interpolate along an axis between the two elements around each new one."""
    if aligned:
        places = np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0)
    else:
        places = np.maximum((np.arange(m) + 0.5) * ratio - 0.5, 0)
    first = np.minimum(places.astype(int), n - 1)
    kind = sum_dtype(x.dtype) if x.dtype.kind == "f" else np.float32
    share = (places - first).astype(kind).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    second = np.minimum(first + 1, n - 1)
    return mul(_take(x, first, axis=axis), 1 - share) + mul(_take(x, second, axis=axis), share)


def _target(where: str, size: tuple[int, ...], wanted: Any, factor: Any) -> tuple[list[int], list[float]]:
    """Return the new lengths, and the distance between adjacent new elements in the old array."""
    if (wanted is None) == (factor is None):
        raise ArgumentError(
            where, "either size or scale_factor", "both" if wanted is not None else "neither", "Pass one of the two."
        )
    given = factor if wanted is None else wanted
    several = [*given] if isinstance(given, (tuple, list)) else [given] * len(size)
    number = is_int if factor is None else is_number
    if len(several) != len(size) or not all(number(n) and n > 0 for n in several):
        name, what = ("size", "ints") if factor is None else ("scale_factor", "numbers")
        raise ArgumentError(
            where, f"{name} as one or {len(size)} positive {what}", describe(given), "One number is for all axes."
        )
    lengths = [int(n) for n in several] if factor is None else [int(n * f) for n, f in zip(size, several, strict=True)]
    if not all(lengths):
        raise ShapeError(where, "a size of at least 1 along each axis", str(lengths), "Use a larger factor.")
    ratios = [n / m for n, m in zip(size, lengths, strict=True)] if factor is None else [1 / f for f in several]
    return lengths, ratios
