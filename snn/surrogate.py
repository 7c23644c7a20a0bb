"""Surrogate functions: a step forward, a smooth derivative backward.

Each is a Cell of ``u = v - v_threshold`` with its ``derivative`` and its ``primitive``, the smooth step of which that is the
derivative. A surrogate is added as one class here. Survey: Neftci, Mostafa and Zenke, 2019.
"""
# ruff: noqa: N801 - named as the field and the seed write them

from __future__ import annotations

import math

from autograd import Cell, Tensor, ops
from autograd.errors import ArgumentError

__all__ = ["Surrogate", "atan", "fast_sigmoid", "rectangle", "relusigmoid", "sigmoid", "triangle"]


class Surrogate(Cell):
    """Base class: steps at ``u > 0``, differentiates by ``derivative``.

    Parameters
    ----------
    alpha : float
        Steepness, positive and finite.

    Raises
    ------
    ArgumentError
        If ``alpha`` is not positive and finite.
    """

    def __init__(self, alpha: float) -> None:
        super().__init__()
        if not 0 < alpha < math.inf:
            raise ArgumentError(type(self).__name__, "a positive steepness alpha", repr(alpha), "Larger is steeper.")
        self.alpha = alpha

    def construct(self, u: Tensor) -> Tensor:
        """Return 1 where ``u > 0`` and 0 elsewhere, in the dtype of ``u``."""
        return ops.greater(u, 0).astype(u.dtype)

    def bprop(self, u: Tensor, out: Tensor, dout: Tensor) -> tuple[Tensor]:
        """Pass the gradient times the derivative."""
        return (dout * self.derivative(u),)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative that stands in for that of the step."""
        raise NotImplementedError  # each surrogate's own

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step of which ``derivative`` is the derivative."""
        raise NotImplementedError  # each surrogate's own

    def extra_repr(self) -> str:
        """Show the steepness."""
        return f"alpha={self.alpha:g}"


class sigmoid(Surrogate):
    """``a s(a u) (1 - s(a u))`` with the logistic function ``s``; primitive ``s(a u)``."""

    def __init__(self, alpha: float = 5.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha / 4``."""
        s = ops.sigmoid(u * self.alpha)
        return (1 - s) * s * self.alpha

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        return ops.sigmoid(u * self.alpha)


class relusigmoid(sigmoid):
    """The surrogate of the IF tutorial of MindSpore r1.9: ``sigmoid`` at its steepness of 5."""

    def __init__(self) -> None:
        super().__init__(5.0)

    def extra_repr(self) -> str:
        """Show nothing: there is nothing to choose."""
        return ""


class atan(Surrogate):
    """``(a / 2) / (1 + (pi a u / 2)^2)``; primitive ``atan(pi a u / 2) / pi + 1/2`` (Fang et al., 2021)."""

    def __init__(self, alpha: float = 2.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha / 2``."""
        return (self.alpha / 2) / (1 + ops.square(u * (math.pi * self.alpha / 2)))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        return ops.atan(u * (math.pi * self.alpha / 2)) / math.pi + 0.5


class fast_sigmoid(Surrogate):
    """``1 / (1 + a |u|)^2``, also known as SuperSpike; primitive ``u / (1 + a |u|)`` (Zenke and Ganguli, 2018)."""

    def __init__(self, alpha: float = 25.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most 1."""
        return 1 / ops.square(1 + ops.abs(u) * self.alpha)

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from ``-1 / alpha`` to ``1 / alpha``."""
        return u / (1 + ops.abs(u) * self.alpha)


class triangle(Surrogate):
    """``a max(1 - a |u|, 0)``; primitive ``1/2 + w - w |w| / 2`` with ``w = a u`` cut at +-1 (Esser et al., 2016)."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha``, zero beyond ``1 / alpha``."""
        return ops.relu(1 - ops.abs(u) * self.alpha) * self.alpha

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        w = ops.clip(u * self.alpha, -1.0, 1.0)
        return 0.5 + w - w * ops.abs(w) * 0.5


class rectangle(Surrogate):
    """``a`` where ``|u| < 1 / (2 a)``, else 0; primitive ``a u + 1/2`` cut to [0, 1] (Wu et al., 2018)."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, ``alpha`` on a width of ``1 / alpha``."""
        return (ops.abs(u) < 0.5 / self.alpha).astype(u.dtype) * self.alpha

    def primitive(self, u: Tensor) -> Tensor:
        """Return the ramp, from 0 to 1."""
        return ops.clip(u * self.alpha + 0.5, 0.0, 1.0)
