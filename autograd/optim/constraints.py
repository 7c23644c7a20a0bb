"""Constraints on weights after each step of an optimizer: functions of their values, for groups of Parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Array, describe
from ..errors import ArgumentError, ShapeError
from ..intake import to_numbers
from ..state import quietly

__all__ = ["Constraint", "Mask", "MaxNorm", "Signs", "Within"]


class Constraint:
    """Base class: called with the values of a Parameter, it returns the nearest values that satisfy it.

    An optimizer applies it on construction, and after each step, to the Parameters of a group that names it:
    ``optim.Adam([{"params": [layer.weight], "constraint": constraints.Within(low=0.0)}])``. A list is applied in order.
    """

    def __call__(self, values: Array) -> Array:
        """Return values that satisfy it, of the same shape and dtype.

        Raises
        ------
        ShapeError
            If the constraint is for another shape.
        """
        raise NotImplementedError  # a subclass defines it

    def fitted(self, name: str, value: Array, shape: tuple[int, ...]) -> Array:
        """Return one of the constraint's arrays, broadcast to the shape of the values."""
        try:
            return np.broadcast_to(value, shape)
        except ValueError:
            raise ShapeError(
                type(self).__name__, f"{name} that broadcasts to the Parameter, {list(shape)}", describe(value),
                "Dense weights are [n_out, n_in]: an array [n_in] has one value per input, [n_out, 1] one per output.",
            ) from None  # fmt: skip


def _numbers(where: str, name: str, value: Any) -> Array:
    numbers = to_numbers(value, f"{where}, {name}")
    if numbers.dtype.kind not in "biuf" or np.isnan(numbers).any():
        raise ArgumentError(where, f"{name} without NaN", describe(value), "Replace NaN by numbers.")
    return numbers


class Mask(Constraint):
    """Keeps only some connections: weights are 0 where the mask is False.

    Parameters
    ----------
    mask : array of bool
        An array that broadcasts to the weights.

    Raises
    ------
    ArgumentError
        If it is not of bools.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.optim import constraints
    >>> print(constraints.Mask(~np.eye(2, dtype=bool))(np.ones((2, 2))))
    [[0. 1.]
     [1. 0.]]
    """

    def __init__(self, mask: Any) -> None:
        self.mask = _numbers("Mask", "mask", mask)
        if self.mask.dtype != bool:
            raise ArgumentError("Mask", "a mask of bools", describe(mask), "For example weight != 0.")

    def __call__(self, values: Array) -> Array:
        """Return the values with zeros where the mask is False."""
        return np.where(self.fitted("a mask", self.mask, values.shape), values, values.dtype.type(0))

    def __repr__(self) -> str:
        return f"Mask({int(self.mask.sum())} of {self.mask.size})"


class Signs(Constraint):
    """Keeps the signs of weights, for example per presynaptic neuron (Dale's principle). Weights of the other sign become 0.

    Parameters
    ----------
    signs : array
        1 where weights must not be below 0, -1 where they must not be above; it broadcasts to the weights. For weights
        ``[n_out, n_in]``, an array ``[n_in]`` gives the sign of each presynaptic neuron.

    Raises
    ------
    ArgumentError
        If a sign is neither 1 nor -1.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.optim import constraints
    >>> print(constraints.Signs([1, -1])(np.array([[0.5, 0.5], [-0.5, -0.5]])))
    [[ 0.5  0. ]
     [ 0.  -0.5]]
    """

    def __init__(self, signs: Any) -> None:
        self.signs = _numbers("Signs", "signs", signs)
        if not (np.abs(self.signs) == 1).all() or self.signs.dtype == bool:
            raise ArgumentError("Signs", "signs of 1 and -1", describe(signs), "For example np.where(excites, 1, -1).")

    def __call__(self, values: Array) -> Array:
        """Return the values, with zeros in place of those of the other sign."""
        signs = self.fitted("an array of signs", self.signs, values.shape)
        return np.where(signs * values < 0, values.dtype.type(0), values)

    def __repr__(self) -> str:
        return f"Signs({int((self.signs > 0).sum())} of {self.signs.size} are 1)"


class Within(Constraint):
    """Keeps weights between a smallest and a largest value.

    Parameters
    ----------
    low, high : number or array
        Limits that broadcast to the weights; by default none.

    Raises
    ------
    ArgumentError
        If ``low`` is above ``high``.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.optim import constraints
    >>> print(constraints.Within(low=0.0, high=1.0)(np.array([-1.0, 0.5, 2.0])))
    [0.  0.5 1. ]
    """

    def __init__(self, low: Any = -np.inf, high: Any = np.inf) -> None:
        self.low, self.high = _numbers("Within", "low", low), _numbers("Within", "high", high)
        if not np.all(self.low <= self.high):
            raise ArgumentError("Within", "low of at most high", f"{low!r} and {high!r}", "Swap them.")

    def __call__(self, values: Array) -> Array:
        """Return the values, limited at both ends."""
        low, high = (self.fitted(name, limit, values.shape) for name, limit in (("low", self.low), ("high", self.high)))
        return np.clip(values, low, high).astype(values.dtype, copy=False)

    def __repr__(self) -> str:
        limits = (f"{v:g}" if v.ndim == 0 else f"an array {[*v.shape]}" for v in (self.low, self.high))
        return "Within({}, {})".format(*limits)


class MaxNorm(Constraint):
    """Limits the norm of the weights into each output; longer rows are scaled down.

    Parameters
    ----------
    most : float
        Largest norm, above 0.

    Raises
    ------
    ArgumentError
        If it is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.optim import constraints
    >>> print(constraints.MaxNorm(1.0)(np.array([[3.0, 4.0], [0.3, 0.4]])))
    [[0.6 0.8]
     [0.3 0.4]]
    """

    def __init__(self, most: float) -> None:
        number = _numbers("MaxNorm", "most", most)
        if number.ndim or not 0 < number < np.inf:
            raise ArgumentError("MaxNorm", "most as a number above 0", describe(most), "It is the largest norm.")
        self.most = float(number)

    def __call__(self, values: Array) -> Array:
        """Return the values; each row (over all axes but the first) is scaled down if its norm is too large."""
        return quietly(lambda: self._scaled(values))  # rows with NaN or infinity stay as they are

    def _scaled(self, values: Array) -> Array:
        axes = tuple(range(1, values.ndim))
        wide = values.astype(np.float64)
        largest = np.abs(wide).max(axes, keepdims=True, initial=0)
        unit = np.divide(wide, largest, out=np.zeros_like(wide), where=largest > 0)  # its squares are at most 1
        norm = np.sqrt(np.sum(np.square(unit), axes, keepdims=True))
        long = norm * largest > self.most
        return np.where(long, unit * (self.most / np.maximum(norm, 1)), values).astype(values.dtype)

    def __repr__(self) -> str:
        return f"MaxNorm({self.most:g})"


def check_constraint(where: str, value: Any) -> Any:
    """Return the constraint of a group: None, one, or a list of several as one function."""
    several = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    for one in several:
        if not callable(one) or isinstance(one, type):
            raise ArgumentError(
                where, "a constraint, or a list of them", describe(one), "For example optim.constraints.Within(low=0.0)."
            )
    return value


def constrained(constraint: Any, values: Array, where: str) -> Array:
    """Return values that satisfy a constraint, or several in order."""
    for one in constraint if isinstance(constraint, (list, tuple)) else [constraint]:
        found = np.asarray(one(values))
        if found.shape != values.shape:
            raise ShapeError(
                f"{where}, {one!r}", f"values {list(values.shape)}", describe(found), "Return one for each that it receives."
            )
        values = found.astype(values.dtype, copy=False)
    return values


def is_finite_after(constraint: Any) -> bool:
    """Return whether a constraint certainly returns finite values for finite ones, without an error: None, and those here."""
    several = constraint if isinstance(constraint, (list, tuple)) else [] if constraint is None else [constraint]
    return all(type(one) in (Mask, MaxNorm, Signs, Within) for one in several)


def __dir__() -> list[str]:
    return sorted(__all__)
