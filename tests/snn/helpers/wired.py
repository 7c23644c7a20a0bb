"""Nets that wire their neurons themselves."""

from typing import Any, NamedTuple

import numpy as np

import snn
from autograd import Cell, Parameter, nn, ops


class Wired(Cell):
    """Starts with zeros for each width, or shape, in ``widths``."""

    widths: tuple[int, ...] = ()

    def initial_state(self, x):
        shapes = [(len(x), *np.atleast_1d(n).tolist()) for n in self.widths]
        return tuple(ops.zeros(shape, x.dtype if x.dtype.kind == "f" else np.float32) for shape in shapes)


class Residual(Wired):
    """Three layers with a skip, sums and products of spikes."""

    widths = (6, 6, 6)

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.Dense(n, 6, rng=k) for k, n in enumerate((5, 6, 6)))
        self.lif1, self.lif2, self.lif3 = snn.LIFNode(beta=0.75), snn.LIFNode(beta=0.5), snn.IFNode()

    def construct(self, x, state):
        s1, v1 = self.lif1(self.fc1(x), state[0])
        s2, v2 = self.lif2(self.fc2(s1) + s1, state[1])
        s3, v3 = self.lif3(self.fc3(s2 + s1 * 0.5) * 0.5 + s2 * s1, state[2])
        return s3 + s1, (v1, v2, v3)


class Feedback(Wired):
    """The second layer feeds the first in the next step."""

    widths = (6, 4, 4)

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Dense(5, 6, rng=0), nn.Dense(6, 4, rng=1)
        self.back = nn.Dense(4, 6, has_bias=False, rng=2)
        self.lif1, self.lif2 = snn.LIFNode(beta=0.75), snn.LIFNode(beta=0.5)

    def construct(self, x, state):
        s1, v1 = self.lif1(self.fc1(x) + self.back(state[2]), state[0])
        s2, v2 = self.lif2(self.fc2(s1), state[1])
        return s2, (v1, v2, s2)


class Balanced(Cell):
    """Neurons that excite and neurons that inhibit, each connected to each."""

    def __init__(self):
        super().__init__()
        self.to_e, self.to_i = nn.Dense(5, 6, rng=0), nn.Dense(5, 3, rng=1)
        pairs = {"ee": (6, 6), "ei": (6, 3), "ie": (3, 6), "ii": (3, 3)}
        for k, (name, (n_in, n_out)) in enumerate(pairs.items()):
            setattr(self, name, nn.Dense(n_in, n_out, has_bias=False, rng=k))
        self.e, self.i = snn.LIFNode(beta=0.75), snn.LIFNode(beta=0.5)

    def initial_state(self, x):
        e, i = ops.zeros((len(x), 6), x.dtype), ops.zeros((len(x), 3), x.dtype)
        return {"ve": e, "vi": i, "se": e, "si": i}

    def construct(self, x, state):
        se, ve = self.e(self.to_e(x) + self.ee(state["se"]) - self.ie(state["si"]), state["ve"])
        si, vi = self.i(self.to_i(x) + self.ei(state["se"]) - self.ii(state["si"]), state["vi"])
        return ops.concat([se, si], axis=-1), {"ve": ve, "vi": vi, "se": se, "si": si}


class Held(NamedTuple):
    """State of a Trace."""

    v: Any
    last: Any
    trace: Any


class Trace(Cell):
    """A neuron with a delayed input and a trace of its spikes, without weights; the gains are learnable."""

    def __init__(self):
        super().__init__()
        self.node, self.gain = snn.IFNode(), Parameter(np.float32([0.5, 0.75, 1.0, 0.5, 0.25]))

    def initial_state(self, x):
        zero = ops.zeros_like(x)
        return Held(zero, zero, zero)

    def construct(self, x, state):
        spike, v = self.node(x * self.gain + 0.5 * state.last, state.v)
        trace = 0.75 * state.trace + spike
        return trace + state.last, Held(v, x, trace)


class OneToOne(Wired):
    """Feedback without weights, from one population to another behind a layer."""

    widths = (5, 5, 5)

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = snn.IFNode(), snn.LIFNode(beta=0.5), nn.Dense(5, 5, rng=0)

    def construct(self, x, state):
        sa, va = self.a(x - 0.5 * state[2], state[0])
        sb, vb = self.b(self.fc(sa) + sa * x, state[1])
        return sa * sb + sa, (va, vb, sb)


class Shared(Wired):
    """One layer and one neuron, used twice; branches chosen by ``where``."""

    widths = (5, 5)

    def __init__(self):
        super().__init__()
        self.fc, self.node = nn.Dense(5, 5, rng=0), snn.IFNode()

    def construct(self, x, state):
        sa, va = self.node(self.fc(x), state[0])
        sb, vb = self.node(self.fc(sa), state[1])
        return ops.stack([sa, sb], axis=1).sum(1) + ops.where(x > 0, sa, 0.5), (va, vb)


class Mixing(Wired):
    """Operations that mix elements, before and behind a neuron; a Parameter as a matrix."""

    widths = (4,)

    def __init__(self):
        super().__init__()
        self.weight, self.node = Parameter(np.ones((5, 4), np.float32)), snn.LIFNode(beta=0.5)

    def construct(self, x, state):
        x = x / (x.sum(-1, keepdims=True) + 1.0)
        spike, v = self.node(ops.matmul(x, self.weight) * 4.0, state[0])
        parts = ops.split(spike, 2, axis=1)
        mean = ops.concat([spike[:, ::2], parts[1]], axis=1).mean(axis=1)
        return spike.reshape(len(spike), 2, 2).max(axis=2) + ops.expand_dims(mean, 1), (v,)


class Steady(Wired):
    """A layer on Parameters alone, the same at every step, and one that is a sum of both."""

    widths = (4,)

    def __init__(self):
        super().__init__()
        self.fc, self.dense = nn.Dense(3, 4, rng=0), nn.Dense(5, 4, rng=1)
        self.held, self.node = Parameter(np.ones((4, 3), np.float32)), snn.IFNode()

    def construct(self, x, state):
        spike, v = self.node(self.dense(x) + self.fc(self.held), state[0])
        return spike * ops.tanh(self.held).sum(), (v,)


class Apart(Cell):
    """Excitation from the input and from itself, and inhibition from others, kept apart at one neuron."""

    def __init__(self):
        super().__init__()
        self.excite, self.inhibit = nn.Dense(5, 6, rng=0), nn.Dense(5, 4, rng=1)
        self.again, self.across = nn.Dense(6, 6, has_bias=False, rng=2), nn.Dense(4, 6, has_bias=False, rng=3)
        synapse = snn.synapses.Exponential
        self.node = snn.synapses.Conductance(
            snn.LIFNode(beta=0.75),
            exc=snn.synapses.Receptor(synapse(alpha=0.5), reversal=4.0),
            inh=snn.synapses.Receptor(synapse(alpha=0.75), reversal=-0.5, inhibitory=True),
        )
        self.other = snn.LIFNode(beta=0.5)

    def initial_state(self, x):
        one, other = ops.zeros((len(x), 6), x.dtype), ops.zeros((len(x), 4), x.dtype)
        return self.node.initial_state(one), one, other

    def construct(self, x, state):
        held, last, v = state
        inhibition, v = self.other(self.inhibit(x), v)
        inputs = {"inh": ops.abs(self.across(inhibition)), "exc": ops.abs(self.excite(x) + self.again(last))}
        spike, held = self.node(inputs, held)
        return spike, (held, spike, v)


class Deep(Cell):
    """A Cell of this kind inside a chain inside a Cell, with a readout and a synapse."""

    def __init__(self):
        super().__init__()
        self.inner = Residual()
        self.chain = nn.SequentialCell(nn.Dense(6, 4, rng=5), snn.LIFNode(beta=0.5), nn.Dense(4, 3, rng=6))
        self.readout = snn.LeakyReadout(beta=0.75)

    def initial_state(self, x):
        wide, narrow = ops.zeros((len(x), 4), x.dtype), ops.zeros((len(x), 3), x.dtype)
        return {"inner": self.inner.initial_state(x), "chain": {"1": wide}, "readout": narrow}

    def construct(self, x, state):
        out, inner = self.inner(x, state["inner"])
        out, chain = self.chain(out, state["chain"])
        out, readout = self.readout(out, state["readout"])
        return out, {"inner": inner, "chain": chain, "readout": readout}


NETS = {
    "residual": Residual, "feedback": Feedback, "excitation and inhibition": Balanced, "trace": Trace, "one to one": OneToOne,
    "shared": Shared, "mixing": Mixing, "steady": Steady, "deep": Deep, "apart": Apart,
    "chain": lambda: nn.SequentialCell(nn.Dense(5, 5, rng=1), Feedback(), nn.Dense(4, 3, rng=2), snn.IFNode()),
    "recurrent": lambda: nn.SequentialCell(OneToOne(), nn.Dense(5, 4, rng=1), snn.Recurrent(snn.IFNode(), 4, rng=0)),
}  # fmt: skip
