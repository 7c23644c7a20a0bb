"""Activations as layers, and by name."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..cell import Cell
from ..dtypes import describe, is_int, is_number
from ..errors import ArgumentError, DTypeError
from ..tensor import Tensor, as_tensor

__all__ = [
    "GELU", "Identity", "LeakyReLU", "LogSoftmax", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Tanh", "get_activation",
]  # fmt: skip


class _Elementwise(Cell):
    per_sample = True

    def __init__(self) -> None:  # no argument, which could be mistaken for one of the activation
        super().__init__()


class Identity(_Elementwise):
    """Returns its input unchanged."""

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same."""
        return as_tensor(x, "Identity")


class ReLU(_Elementwise):
    """Rectifier ``max(x, 0)`` as a layer."""

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.relu(x)


class ReLU6(_Elementwise):
    """Rectifier capped at 6 as a layer."""

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.relu6(x)


class LeakyReLU(_Elementwise):
    """Rectifier with a slope below 0 as a layer.

    Parameters
    ----------
    alpha : float
        The slope below 0.
    """

    def __init__(self, alpha: float = 0.2) -> None:
        super().__init__()
        if not is_number(alpha):
            raise DTypeError(
                "LeakyReLU", "alpha, the slope below 0, as a number", describe(alpha), "For example nn.LeakyReLU(0.01)."
            )
        self.alpha = alpha

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.leaky_relu(x, self.alpha)

    def extra_repr(self) -> str:
        """Show the slope."""
        return f"alpha={float(self.alpha)!r}"


class Sigmoid(_Elementwise):
    """Logistic function as a layer."""

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.sigmoid(x)


class Tanh(_Elementwise):
    """Hyperbolic tangent as a layer."""

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.tanh(x)


class SiLU(_Elementwise):
    """Sigmoid linear unit as a layer."""

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.silu(x)


class GELU(_Elementwise):
    """Gaussian error linear unit as a layer.

    Parameters
    ----------
    approximate : bool or str
        Use the tanh approximation; also as "tanh" or "none".

    Raises
    ------
    ArgumentError
        If it is anything else.
    """

    def __init__(self, approximate: bool | str = True) -> None:
        super().__init__()
        if not isinstance(approximate, bool) and approximate not in ("tanh", "none"):
            raise ArgumentError("GELU", "approximate=True or False", repr(approximate), "True is the tanh form.")
        self.approximate = approximate in (True, "tanh")

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.gelu(x, approximate="tanh" if self.approximate else "none")

    def extra_repr(self) -> str:
        """Show the form."""
        return f"approximate={self.approximate}"


class Softmax(Cell):
    """Softmax along an axis as a layer.

    Parameters
    ----------
    axis : int
        The axis of the input.

    Raises
    ------
    DTypeError
        If it is not an int.
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        if not is_int(axis):
            raise DTypeError(type(self).__name__, "axis as an int", describe(axis), "The last one is -1.")
        self.axis = int(axis)
        self.per_sample = self.axis > 0 or self.axis == -1

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.softmax(x, self.axis)

    def extra_repr(self) -> str:
        """Show the axis."""
        return f"axis={self.axis}"


class LogSoftmax(Softmax):
    """Logarithm of the softmax along an axis as a layer.

    Parameters
    ----------
    axis : int
        The axis of the input.
    """

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.log_softmax(x, self.axis)


_NAMES: dict[str, type[Cell]] = {
    "gelu": GELU, "leakyrelu": LeakyReLU, "logsoftmax": LogSoftmax, "relu": ReLU, "relu6": ReLU6, "sigmoid": Sigmoid,
    "silu": SiLU, "softmax": Softmax, "tanh": Tanh,
}  # fmt: skip


def get_activation(name: str | None, where: str = "get_activation") -> Cell | None:
    """Return the activation for a name such as "relu"; None gives None.

    Raises
    ------
    ArgumentError
        If the name is unknown.
    """
    if name is None:
        return None
    if name not in _NAMES:
        raise ArgumentError(where, f"one of {', '.join(_NAMES)}", repr(name), "Or pass a Cell or a function.")
    return _NAMES[name]()
