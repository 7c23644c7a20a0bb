"""Pooling as layers."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..dtypes import describe, is_int
from ..errors import ArgumentError
from ..spatial import check_pad_mode, output_sizes, per_axis
from ..tensor import Tensor, as_tensor
from .options import Layer, check_data_format, fixed, flag

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d", "LPPool1d",
    "LPPool2d", "MaxPool1d", "MaxPool2d", "SumPool1d", "SumPool2d",
]  # fmt: skip


class _Pool(Layer):
    """Windows over ``axes`` axes."""

    axes: int

    def __init__(
        self, kernel_size: Any = 1, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        where = type(self).__name__
        per_axis(where, "kernel_size", kernel_size, self.axes)
        if stride is not None:
            per_axis(where, "stride", stride, self.axes)
        check_pad_mode(where, pad_mode, padding, self.axes)
        self.kernel_size, self.stride, self.padding = fixed(kernel_size), fixed(stride), fixed(padding)
        self.pad_mode, self.ceil_mode = pad_mode, flag(where, "ceil_mode", ceil_mode)

    def _pooled(self, operation: Any, x: Any, **more: Any) -> Tensor:
        return operation(  # type: ignore[no-any-return]
            as_tensor(x, type(self).__name__), self.kernel_size, self.stride, padding=self.padding, ceil_mode=self.ceil_mode,
            pad_mode=self.pad_mode, **more,
        )  # fmt: skip


class _MaxPool(_Pool):
    def __init__(
        self, kernel_size: Any = 1, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, dilation: Any = 1, *,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, pad_mode, padding, ceil_mode)
        per_axis(type(self).__name__, "dilation", dilation, self.axes)
        self.dilation = fixed(dilation)


class MaxPool1d(_MaxPool):
    """The largest element of each window of ``[N, C, L]``; the arguments are those of :class:`MaxPool2d`."""

    axes = 1

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, L]`` to ``[N, C, L']``."""
        return self._pooled(ops.max_pool1d, x, dilation=self.dilation)


class MaxPool2d(_MaxPool):
    """The largest element of each window of an image; among equal ones, the first, row by row, gets the gradient.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Step from window to window. As in MindSpore the default is 1; None means the kernel size, so that windows do not
        overlap.
    pad_mode : {"valid", "same", "pad"}
        Padding around the image, which is never the largest: none; enough for ``ceil(H / stride)`` rows of output; or
        ``padding``.
    padding : int or sequence of int
        With ``pad_mode="pad"``: for all sides, ``(height, width)`` or ``(top, bottom, left, right)``; at most half the kernel.
    dilation : int or (int, int)
        Distance between the elements of a window.
    ceil_mode : bool
        Include windows that begin in the image and end outside it.
    data_format : {"NCHW"}
        Channels come second.

    Examples
    --------
    >>> from autograd import Tensor, nn
    >>> print(nn.MaxPool2d(2, 2)(Tensor([[[[1.0, 2.0, 0.0, 0.0], [4.0, 3.0, 0.0, 5.0]]]])))
    [[[[4. 5.]]]]
    """

    axes = 2

    def __init__(
        self, kernel_size: Any = 1, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, dilation: Any = 1, *,
        ceil_mode: bool = False, data_format: str = "NCHW",
    ) -> None:  # fmt: skip
        check_data_format("MaxPool2d", data_format, "NCHW")
        super().__init__(kernel_size, stride, pad_mode, padding, dilation, ceil_mode=ceil_mode)

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, H, W]`` to ``[N, C, H', W']``."""
        return self._pooled(ops.max_pool2d, x, dilation=self.dilation)


class AvgPool1d(_Pool):
    """The mean of each window of ``[N, C, L]``; the arguments are those of :class:`AvgPool2d`."""

    axes = 1

    def __init__(
        self, kernel_size: Any = 1, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, pad_mode, padding, ceil_mode)
        self.count_include_pad = flag("AvgPool1d", "count_include_pad", count_include_pad)

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, L]`` to ``[N, C, L']``."""
        return self._pooled(ops.avg_pool1d, x, count_include_pad=self.count_include_pad)


class AvgPool2d(_Pool):
    """The mean of each window of an image.

    Parameters
    ----------
    kernel_size, stride, pad_mode, padding, ceil_mode, data_format
        As for :class:`MaxPool2d`.
    count_include_pad : bool
        Count the zeros of ``padding``; those of ``pad_mode="same"`` are not counted.
    divisor_override : int, optional
        Divide all sums by this number instead.
    """

    axes = 2

    def __init__(
        self, kernel_size: Any = 1, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None, data_format: str = "NCHW",
    ) -> None:  # fmt: skip
        check_data_format("AvgPool2d", data_format, "NCHW")
        super().__init__(kernel_size, stride, pad_mode, padding, ceil_mode)
        self.count_include_pad = flag("AvgPool2d", "count_include_pad", count_include_pad)
        if divisor_override is not None and (not is_int(divisor_override) or divisor_override < 1):
            raise ArgumentError(
                "AvgPool2d", "divisor_override as a positive int, or None", describe(divisor_override), "Leave it out."
            )
        self.divisor_override = divisor_override

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, H, W]`` to ``[N, C, H', W']``."""
        more = {"count_include_pad": self.count_include_pad, "divisor_override": self.divisor_override}
        return self._pooled(ops.avg_pool2d, x, **more)


class SumPool1d(_Pool):
    """The sum of each window of ``[N, C, L]``; the arguments are those of :class:`AvgPool1d`."""

    axes = 1

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, L]`` to ``[N, C, L']``."""
        return self._pooled(ops.sum_pool1d, x)


class SumPool2d(_Pool):
    """The sum of each window of an image, such as its number of spikes. The arguments are those of :class:`AvgPool2d`."""

    axes = 2

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, H, W]`` to ``[N, C, H', W']``."""
        return self._pooled(ops.sum_pool2d, x)


class _LPPool(Layer):
    axes: int

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        where = type(self).__name__
        if isinstance(norm_type, bool) or not isinstance(norm_type, (int, float)) or not norm_type > 0:
            raise ArgumentError(where, "norm_type as a number above 0", describe(norm_type), "2 is the Euclidean norm.")
        per_axis(where, "kernel_size", kernel_size, self.axes)
        if stride is not None:
            per_axis(where, "stride", stride, self.axes)
        self.norm_type, self.kernel_size, self.stride = norm_type, fixed(kernel_size), fixed(stride)
        self.ceil_mode = flag(where, "ceil_mode", ceil_mode)


class LPPool1d(_LPPool):
    """The norm of each window of ``[N, C, L]``: :func:`autograd.ops.lp_pool1d`; ``stride`` defaults to the kernel size."""

    axes = 1

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, L]`` to ``[N, C, L']``."""
        return ops.lp_pool1d(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """The norm of each window of an image: :func:`autograd.ops.lp_pool2d`; ``stride`` defaults to the kernel size."""

    axes = 2

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, H, W]`` to ``[N, C, H', W']``."""
        return ops.lp_pool2d(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class _Adaptive(Layer):
    axes: int

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        output_sizes(type(self).__name__, output_size, self.axes)
        self.output_size = fixed(output_size)


class AdaptiveAvgPool1d(_Adaptive):
    """The means of ``output_size`` bins of ``[N, C, L]``: :func:`autograd.ops.adaptive_avg_pool1d`."""

    axes = 1

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, L]`` to ``[N, C, output_size]``."""
        return ops.adaptive_avg_pool1d(x, self.output_size)


class AdaptiveAvgPool2d(_Adaptive):
    """The means of bins of an image: :func:`autograd.ops.adaptive_avg_pool2d`; ``output_size`` is an int or two."""

    axes = 2

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, H, W]`` to ``[N, C, *output_size]``."""
        return ops.adaptive_avg_pool2d(x, self.output_size)


class AdaptiveMaxPool1d(_Adaptive):
    """The largest elements of ``output_size`` bins of ``[N, C, L]``: :func:`autograd.ops.adaptive_max_pool1d`."""

    axes = 1

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, L]`` to ``[N, C, output_size]``."""
        return ops.adaptive_max_pool1d(x, self.output_size)


class AdaptiveMaxPool2d(_Adaptive):
    """The largest elements of bins of an image: :func:`autograd.ops.adaptive_max_pool2d`; ``output_size`` is an int or two."""

    axes = 2

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, C, H, W]`` to ``[N, C, *output_size]``."""
        return ops.adaptive_max_pool2d(x, self.output_size)
