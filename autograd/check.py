"""Gradient checker: analytic gradients against central differences, at any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import tree
from .dtypes import describe, float64
from .errors import ArgumentError, DTypeError, GradientError
from .state import no_grad
from .tensor import Tensor, as_tensor
from .transforms import grad

__all__ = ["check_grad"]


def check_grad(
    fn: Callable[..., Any],
    inputs: Any,
    order: int = 1,
    *,
    eps: float = 1e-6,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    rng: np.random.Generator | int | None = 0,
) -> None:
    """Compare the gradients of ``fn`` with central differences, in float64.

    Each output is weighed with a random cotangent, so that errors in different outputs cannot cancel. For the second order,
    the gradient of that weighed sum, weighed at random again, is what is checked, and so on.

    Parameters
    ----------
    fn : callable
        A function or Cell of floating Tensors that returns Tensors. It must be smooth near the inputs, and is called with
        float64 Tensors. For a Cell with its own ``bprop``, what is compared is that ``bprop`` with ``construct``.
    inputs : array_like or tuple of array_like
        Where to check; by each input in turn.
    order : int
        The highest order of derivative to check, from 1.
    eps : float
        Step of the differences.
    rtol, atol : float
        Largest difference allowed, relative to the numeric value and absolute.
    rng : numpy.random.Generator or int
        Where the cotangents come from.

    Raises
    ------
    GradientError
        If a gradient is off. It names the order, the input, the element and both values.
    DTypeError
        If an input is not floating.

    Examples
    --------
    >>> from autograd import check_grad, ops
    >>> check_grad(ops.tanh, [0.3, -1.2], order=3)
    """
    if not isinstance(order, int) or order < 1:
        raise ArgumentError("check_grad", "a whole order of at least 1", repr(order), "1 checks the first derivative.")
    rng = np.random.default_rng(rng)
    arrays = []
    for i, value in enumerate(inputs if isinstance(inputs, tuple) else (inputs,)):
        tensor = as_tensor(value, "check_grad")
        if tensor.dtype.kind != "f":
            raise DTypeError("check_grad", f"a floating input {i}", describe(tensor), "Convert it with .astype(float).")
        arrays.append(tensor.array.astype(float64))
    scalar = _weighed(fn, [Tensor(a) for a in arrays], rng)
    positions = tuple(range(len(arrays)))
    for n in range(1, order + 1):
        gradient = grad(scalar, positions)
        _compare(scalar, gradient, arrays, f"check_grad, order {n}", eps, rtol, atol)
        scalar = _weighed(gradient, [Tensor(a) for a in arrays], rng)


def _weighed(fn: Callable[..., Any], inputs: Sequence[Tensor], rng: np.random.Generator) -> Callable[..., Tensor]:
    """Return the sum of the outputs of ``fn``, each element times a random number."""
    weights = [rng.uniform(0.5, 1.5, t.shape) * rng.choice([-1, 1], t.shape) for t in tree.leaves(fn(*inputs))]

    def scalar(*args: Tensor) -> Tensor:
        total = Tensor(0.0, float64)
        for out, weight in zip(tree.leaves(fn(*args)), weights, strict=True):
            total = total + (out * weight).sum()
        return total

    return scalar


def _compare(
    scalar: Callable[..., Tensor],
    gradient: Callable[..., Any],
    arrays: list[Any],
    where: str,
    eps: float,
    rtol: float,
    atol: float,
) -> None:
    analytic = gradient(*[Tensor(a) for a in arrays])
    for i, array in enumerate(arrays):
        for index in np.ndindex(array.shape):
            sides = []
            for step in (eps, -eps):
                moved = [a.copy() for a in arrays]
                moved[i][index] += step
                with no_grad():
                    sides.append(scalar(*[Tensor.wrap(a) for a in moved]).item())
            numeric, got = (sides[0] - sides[1]) / (2 * eps), analytic[i].array[index].item()
            if not abs(got - numeric) <= atol + rtol * abs(numeric):
                raise GradientError(
                    f"{where}, input {i}, element {list(index)}", f"{numeric:.10g} by central differences", f"{got:.10g}",
                    "Check the vjp or bprop on the way, and that the function is smooth there: a step with a surrogate is "
                    "not, its primitive is.",
                )  # fmt: skip
