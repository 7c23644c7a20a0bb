"""MindSpore's additional operations: changes of Parameters, descriptions of tensors, and second names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tree
from ..dtypes import DType, describe, float16, float32
from ..errors import ArgumentError, DTypeError, ShapeError
from ..operator import operator
from ..ops.create import eye, full, ones, zeros
from ..ops.elementwise import (
    abs,
    add,
    atan,
    cast,
    clip,
    div,
    equal,
    exp,
    floordiv,
    greater,
    greater_equal,
    less,
    less_equal,
    log1p,
    maximum,
    mod,
    mul,
    neg,
    not_equal,
    pow,
    sqrt,
    square,
    sub,
    where,
)  # fmt: skip
from ..ops.linalg import matmul
from ..ops.reduce import all, any, max, mean, min, prod, sum
from ..ops.shape import concat, expand_dims, flip, tile, transpose, unstack
from ..parameter import Parameter
from ..tensor import Tensor, as_tensor
from ..wide import widened

# Descriptions of a tensor


def shape(x: Any) -> tuple[int, ...]:
    """Return the length of each axis."""
    return as_tensor(x, "ops.shape").shape


def rank(x: Any) -> int:
    """Return the number of axes."""
    return as_tensor(x, "ops.rank").ndim


def size(x: Any) -> int:
    """Return the number of elements."""
    return as_tensor(x, "ops.size").size


def dtype(x: Any) -> DType:
    """Return the type of the elements."""
    return as_tensor(x, "ops.dtype").dtype


# Changes of a Parameter


def assign(variable: Parameter, value: Any) -> Parameter:
    """Set a Parameter to the values of ``value``, as constants; return it."""
    return _variable(variable, "ops.assign").set_data(value)


def assign_add(variable: Parameter, value: Any) -> Parameter:
    """Add the values of ``value`` to a Parameter and return it; the errors are those of ``set_data``."""
    return _changed(variable, value, np.add, "ops.assign_add")


def assign_sub(variable: Parameter, value: Any) -> Parameter:
    """Subtract the values of ``value`` from a Parameter and return it; the errors are those of ``set_data``."""
    return _changed(variable, value, np.subtract, "ops.assign_sub")


def _changed(variable: Any, value: Any, ufunc: Any, where: str) -> Parameter:
    parameter = _variable(variable, where)
    old, new = parameter.array, as_tensor(value, where).array
    if old.dtype.kind != "f" and new.dtype.kind != "f":  # numpy's whole numbers would wrap around
        old, new = old.astype(object), new.astype(object)
    try:
        result = np.asarray(ufunc(old, new))
    except ValueError:
        raise ShapeError(where, f"shape {list(old.shape)}", describe(value), "Reshape it.") from None
    if result.dtype.kind == "O":
        wide = result.astype(np.float64)
        kind = np.uint64 if wide.min(initial=0) >= 0 and wide.max(initial=0) >= 2.0**63 else np.int64
        try:
            result = result.astype(kind)
        except OverflowError:
            raise ArgumentError(
                where, f"a result in the range of {describe(parameter)}", f"{wide.min()} to {wide.max()}", "Use floats."
            ) from None
    return parameter.set_data(result)


def _variable(variable: Any, where: str) -> Parameter:
    if not isinstance(variable, Parameter):
        raise DTypeError(where, "a Parameter", describe(variable), "A Tensor does not change; make a new one.")
    return variable


def depend(value: Any, expr: Any) -> Any:
    """Return ``value``; ``expr`` has been computed by the time of the call."""
    return value.operand() if isinstance(value, Tensor) else value


def identity(x: Any) -> Tensor:
    """Return the tensor unchanged, or the value of a Parameter."""
    return as_tensor(x, "ops.identity")


# New tensors


def tuple_to_array(numbers: Sequence[float]) -> Tensor:
    """Make a tensor of numbers."""
    return Tensor(numbers)


def fill(dtype: Any, shape: Any, value: Any) -> Tensor:
    """One value everywhere."""
    return full(shape, value, dtype)


def addn(tensors: Sequence[Any]) -> Tensor:
    """Sum several tensors."""
    total, *others = map(as_tensor, tensors)
    if total.dtype == float16 and others and {other.dtype for other in others} == {float16}:
        return cast(addn([cast(total, float32), *others]), float16)
    for other in others:
        total = add(total, other)
    return total


def reciprocal(x: Any) -> Tensor:
    """One divided by the tensor."""
    return div(1, x)


def rsqrt(x: Any) -> Tensor:
    """One divided by the square root."""
    return div(1, sqrt(x))


def softplus(x: Any) -> Tensor:
    """Logarithm of ``1 + exp(x)``, without overflow."""
    return add(maximum(x, 0), log1p(exp(neg(abs(x)))))


def masked_fill(x: Any, mask: Any, value: Any) -> Tensor:
    """Replace elements by ``value`` where the mask is true."""
    return where(mask, value, x)


@widened
def norm(x: Any) -> Tensor:
    """Euclidean norm of all elements."""
    return sqrt(sum(square(x)))


# Clipping


def clip_by_value(x: Any, clip_value_min: Any = None, clip_value_max: Any = None) -> Any:
    """Limit a tensor, or each one in a structure, to a range; either end may be None."""
    return tree.map_leaves(lambda leaf: clip(leaf, clip_value_min, clip_value_max), x)


def clip_by_norm(x: Any, max_norm: Any) -> Any:
    """Scale a tensor, or all in a structure together, so that their joint Euclidean norm is at most ``max_norm``."""
    limit = as_tensor(max_norm, "ops.clip_by_norm").array
    if limit.size != 1 or not limit.min() > 0:
        raise ArgumentError("ops.clip_by_norm", "a positive max_norm", repr(max_norm), "Leave clipping out to switch it off.")
    total = sqrt(addn([sum(square(_wide(leaf))) for leaf in tree.leaves(x)]))
    scale = div(limit.item(), maximum(total, limit.item()))
    return tree.map_leaves(lambda leaf: _scaled(leaf, scale), x)


def _wide(x: Any) -> Tensor:
    x = as_tensor(x)
    return cast(x, float32) if x.dtype == float16 else x


def _scaled(x: Any, scale: Tensor) -> Tensor:
    x = as_tensor(x)
    return cast(mul(x, scale), float16) if x.dtype == float16 else mul(x, scale)


def clip_by_global_norm(x: Any, clip_norm: Any = 1.0, use_norm: Any = None) -> Any:
    """Scale all tensors of a structure together so that their joint norm, or ``use_norm``, is at most ``clip_norm``."""
    if use_norm is not None:
        return tree.map_leaves(lambda leaf: mul(leaf, div(clip_norm, maximum(use_norm, clip_norm))), x)
    return clip_by_norm(x, clip_norm)


# Second names

absolute, negative, subtract, multiply, true_divide, divide = abs, neg, sub, mul, div, div
floor_div, floor_mod, tensor_pow, arctan, select = floordiv, mod, pow, atan, where
gt, ge, lt, le, eq, ne = greater, greater_equal, less, less_equal, equal, not_equal
cat, permute, unbind, unsqueeze, reverse = concat, transpose, unstack, expand_dims, flip
mm = bmm = matmul
reduce_sum, reduce_mean, reduce_max, reduce_min, reduce_prod = sum, mean, max, min, prod
amax, amin, reduce_all, reduce_any = max, min, all, any


Shape = operator("Shape", shape)
Rank = operator("Rank", rank)
Size = operator("Size", size)
Assign = operator("Assign", assign)
AssignAdd = operator("AssignAdd", assign_add)
AssignSub = operator("AssignSub", assign_sub)
Depend = operator("Depend", depend)
Identity = operator("Identity", identity)
Fill = operator("Fill", fill)
Ones = operator("Ones", ones)
Zeros = operator("Zeros", zeros)
Eye = operator("Eye", eye)
AddN = operator("AddN", addn)
Reciprocal = operator("Reciprocal", reciprocal)
Rsqrt = operator("Rsqrt", rsqrt)
Softplus = operator("Softplus", softplus)
MaskedFill = operator("MaskedFill", masked_fill)
Tile = operator("Tile", tile)
TensorAdd = operator("TensorAdd", add)

__all__ = [
    name for name, value in globals().items()
    if name[0] != "_" and callable(value) and (getattr(value, "__module__", "").startswith((__name__, "autograd.ops")))
]  # fmt: skip
