"""Convolution as three operations, each linear in its two inputs; the derivatives of each are the other two."""

from __future__ import annotations

import math
from typing import Any

from ..arguments import own_arguments
from ..dtypes import describe, is_int, sum_dtype
from ..errors import ArgumentError, ShapeError
from ..primitive import primitive
from ..spatial import LAYOUTS, check_fits, check_layout, check_pad_mode, per_axis, refuse_elements, windows_on
from ..tensor import Tensor, as_tensor
from ..windows import Windows, convolve, input_gradient, weight_gradient
from .shape import reshape

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose2d"]


def _wide(function: Any, x: Any, y: Any, *args: Any) -> Any:
    """Sum float16 in float32, and round once."""
    kind, wide = x.dtype, sum_dtype(x.dtype)
    return function(x.astype(wide, copy=False), y.astype(wide, copy=False), *args).astype(kind, copy=False)


@primitive(
    lambda g, x, w, windows, groups: _conv_input(g, w, windows=windows, groups=groups, size=x.shape[2:]),
    lambda g, x, windows, groups: _conv_weight(x, g, windows=windows, groups=groups),
)
def _conv(x, w, /, windows, groups):
    return _wide(convolve, x, w, windows, groups)


@primitive(
    lambda h, w, windows, groups: _conv(h, w, windows=windows, groups=groups),
    lambda h, g, windows, groups: _conv_weight(h, g, windows=windows, groups=groups),
)
def _conv_input(g, w, /, windows, groups, size):
    return _wide(input_gradient, g, w, windows, groups, size)


@primitive(
    lambda v, x, g, windows, groups: _conv_input(g, v, windows=windows, groups=groups, size=x.shape[2:]),
    lambda v, x, windows, groups: _conv(x, v, windows=windows, groups=groups),
)
def _conv_weight(x, g, /, windows, groups):
    return _wide(weight_gradient, x, g, windows, groups)


def _convolution(
    axes: int, x: Any, weight: Any, bias: Any, stride: Any, pad_mode: str, padding: Any, dilation: Any, groups: int
) -> Tensor:
    where = f"ops.conv{axes}d"
    x, weight = as_tensor(x, where), as_tensor(weight, where)
    refuse_elements(where, x, weight)
    check_layout(where, x, axes)
    _check_groups(where, groups)
    if weight.ndim != axes + 2 or weight.shape[1] * groups != x.shape[1] or weight.shape[0] % groups or not weight.size:
        kernel = LAYOUTS[axes].removeprefix("[N, C, ").lower().replace("l", "k").replace("d", "kd").replace("h", "kh")
        raise ShapeError(
            where, f"a weight [out, {x.shape[1]} channels / groups, {kernel.replace('w', 'kw')} with out a multiple of groups",
            f"{describe(weight)} with groups={groups}", "One group convolves all channels together.",
        )  # fmt: skip
    stride, dilation = per_axis(where, "stride", stride, axes), per_axis(where, "dilation", dilation, axes)
    windows = windows_on(where, x.shape[2:], weight.shape[2:], stride, dilation, pad_mode, padding)
    check_fits(where, x, windows)
    return _biased(where, _conv(x, weight, windows=windows, groups=int(groups)), bias)


def _biased(where: str, out: Tensor, bias: Any) -> Tensor:
    if bias is None:
        return out
    bias = as_tensor(bias, where)
    if bias.shape != (out.shape[1],):
        raise ShapeError(where, f"a bias [{out.shape[1]}], one for each output channel", describe(bias), "Reshape it.")
    return out + reshape(bias, (-1, *(1,) * (out.ndim - 2)))


def _check_groups(where: str, groups: Any) -> None:
    if not is_int(groups) or groups < 1:
        raise ArgumentError(where, "groups as a positive int", describe(groups), "groups=1 convolves all channels together.")


@own_arguments
def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """Convolve ``[N, C, L]`` with ``[out, C / groups, k]``, as :func:`conv2d` does along two axes."""
    return _convolution(1, x, weight, bias, stride, pad_mode, padding, dilation, groups)


@own_arguments
def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """Convolve images: sum ``weight[o, c, i, j] * x[n, c, y + i, x + j]`` over channels and kernel (a cross-correlation).

    Parameters
    ----------
    x : Tensor
        ``[N, C, H, W]``.
    weight : Tensor
        ``[out, C / groups, kh, kw]``.
    bias : Tensor, optional
        ``[out]``.
    stride, dilation : int or (int, int)
        Steps from window to window, and from element to element of a window.
    pad_mode : {"valid", "same", "pad"}
        No zeros around the input; enough for ``ceil(H / stride)`` rows of output, with the extra zero of an odd number at the
        end; or ``padding`` zeros.
    padding : int or sequence of int
        Zeros on each side: one number for all, ``(height, width)`` or ``(top, bottom, left, right)``.
    groups : int
        Number of groups of channels, each with its own weights. With ``groups=C`` each channel is convolved separately.

    Returns
    -------
    Tensor
        ``[N, out, H', W']``.

    Raises
    ------
    ShapeError
        If shapes do not fit each other, or the kernel is larger than the padded input.
    ArgumentError
        If an option is invalid.
    """
    return _convolution(2, x, weight, bias, stride, pad_mode, padding, dilation, groups)


@own_arguments
def conv3d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """Convolve ``[N, C, D, H, W]`` with ``[out, C / groups, kd, kh, kw]``, as :func:`conv2d` does along two axes."""
    return _convolution(3, x, weight, bias, stride, pad_mode, padding, dilation, groups)


@own_arguments
def conv_transpose2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, pad_mode: str = "valid", padding: Any = 0, output_padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Enlarge images: add each element's kernel to the output, as the gradient of :func:`conv2d` with respect to its input.

    Parameters
    ----------
    x : Tensor
        ``[N, C, H, W]``.
    weight : Tensor
        ``[C, out / groups, kh, kw]``.
    bias : Tensor, optional
        ``[out]``.
    stride, dilation : int or (int, int)
        As for the convolution whose gradient this is.
    pad_mode : {"valid", "same", "pad"}
        ``"same"`` gives ``H * stride`` rows. ``"valid"`` gives all rows that a kernel reaches, and at least as many. ``"pad"``
        removes ``padding`` on each side of ``(H - 1) * stride + dilation * (kh - 1) + 1`` rows.
    padding : int or sequence of int
        As for :func:`conv2d`.
    output_padding : int or (int, int)
        With ``"pad"``, additional rows and columns at the end; fewer than the stride or the dilation.
    groups : int
        As for :func:`conv2d`.

    Returns
    -------
    Tensor
        ``[N, out, H', W']``.
    """
    where = "ops.conv_transpose2d"
    x, weight = as_tensor(x, where), as_tensor(weight, where)
    refuse_elements(where, x, weight)
    check_layout(where, x, 2)
    _check_groups(where, groups)
    if weight.ndim != 4 or weight.shape[0] != x.shape[1] or x.shape[1] % groups or not weight.size:
        raise ShapeError(
            where, f"a weight [{x.shape[1]} channels, out / groups, kh, kw], and channels that are a multiple of groups",
            f"{describe(weight)} with groups={groups}", "Take the weight of the convolution from out to these channels.",
        )  # fmt: skip
    stride, dilation = per_axis(where, "stride", stride, 2), per_axis(where, "dilation", dilation, 2)
    extra = per_axis(where, "output_padding", output_padding, 2, 0)
    check_pad_mode(where, pad_mode, padding, 2)
    check_output_padding(where, pad_mode, extra, stride, dilation)
    windows = windows_on(where, (1, 1), weight.shape[2:], stride, dilation, "pad", padding)
    size, windows = _enlarged(x.shape[2:], windows, pad_mode, extra)
    if not math.prod(x.shape[2:]) or min(size) < 1:
        raise ShapeError(where, "an input that gives at least one row and column", describe(x), "Use less padding.")
    return _biased(where, _conv_input(x, weight, windows=windows, groups=int(groups), size=size), bias)


def check_output_padding(
    where: str, pad_mode: str, extra: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> None:
    """Check the number of rows added at the end of a transposed convolution: fewer than one more row of input would add."""
    if any(extra) and pad_mode != "pad":
        raise ArgumentError(where, f"output_padding=0 with pad_mode={pad_mode!r}", repr(extra), "Use pad_mode='pad'.")
    if any(n >= max(s, d) for n, s, d in zip(extra, stride, dilation, strict=True)):
        raise ArgumentError(
            where, "output_padding below the stride or the dilation", f"{extra} with stride {stride}, dilation {dilation}",
            "One more row of input adds a whole stride.",
        )  # fmt: skip


def _enlarged(
    size: tuple[int, ...], windows: Windows, pad_mode: str, extra: tuple[int, ...]
) -> tuple[tuple[int, ...], Windows]:
    """Return the spatial lengths of the output, and the windows on it that give those of the input."""
    each = [*zip(size, windows.stride, windows.spans, strict=True)]
    pads = windows.pads
    if pad_mode == "same":
        out = [n * s for n, s, _ in each]
        totals = [max(span - s, 0) for _, s, span in each]
        pads = tuple((total // 2, total - total // 2) for total in totals)
    elif pad_mode == "valid":
        out = [n * s + max(span - s, 0) for n, s, span in each]
    else:
        out = [(n - 1) * s + span - sum(p) + e for (n, s, span), p, e in zip(each, pads, extra, strict=True)]
    return tuple(out), Windows(windows.kernel, windows.stride, windows.dilation, pads)
