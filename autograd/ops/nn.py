"""Operations on class scores."""

from __future__ import annotations

import numpy as np

from ..primitive import operator, primitive
from .elementwise import exp
from .reduce import sum


@primitive(lambda g, out, axis: out * (g - sum(g * out, axis, keepdims=True)), floating=True)
def softmax(x, /, axis=-1):
    """Exponentials along ``axis``, divided by their sum."""
    shifted = np.exp(x - np.max(x, axis, keepdims=True))
    return shifted / np.sum(shifted, axis, keepdims=True)


@primitive(lambda g, out, axis: g - exp(out) * sum(g, axis, keepdims=True), floating=True)
def log_softmax(x, /, axis=-1):
    """Logarithm of the softmax along ``axis``."""
    shifted = x - np.max(x, axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis, keepdims=True))


Softmax = operator("Softmax", softmax, "axis")
LogSoftmax = operator("LogSoftmax", log_softmax, "axis")
