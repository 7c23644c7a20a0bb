"""Operations that reduce or accumulate over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import sum_dtype
from ..errors import ShapeError
from ..graph import sum_to
from ..operator import operator
from ..primitive import primitive
from ..state import no_grad, state
from ..tensor import Tensor, as_tensor
from ..wide import added, widened
from .elementwise import cast, equal, exp, isfinite, log, sqrt, square, where
from .shape import broadcast_to, expand_dims, flip, reshape, transpose

_AXIS = "axes that the input has"


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim if ndim else a for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))


def _keep(reduced: Tensor, shape: tuple[int, ...], axis: Any) -> Tensor:
    """Put the reduced axes back, with length 1."""
    axes = _axes(axis, len(shape))
    return reshape(reduced, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _count(x: Tensor, axis: Any) -> int:
    return math.prod(x.shape[a] for a in _axes(axis, x.ndim))


def _tuple(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


@primitive(lambda g, shape, axis: broadcast_to(_keep(g, shape, axis), shape), expects=_AXIS, packs=True)
def sum(x, /, axis=None, keepdims=False):
    """Sum over ``axis``: None for all, an int or several."""
    return added(np.add.reduce, x, _tuple(axis), keepdims=keepdims)


def sum_to_size(x: Any, shape: Sequence[int]) -> Tensor:
    """Sum over the axes along which an array of ``shape`` was stretched: the reverse of ``broadcast_to``.

    Use it in a ``bprop`` for the gradient of a Parameter: ``{self.weight: ops.sum_to_size(dout * x, self.weight.shape)}``. In
    a compiled neuron a Tensor is one element, and the loop computes the sum.
    """
    tensor, to = as_tensor(x, "ops.sum_to_size"), tuple(shape)
    if state.tracing is not None:
        return tensor
    try:
        fits = np.broadcast_shapes(tensor.shape, to) == tensor.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            "ops.sum_to_size", f"a shape that broadcasts to {list(tensor.shape)}", str(list(to)),
            "Pass the shape of the variable whose gradient this is.",
        )  # fmt: skip
    return sum_to(tensor, to)


@widened
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Mean over ``axis``; whole numbers give float32."""
    x = as_tensor(x, "ops.mean")
    return sum(x, axis, keepdims) / _count(x, axis)


@widened
def var(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """Variance over ``axis``, divided by the number of elements less ``ddof``."""
    x = as_tensor(x, "ops.var")
    return sum(square(x - mean(x, axis, keepdims=True)), axis, keepdims) / (_count(x, axis) - ddof)


@widened
def std(x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """Root of the variance over ``axis``: the standard deviation."""
    return sqrt(var(x, axis, ddof, keepdims))


def _prod_vjp(g: Tensor, x: Tensor, out: Tensor, axis: Any) -> Tensor:
    axes = _axes(axis, x.ndim)
    g = _keep(g, x.shape, axis)
    if x.array.all():
        return g * _keep(out, x.shape, axis) / x
    # With a zero among the factors, each has the product of all others as its derivative.
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    order = rest + axes
    flat = reshape(transpose(x, order), (*(x.shape[a] for a in rest), -1))
    others = prod(where(np.eye(flat.shape[-1], dtype=bool), 1.0, expand_dims(flat, -2)), -1)
    others = reshape(others, tuple(x.shape[a] for a in order))
    return g * transpose(others, tuple(np.argsort(order)))


@primitive(_prod_vjp, expects=_AXIS)
def prod(x, /, axis=None, keepdims=False):
    """Product over ``axis``."""
    return added(np.prod, x, _tuple(axis), keepdims=keepdims)


def _extremum_vjp(g: Tensor, x: Tensor, out: Tensor, axis: Any) -> Tensor:
    """Share the gradient equally among ties."""
    ties = cast(equal(x, _keep(out, x.shape, axis)), sum_dtype(x.dtype))
    return _keep(g, x.shape, axis) * (ties / sum(ties, axis, keepdims=True))


@primitive(_extremum_vjp, expects="a non-empty input and axes that it has")
def max(x, /, axis=None, keepdims=False):
    """Largest element over ``axis``; ties share the gradient equally."""
    return np.max(x, _tuple(axis), keepdims=keepdims)


@primitive(_extremum_vjp, expects="a non-empty input and axes that it has")
def min(x, /, axis=None, keepdims=False):
    """Smallest element over ``axis``; ties share the gradient equally."""
    return np.min(x, _tuple(axis), keepdims=keepdims)


@primitive(expects=_AXIS)
def argmax(x, /, axis=None, keepdims=False):
    """Position of the first largest element along ``axis``."""
    return np.argmax(x, axis, keepdims=keepdims)


@primitive(expects=_AXIS)
def argmin(x, /, axis=None, keepdims=False):
    """Position of the first smallest element along ``axis``."""
    return np.argmin(x, axis, keepdims=keepdims)


@primitive(expects=_AXIS)
def all(x, /, axis=None, keepdims=False):
    """Return whether all elements over ``axis`` are true."""
    return np.all(x, _tuple(axis), keepdims=keepdims)


@primitive(expects=_AXIS)
def any(x, /, axis=None, keepdims=False):
    """Return whether any element over ``axis`` is true."""
    return np.any(x, _tuple(axis), keepdims=keepdims)


@primitive(lambda g, axis: flip(cumsum(flip(g, axis), axis), axis), expects=_AXIS)
def cumsum(x, /, axis):
    """Cumulative sum along ``axis``."""
    return added(np.cumsum, x, axis)


@widened
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Logarithm of the sum of exponentials, without overflow."""
    x = as_tensor(x, "ops.logsumexp")
    with no_grad():
        largest = max(x, axis, keepdims=True)
        largest = where(isfinite(largest), largest, 0.0)
    total = log(sum(exp(x - largest), axis, keepdims=True)) + largest
    return total if keepdims else reshape(total, sum(total, axis).shape)


def _over_all(reduction: Any) -> Any:
    """Return a reduction for which ``()`` means all axes, as in MindSpore."""

    def reduce(x: Any, axis: Any = (), keepdims: bool = False) -> Tensor:
        return reduction(x, None if axis == () or axis == [] else axis, keepdims)  # type: ignore[no-any-return]

    reduce.__name__ = reduction.__name__
    return reduce


ReduceMax = operator("ReduceMax", _over_all(max), keep_dims="keepdims")
ReduceMean = operator("ReduceMean", _over_all(mean), keep_dims="keepdims")
ReduceMin = operator("ReduceMin", _over_all(min), keep_dims="keepdims")
ReduceProd = operator("ReduceProd", _over_all(prod), keep_dims="keepdims")
ReduceSum = operator("ReduceSum", _over_all(sum), keep_dims="keepdims")
ReduceAll = operator("ReduceAll", _over_all(all), keep_dims="keepdims")
ReduceAny = operator("ReduceAny", _over_all(any), keep_dims="keepdims")
Argmax = operator("Argmax", argmax, "axis")
Argmin = operator("Argmin", argmin, "axis")
CumSum = operator("CumSum", cumsum)
