"""Surrogates with compact support: where the derivative is exactly zero, the compiled mode computes no gradient."""
# ruff: noqa: N801 - named as the field writes them

from __future__ import annotations

from typing import Any

from autograd import Tensor, ops

from .base import Surrogate

__all__ = ["rectangle", "sparse_fast_sigmoid", "triangle"]


class triangle(Surrogate):
    """``a max(1 - a |u|, 0)``; primitive ``1/2 + w - w |w| / 2`` with ``w = a u`` clipped at +-1 (Esser et al., 2016).

    Also known as piecewise quadratic, after its primitive (Bellec et al., 2018).
    """

    def __init__(self, alpha: Any = 1.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha``, zero beyond ``1 / alpha``."""
        a = self.steepness(u)
        return ops.relu(1 - ops.abs(u) * a) * a

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        w = ops.clip(u * self.steepness(u), -1.0, 1.0)
        return 0.5 + w - w * ops.abs(w) * 0.5


class rectangle(Surrogate):
    """``a`` where ``|u| < 1 / (2 a)``, else 0; primitive ``a u + 1/2`` clipped to [0, 1] (Wu et al., 2018)."""

    def __init__(self, alpha: Any = 1.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, ``alpha`` on a width of ``1 / alpha``."""
        a = self.steepness(u)
        return (ops.abs(u) < 0.5 / a).astype(u.dtype) * a

    def primitive(self, u: Tensor) -> Tensor:
        """Return the ramp, from 0 to 1."""
        return ops.clip(u * self.steepness(u) + 0.5, 0.0, 1.0)


class sparse_fast_sigmoid(Surrogate):
    """``1 / (1 + a |u|)^2`` where ``|u| < width``, else 0 (Perez-Nieves and Goodman, 2021).

    Primitive ``w / (1 + a |w|)`` with ``w = u`` clipped at +-``width``.
    """

    others = ("width",)

    def __init__(self, alpha: Any = 25.0, *, width: float = 1.0) -> None:
        super().__init__(alpha)
        self.check_positive(width=width)
        self.width = width

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most 1, zero beyond ``width``."""
        near = ops.abs(u) < self.width
        return near.astype(u.dtype) / ops.square(1 + ops.abs(u) * self.steepness(u))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from ``-width / (1 + alpha width)`` to ``width / (1 + alpha width)``."""
        w = ops.clip(u, -self.width, self.width)
        return w / (1 + ops.abs(w) * self.steepness(u))

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``; its height depends on it even beyond ``width``."""
        w = ops.clip(u, -self.width, self.width)
        return -w * ops.abs(w) / ops.square(1 + ops.abs(w) * self.steepness(u))
