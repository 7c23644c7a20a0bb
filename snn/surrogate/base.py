"""The base of surrogates: the step, its gradients, and a steepness."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, as_tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, DTypeError, GradientError, ShapeError
from autograd.graph import differentiated
from autograd.intake import to_numbers

__all__ = ["Surrogate", "check_function"]


def check_function(
    value: Any, where: str, expected: str, fix: str = "Pass an object, such as snn.surrogate.atan(), with parentheses."
) -> None:  # fmt: skip
    """Check that a value is a Cell or a function, and not a class."""
    if isinstance(value, type) or not callable(value):
        raise DTypeError(where, expected, describe(value), fix)


def _of_tensor(function: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    """Return a method that takes arrays too."""

    @functools.wraps(function)
    def of_any(self: Any, u: Any) -> Tensor:
        return function(self, u if isinstance(u, Tensor) else as_tensor(u))

    return of_any


class Surrogate(Cell):
    """Base class: a step at ``u > 0``, whose gradient is ``derivative``.

    A subclass defines ``derivative`` and ``primitive`` with arithmetic on Tensors; they take arrays too. By default the
    derivative is symmetric, nonnegative, falling away from the threshold and continuous there. A class declares exceptions in
    the attributes ``symmetric``, ``nonnegative``, ``falling`` and ``continuous``.

    Parameters
    ----------
    alpha : float or array or Parameter
        Steepness, positive and finite; one value, or one for each neuron ([features]). A Parameter is learnt: its gradient is
        the gradient of ``primitive``, as if the smooth step had been run.

    Raises
    ------
    ArgumentError
        If ``alpha`` is out of range.
    DTypeError
        If ``alpha`` is not numeric.
    """

    lowest = 0.0
    """Exclusive lower bound of ``alpha``."""

    symmetric = True
    """Whether the derivative is the same on both sides of the threshold."""

    nonnegative = True
    """Whether the derivative is never negative."""

    falling = True
    """Whether the derivative never rises away from the threshold."""

    continuous = True
    """Whether the derivative does not jump at the threshold."""

    def __init_subclass__(cls) -> None:
        """Make the functions of a subclass accept arrays as well as Tensors."""
        super().__init_subclass__()
        for name in ("derivative", "primitive", "by_alpha"):
            if name in vars(cls):
                setattr(cls, name, _of_tensor(vars(cls)[name]))

    def __init__(self, alpha: Any) -> None:
        super().__init__()
        kept = isinstance(alpha, (int, float, str, np.generic, Tensor))
        self.alpha: Any = alpha if kept else to_numbers(alpha, f"{type(self).__name__}, alpha")
        self.check_ranges()

    def check_ranges(self) -> None:
        """Check that the steepness is in its valid range; learning may have moved it."""
        self.check_alpha(self.alpha)

    def check_alpha(self, alpha: Any) -> None:
        """Check that a steepness is in its valid range.

        Raises
        ------
        ArgumentError
            If it is out of range.
        DTypeError
            If it is not numeric.
        """
        name = type(self).__name__
        values = np.asarray(alpha) if isinstance(alpha, str) else to_numbers(alpha, f"{name}, alpha")
        if values.dtype.kind not in "iuf":
            raise DTypeError(name, "alpha to be a number, an array or a Parameter", describe(alpha), "Pass a float.")
        if not np.all((values > self.lowest) & (values < math.inf)):
            what = "a positive steepness alpha" if not self.lowest else f"a finite alpha > {self.lowest:g}"
            got = repr(alpha) if isinstance(alpha, (int, float)) else f"{describe(alpha)} down to {values.min():g}"
            raise ArgumentError(name, what, got, "A larger alpha is steeper.")

    def check_positive(self, **values: float) -> None:
        """Check that arguments are positive, finite numbers."""
        for argument, value in values.items():
            if not 0 < value < math.inf:
                raise ArgumentError(type(self).__name__, f"a positive {argument}", repr(value), "Pass a number above 0.")

    def steepness(self, u: Tensor) -> Tensor:
        """Return ``alpha`` for arithmetic with ``u``; an array or Parameter is cast to the dtype of ``u``."""
        alpha = self.alpha
        number = isinstance(alpha, (int, float, np.generic))  # a number adapts to any dtype
        if not number and u.shape and alpha.shape not in ((), (1,), u.shape[-1:]):
            raise ShapeError(
                f"{type(self).__name__}, alpha", f"one value, or one for each feature of {describe(u)}", describe(alpha),
                "Give it the shape [features].",
            )  # fmt: skip
        found: Tensor = alpha if number or alpha.dtype == u.dtype else ops.cast(alpha, u.dtype)
        return found

    def construct(self, u: Tensor) -> Tensor:
        """Return 1 where ``u > 0`` and 0 elsewhere, in the dtype of ``u``."""
        alpha = self.alpha
        if isinstance(alpha, Tensor) and not isinstance(alpha, Parameter) and differentiated(alpha.node):
            raise GradientError(
                f"{type(self).__name__}, alpha", "a number, an array or a Parameter", "a Tensor that is being differentiated",
                "Its gradient would be zero, since a spike does not depend on it. Make it a Parameter, which learns from the "
                "derivative of the primitive.",
            )  # fmt: skip
        return ops.greater(u, 0).astype(u.dtype)

    def bprop(self, u: Tensor, out: Tensor, dout: Tensor) -> Any:
        """Return the gradient times the derivative, and the gradient of a steepness that is a Parameter."""
        du = (dout * self.derivative(u),)
        alpha = self.alpha
        if not isinstance(alpha, Parameter):
            return du
        return du, {alpha: ops.cast(ops.sum_to_size(dout * self.by_alpha(u), alpha.shape), alpha.dtype)}

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative that replaces the derivative of the step."""
        raise NotImplementedError  # each surrogate's own

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step that has this ``derivative``."""
        raise NotImplementedError  # each surrogate's own

    def by_alpha(self, u: Tensor) -> Tensor:
        """Return the derivative of ``primitive`` with respect to ``alpha``; this default suits a function of ``alpha u``."""
        return u * self.derivative(u) / self.steepness(u)

    others: tuple[str, ...] = ()
    """Names of the other numeric options of a surrogate."""

    def extra_repr(self) -> str:
        """Show the steepness and the other options."""
        alpha = to_numbers(self.alpha, f"{type(self).__name__}, alpha")
        shown = f"{alpha.item():g}" if alpha.ndim == 0 else f"[{', '.join(map(str, alpha.shape))}]"
        return ", ".join([f"alpha={shown}", *(f"{name}={getattr(self, name):g}" for name in self.others)])
