"""Random nets: populations, traces and synapses that feed each other in any way, in both modes.

``HYPOTHESIS_PROFILE=thorough`` draws 500.
"""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import snn
from autograd import Cell, Tensor, nn, ops
from autograd.errors import CompileError
from snn.compiled import execute
from tests.snn.graphs.test_nets import N, a_mask, assert_agrees, whole

EXAMPLES = 500 if settings().max_examples > 100 else 30
PHASES = (Phase.generate, Phase.shrink) if EXAMPLES > 100 else (Phase.generate,)  # to shrink takes minutes
T = 6
FEATURES = 3
NODES = {
    "IF": snn.IFNode,
    "LIF": lambda: snn.LIFNode(beta=0.5),
    "hard": lambda: snn.IFNode(v_threshold=0.5, v_reset=-0.25),
    "unit": lambda: snn.LIFNode(beta=0.75, v_threshold=0.75, spike_value="unit", surrogate_function=snn.surrogate.triangle()),
    "readout": lambda: snn.LeakyReadout(beta=0.5),
    "learnable": lambda: snn.PLIFNode(tau=2.0, decay_input=False),
}
OPERATIONS = ("add", "mul", "sub", "where", "maximum")


@dataclass
class Input:
    """How a population takes a value: from which of the sources, with weights or none, and how it is joined."""

    source: int  # -1 is the input; k < populations the spike of that one; k + 100 that of the step before
    weights: bool
    join: str


@dataclass
class Spec:
    """What a net is made of."""

    widths: list[int]
    nodes: list[str]
    inputs: list[list[Input]]
    traces: list[bool] = field(default_factory=list)


class Random(Cell):
    """The net of a Spec."""

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        for k, (node, inputs) in enumerate(zip(spec.nodes, spec.inputs, strict=True)):
            setattr(self, f"node{k}", NODES[node]())
            for i, item in enumerate(inputs):
                if item.weights:
                    n_in = FEATURES if item.source == -1 else spec.widths[item.source % 100]
                    setattr(self, f"fc{k}_{i}", nn.Dense(n_in, spec.widths[k], rng=k + 10 * i, has_bias=bool((k + i) % 2)))

    def initial_state(self, x):
        zeros = [ops.zeros((len(x), n), x.dtype) for n in self.spec.widths]
        nodes = [
            snn.initial_state(getattr(self, f"node{k}"), Tensor.wrap(np.zeros((len(x), n), x.dtype)))
            for k, n in enumerate(self.spec.widths)
        ]
        return {"nodes": nodes, "last": zeros, "trace": zeros}

    def construct(self, x, state):
        outs, nodes, traces = [], [], []
        for k, inputs in enumerate(self.spec.inputs):
            current = None
            for i, item in enumerate(inputs):
                value = (
                    x if item.source == -1 else outs[item.source] if item.source < 100 else state["last"][item.source - 100]
                )
                value = getattr(self, f"fc{k}_{i}")(value) if item.weights else value
                if current is None:
                    current = value
                elif item.join == "where":
                    current = ops.where(value > 0.25, current, value * 0.5)
                else:
                    current = getattr(ops, item.join)(current, value)
            out, after = getattr(self, f"node{k}")(current, state["nodes"][k])
            trace = state["trace"][k]
            if self.spec.traces[k]:
                trace = 0.5 * trace + out
                out = out + 0.25 * trace
            outs.append(out)
            nodes.append(after)
            traces.append(trace)
        return ops.concat(outs, axis=-1), {"nodes": nodes, "last": outs, "trace": traces}


@st.composite
def specs(draw):
    """Draw what a net is made of."""
    n = draw(st.sampled_from([1, 2, 2, 3, 3, 4]))
    widths = draw(st.lists(st.sampled_from([2, 3, 5]), min_size=n, max_size=n))
    nodes = draw(st.lists(st.sampled_from([*NODES]), min_size=n, max_size=n))
    inputs = []
    for k in range(n):
        sources = [-1, *range(k), *(100 + j for j in range(n))]
        found = [Input(-1 if k == 0 else draw(st.sampled_from([-1, k - 1])), True, "add")]
        for source in draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3)):
            width = FEATURES if source == -1 else widths[source % 100]
            bare = width == widths[k] and draw(st.booleans())
            found.append(Input(source, not bare, draw(st.sampled_from(OPERATIONS))))
        inputs.append(found)
    return Spec(widths, nodes, inputs, draw(st.lists(st.booleans(), min_size=n, max_size=n)))


def made(spec, seed):
    """Return the net, with weights whose sums are exact in float64, and an input."""
    net = whole(Random(spec))
    for p in net.get_parameters():
        p._values = p._values.astype(np.float64)
    return net, Tensor((np.random.default_rng(seed).random((T, N, FEATURES)) < 0.7).astype(np.float64))


@settings(max_examples=EXAMPLES, phases=PHASES)
@given(specs(), st.booleans(), st.integers(0, 99))
def test_a_random_net_agrees_with_the_eager_mode(spec, masked, seed):
    net, x = made(spec, seed)
    # Numbers that go round and are multiplied with each other have more digits than a float; a spike more would be far off.
    assert_agrees(net, x, "python", close=1e-9, mask=a_mask()[:T] if masked else None)


def test_random_nets_fire_and_step_in_groups():
    """What is drawn must be worth comparing."""
    fired, grouped = [], []

    @settings(max_examples=25)
    @given(specs())
    def look(spec):
        net, x = made(spec, 0)
        fired.append(float((snn.run(net, x, mode="eager")[0].asnumpy() != 0).mean()))
        try:
            schedule, _ = execute.schedule_for(net, x, None)
        except CompileError:
            return
        grouped.append(any(stage.projections for stage in schedule.stages))

    look()
    assert np.mean(fired) > 0.1
    assert np.mean(grouped) > 0.3
    assert len(grouped) > 20
