"""Layers that change the size of an image: borders and resampling."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..dtypes import describe, is_number
from ..errors import ArgumentError
from ..spatial import borders, check_layout
from ..tensor import Tensor, as_tensor
from .options import Layer, fixed

__all__ = [
    "ConstantPad1d", "ConstantPad2d", "ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d", "Upsample",
    "ZeroPad1d", "ZeroPad2d",
]  # fmt: skip


class _Border(Layer):
    """A border around the last ``axes`` axes."""

    axes: int
    mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        borders(
            type(self).__name__, [padding] * 2 * self.axes if not isinstance(padding, (tuple, list)) else padding, self.axes
        )
        if isinstance(padding, (tuple, list)) and len(padding) != 2 * self.axes:
            names = "(left, right)" if self.axes == 1 else "(left, right, top, bottom)"
            raise ArgumentError(
                type(self).__name__, f"padding as an int or {names}", describe(padding), "One number is for all sides."
            )
        self.padding = fixed(padding)

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, L]`` or ``[N, C, H, W]`` to the same with a border."""
        x = as_tensor(x, type(self).__name__)
        check_layout(repr(self), x, self.axes)
        sides = self.padding if isinstance(self.padding, tuple) else (self.padding,) * 2 * self.axes
        pairs = [(before, after) for before, after in zip(sides[::2], sides[1::2], strict=True)][::-1]
        return ops.pad(x, ((0, 0), (0, 0), *pairs), value=self._value(), mode=self.mode)

    def _value(self) -> float:
        return 0.0


class _ConstantPad(_Border):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        if not is_number(value):
            raise ArgumentError(type(self).__name__, "value as a number", describe(value), "For example 0.0.")
        self.value = value

    def _value(self) -> float:
        return self.value


class ConstantPad1d(_ConstantPad):
    """A border of one value at both ends of ``[N, C, L]``; ``padding`` is an int or (left, right)."""

    axes = 1


class ConstantPad2d(_ConstantPad):
    """A border of one value around images ``[N, C, H, W]``.

    Parameters
    ----------
    padding : int or (int, int, int, int)
        Width of the border: on all sides, or ``(left, right, top, bottom)``.
    value : float
        Value of the border.
    """

    axes = 2


class ZeroPad1d(_Border):
    """A border of zeros at both ends of ``[N, C, L]``; ``padding`` is an int or (left, right)."""

    axes = 1


class ZeroPad2d(_Border):
    """A border of zeros around images; ``padding`` is an int or (left, right, top, bottom)."""

    axes = 2


class ReflectionPad1d(_Border):
    """A border that mirrors the sequence, without the edge itself; ``padding`` is an int or (left, right)."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Border):
    """A border that mirrors the image, without the edge itself; ``padding`` is an int or (left, right, top, bottom)."""

    axes, mode = 2, "reflect"


class ReplicationPad1d(_Border):
    """A border that repeats the edge; ``padding`` is an int or (left, right)."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Border):
    """A border that repeats the edge; ``padding`` is an int or (left, right, top, bottom)."""

    axes, mode = 2, "replicate"


class Upsample(Layer):
    """Images of another size: :func:`autograd.ops.interpolate` as a layer.

    Parameters
    ----------
    size : int or sequence of int, optional
        The new lengths along the spatial axes; either this or ``scale_factor``.
    scale_factor : float or sequence of float, optional
        Factor for the lengths.
    mode : {"nearest", "linear", "bilinear", "trilinear"}
        Use the nearest element, or interpolate between the two nearest along each of 1, 2 or 3 axes.
    align_corners : bool, optional
        For the linear modes: align the centres of the outermost elements, not their outer borders.

    Raises
    ------
    ArgumentError
        If not exactly one of size and factor is given; when called, if the mode does not fit.
    """

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
    ) -> None:
        super().__init__()
        if (size is None) == (scale_factor is None):
            raise ArgumentError(
                "Upsample", "either size or scale_factor", "neither" if size is None else "both", "For example scale_factor=2."
            )
        if mode not in ("nearest", "linear", "bilinear", "trilinear"):
            raise ArgumentError(
                "Upsample", "mode 'nearest', 'linear', 'bilinear' or 'trilinear'", repr(mode),
                "Choose one by the number of axes.",
            )  # fmt: skip
        self.size, self.scale_factor, self.mode, self.align_corners = fixed(size), fixed(scale_factor), mode, align_corners

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, ...]`` to the new size."""
        return ops.interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)
