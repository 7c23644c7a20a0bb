"""Convolution as layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..dtypes import float32
from ..errors import ArgumentError
from ..intake import to_generator
from ..ops.conv import check_output_padding
from ..spatial import check_layout, check_pad_mode, per_axis
from ..tensor import Tensor, as_tensor
from . import init
from .options import Layer, check_data_format, fixed, flag, float_dtype, parameter, positive
from .weighted import Weighted

__all__ = ["Conv1d", "Conv2d", "Conv2dTranspose", "Conv3d"]


class _Conv(Layer, Weighted):
    """Convolution along ``axes`` axes."""

    axes: int
    transposed = False
    output_padding: Any

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, pad_mode: str, padding: Any, dilation: Any,
        group: int, has_bias: bool, weight_init: Any, bias_init: Any, dtype: Any, rng: Any, output_padding: Any = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        where = type(self).__name__
        positive(where, in_channels=in_channels, out_channels=out_channels, group=group)
        if in_channels % group or out_channels % group:
            raise ArgumentError(
                where, "in_channels and out_channels that are multiples of group",
                f"{in_channels} and {out_channels} with group={group}", "All groups must have the same number of channels.",
            )  # fmt: skip
        kernel = per_axis(where, "kernel_size", kernel_size, self.axes)
        strides, dilations = (per_axis(where, n, v, self.axes) for n, v in (("stride", stride), ("dilation", dilation)))
        check_pad_mode(where, pad_mode, padding, self.axes)
        if self.transposed:
            self.output_padding = fixed(output_padding)
            more = per_axis(where, "output_padding", output_padding, self.axes, 0)
            check_output_padding(where, pad_mode, more, strides, dilations)
        self.in_channels, self.out_channels, self.group = int(in_channels), int(out_channels), int(group)
        self.kernel_size, self.stride, self.dilation = fixed(kernel_size), fixed(stride), fixed(dilation)
        self.pad_mode, self.padding = pad_mode, fixed(padding)
        self.has_bias, self.dtype = flag(where, "has_bias", has_bias), float_dtype(where, dtype)
        rng = to_generator(rng, where)
        outside, inside = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (outside, inside // group, *kernel)
        weight_init = init.KaimingUniform() if weight_init is None else weight_init
        self.weight = parameter(f"{where}, weight_init", weight_init, shape, rng, self.dtype)
        self.bias = None
        if has_bias:
            bias_init = init.Uniform(1 / math.sqrt(math.prod(shape[1:]))) if bias_init is None else bias_init
            self.bias = parameter(f"{where}, bias_init", bias_init, (out_channels,), rng, self.dtype)

    def _convolved(self, operation: Any, x: Any, **more: Any) -> Tensor:
        x = as_tensor(x, type(self).__name__)
        check_layout(repr(self), x, self.axes, self.in_channels)
        return operation(  # type: ignore[no-any-return]
            x, self.effective_weight(), self.bias, stride=self.stride, pad_mode=self.pad_mode, padding=self.padding,
            dilation=self.dilation, groups=self.group, **more,
        )  # fmt: skip


class Conv1d(_Conv):
    """Convolution of sequences ``[N, C, L]``; the arguments are those of :class:`Conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of input and output.
    kernel_size : int
        Length of the kernel.
    stride : int
        Step from window to window.
    pad_mode : {"same", "valid", "pad"}
        Padding at both ends: see :func:`autograd.ops.conv2d`.
    padding : int or (int, int)
        With ``pad_mode="pad"``, the number of zeros: at each end, or before and after.
    dilation : int
        Distance between the elements of a window.
    group : int
        Number of groups that the channels are divided into, each convolved separately.
    has_bias : bool
        Whether to add a bias.
    weight_init, bias_init : str, number, array or initialiser, optional
        Initial values of the Parameters; by default uniform within ``1 / sqrt(in_channels / group * kernel_size)``.
    dtype : dtype
        Dtype of the Parameters.
    rng : numpy.random.Generator or int, optional
        Source of random initial values.

    Attributes
    ----------
    weight : Parameter
        ``[out_channels, in_channels / group, kernel_size]``.
    bias : Parameter or None
        ``[out_channels]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape; a compiled run applies it once. None by default.
    """

    axes = 1

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, pad_mode: str = "same", padding: Any = 0,
        dilation: Any = 1, group: int = 1, has_bias: bool = False, weight_init: Any = None, bias_init: Any = None,
        dtype: Any = float32, *, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, pad_mode, padding, dilation, group, has_bias, weight_init,
            bias_init, dtype, rng,
        )  # fmt: skip

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, in_channels, L]`` to ``[N, out_channels, L']``."""
        return self._convolved(ops.conv1d, x)


class Conv2d(_Conv):
    """Convolution of images ``[N, C, H, W]``: :func:`autograd.ops.conv2d` with its own weights.

    As in MindSpore, the default ``pad_mode="same"`` keeps the size of the image, and there is no bias. With
    ``group=in_channels`` each channel has its own kernels (depthwise).

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of input and output.
    kernel_size : int or (int, int)
        Rows and columns of the kernel.
    stride : int or (int, int)
        Step from window to window.
    pad_mode : {"same", "valid", "pad"}
        Padding around the image: zeros for ``ceil(H / stride)`` rows of output, nothing, or ``padding`` zeros.
    padding : int or sequence of int
        With ``pad_mode="pad"``: for all sides, ``(height, width)`` or ``(top, bottom, left, right)``.
    dilation : int or (int, int)
        Distance between the elements of a window.
    group : int
        Number of groups that the channels are divided into, each convolved separately.
    has_bias : bool
        Whether to add a bias.
    weight_init, bias_init : str, number, array or initialiser, optional
        Initial values of the Parameters; by default uniform within ``1 / sqrt(in_channels / group * kh * kw)``. See
        :mod:`autograd.nn.init`.
    data_format : {"NCHW"}
        Channels come second.
    dtype : dtype
        Dtype of the Parameters.
    rng : numpy.random.Generator or int, optional
        Source of random initial values. Pass it for reproducible runs.

    Attributes
    ----------
    weight : Parameter
        ``[out_channels, in_channels / group, kh, kw]``.
    bias : Parameter or None
        ``[out_channels]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape; a compiled run applies it once. None by default.

    Raises
    ------
    ArgumentError
        If an argument is invalid.
    ShapeError
        When called, if the input is not ``[N, in_channels, H, W]``, or smaller than the kernel.

    Examples
    --------
    >>> from autograd import nn, ops
    >>> layer = nn.Conv2d(3, 8, 5, stride=2, has_bias=True)
    >>> print(layer, layer(ops.ones((1, 3, 32, 32))).shape)
    Conv2d(in_channels=3, out_channels=8, kernel_size=5, stride=2, has_bias=True) (1, 8, 16, 16)
    """

    axes = 2

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, pad_mode: str = "same", padding: Any = 0,
        dilation: Any = 1, group: int = 1, has_bias: bool = False, weight_init: Any = None, bias_init: Any = None,
        data_format: str = "NCHW", dtype: Any = float32, *, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        check_data_format(type(self).__name__, data_format, "NCHW")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, pad_mode, padding, dilation, group, has_bias, weight_init,
            bias_init, dtype, rng,
        )  # fmt: skip

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, in_channels, H, W]`` to ``[N, out_channels, H', W']``."""
        return self._convolved(ops.conv2d, x)


class Conv3d(_Conv):
    """Convolution of volumes ``[N, C, D, H, W]``; the arguments are those of :class:`Conv2d`, with one more number.

    Attributes
    ----------
    weight : Parameter
        ``[out_channels, in_channels / group, kd, kh, kw]``.
    bias : Parameter or None
        ``[out_channels]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape; a compiled run applies it once. None by default.
    """

    axes = 3

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, pad_mode: str = "same", padding: Any = 0,
        dilation: Any = 1, group: int = 1, has_bias: bool = False, weight_init: Any = None, bias_init: Any = None,
        data_format: str = "NCDHW", dtype: Any = float32, *, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        check_data_format(type(self).__name__, data_format, "NCDHW")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, pad_mode, padding, dilation, group, has_bias, weight_init,
            bias_init, dtype, rng,
        )  # fmt: skip

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, in_channels, D, H, W]`` to ``[N, out_channels, D', H', W']``."""
        return self._convolved(ops.conv3d, x)


class Conv2dTranspose(_Conv):
    """Transposed convolution, which enlarges images: :func:`autograd.ops.conv_transpose2d` with its own weights.

    The arguments are those of :class:`Conv2d`, and ``output_padding``: additional rows and columns at the end, with
    ``pad_mode="pad"``. The default ``pad_mode="same"`` makes ``H * stride`` rows.

    Attributes
    ----------
    weight : Parameter
        ``[in_channels, out_channels / group, kh, kw]``.
    bias : Parameter or None
        ``[out_channels]``.
    weight_transform : Cell or None
        Transforms the weights before the product, to the same shape; a compiled run applies it once. None by default.
    """

    axes = 2
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, pad_mode: str = "same", padding: Any = 0,
        output_padding: Any = 0, dilation: Any = 1, group: int = 1, has_bias: bool = False, weight_init: Any = None,
        bias_init: Any = None, dtype: Any = float32, *, rng: np.random.Generator | int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, pad_mode, padding, dilation, group, has_bias, weight_init,
            bias_init, dtype, rng, output_padding,
        )  # fmt: skip

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, in_channels, H, W]`` to ``[N, out_channels, H', W']``."""
        return self._convolved(ops.conv_transpose2d, x, output_padding=self.output_padding)
