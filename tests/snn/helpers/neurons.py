"""Users' neurons that the compiled mode must run, and a net whose weights are whole numbers."""

from typing import NamedTuple

import numpy as np

import snn
from autograd import Cell, Parameter, Tensor, nn, ops


class Adaptive(NamedTuple):
    v: Tensor
    b: Tensor


class OwnSurrogate(Cell):
    def construct(self, u):
        return (u > 0).astype(u.dtype)

    def bprop(self, u, out, dout):
        return (dout / (1 + 4 * u * u),)


class AdaptiveNode(Cell):
    """Two states, a learnable threshold for each neuron, a surrogate with its own bprop."""

    def __init__(self, n, dtype):
        super().__init__()
        self.v_threshold = Parameter(np.linspace(0.4, 0.9, n).astype(dtype))
        self.decay = Parameter(np.array(0.8, dtype))
        self.surrogate = OwnSurrogate()

    def initial_state(self, x):
        return Adaptive(ops.zeros(x.shape, x.dtype), ops.zeros(x.shape, x.dtype))

    def construct(self, x, state):
        v = self.decay * state.v + x
        z = self.surrogate(v - (self.v_threshold + 0.3 * state.b))
        return z, Adaptive(v - z * self.v_threshold, 0.9 * state.b + 0.1 * z)


class OwnBprop(Cell):
    """A neuron whose bprop is its own for the whole step."""

    def construct(self, x, v):
        v = 0.5 * v + ops.maximum(x, -1.0)
        return v * v, v

    def bprop(self, x, v, out, dout):
        return dout[0] + 2 * dout[1], 0.25 * dout[1] * out[1]


class Synaptic(Cell):
    """A current that decays and a membrane, in a dict."""

    def __init__(self, surrogate):
        super().__init__()
        self.surrogate = surrogate

    def initial_state(self, x):
        return {"v": ops.zeros(x.shape, x.dtype), "current": ops.zeros(x.shape, x.dtype)}

    def construct(self, x, state):
        current = 0.75 * state["current"] + x
        v = 0.5 * state["v"] + current
        z = self.surrogate(v - 1.0)
        return z, {"v": ops.where(z > 0, 0.0, v), "current": current}


class Exponential(Cell):
    """Fires by an exponential of its membrane; the reset depends on both spike and membrane."""

    threshold = 2.5

    def __init__(self):
        super().__init__()
        self.surrogate = snn.surrogate.sigmoid()

    def construct(self, x, v):
        v = 0.5 * v + x
        z = self.surrogate(ops.exp(v) - self.threshold)
        return z, (1 - z) * v


OWN = {
    "adaptive": lambda n, dtype: (AdaptiveNode(n, dtype), ("v", "b", "x", "spike")),
    "own bprop": lambda n, dtype: (OwnBprop(), ("v", "x")),
    "dict": lambda n, dtype: (Synaptic(snn.surrogate.triangle()), ("current", "v")),
    "exponential": lambda n, dtype: (Exponential(), ("v",)),
}


def whole_dense(rng, i, o, dtype=np.float32, **options):
    """Return a layer whose weights are whole numbers, so that sums come out the same in any order."""
    return nn.Dense(i, o, rng.integers(-2, 3, (o, i)), rng.integers(-1, 2, o), dtype=dtype, **options)
