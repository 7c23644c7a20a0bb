"""Layers over time that several test files need."""

import numpy as np

import snn

T, N, F = 6, 3, 4


def eighths(shape, dtype=np.float32, seed=0):
    """Draw numbers whose sums and products are exact, so that they come out the same in any order."""
    return (np.random.default_rng(seed).integers(-12, 17, shape) / 8).astype(dtype)


def psn(dtype=np.float32, **options):
    return snn.PSN(T, weight_init=eighths((T, T), seed=1), v_threshold=eighths(T, seed=2), dtype=dtype, **options)


def masked(dtype=np.float32, lambda_=1.0, **options):
    options = {"weight_init": eighths((T, T), seed=1), "v_threshold": eighths(T, seed=2), "lambda_": lambda_, **options}
    return snn.MaskedPSN(T, 3, dtype=dtype, **options)


def sliding(dtype=np.float32, **options):
    return snn.SlidingPSNNode(3, weight=eighths(3, seed=1), v_threshold=-0.25, dtype=dtype, **options)


def weights_of(shape):
    return np.random.default_rng(9).normal(size=shape)
