"""Elementwise operations, with broadcasting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import converted, to_dtype
from ..operator import operator
from ..primitive import primitive
from ..tensor import Tensor, as_tensor

# Arithmetic


@primitive(lambda g: g, lambda g: g, scalar="{x} + {y}")
def add(x, y, /):
    """Sum ``x + y``."""
    return np.add(x, y)


@primitive(lambda g: g, lambda g: neg(g), scalar="{x} - {y}")
def sub(x, y, /):
    """Difference ``x - y``."""
    return np.subtract(x, y)


@primitive(lambda g, y: g * y, lambda g, x: g * x, scalar="{x} * {y}")
def mul(x, y, /):
    """Product ``x * y``."""
    return np.multiply(x, y)


@primitive(lambda g, y: g / y, lambda g, y, out: neg(g * out / y), scalar="{x} / {y}", floating=True)
def div(x, y, /):
    """Quotient ``x / y``; whole numbers give float32."""
    return np.divide(x, y)


@primitive(scalar="{x} // {y}", ufunc="numpy.floor_divide", jumps=True)
def floordiv(x, y, /):
    """Quotient rounded down; no derivative."""
    return np.floor_divide(x, y)


@primitive(lambda g: g, lambda g, x, y: neg(g * floordiv(x, y)), scalar="{x} % {y}", ufunc="numpy.remainder", jumps=True)
def mod(x, y, /):
    """Remainder of the division, with the sign of ``y``."""
    return np.mod(x, y)


def _base_vjp(g: Tensor, x: Any, y: Any) -> Tensor | None:
    if not isinstance(y, Tensor):
        return g * (y * pow(x, y - 1)) if y else None
    # Where x and y are zero, the power is constant in x; any exponent but -1 gives that.
    return g * (y * pow(x, where(logical_and(equal(x, 0), equal(y, 0)), 1, y - 1)))


def _exponent_vjp(g: Tensor, x: Any, out: Tensor) -> Tensor:
    if not isinstance(x, Tensor):
        return g * (out * (math.log(x) if x > 0 else 0.0))
    return g * out * log(where(greater(x, 0), x, 1.0))


@primitive(
    _base_vjp,
    _exponent_vjp,
    scalar="{x} ** {y}",
    ufunc="numpy.power",
    positive=1,
    expects="shapes that broadcast together, and a floating base where an exponent is negative",
)
def pow(x, y, /):
    """Power ``x ** y``."""
    return np.power(x, y)


@primitive(lambda g: neg(g), scalar="-{x}")
def neg(x, /):
    """Negative ``-x``."""
    return np.negative(x)


@primitive(lambda g, x: g * (2 * x), scalar="{x} * {x}")
def square(x, /):
    """Square ``x * x``."""
    return np.square(x)


@primitive(lambda g, out: g * (0.5 / out), scalar="sqrt({x})", floating=True)
def sqrt(x, /):
    """Square root."""
    return np.sqrt(x)


@primitive(lambda g, x: g * sign(x), scalar="abs({x})")
def abs(x, /):
    """Absolute value; the derivative at 0 is 0."""
    return np.abs(x)


# Exponentials, logarithms, trigonometric and related functions


@primitive(lambda g, out: g * out, scalar="exp({x})", ufunc="numpy.exp", floating=True)
def exp(x, /):
    """Exponential."""
    return np.exp(x)


@primitive(lambda g, x: g / x, scalar="log({x})", ufunc="numpy.log", floating=True)
def log(x, /):
    """Natural logarithm."""
    return np.log(x)


@primitive(lambda g, x: g / (1 + x), scalar="log1p({x})", ufunc="numpy.log1p", floating=True)
def log1p(x, /):
    """Natural logarithm of ``1 + x``, exact for small ``x``."""
    return np.log1p(x)


@primitive(lambda g, x: g * cos(x), scalar="sin({x})", ufunc="numpy.sin", floating=True)
def sin(x, /):
    """Sine of ``x`` in radians."""
    return np.sin(x)


@primitive(lambda g, x: neg(g * sin(x)), scalar="cos({x})", ufunc="numpy.cos", floating=True)
def cos(x, /):
    """Cosine of ``x`` in radians."""
    return np.cos(x)


@primitive(lambda g, x: g / (1 + square(x)), scalar="atan({x})", ufunc="numpy.arctan", floating=True)
def atan(x, /):
    """Arc tangent, in radians."""
    return np.arctan(x)


@primitive(lambda g, out: g * (1 - square(out)), scalar="tanh({x})", ufunc="numpy.tanh", floating=True)
def tanh(x, /):
    """Hyperbolic tangent."""
    return np.tanh(x)


@primitive(
    lambda g, x: g * (2 / np.pi**0.5) * exp(neg(square(x))), scalar="erf({x})", ufunc="scipy.special.erf", floating=True
)
def erf(x, /):
    """Error function."""
    from scipy.special import erf as scipy_erf

    return scipy_erf(x).astype(x.dtype)


# Choice


@primitive(
    None,
    lambda g, condition: where(condition, g, 0.0),
    lambda g, condition: where(condition, 0.0, g),
    scalar="{x} if {condition} else {y}",
    promotes=(1, 2),
)
def where(condition, x, y, /):
    """Elements of ``x`` where the condition is true, of ``y`` elsewhere."""
    return np.where(condition, x, y)


def _share(x: Any, y: Any) -> Tensor:
    """Return the share of ``x`` in an extremum: 1 where it is larger, one half on a tie."""
    return where(equal(x, y), 0.5, where(greater(x, y), 1.0, 0.0))


@primitive(
    lambda g, x, y: g * _share(x, y), lambda g, x, y: g * _share(y, x), scalar="{x} if {x} > {y} or {x} != {x} else {y}"
)
def maximum(x, y, /):
    """Larger of two; a tie shares the gradient equally."""
    return np.maximum(x, y)


@primitive(
    lambda g, x, y: g * _share(y, x), lambda g, x, y: g * _share(x, y), scalar="{x} if {x} < {y} or {x} != {x} else {y}"
)
def minimum(x, y, /):
    """Smaller of two; a tie shares the gradient equally."""
    return np.minimum(x, y)


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """Limit to [``min``, ``max``]; either may be None. At a limit the derivative is one half, as for a tie."""
    x = as_tensor(x, "ops.clip")
    if min is not None:
        x = maximum(x, min)
    return x if max is None else minimum(x, max)


# Steps: no derivative


@primitive(scalar="1 if {x} > 0 else -1 if {x} < 0 else 0 if {x} == 0 else {x}", jumps=True)
def sign(x, /):
    """Sign: -1, 0 or 1."""
    return np.sign(x)


@primitive(scalar="floor({x})", whole="{x}", jumps=True)
def floor(x, /):
    """Round down."""
    return np.floor(x)


@primitive(scalar="ceil({x})", whole="{x}", jumps=True)
def ceil(x, /):
    """Round up."""
    return np.ceil(x)


@primitive(scalar="round({x})", whole="{x}", jumps=True)
def round(x, /):
    """Round to the nearest whole number, a half to the even one."""
    return np.round(x)


@primitive(scalar="{x} > {y}", compares=True)
def greater(x, y, /):
    """Tell where ``x > y``."""
    return np.greater(x, y)


@primitive(scalar="{x} >= {y}", compares=True)
def greater_equal(x, y, /):
    """Tell where ``x >= y``."""
    return np.greater_equal(x, y)


@primitive(scalar="{x} < {y}", compares=True)
def less(x, y, /):
    """Tell where ``x < y``."""
    return np.less(x, y)


@primitive(scalar="{x} <= {y}", compares=True)
def less_equal(x, y, /):
    """Tell where ``x <= y``."""
    return np.less_equal(x, y)


@primitive(scalar="{x} == {y}", compares=True)
def equal(x, y, /):
    """Tell where ``x == y``."""
    return np.equal(x, y)


@primitive(scalar="{x} != {y}", compares=True)
def not_equal(x, y, /):
    """Tell where ``x != y``."""
    return np.not_equal(x, y)


@primitive(scalar="bool({x}) and bool({y})", logical=True)
def logical_and(x, y, /):
    """Tell where both are true."""
    return np.logical_and(x, y)


@primitive(scalar="bool({x}) or bool({y})", logical=True)
def logical_or(x, y, /):
    """Tell where at least one is true."""
    return np.logical_or(x, y)


@primitive(scalar="not {x}", logical=True)
def logical_not(x, /):
    """Tell where ``x`` is false."""
    return np.logical_not(x)


@primitive(scalar="{x} != {x}", whole="False")
def isnan(x, /):
    """Tell where ``x`` is NaN."""
    return np.isnan(x)


@primitive(scalar="isfinite({x})", whole="True")
def isfinite(x, /):
    """Tell where ``x`` is neither infinite nor NaN."""
    return np.isfinite(x)


@primitive(lambda g: g)
def _cast(x, /, dtype):
    return converted(x, dtype)


def cast(x: Any, dtype: Any) -> Tensor:
    """Convert to another dtype. The gradient through a conversion to whole numbers or bools is zero.

    A float beyond the range of an integer dtype becomes its nearest bound, and NaN becomes 0, on every machine.
    """
    return _cast(as_tensor(x, "ops.cast"), dtype=to_dtype(dtype, "ops.cast"))


astype = cast

Abs = operator("Abs", abs)
Add = operator("Add", add)
Cast = operator("Cast", cast)
Ceil = operator("Ceil", ceil)
Cos = operator("Cos", cos)
Div = operator("Div", div)
Equal = operator("Equal", equal)
Erf = operator("Erf", erf)
Exp = operator("Exp", exp)
Floor = operator("Floor", floor)
FloorDiv = operator("FloorDiv", floordiv)
Greater = operator("Greater", greater)
GreaterEqual = operator("GreaterEqual", greater_equal)
Less = operator("Less", less)
LessEqual = operator("LessEqual", less_equal)
Log = operator("Log", log)
LogicalAnd = operator("LogicalAnd", logical_and)
LogicalNot = operator("LogicalNot", logical_not)
LogicalOr = operator("LogicalOr", logical_or)
Maximum = operator("Maximum", maximum)
Minimum = operator("Minimum", minimum)
Mod = operator("Mod", mod)
Mul = operator("Mul", mul)
Neg = operator("Neg", neg)
NotEqual = operator("NotEqual", not_equal)
Pow = operator("Pow", pow)
Round = operator("Round", round)
Select = operator("Select", where)
Sign = operator("Sign", sign)
Sin = operator("Sin", sin)
Sqrt = operator("Sqrt", sqrt)
Square = operator("Square", square)
Sub = operator("Sub", sub)
Tanh = operator("Tanh", tanh)
Atan = operator("Atan", atan)
IsFinite = operator("IsFinite", isfinite)
IsNan = operator("IsNan", isnan)
Log1p = operator("Log1p", log1p)
FloorMod = operator("FloorMod", mod)
RealDiv = operator("RealDiv", div)
