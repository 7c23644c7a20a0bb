"""Loops over time made from a neuron's equations. What stands before the first loop is the same in every such file."""

import math  # noqa: F401 - a loop may use it

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

zero32, one32 = np.float32(0), np.float32(1)
zero64, one64 = np.float64(0), np.float64(1)


@intrinsic
def bits_as_float32(typing, value):
    """Read the bits of an int32 as a float32."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def bits_as_float64(typing, value):
    """Read the bits of an int64 as a float64."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@njit(error_model="numpy", inline="always")
def exp32(x):
    """Exponential to about 1e-7: Taylor's series near 0, after powers of two are taken out. It vectorises; libm does not."""
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    n = x * np.float32(1.4426950408889634) + np.float32(12582912)  # rounds: there is no room for a fraction
    n = n - np.float32(12582912)
    r = x - n * np.float32(0.693359375)
    r = r - n * np.float32(-2.12194440e-4)
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(0.5)
    p = p * r + np.float32(1)
    p = p * r + np.float32(1)
    return p * bits_as_float32((np.int32(n) + np.int32(127)) << np.int32(23))


@njit(error_model="numpy", inline="always")
def exp64(x):
    """Exponential to about 1e-16, in the same way."""
    x = min(max(x, -708.0), 709.0)
    n = x * 1.4426950408889634 + 6755399441055744.0
    n = n - 6755399441055744.0
    r = x - n * 0.693145751953125
    r = r - n * 1.42860682030941723212e-6
    p = 1 / 6227020800
    p = p * r + 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * bits_as_float64((np.int64(n) + np.int64(1023)) << np.int64(52))
