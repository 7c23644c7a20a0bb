"""Operations that move elements without changing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..arguments import own_arguments
from ..dtypes import describe, sum_dtype
from ..errors import ArgumentError, ShapeError
from ..operator import operator
from ..primitive import primitive
from ..tensor import Tensor, as_tensor


@primitive(lambda g, shape: reshape(g, shape), expects="as many elements as the new shape has")
def _reshape(x, /, to):
    return np.reshape(x, to)


def reshape(x: Any, shape: Any) -> Tensor:
    """Give the elements another shape, in row-major order; one length may be -1."""
    return _reshape(x, to=shape)


@primitive(
    lambda g, axes: transpose(g, None if axes is None else tuple(np.argsort([a % len(axes) for a in axes]))),
    expects="a permutation of the axes",
)
def transpose(x, /, axes=None):
    """Permute the axes; reverse them if ``axes`` is None."""
    return np.transpose(x, axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Exchange two axes."""
    x = as_tensor(x, "ops.swapaxes")
    order = list(range(x.ndim))
    if not (-x.ndim <= axis1 < x.ndim and -x.ndim <= axis2 < x.ndim):
        raise ShapeError("ops.swapaxes", f"axes {axis1} and {axis2}", describe(x), "Name axes that the input has.")
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


@primitive(lambda g, shape: reshape(g, shape), expects="axes of length 1")
def squeeze(x, /, axis=None):
    """Remove axes of length 1."""
    return np.squeeze(x, axis)


@primitive(lambda g, shape: reshape(g, shape), expects="an axis within the new number of axes")
def expand_dims(x, /, axis):
    """Insert an axis of length 1."""
    return np.expand_dims(x, axis)


@primitive(lambda g: g, expects="a shape that broadcasts to the one asked for")
def _broadcast_to(x, /, to):
    return np.broadcast_to(x, to)


def broadcast_to(x: Any, shape: Sequence[int]) -> Tensor:
    """Stretch axes of length 1 without copying."""
    return _broadcast_to(x, to=tuple(shape))


@primitive(lambda g, i, axis: g[(slice(None),) * (axis % g.ndim) + (i,)], expects="tensors of one shape")
def _stack(*tensors, axis):
    return np.stack(tensors, axis)


@own_arguments
def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis."""
    return _stack(*_several(tensors, "stack"), axis=axis)


@primitive(lambda g, axis: stack(g, axis), several=True, expects="an axis that the input has")
def _unstack(x, /, axis):
    return tuple(np.moveaxis(x, axis, 0))


@own_arguments
def unstack(x: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor into its slices along an axis; the backward pass is one stack, whatever the length."""
    x = as_tensor(x, "ops.unstack")
    if not x.ndim:
        raise ShapeError("ops.unstack", "at least one axis", describe(x), "A scalar cannot be iterated over.")
    return _unstack(x, axis=axis)  # type: ignore[return-value]


@primitive(
    lambda g, i, shape, axis, ends: _cut(g, axis, ends[i] - shape[axis], ends[i]),
    expects="shapes that are equal except along the joined axis",
)
def _concat(*tensors, axis, ends):
    return np.concatenate(tensors, axis)


@own_arguments
def concat(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors along an axis that they have."""
    parts = [as_tensor(t, "ops.concat") for t in _several(tensors, "concat")]
    ends = tuple(accumulate(p.shape[axis] if -p.ndim <= axis < p.ndim else 0 for p in parts))
    return _concat(*parts, axis=axis, ends=ends)


@primitive(lambda g, axis: concat(g, axis), several=True, expects="parts of equal size along the axis")
def _split(x, /, sections, axis):
    return tuple(np.split(x, sections, axis))


@own_arguments
def split(x: Any, sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """Cut along an axis, as numpy does: into a number of equal parts, or before each of the given positions."""
    return _split(x, sections=sections, axis=axis)  # type: ignore[return-value]


@primitive(
    lambda g, shape, pad_width: g[tuple(slice(a, a + n) for (a, _), n in zip(pad_width, shape, strict=True))],
    expects="one pair (before, after) for each axis",
)
def _pad(x, /, pad_width, value):
    return np.pad(x, pad_width, constant_values=value)


@primitive(lambda g, positions, shape, axis: _put(g, positions, axis=axis, length=shape[axis]), None, promotes=(0,))
def _take(x, positions, /, axis):
    return np.take(x, positions, axis)


@primitive(lambda h, positions, axis: _take(h, positions, axis=axis), None, promotes=(0,))
def _put(g, positions, /, axis, length):
    """Add slices along an axis at given positions, in their order: the derivative of ``_take``."""
    out = np.zeros((*g.shape[:axis], length, *g.shape[axis + 1 :]), g.dtype)
    if not len(positions):
        return out
    order = np.argsort(positions, kind="stable")
    places = positions[order]
    starts = np.flatnonzero(np.diff(places, prepend=places[0] - 1))
    before = (slice(None),) * axis
    out[(*before, places[starts])] = np.add.reduceat(np.take(g, order, axis), starts, axis, dtype=sum_dtype(g.dtype))
    return out


_BORDERS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@own_arguments
def pad(x: Any, pad_width: Any, value: float = 0.0, mode: str = "constant") -> Tensor:
    """Add a border: ``pad_width`` is (before, after) for each axis, or one pair or number for all.

    Parameters
    ----------
    x : Tensor
        ``[...]``.
    pad_width : int or sequence of (int, int)
        Number of elements added before and after, in the order of the axes, as in numpy.
    value : float
        Value of a constant border.
    mode : {"constant", "reflect", "replicate", "circular"}
        A border of ``value``, a mirror image without the edge itself, the repeated edge, or the elements at the other end.

    Raises
    ------
    ShapeError
        If there is not one pair per axis, or the input is too small for a reflected or circular border.
    ArgumentError
        If the mode is unknown.
    """
    x = as_tensor(x, "ops.pad")
    try:
        widths = np.broadcast_to(np.asarray(pad_width).astype(int, casting="safe"), (x.ndim, 2)).tolist()
    except (ValueError, TypeError):
        raise ShapeError(
            "ops.pad", f"(before, after) for each of {x.ndim} axes", repr(pad_width), "Give one pair for each axis."
        ) from None
    if mode == "constant" or not any(map(any, widths)):
        return _pad(x, pad_width=tuple(map(tuple, widths)), value=value)
    if mode not in _BORDERS:
        raise ArgumentError("ops.pad", f"mode 'constant', {', '.join(map(repr, _BORDERS))}", repr(mode), "Choose one.")
    for axis, (before, after) in enumerate(widths):
        least = {"reflect": 1, "replicate": 1, "circular": 0}[mode] + (max(before, after) if mode != "replicate" else 0)
        if min(before, after) < 0 or x.shape[axis] < least:
            raise ShapeError(
                "ops.pad", f"a border >= 0 and at least {least} elements along axis {axis} for mode={mode!r}",
                f"{describe(x)} with {(before, after)}", "Use a narrower border.",
            )  # fmt: skip
        if before or after:
            around: Any = _BORDERS[mode]
            x = _take(x, np.pad(np.arange(x.shape[axis]), (before, after), around), axis=axis)
    return x  # type: ignore[no-any-return]


def tile(x: Any, reps: int | Sequence[int]) -> Tensor:
    """Repeat the whole tensor along each axis, as numpy does."""
    x = as_tensor(x, "ops.tile")
    times = (reps,) if isinstance(reps, (int, np.integer)) else tuple(reps)
    times = (1,) * (x.ndim - len(times)) + times
    lengths = (1,) * (len(times) - x.ndim) + x.shape
    apart = reshape(x, [n for length in lengths for n in (1, length)])
    stretched = broadcast_to(apart, [n for pair in zip(times, lengths, strict=True) for n in pair])
    return reshape(stretched, [n * length for n, length in zip(times, lengths, strict=True)])


@primitive(lambda g, axis: flip(g, axis), expects="axes that the input has")
def flip(x, /, axis=None):
    """Reverse the order along ``axis``."""
    return np.flip(x, axis)


def flatten(x: Any, start: int = 1) -> Tensor:
    """Join the axes from ``start`` on into one."""
    x = as_tensor(x, "ops.flatten")
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start:])))


def _cut(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    return x[(slice(None),) * (axis % x.ndim) + (slice(start, stop),)]


def _several(tensors: Sequence[Any], name: str) -> Sequence[Any]:
    if len(tensors) == 0:
        raise ShapeError(f"ops.{name}", "at least one tensor", "none", "Check the list that was passed.")
    return tensors


BroadcastTo = operator("BroadcastTo", broadcast_to, "shape")
Concat = operator("Concat", concat, "axis")
ExpandDims = operator("ExpandDims", expand_dims)
Flatten = operator("Flatten", flatten)
Reshape = operator("Reshape", reshape)
Squeeze = operator("Squeeze", squeeze, "axis")
Stack = operator("Stack", stack, "axis")
Transpose = operator("Transpose", transpose)
Unstack = operator("Unstack", unstack, "axis")
Pad = operator("Pad", pad, paddings="pad_width")
ReverseV2 = operator("ReverseV2", flip, "axis")
Split = operator("Split", split, axis="axis", output_num="sections")
