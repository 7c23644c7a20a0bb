"""Normalisation to mean 0 and variance 1 over a batch, a layer or a group of channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import describe, is_int, is_number
from ..errors import ArgumentError, ShapeError
from ..primitive import primitive
from ..spatial import refuse_elements
from ..tensor import Tensor, as_tensor
from ..wide import widened
from .elementwise import sqrt
from .reduce import mean, var
from .shape import reshape

__all__ = ["batch_norm", "group_norm", "layer_norm"]


def _standardize_vjp(g: Tensor, x: Tensor, out: Tensor, axis: tuple[int, ...], eps: float) -> Tensor:
    centered = g - mean(g, axis, keepdims=True) - out * mean(g * out, axis, keepdims=True)
    return centered / sqrt(var(x, axis, keepdims=True) + eps)


@primitive(_standardize_vjp, floating=True)
def _standardize(x, /, axis, eps):
    centered = x - np.mean(x, axis, keepdims=True)
    centered /= np.sqrt(np.mean(np.square(centered), axis, keepdims=True) + x.dtype.type(eps))
    return centered


def _affine(x: Tensor, weight: Any, bias: Any, shape: tuple[int, ...], where: str) -> Tensor:
    """Scale and shift by one number per channel, or by arrays that reshape to ``shape``."""
    for name, value in (("weight", weight), ("bias", bias)):
        if value is None:
            continue
        value = as_tensor(value, where)
        size = tuple(n for n in shape if n != 1)
        if tuple(n for n in value.shape if n != 1) != size:
            raise ShapeError(where, f"a {name} {list(size)}", describe(value), "Pass one number per normalised element.")
        x = x * reshape(value, shape) if name == "weight" else x + reshape(value, shape)
    return x


def _checked(x: Any, where: str, eps: Any, least: int) -> Tensor:
    x = as_tensor(x, where)
    refuse_elements(where, x)
    if not is_number(eps) or not eps >= 0:
        raise ArgumentError(where, "eps, which is added to the variance, as a number >= 0", describe(eps), "For example 1e-5.")
    if x.ndim < least:
        raise ShapeError(where, "an input [N, C, ...]", describe(x), "Add the axes of batch and channels.")
    return x  # type: ignore[no-any-return]


@widened
def batch_norm(
    x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None, training: bool = False,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each channel over batch and space, and scale and shift it.

    It does not update running statistics; :class:`autograd.nn.BatchNorm2d` does.

    Parameters
    ----------
    x : Tensor
        ``[N, C, ...]``.
    running_mean, running_var : Tensor, optional
        ``[C]``: used instead of the statistics of the batch if not ``training``.
    weight, bias : Tensor, optional
        ``[C]``.
    training : bool
        Use the mean and the variance of the batch.
    eps : float
        Added to the variance.

    Returns
    -------
    Tensor
        In the shape of ``x``.

    Raises
    ------
    ShapeError
        If a shape does not fit, or a batch has only one number per channel, which would always become 0.
    ArgumentError
        If there are no statistics to use.
    """
    where = "ops.batch_norm"
    x = _checked(x, where, eps, 2)
    c = x.shape[1]
    shape = (c, *(1,) * (x.ndim - 2))
    if training:
        if x.size <= c:
            raise ShapeError(
                where, "more than one number for each channel", describe(x), "Take a larger batch, or set_train(False)."
            )
        out = _standardize(x, axis=(0, *range(2, x.ndim)), eps=eps)
    else:
        if running_mean is None or running_var is None:
            raise ArgumentError(where, "running_mean and running_var", "None", "training=True takes those of the batch.")
        means, variances = as_tensor(running_mean, where), as_tensor(running_var, where)
        for name, value in (("running_mean", means), ("running_var", variances)):
            if value.shape != (c,):
                raise ShapeError(where, f"a {name} [{c}], one for each channel", describe(value), "Channels come second.")
        out = (x - reshape(means, shape)) / sqrt(reshape(variances, shape) + eps)
    return _affine(out, weight, bias, shape, where)


@widened
def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Normalise over the last axes, whose lengths are ``normalized_shape``, and scale and shift each of their elements.

    An input with other lengths is a ShapeError.
    """
    where = "ops.layer_norm"
    x = _checked(x, where, eps, 1)
    shape = (normalized_shape,) if is_int(normalized_shape) else tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError(
            where, f"an input that ends in {list(shape)}", describe(x), "Set normalized_shape to its last lengths."
        )
    return _affine(_standardize(x, axis=tuple(range(-len(shape), 0)), eps=eps), weight, bias, shape, where)


@widened
def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Cut the channels of ``[N, C, ...]`` into groups, normalise each group of a sample, and scale and shift each channel.

    Channels that the groups cannot share equally are a ShapeError.
    """
    where = "ops.group_norm"
    x = _checked(x, where, eps, 2)
    n, c, *space = x.shape
    if not is_int(num_groups) or num_groups < 1 or c % num_groups:
        raise ShapeError(where, f"channels that {num_groups!r} groups share equally", describe(x), "Use a divisor of C.")
    apart = reshape(x, (n, num_groups, c // num_groups * math.prod(space)))
    out = reshape(_standardize(apart, axis=(2,), eps=eps), x.shape)
    return _affine(out, weight, bias, (c, *(1,) * (x.ndim - 2)), where)
