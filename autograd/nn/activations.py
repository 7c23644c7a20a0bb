"""Activations as layers, and by name."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..cell import Cell
from ..errors import ArgumentError
from ..tensor import Tensor, as_tensor

__all__ = [
    "GELU", "Identity", "LeakyReLU", "LogSoftmax", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Tanh", "get_activation",
]  # fmt: skip


class _Elementwise(Cell):
    per_sample = True


class Identity(_Elementwise):
    """What comes, as it is."""

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same."""
        return as_tensor(x, "Identity")


class ReLU(_Elementwise):
    """Rectifier ``max(x, 0)`` as a layer."""

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.relu(x)


class ReLU6(_Elementwise):
    """Rectifier cut at 6 as a layer."""

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
        self.alpha = alpha

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.leaky_relu(x, self.alpha)


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
    approximate : bool
        Use its tanh form.
    """

    def __init__(self, approximate: bool = True) -> None:
        super().__init__()
        self.approximate = approximate

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.gelu(x, approximate="tanh" if self.approximate else "none")


class Softmax(Cell):
    """Softmax along an axis as a layer.

    Parameters
    ----------
    axis : int
        The axis, of the input as it comes.
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis
        self.per_sample = axis > 0 or axis == -1

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.softmax(x, self.axis)


class LogSoftmax(Softmax):
    """Logarithm of the softmax along an axis as a layer.

    Parameters
    ----------
    axis : int
        The axis, of the input as it comes.
    """

    def construct(self, x: Any) -> Tensor:
        """Map ``[...]`` to the same shape."""
        return ops.log_softmax(x, self.axis)


_NAMES: dict[str, type[Cell]] = {
    "gelu": GELU, "leakyrelu": LeakyReLU, "logsoftmax": LogSoftmax, "relu": ReLU, "relu6": ReLU6, "sigmoid": Sigmoid,
    "silu": SiLU, "softmax": Softmax, "tanh": Tanh,
}  # fmt: skip


def get_activation(name: str | None, where: str = "get_activation") -> Cell | None:
    """Make the activation of a name, such as "relu"; None for none.

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
