"""Activations, and operations on class scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import own_arguments
from ..errors import ArgumentError
from ..operator import operator
from ..primitive import primitive
from ..tensor import Tensor, as_tensor
from ..wide import widened
from .elementwise import abs, erf, exp, greater, less_equal, logical_and, tanh, where
from .index import one_hot
from .reduce import sum


def _sigmoid(x: Tensor) -> Tensor:
    small = exp(-abs(x))
    return where(x >= 0, 1, small) / (1 + small)


@primitive(lambda g, out: g * out * (1 - out), expand=_sigmoid, floating=True)
def sigmoid(x, /):
    """Logistic function ``1 / (1 + exp(-x))``, without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


@primitive(lambda g, out: where(greater(out, 0), g, 0.0), scalar="0 if {x} <= 0 else {x}")
def relu(x, /):
    """Rectifier ``max(x, 0)``; the derivative at 0 is 0."""
    return np.maximum(x, 0)


@primitive(
    lambda g, x: where(logical_and(greater(x, 0), less_equal(x, 6)), g, 0.0),
    scalar="0 if {x} < 0 else 6 if {x} > 6 else {x}",
)
def relu6(x, /):
    """Rectifier capped at 6, ``min(max(x, 0), 6)``; its derivative is 1 on (0, 6]."""
    return np.clip(x, 0, 6)


@own_arguments
def leaky_relu(x: Tensor, alpha: float = 0.2) -> Tensor:
    """Rectifier with the slope ``alpha`` below 0; the derivative at 0 is ``alpha``."""
    x = as_tensor(x, "ops.leaky_relu")
    return where(greater(x, 0), x, x * alpha)


def silu(x: Tensor) -> Tensor:
    """Sigmoid linear unit, ``x * sigmoid(x)`` (Hendrycks and Gimpel, 2016)."""
    return as_tensor(x, "ops.silu") * sigmoid(x)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit (Hendrycks and Gimpel, 2016); ``approximate="tanh"`` for their tanh form."""
    x = as_tensor(x, "ops.gelu")
    if approximate not in ("none", "tanh"):
        raise ArgumentError("ops.gelu", "approximate to be 'none' or 'tanh'", repr(approximate), "Choose one of the two.")
    if approximate == "tanh":
        return 0.5 * x * (1 + tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + erf(x / 2**0.5))


@primitive(lambda g, out, axis: out * (g - sum(g * out, axis, keepdims=True)), floating=True)
def _softmax(x, /, axis=-1):
    shifted = np.exp(x - np.maximum.reduce(x, axis, keepdims=True))
    return shifted / np.add.reduce(shifted, axis, keepdims=True)


@widened
def softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Tensor:
    """Exponentials along ``axis``, divided by their sum."""
    return _softmax(x, axis=axis)


@primitive(lambda g, out, axis: g - exp(out) * sum(g, axis, keepdims=True), floating=True)
def _log_softmax(x, /, axis=-1):
    shifted = x - np.maximum.reduce(x, axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis, keepdims=True))


@widened
def log_softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Tensor:
    """Logarithm of the softmax along ``axis``."""
    return _log_softmax(x, axis=axis)


@primitive(lambda g, out, labels: _along_softmax(g, out, labels), floating=True, expects="scores [N, classes]")
def _cross_entropy_gradient(scores, /, labels):
    share = _softmax.forward(scores)
    share[np.arange(len(scores)), np.asarray(labels)] -= 1
    return share / len(scores)


def _along_softmax(g: Tensor, out: Tensor, labels: np.ndarray[Any, Any]) -> Tensor:
    share = out + one_hot(labels, out.shape[-1], 1 / len(labels), dtype=out.dtype)  # the softmax over N
    return share * (g - sum(g * share, -1, keepdims=True) * len(labels))


@primitive(
    lambda g, scores, labels: g * _cross_entropy_gradient(scores, labels=labels), floating=True, expects="scores [N, classes]"
)
def _cross_entropy(scores, /, labels):
    n = len(scores)
    shifted = scores - np.maximum.reduce(scores, -1, keepdims=True)
    right = shifted[np.arange(n), np.asarray(labels)] - np.log(np.add.reduce(np.exp(shifted), -1))
    return -(np.add.reduce(right) / n)


@widened
def cross_entropy(scores: Any, labels: Any) -> Tensor:
    """Cross entropy of the softmax of scores ``[N, classes]`` with the correct classes, an array ``[N]``; averaged over N."""
    return _cross_entropy(scores, labels=labels)


ReLU = operator("ReLU", relu)
ReLU6 = operator("ReLU6", relu6)
Sigmoid = operator("Sigmoid", sigmoid)
Softmax = operator("Softmax", softmax, "axis")
LogSoftmax = operator("LogSoftmax", log_softmax, "axis")


class GeLU(operator("GeLU", gelu, "approximate")):  # type: ignore[misc]
    """The operation ``ops.gelu`` as an object; its default is the tanh form, as in MindSpore."""

    def __init__(self, approximate: str = "tanh") -> None:
        super().__init__(approximate)
