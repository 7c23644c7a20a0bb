"""Gradient clipping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import describe, is_number, sum_dtype
from ..errors import ArgumentError
from ..tensor import Tensor
from .gradients import check_gradients

__all__ = ["clip_by_norm", "clip_by_value"]


def clip_by_norm(gradients: Sequence[Tensor], max_norm: float) -> tuple[tuple[Tensor, ...], float]:
    """Scale gradients together so that their joint Euclidean norm is at most ``max_norm``.

    Parameters
    ----------
    gradients : sequence of Tensor
        As a transform returns them; not changed.
    max_norm : float
        Largest norm, positive.

    Returns
    -------
    clipped : tuple of Tensor
        The same gradients if the norm is small enough.
    norm : float
        The norm before clipping.

    Raises
    ------
    ArgumentError
        If ``max_norm`` is not positive.
    DTypeError
        If they are not gradients, such as Parameters.
    """
    gradients = _checked(gradients, max_norm, "max_norm", "clip_by_norm")
    norm = float(np.sqrt(sum(float(np.sum(np.square(g.array, dtype=np.float64))) for g in gradients)))
    if norm <= max_norm:
        return tuple(gradients), norm
    return tuple(Tensor.wrap(_scaled(g.array, max_norm / norm)) for g in gradients), norm


def _checked(gradients: Any, limit: Any, name: str, where: str) -> tuple[Tensor, ...]:
    """Return the gradients to clip, checked as an optimizer does, with a check that the limit is positive."""
    found = check_gradients(gradients, where)
    if not is_number(limit) or not limit > 0:
        raise ArgumentError(where, f"a positive {name}", describe(limit), "Leave clipping out to switch it off.")
    return found


def _scaled(g: Any, scale: float) -> Any:
    """Return an array times a number, which may be too small for float16."""
    wide = g.astype(sum_dtype(g.dtype), copy=False)
    return (wide * wide.dtype.type(scale)).astype(g.dtype, copy=False)


def clip_by_value(gradients: Sequence[Tensor], limit: float) -> tuple[Tensor, ...]:
    """Limit every element of the gradients to [-limit, limit].

    Parameters
    ----------
    gradients : sequence of Tensor
        As a transform returns them; not changed.
    limit : float
        Largest absolute value of an element, positive.

    Raises
    ------
    ArgumentError
        If ``limit`` is not positive.
    DTypeError
        If they are not gradients, such as Parameters.
    """
    gradients = _checked(gradients, limit, "limit", "clip_by_value")
    return tuple(Tensor.wrap(np.clip(g.array, -limit, limit)) for g in gradients)
