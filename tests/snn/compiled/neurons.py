"""Neurons that the compiled mode is held to: those of the library in a covering set of their options, and a user's own."""

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


def neurons(n, dtype):
    lif = snn.LIFNode
    return {
        "IF": snn.IFNode(),
        "IF, readout": snn.IFNode(fire=False),
        "IF, threshold": snn.IFNode(0.5, surrogate_function=snn.surrogate.atan(), fire_at_threshold=True),
        "IF, hard": snn.IFNode(v_reset=-0.25, surrogate_function=snn.surrogate.triangle(), detach_reset=True),
        "LIF, beta": lif(beta=0.9, surrogate_function=snn.surrogate.sigmoid(4.0)),
        "LIF, beta, hard": lif(0.7, beta=0.8, v_reset=0.1, decay_input=True, spike_value="unit"),
        "LIF, tau": lif(tau=5.0, decay_input=False, surrogate_function=snn.surrogate.rectangle(), fire_at_threshold=True),
        "LIF, tau, hard": lif(tau=3.0, decay_input=True, v_reset=0.0, surrogate_function=snn.surrogate.fast_sigmoid(5.0)),
        "LIF, detached": lif(beta=0.95, detach_reset=True, v_threshold=np.linspace(0.5, 1.5, n)),
        "LIF, learnable": lif(
            Parameter(np.linspace(0.5, 1.0, n).astype(dtype)), beta=Parameter(np.array([0.9], dtype)), spike_value="unit"
        ),
        "readout": snn.LeakyReadout(tau=4.0, decay_input=True),
        "adaptive": AdaptiveNode(n, dtype),
        "own bprop": OwnBprop(),
    }


def chain(rng, dtype=np.float32):
    """Return a net whose weights are whole numbers, so that sums come out the same in any order."""

    def dense(i, o):
        return nn.Dense(i, o, rng.integers(-2, 3, (o, i)), rng.integers(-1, 2, o), dtype=dtype)

    return nn.SequentialCell(dense(6, 9), snn.IFNode(), nn.ReLU(), dense(9, 4), snn.LIFNode(beta=0.5))
