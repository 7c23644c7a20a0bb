"""Nets and data that several test files need."""

from typing import NamedTuple

import numpy as np

import snn
from autograd import Cell, nn, ops, tree


def currents(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(0.4, 0.9, shape).astype(dtype)


def two_layers(dtype=np.float32, **options):
    """Return a net of Dense 3-5, IF, Dense 5-2, LIF."""
    return nn.SequentialCell(
        nn.Dense(3, 5, rng=1, dtype=dtype), snn.IFNode(**options),
        nn.Dense(5, 2, rng=2, dtype=dtype), snn.LIFNode(tau=3.0, decay_input=False, **options),
    )  # fmt: skip


class Pair(NamedTuple):
    v: object
    adaptation: object


class Adaptive(Cell):
    """A user's neuron with two variables in a NamedTuple: its threshold rises with every spike and decays."""

    def __init__(self, surrogate=None):
        super().__init__()
        self.surrogate = surrogate or snn.surrogate.atan()

    def initial_state(self, x):
        zero = ops.zeros(x.shape, x.dtype)
        return Pair(zero, zero)

    def construct(self, x, state):
        v = 0.9 * state.v + x
        spike = self.surrogate(v - (1 + state.adaptation))
        return spike, Pair(v - spike, 0.8 * state.adaptation + 0.3 * spike)


class Recurrent(Cell):
    """A user's net with feedback: what fires comes back to the input one step later."""

    def __init__(self, features=3, hidden=4):
        super().__init__()
        self.inputs, self.back = nn.Dense(features, hidden, rng=3), nn.Dense(hidden, hidden, rng=4)
        self.lif = snn.LIFNode(beta=0.8)

    def initial_state(self, x):
        zero = ops.zeros((len(x), self.back.in_channels))
        return {"v": zero, "fired": zero}

    def construct(self, x, state):
        spike, v = self.lif(self.inputs(x) + self.back(state["fired"]), state["v"])
        return spike, {"v": v, "fired": spike}


class Holder(Cell):
    """A Cell that holds a neuron, and so is a net of its own."""

    def __init__(self):
        super().__init__()
        self.node = snn.IFNode()

    def initial_state(self, x):
        return ops.zeros_like(x)

    def construct(self, x, v):
        return self.node(x, v)


def bits(values):
    """Return the bytes, shapes and dtypes of all tensors in a structure."""
    arrays = [np.asarray(leaf) for leaf in tree.leaves(values)]
    return [(a.tobytes(), a.shape, str(a.dtype)) for a in arrays]


NETS = {
    "IF": (snn.IFNode, (3,)),
    "IF, hard reset": (lambda: snn.IFNode(v_reset=-0.5), (3,)),
    "LIF": (lambda: snn.LIFNode(beta=0.9, v_threshold=np.array([1.0, 0.5, 2.0])), (3,)),
    "IF of images": (snn.IFNode, (2, 3, 3)),
    "readout": (lambda: snn.LeakyReadout(beta=0.9), (3,)),
    "Dense and neurons": (two_layers, (3,)),
    "nested": (lambda: nn.SequentialCell(two_layers(), nn.SequentialCell(nn.Dense(2, 2, rng=5), Adaptive())), (3,)),
    "a block without state": (
        lambda: nn.SequentialCell(nn.SequentialCell(nn.Dense(3, 2, rng=7), nn.ReLU()), snn.IFNode()),
        (3,),
    ),
    "two variables": (Adaptive, (3,)),
    "recurrent": (Recurrent, (3,)),
    "recurrent in a net": (lambda: nn.SequentialCell(Recurrent(), nn.Dense(4, 2, rng=6), snn.LeakyReadout(beta=0.5)), (3,)),
}
