"""Surrogates other than a single bump: straight, one-sided, negative in places, or periodic."""
# ruff: noqa: N801 - named as the field writes them

from __future__ import annotations

import math
from typing import Any

from autograd import Tensor, ops
from autograd.errors import ArgumentError

from .base import Surrogate

__all__ = [
    "fake_numerical_gradient", "leaky_relu", "log_tailed_relu", "multi_gaussian", "periodic_exponential", "s2nn", "step_pwl",
    "straight_through",
]  # fmt: skip


class straight_through(Surrogate):
    """``a`` everywhere; primitive ``a u`` (Bengio, Leonard and Courville, 2013)."""

    def __init__(self, alpha: Any = 1.0) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return ``alpha``."""
        return ops.ones_like(u) * self.steepness(u)

    def primitive(self, u: Tensor) -> Tensor:
        """Return the straight line."""
        return u * self.steepness(u)

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``."""
        return u


class leaky_relu(Surrogate):
    """``a`` where it fires, at ``u > 0``, and ``leak`` elsewhere; primitive ``a u`` and ``leak u``.

    ``leaky_relu(leak=0)`` passes the gradient only where the neuron fired.
    """

    others = ("leak",)
    symmetric = continuous = False

    def __init__(self, alpha: Any = 1.0, *, leak: float = 0.1) -> None:
        super().__init__(alpha)
        _check_leak(self, leak)
        self.leak = leak

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha``."""
        g = ops.greater(u, 0).astype(u.dtype) * self.steepness(u)
        return g + ops.less_equal(u, 0).astype(u.dtype) * self.leak if self.leak else g

    def primitive(self, u: Tensor) -> Tensor:
        """Return the line with a bend at 0."""
        return ops.maximum(u, 0) * self.steepness(u) + ops.minimum(u, 0) * self.leak

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``."""
        return ops.maximum(u, 0)


class step_pwl(Surrogate):
    """``a`` where ``u >= -window``, else 0; primitive ``a max(u + window, 0)``, as in Rockpool.

    It is meant for neurons that may spike several times in a step.
    """

    others = ("window",)
    symmetric = False

    def __init__(self, alpha: Any = 1.0, *, window: float = 0.5) -> None:
        super().__init__(alpha)
        self.check_positive(window=window)
        self.window = window

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, ``alpha`` or 0."""
        return ops.greater_equal(u, -self.window).astype(u.dtype) * self.steepness(u)

    def primitive(self, u: Tensor) -> Tensor:
        """Return the line that rises from ``-window``."""
        return ops.maximum(u + self.window, 0) * self.steepness(u)

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``."""
        return ops.maximum(u + self.window, 0)


class log_tailed_relu(Surrogate):
    """``a`` where ``0 < a u <= 1``, ``1 / u`` above, ``a leak`` below 0 (Cai et al., 2017).

    Primitive ``a u``, above ``1 + log(a u)``, below ``a leak u``.
    """

    others = ("leak",)
    symmetric = continuous = False

    def __init__(self, alpha: Any = 1.0, *, leak: float = 0.0) -> None:
        super().__init__(alpha)
        _check_leak(self, leak)
        self.leak = leak

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha``."""
        a = self.steepness(u)
        g = ops.greater(u, 0).astype(u.dtype) * a / ops.maximum(u * a, 1)
        return g + ops.less_equal(u, 0).astype(u.dtype) * (a * self.leak) if self.leak else g

    def primitive(self, u: Tensor) -> Tensor:
        """Return the rectifier, whose slope falls above 1; it grows without limit."""
        w = u * self.steepness(u)
        return ops.clip(w, 0, 1) + ops.log(ops.maximum(w, 1)) + ops.minimum(w, 0) * self.leak


class fake_numerical_gradient(Surrogate):
    """``min(a, 1 / |u|)``, a step's difference quotient, as in SpikingJelly.

    Primitive ``a u`` up to +-1, then ``1 + log(a |u|)`` with the sign of ``u``.
    """

    def __init__(self, alpha: Any = 0.3) -> None:
        super().__init__(alpha)

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``alpha``."""
        a = self.steepness(u)
        return a / ops.maximum(ops.abs(u) * a, 1)

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, which grows without limit."""
        w = u * self.steepness(u)
        return ops.clip(w, -1, 1) + ops.log(ops.maximum(w, 1)) - ops.log(ops.maximum(-w, 1))


class s2nn(Surrogate):
    """``a s(a u) (1 - s(a u))`` below 0 with the logistic function ``s``, ``beta / (1 + u)`` above (Suetake et al., 2022).

    Primitive ``s(a u)`` below 0, ``1/2 + beta log(1 + u)`` above.
    """

    others = ("beta",)
    symmetric = continuous = False

    def __init__(self, alpha: Any = 4.0, *, beta: float = 1.0) -> None:
        super().__init__(alpha)
        self.check_positive(beta=beta)
        self.beta = beta

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most the larger of ``alpha / 4`` and ``beta``."""
        a = self.steepness(u)
        s = ops.sigmoid(u * a)
        return ops.where(ops.less(u, 0), (1 - s) * s * a, self.beta / (1 + ops.abs(u)))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, which grows without limit."""
        return ops.where(ops.less(u, 0), ops.sigmoid(u * self.steepness(u)), ops.log1p(ops.maximum(u, 0)) * self.beta + 0.5)

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``, zero above 0."""
        s = ops.sigmoid(u * self.steepness(u))
        return ops.minimum(u, 0) * (1 - s) * s


class multi_gaussian(Surrogate):
    """A normal density minus two wide ones on its sides; it is negative further out (Yin, Corradi and Bohte, 2021).

    ``(1 + h) N(u; 0, sigma) - h N(u; sigma, s sigma) - h N(u; -sigma, s sigma)``, where ``N`` is the normal density with the
    given mean and standard deviation, and ``sigma = 1 / a``. The primitive is the same sum of their integrals.
    """

    others = ("h", "s")
    nonnegative = falling = False

    def __init__(self, alpha: Any = 2.0, *, h: float = 0.15, s: float = 6.0) -> None:
        super().__init__(alpha)
        self.check_positive(h=h, s=s)
        self.h, self.s = h, s

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, below 0 further out."""
        a = self.steepness(u)
        w = u * a
        narrow = ops.exp(ops.square(w) * -0.5)
        wide = sum(ops.exp(ops.square(w + mean) * (-0.5 / self.s**2)) for mean in (-1, 1))
        return (narrow * (1 + self.h) - wide * (self.h / self.s)) * (a / math.sqrt(2 * math.pi))

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to ``1 - h``; it overshoots both."""
        w = u * self.steepness(u) * math.sqrt(0.5)
        wide = sum(ops.erf((w + mean * math.sqrt(0.5)) / self.s) for mean in (-1, 1))
        return (ops.erf(w) * (1 + self.h) - wide * self.h + (1 - self.h)) * 0.5


class periodic_exponential(Surrogate):
    """``exp(-a d) / period`` with the distance ``d`` to the nearest ``k period``, ``k >= 0`` (Weidel and Sheik, 2021).

    It is meant for neurons that may spike several times in a step, with their threshold as the ``period``. The primitive is
    a staircase with one step per period, each ``(1 - exp(-a d)) / (a period)`` on both sides of its middle.
    """

    others = ("period",)
    symmetric = falling = False

    def __init__(self, alpha: Any = 2.0, *, period: float = 1.0) -> None:
        super().__init__(alpha)
        self.check_positive(period=period)
        self.period = period

    def _nearest(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return the number of the nearest step, and the distance of ``u`` above it."""
        k = ops.maximum(ops.floor(u / self.period + 0.5), 0)
        return k, u - k * self.period

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``1 / period``."""
        _, r = self._nearest(u)
        return ops.exp(ops.abs(r) * -self.steepness(u)) / self.period

    def primitive(self, u: Tensor) -> Tensor:
        """Return the staircase, with 0 in the middle of its first step."""
        a, (k, r) = self.steepness(u), self._nearest(u)
        side = ops.exp(ops.minimum(r, 0) * a) - ops.exp(ops.maximum(r, 0) * -a)
        return (side + k * (2 - 2 * ops.exp(ops.ones_like(u) * a * (-self.period / 2)))) / (a * self.period)

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``."""
        a, (k, r) = self.steepness(u), self._nearest(u)
        by_exponent = r * ops.exp(ops.abs(r) * -a) + k * self.period * ops.exp(ops.ones_like(u) * a * (-self.period / 2))
        return (by_exponent / self.period - self.primitive(u)) / a


def _check_leak(surrogate: Surrogate, leak: float) -> None:
    if not 0 <= leak < math.inf:
        raise ArgumentError(
            type(surrogate).__name__, "a leak of at least 0", repr(leak), "leak is the slope below the threshold."
        )
