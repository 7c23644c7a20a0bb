"""Ours to ours: an exported net comes back to the bit, from the graph and from its file, in both modes."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, nn, ops, value_and_grad
from autograd.errors import ArgumentError, DataError

nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
ours = snn.interop.nir


def dense(i, o, seed=0, **options):
    weight = np.random.default_rng(seed).normal(0.3, 0.8, (o, i))  # strong, so that neurons fire
    return nn.Dense(i, o, weight, rng=seed, **options)


def lif(**options):
    return snn.LIFNode(beta=0.9, v_reset=0.0, **options)


class Excited(Cell):
    """Excitation and inhibition: within a step from one to the other, a step late back; and a way past both."""

    def __init__(self):
        super().__init__()
        self.inputs, self.ee, self.ei, self.ie = dense(4, 6, 0), dense(6, 6, 1), dense(6, 2, 2), dense(2, 6, 3)
        self.out, self.e, self.i = dense(6, 6, 4), lif(), lif()

    def initial_state(self, x):
        return {n: ops.zeros((len(x), k), x.dtype) for n, k in (("e", 6), ("i", 2), ("ze", 6), ("zi", 2))}

    def construct(self, x, state):
        current = self.inputs(x) + self.ee(state["ze"]) - self.ie(state["zi"])
        ze, e = self.e(current, state["e"])
        zi, i = self.i(2.0 * self.ei(ze), state["i"])
        return self.out(ze) + 0.5 * current, {"e": e, "i": i, "ze": ze, "zi": zi}


class Remembering(Cell):
    """Uses spikes of the two steps before, beside those of the present one."""

    def __init__(self):
        super().__init__()
        self.dense, self.back, self.lif = dense(4, 4, 0), dense(4, 4, 1), lif()

    def initial_state(self, x):
        zeros = ops.zeros(x.shape, x.dtype)
        return {"v": zeros, "one": zeros, "two": zeros}

    def construct(self, x, state):
        z, v = self.lif(self.dense(x) + self.back(state["two"]), state["v"])
        return z + state["one"] - x, {"v": v, "one": z, "two": state["one"]}


class Delayed(Cell):
    """A delay in a cycle."""

    def __init__(self):
        super().__init__()
        self.back, self.lif, self.delay = dense(4, 4, 1), lif(), snn.Delay(2)

    def initial_state(self, x):
        zeros = ops.zeros(x.shape, x.dtype)
        return {"v": zeros, "delay": self.delay.initial_state(x), "back": zeros}

    def construct(self, x, state):
        z, v = self.lif(x + state["back"], state["v"])
        back, delay = self.delay(self.back(z), state["delay"])
        return z, {"v": v, "delay": delay, "back": back}


class Written(Cell):
    """Weights of one's own, and two outputs."""

    def __init__(self):
        super().__init__()
        self.weight = Parameter(np.random.default_rng(0).normal(0, 1, (4, 3)).astype(np.float32))
        self.gain = Parameter(np.float32([1, 2, 3]))
        self.lif = lif()

    def initial_state(self, x):
        return ops.zeros((len(x), 3), x.dtype)

    def construct(self, x, state):
        current = self.gain * ops.matmul(x, self.weight)
        z, v = self.lif(current + current, state)
        return (z, -current), v


def chain(*layers):
    return nn.SequentialCell(*layers)


EACH = np.float32([0.5, 0.6, 0.7])
NETS = {  # the net, the shape of a sample, what goes beyond NIR
    "lif": lambda: chain(
        dense(4, 5), lif(), dense(5, 3, 1, has_bias=False), snn.LIFNode(tau=4.0, decay_input=True, v_reset=0.0)
    ),
    "lif of each": lambda: chain(
        dense(4, 3), snn.LIFNode(2 * EACH, beta=Parameter(EACH), v_reset=-EACH, surrogate_function=snn.surrogate.atan(3.0))
    ),
    "exponential": lambda: chain(
        dense(4, 3), snn.LIFNode(tau=3.0, decay_input=True, exponential=True, v_reset=-0.1), snn.OneToOne(3, rng=1)
    ),
    "cuba": lambda: chain(
        dense(4, 3),
        snn.CurrentLIFNode(tau_syn=3.0, tau=5.0, decay_input=False, v_reset=0.0),
        dense(3, 3, 2),
        snn.CurrentLIFNode(fire=False),
        snn.synapses.Exponential(tau_syn=2.0),
        snn.Readout(),
    ),
    "amplitude": lambda: chain(dense(4, 5), snn.Recurrent(snn.IFNode(0.5, v_reset=0.0), 5, rng=1), dense(5, 3, 2)),
    "recurrent": lambda: chain(
        dense(4, 5),
        snn.Recurrent(lif(), 5, rng=1),
        snn.Recurrent(lif(), 5, lateral="self", rng=2),
        snn.Recurrent(snn.CurrentLIFNode(v_reset=0.0), 5, lateral="others", rng=3),
    ),
    "through": lambda: chain(dense(4, 5), snn.RecurrentThrough(lif(), dense(5, 5, 1)), dense(5, 3, 2)),
    "delays": lambda: chain(dense(4, 3), lif(), snn.Delay([0, 1, 3]), snn.LeakyReadout(beta=0.8), snn.Delay(2)),
    "nested": lambda: chain(chain(dense(4, 3), lif()), nn.Identity(), chain(chain(dense(3, 3, 1), lif()), dense(3, 2, 2))),
    "gains": lambda: chain(
        dense(4, 4),
        ours.RestingCurrentLIFNode(gain=0.3, gain_syn=0.9, v_rest=0.1, v_reset=-0.2),
        snn.OneToOne(4, rng=1, has_bias=True, bias_init=0.2),
        ours.ScaledIFNode(gain=2.5, v_reset=0.0),
        dense(4, 3, 1),
        ours.RestingLIFNode(gain=EACH, v_reset=0.2, v_rest=0.1),
    ),
    "threshold": lambda: chain(dense(4, 3), ours.Threshold(EACH - 0.5), snn.surrogate.atan(), dense(3, 3, 1)),
    "conv": lambda: chain(
        nn.Conv2d(2, 4, 3, 2, "pad", 1, rng=0, group=2),
        lif(),
        nn.SumPool2d(2, 1),
        nn.Conv2d(4, 3, (2, 1), rng=1),
        ours.Scale(np.full((3, 2, 2), 2.0, np.float32)),
        snn.IFNode(v_reset=0.0),
        nn.AvgPool2d((2, 1), 1),
        nn.Flatten(),
        dense(6, 3, 2),
        lif(),
    ),
    "conv1d": lambda: chain(
        nn.Conv1d(2, 4, 3, rng=0, has_bias=True),
        snn.RecurrentThrough(lif(), nn.Conv1d(4, 4, 3, rng=1)),
        nn.Conv1d(4, 2, 3, 2, "valid", dilation=1, rng=2),
        nn.Flatten(2),
        nn.Flatten(1, -1),
        dense(4, 3, 3),
    ),
    "excited": Excited,
    "remembering": Remembering,
    "delayed": Delayed,
    "written": Written,
    "soft": lambda: chain(
        dense(4, 5),
        snn.LIFNode(beta=0.8, fire_at_threshold=True),
        dense(5, 3, 1),
        snn.CurrentLIFNode(v_reset="never", current_first=False),
    ),
    "start": lambda: chain(dense(4, 5), snn.IFNode(v_reset=-0.5, detach_reset=True)),
}
SHAPES = {"conv": (2, 6, 5), "conv1d": (2, 5)}
BEYOND = {"soft": ["comparator", "order", "reset"], "start": ["start"]}
COMPILED = {"lif", "recurrent", "conv", "excited"}


def arrays(result):
    outs = result.out if isinstance(result.out, tuple) else (result.out,)
    return [out.asnumpy() for out in outs]


@pytest.mark.parametrize("name", NETS)
def test_a_net_comes_back_to_the_bit(name, tmp_path):
    net, shape = NETS[name](), SHAPES.get(name, (4,))
    x = np.random.default_rng(5).normal(0.4, 1.6, (25, 3, *shape)).astype(np.float32)
    if name in BEYOND:
        with pytest.raises(ArgumentError, match="only spikecell reads the same net"):
            ours.to_nir(net, shape, dt=1e-3)
    graph = ours.to_nir(net, x, dt=1e-3, beyond=BEYOND.get(name, ()))
    ours.write(tmp_path / "net.nir", graph)
    assert [path.name for path in tmp_path.iterdir()] == ["net.nir"]
    expected = arrays(snn.run(net, x, mode="eager"))
    assert all(np.unique(out).size > 1 for out in expected)
    nested = ours.to_nir(net, x, dt=1e-3, beyond=BEYOND.get(name, ()), nested=True)
    for found in (ours.from_nir(nested), ours.from_nir(graph), ours.from_nir(tmp_path / "net.nir")):
        for out, same in zip(arrays(snn.run(found, x, mode="eager")), expected, strict=True):
            np.testing.assert_array_equal(out, same, strict=True)
    if name in COMPILED:
        for out, same in zip(*(arrays(snn.run(n, x, mode="compiled")) for n in (found, net)), strict=True):
            np.testing.assert_array_equal(out, same, strict=True)
    again = ours.to_nir(found, x, dt=1e-3, beyond=BEYOND.get(name, ()))
    assert {n: type(node) for n, node in again.nodes.items()}.items() >= {
        n: type(node) for n, node in graph.nodes.items() if "." not in n
    }.items()


def kinds(graph):
    inner = [node for node in graph.nodes.values() if isinstance(node, nir.NIRGraph)]
    return {type(node) for node in graph.nodes.values()}.union(*map(kinds, inner))


def test_the_nets_have_every_node_of_nir():
    every = {node for node in vars(nir.ir).values() if isinstance(node, type) and issubclass(node, nir.NIRNode)}
    found = [
        kinds(ours.to_nir(make(), SHAPES.get(name, (4,)), dt=1e-3, beyond=BEYOND.get(name, ()), nested=True))
        for name, make in NETS.items()
    ]
    assert set().union(*found) == every - {nir.NIRNode}
    assert len(every) >= 20


def test_gradients_too():
    net, x = NETS["recurrent"](), np.random.default_rng(5).normal(0.4, 1.6, (25, 3, 4)).astype(np.float32)
    found = ours.from_nir(ours.to_nir(net, x, dt=1e-3))
    assert [(n, p.shape) for n, p in found.parameters_and_names()] == [(n, p.shape) for n, p in net.parameters_and_names()]
    gradients = []
    for each in (net, found):
        weights = each.trainable_params()
        _, by = value_and_grad(lambda n=each: snn.run(n, x, mode="eager").out.sum(), grad_position=None, weights=weights)()
        gradients.append([g.asnumpy() for g in by])
    for mine, theirs in zip(*gradients, strict=True):
        assert np.abs(mine).sum() > 0
        np.testing.assert_array_equal(mine, theirs)


def test_float64_comes_back_in_float64():
    net = chain(nn.Dense(4, 3, rng=0, dtype=np.float64), lif())
    x = np.random.default_rng(0).normal(0.4, 1.6, (20, 2, 4))
    out = snn.run(ours.from_nir(ours.to_nir(net, x, dt=1e-3)), x, mode="eager").out.asnumpy()
    np.testing.assert_array_equal(out, snn.run(net, x, mode="eager").out.asnumpy(), strict=True)
    assert out.dtype == np.float64
    assert 0 < out.mean() < 1


def test_kinds_and_constants_come_back():
    found = ours.from_nir(ours.to_nir(NETS["lif of each"](), (4,), dt=1e-3))
    assert isinstance(found, nn.SequentialCell)
    node = found[1]
    assert repr(node) == repr(NETS["lif of each"]()[1])
    assert isinstance(node.beta, Parameter)
    assert isinstance(ours.from_nir(ours.to_nir(NETS["recurrent"](), (4,), dt=1e-3))[3], snn.Recurrent)


def test_a_graph_that_was_changed_is_not_taken_for_ours():
    graph = ours.to_nir(NETS["lif"](), (4,), dt=1e-3)
    graph.nodes["1"].tau = graph.nodes["1"].tau * 2
    with pytest.raises(DataError, match=r"node '1' \(LIF\): expected fields as in its metadata.*metadata=False"):
        ours.from_nir(graph)
    assert ours.from_nir(graph, metadata=False, dt=1e-3)[1].beta == pytest.approx(0.95)


def test_dt_is_known_and_another_one_refused():
    graph = ours.to_nir(NETS["lif"](), (4,), dt=1e-3)
    assert repr(ours.from_nir(graph, dt=1e-3)) == repr(ours.from_nir(graph))
    with pytest.raises(ArgumentError, match=r"dt=0\.001, for which the graph was written"):
        ours.from_nir(graph, dt=1e-4)


@pytest.mark.parametrize("text", ["{", "[]", '{"cell": "LIFNode"}', '{"cell": "os", "arguments": {}}', "[" * 9999])
def test_damaged_metadata_is_an_error(text):
    graph = ours.to_nir(NETS["lif"](), (4,), dt=1e-3)
    graph.nodes["1"].metadata["spikecell"] = text
    with pytest.raises(DataError, match="metadata=False"):
        ours.from_nir(graph)


@pytest.mark.parametrize(
    "edit",
    [
        {"v_threshold": {"array": "no"}},
        {"v_threshold": [1]},
        {"nonsense": 1},
        {"beta": 7},
        {"beta": {"array": "spikecell0"}},
        {"surrogate_function": {"surrogate": "Surrogate", "arguments": {}}},
        {"surrogate_function": {"surrogate": "export"}},
    ],
)
def test_metadata_makes_nothing_but_cells_of_ours(edit):
    import json

    graph = ours.to_nir(NETS["lif"](), (4,), dt=1e-3)
    held = json.loads(graph.nodes["1"].metadata["spikecell"])
    held["arguments"] |= edit
    graph.nodes["1"].metadata["spikecell"] = json.dumps(held)
    with pytest.raises(DataError, match="metadata"):
        ours.from_nir(graph)
