"""Surrogates whose derivative is positive everywhere and falls on both sides of the threshold."""
# ruff: noqa: N801 - named as the field and the seed write them

from __future__ import annotations

import math
from typing import Any

from autograd import Tensor, ops

from .base import Surrogate

__all__ = [
    "atan", "circ", "erf", "exponential", "fast_sigmoid", "nonzero_sign_log_abs", "q_pseudo_spike", "relusigmoid", "sigmoid",
    "soft_sign", "tanh",
]  # fmt: skip


class sigmoid(Surrogate):
    """``a s(a u) (1 - s(a u))`` with the logistic function ``s``; primitive ``s(a u)``."""

    def __init__(self, alpha: Any = 5.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha / 4``."""
        a = self.steepness(u)
        s = ops.sigmoid(u * a)
        return (1 - s) * s * a

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        return ops.sigmoid(u * self.steepness(u))


class relusigmoid(sigmoid):
    """The surrogate of MindSpore r1.9's IF tutorial, ``sigmoid`` with a steepness of 5."""

    def __init__(self) -> None:
        super().__init__(5.0)

    def extra_repr(self) -> str:
        """Show the steepness only if it was set later."""
        return "" if isinstance(self.alpha, float) and self.alpha == 5 else super().extra_repr()


class atan(Surrogate):
    """``(a / 2) / (1 + (pi a u / 2)^2)``; primitive ``atan(pi a u / 2) / pi + 1/2`` (Fang et al., 2021)."""

    def __init__(self, alpha: Any = 2.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha / 2``."""
        a = self.steepness(u)
        return (a / 2) / (1 + ops.square(u * (math.pi * a / 2)))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        return ops.atan(u * (math.pi * self.steepness(u) / 2)) / math.pi + 0.5


class fast_sigmoid(Surrogate):
    """``1 / (1 + a |u|)^2``, also known as SuperSpike; primitive ``u / (1 + a |u|)`` (Zenke and Ganguli, 2018)."""

    def __init__(self, alpha: Any = 25.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most 1."""
        return 1 / ops.square(1 + ops.abs(u) * self.steepness(u))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from ``-1 / alpha`` to ``1 / alpha``."""
        return u / (1 + ops.abs(u) * self.steepness(u))

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``, on which its height depends."""
        return -u * ops.abs(u) / ops.square(1 + ops.abs(u) * self.steepness(u))


class soft_sign(Surrogate):
    """``(a / 2) / (1 + a |u|)^2``; primitive ``(a u / (1 + a |u|) + 1) / 2``, ``fast_sigmoid`` scaled to rise from 0 to 1."""

    def __init__(self, alpha: Any = 2.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha / 2``."""
        a = self.steepness(u)
        return (a / 2) / ops.square(1 + ops.abs(u) * a)

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        w = u * self.steepness(u)
        return w / (1 + ops.abs(w)) * 0.5 + 0.5


class exponential(Surrogate):
    """``(a / 2) exp(-a |u|)``, as in SLAYER; primitive ``exp(a u) / 2`` below 0, ``1 - exp(-a u) / 2`` above.

    SLAYER's ``tau_rho`` is ``1 / a`` (Shrestha and Orchard, 2018).
    """

    def __init__(self, alpha: Any = 2.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha / 2``."""
        a = self.steepness(u)
        return ops.exp(ops.abs(u) * -a) * (a / 2)

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        w = u * self.steepness(u)
        return (ops.exp(ops.minimum(w, 0)) - ops.exp(-ops.maximum(w, 0))) * 0.5 + 0.5


class erf(Surrogate):
    """``a / sqrt(pi) exp(-(a u)^2)``; primitive ``(1 + erf(a u)) / 2`` (Esser et al., 2015; Yin, Corradi and Bohte, 2020).

    Also known as gaussian, it is the density of a normal distribution with standard deviation ``sigma`` if
    ``a = 1 / (sqrt(2) sigma)``.
    """

    def __init__(self, alpha: Any = 2.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha / sqrt(pi)``."""
        a = self.steepness(u)
        return ops.exp(-ops.square(u * a)) * (a / math.sqrt(math.pi))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        return ops.erf(u * self.steepness(u)) * 0.5 + 0.5


class tanh(Surrogate):
    """``1 - tanh(a u)^2``; primitive ``tanh(a u) / a``.

    Scaled to rise from 0 to 1, ``(1 + tanh(a u)) / 2``, it is ``sigmoid(2 a)``.
    """

    def __init__(self, alpha: Any = 2.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most 1."""
        return 1 - ops.square(ops.tanh(u * self.steepness(u)))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from ``-1 / alpha`` to ``1 / alpha``."""
        a = self.steepness(u)
        return ops.tanh(u * a) / a

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``, on which its height depends."""
        return (u * self.derivative(u) - self.primitive(u)) / self.steepness(u)


class circ(Surrogate):
    """``(1 + (a u)^2)^(-3/2)``; primitive ``u / sqrt(1 + (a u)^2)``, as in Norse, whose ``alpha`` is ``1 / a``."""

    def __init__(self, alpha: Any = 2.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most 1."""
        square = 1 + ops.square(u * self.steepness(u))
        return 1 / (square * ops.sqrt(square))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from ``-1 / alpha`` to ``1 / alpha``."""
        return u / ops.sqrt(1 + ops.square(u * self.steepness(u)))

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``, on which its height depends."""
        return ops.square(u) * -u * self.steepness(u) * self.derivative(u)


class nonzero_sign_log_abs(Surrogate):
    """``a / (1 + a |u|)``; primitive ``log(1 + a |u|)`` with the sign of ``u``, as in SpikingJelly."""

    def __init__(self, alpha: Any = 1.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha``."""
        a = self.steepness(u)
        return a / (1 + ops.abs(u) * a)

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, which grows without limit."""
        w = u * self.steepness(u)
        return ops.log1p(ops.maximum(w, 0)) - ops.log1p(-ops.minimum(w, 0))


class q_pseudo_spike(Surrogate):
    """``(1 + 2 |u| / (a - 1))^(-a)`` (Herranz-Celotti and Rouat, 2022, whose ``q`` is ``a`` here).

    Primitive ``h / 2`` below 0 and ``1 - h / 2`` above, with ``h = (1 + 2 |u| / (a - 1))^(1 - a)``. ``alpha``, above 1, does
    not set the steepness, which is 1, but the tails: a larger ``alpha`` makes them thinner.
    """

    lowest = 1.0

    def __init__(self, alpha: Any = 2.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most 1."""
        a = self.steepness(u)
        return (1 + ops.abs(u) * (2 / (a - 1))) ** -a

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to 1."""
        a = self.steepness(u)
        below, above = ops.minimum(u, 0) * (-2 / (a - 1)), ops.maximum(u, 0) * (2 / (a - 1))
        return ((1 + below) ** (1 - a) - (1 + above) ** (1 - a)) * 0.5 + 0.5

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``."""
        a = self.steepness(u)
        y = ops.abs(u) * (2 / (a - 1))
        return ops.sign(u) * (ops.log1p(y) - y / (1 + y)) * (1 + y) ** (1 - a) * 0.5
