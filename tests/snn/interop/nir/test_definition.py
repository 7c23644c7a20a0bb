"""Graphs of others give what NIR's equations define, in Euler steps or exact ones, node by node."""

import math

import numpy as np
import pytest

import snn
from autograd import nn
from autograd.errors import ArgumentError, DataError
from tests.reference.nir import steps

nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
ours = snn.interop.nir

DT, T, N, F = 1e-3, 60, 2, 4
RNG = np.random.default_rng(0)


def each(low, high):
    return RNG.uniform(low, high, F)


def parameters(*names):
    ranges = {"tau": (3e-3, 2e-2), "tau_mem": (3e-3, 2e-2), "tau_syn": (2e-3, 1e-2), "r": (0.8, 2.0), "v_leak": (-0.2, 0.2)}
    ranges |= {"v_threshold": (0.3, 0.8), "v_reset": (-0.3, -0.1), "w_in": (0.5, 2.0)}
    return {name: each(*ranges[name]) for name in names}


NODES = {
    "I": lambda: nir.I(r=each(100, 900)),
    "IF": lambda: nir.IF(r=each(100, 900), **parameters("v_threshold", "v_reset")),
    "LI": lambda: nir.LI(**parameters("tau", "r", "v_leak")),
    "LIF": lambda: nir.LIF(**parameters("tau", "r", "v_leak", "v_threshold", "v_reset")),
    "CubaLI": lambda: nir.CubaLI(**parameters("tau_syn", "tau_mem", "r", "v_leak", "w_in")),
    "CubaLIF": lambda: nir.CubaLIF(**parameters("tau_syn", "tau_mem", "r", "v_leak", "w_in", "v_threshold", "v_reset")),
    "Threshold": lambda: nir.Threshold(each(0.1, 0.9)),
    "Scale": lambda: nir.Scale(each(0.5, 2.0)),
    "Delay": lambda: nir.Delay(np.array([0, 1, 5, 2]) * DT),
    "Linear": lambda: nir.Linear(RNG.normal(size=(F, F))),
    "Affine": lambda: nir.Affine(RNG.normal(size=(F, F)), each(-1, 1)),
}


def plain(node):
    """Return a graph of one node."""
    return nir.NIRGraph.from_list(node)


def drive(*shape):
    return np.random.default_rng(1).normal(0.8, 1.2, (T, N, *shape))


@pytest.mark.parametrize("method", ["euler", "exact"])
@pytest.mark.parametrize("kind", NODES)
def test_a_node_does_what_nir_defines(kind, method):
    node, x = NODES[kind](), drive(F)
    net = ours.from_nir(plain(node), dt=DT, method=method)
    out = snn.run(net, x, mode="eager").out.asnumpy()
    expected = steps(node, x, DT, method)
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-9)
    if kind in ("IF", "LIF", "CubaLIF", "Threshold"):
        assert 0.02 < out.mean() < 0.98


@pytest.mark.parametrize("kind", ["IF", "LIF", "CubaLIF", "LI", "CubaLI", "I"])
def test_nodes_that_equal_ours_are_ours(kind):
    ones = np.ones(F)
    fires = {"v_threshold": 0.5 * ones, "v_reset": 0 * ones}
    leak = {"tau": 5e-3 * ones, "r": ones, "v_leak": 0 * ones}
    cuba = {"tau_syn": 2e-3 * ones, "tau_mem": 5e-3 * ones, "r": 5 * ones, "v_leak": 0 * ones, "w_in": 2 * ones}
    node, expected = {
        "I": lambda: (nir.I(ones / DT), snn.Readout()),
        "IF": lambda: (nir.IF(ones / DT, **fires), snn.IFNode(0.5, v_reset=0.0, spike_value="unit")),
        "LI": lambda: (nir.LI(**leak), snn.LeakyReadout(tau=5.0, decay_input=True)),
        "LIF": lambda: (
            nir.LIF(**leak, **fires),
            snn.LIFNode(0.5, tau=5.0, decay_input=True, v_reset=0.0, spike_value="unit"),
        ),
        "CubaLI": lambda: (nir.CubaLI(**cuba), snn.CurrentLIFNode(alpha=0.5, beta=0.8, fire=False)),
        "CubaLIF": lambda: (
            nir.CubaLIF(**cuba, **fires),
            snn.CurrentLIFNode(0.5, alpha=0.5, beta=0.8, v_reset=0.0, spike_value="unit"),
        ),
    }[kind]()
    assert repr(ours.from_nir(plain(node), dt=DT)[0]) == repr(expected)


CONVS = {
    "plain": {"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
    "strides": {"stride": (2, 1), "padding": (1, 2), "dilation": 1, "groups": 1},
    "dilated": {"stride": 1, "padding": (0, 1), "dilation": (2, 1), "groups": 2},
    "same": {"stride": 1, "padding": "same", "dilation": 1, "groups": 1},
    "valid": {"stride": 2, "padding": "valid", "dilation": 1, "groups": 2},
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch pads by a copy
@pytest.mark.parametrize("name", CONVS)
def test_convolutions_are_those_of_torch(name):
    torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
    options, x = CONVS[name], drive(4, 7, 6)
    weight, bias = RNG.normal(size=(6, 4 // options["groups"], 3, 2)), RNG.normal(size=6)
    node = nir.Conv2d(None, weight, bias=bias, **options)
    graph = nir.NIRGraph(
        {"in": nir.Input(np.array([4, 7, 6])), "conv": node, "out": nir.Output(None)},
        [("in", "conv"), ("conv", "out")],
        type_check=False,
    )
    out = snn.run(ours.from_nir(graph, dt=DT), x, mode="eager").out.asnumpy()
    t = [torch.from_numpy(a) for a in (x.reshape(T * N, 4, 7, 6), weight, bias)]
    np.testing.assert_allclose(
        out.reshape(T * N, *out.shape[2:]), torch.nn.functional.conv2d(*t, **options).numpy(), atol=1e-9
    )
    options = {k: v if isinstance(v, (int, str)) else v[0] for k, v in options.items()}
    node = nir.Conv1d(7, weight[..., 0], bias=bias, **options)
    graph = nir.NIRGraph(
        {"in": nir.Input(np.array([4, 7])), "conv": node, "out": nir.Output(None)},
        [("in", "conv"), ("conv", "out")],
        type_check=False,
    )
    out = snn.run(ours.from_nir(graph, dt=DT), x[..., 0], mode="eager").out.asnumpy()
    t = [torch.from_numpy(a.copy()) for a in (x[..., 0].reshape(T * N, 4, 7), weight[..., 0], bias)]
    np.testing.assert_allclose(
        out.reshape(T * N, *out.shape[2:]), torch.nn.functional.conv1d(*t, **options).numpy(), atol=1e-9
    )


def test_pools_and_flatten_are_those_of_torch():
    torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
    x = drive(2, 6, 6)
    windows = {"kernel_size": np.array([3, 2]), "stride": np.array([2, 2]), "padding": np.array([1, 0])}
    average = torch.nn.AvgPool2d((3, 2), (2, 2), (1, 0))
    for kind, factor in (("AvgPool2d", 1), ("SumPool2d", 6)):
        nodes = nir.Input(np.array([2, 6, 6])), getattr(nir, kind)(**windows), nir.Flatten(None, start_dim=0)
        out = snn.run(ours.from_nir(nir.NIRGraph.from_list(*nodes), dt=DT), x, mode="eager").out.asnumpy()
        expected = average(torch.from_numpy(x.reshape(T * N, 2, 6, 6))).numpy() * factor
        np.testing.assert_allclose(out, expected.reshape(T, N, -1), atol=1e-9)


def test_a_cycle_of_neurons_feeds_back_a_step_late():
    weight, x = RNG.normal(0, 0.8, (F, F)), drive(F)
    lif = NODES["LIF"]()
    graph = nir.NIRGraph(
        {"in": nir.Input(np.array([F])), "lif": lif, "w": nir.Affine(weight, each(0, 0.2)), "out": nir.Output(np.array([F]))},
        [("w", "lif"), ("in", "lif"), ("lif", "w"), ("lif", "out")],
    )
    net, step, spikes, expected = ours.from_nir(graph, dt=DT), steps(lif, None, DT, "euler"), np.zeros((N, F)), []
    for xt in x:
        spikes = step(xt + spikes @ weight.T + graph.nodes["w"].bias)
        expected.append(spikes)
    for mode in ("eager", "compiled"):
        out = snn.run(net, x, mode=mode).out.asnumpy()
        np.testing.assert_array_equal(out, np.array(expected))
    assert 0.02 < out.mean() < 0.98


def test_a_delay_in_a_cycle_is_as_long_as_it_says():
    graph = nir.NIRGraph(
        {
            "in": nir.Input(np.array([1])),
            "if": nir.IF(np.full(1, 1 / DT), np.full(1, 0.5)),
            "d": nir.Delay(np.full(1, 3 * DT)),
            "out": nir.Output(np.array([1])),
        },
        [("in", "if"), ("if", "d"), ("d", "if"), ("if", "out")],
    )
    x = np.zeros((10, 1, 1))
    x[0] = 1
    out = snn.run(ours.from_nir(graph, dt=DT), x, mode="eager").out.asnumpy()
    np.testing.assert_array_equal(np.flatnonzero(out), [0, 3, 6, 9])


def test_graphs_inside_graphs_are_one_net():
    inner = nir.NIRGraph.from_list(nir.Scale(np.full(F, 2.0)), NODES["LIF"]())
    outer = nir.NIRGraph(
        {"in": nir.Input(np.array([F])), "a": inner, "b": inner, "out": nir.Output(np.array([F]))},
        [("in", "a"), ("a", "b"), ("b", "out")],
    )
    net = ours.from_nir(outer, dt=DT)
    assert next(iter(net.named()))[0] == "a"
    assert [type(cell).__name__ for _, cell in net["b"].named()] == ["OneToOne", "RestingLIFNode"]
    x, flat = drive(F), nir.NIRGraph.from_list(*[inner.nodes[n] for n in ("scale", "lif") * 2])
    outs = [snn.run(n, x, mode="eager").out.asnumpy() for n in (net, ours.from_nir(flat, dt=DT))]
    np.testing.assert_array_equal(*outs)
    assert 0 < outs[0].mean() < 1


def test_images_have_neurons_with_a_value_for_each():
    threshold = np.random.default_rng(2).uniform(0.2, 1, (2, 3, 3))
    node = nir.IF(np.full((2, 3, 3), 1 / DT), threshold)
    x = drive(2, 3, 3)
    out = snn.run(ours.from_nir(plain(node), dt=DT), x, mode="eager").out.asnumpy()
    np.testing.assert_array_equal(out, steps(node, x, DT, "euler"))
    assert 0.02 < out.mean() < 0.98


# What is refused


def wired(nodes, edges, **more):
    ends = {"in": nir.Input(np.array([F])), "out": nir.Output(np.array([F]))}
    return nir.NIRGraph(ends | nodes, edges, type_check=False, **more)


def one(node):
    return wired({"n": node}, [("in", "n"), ("n", "out")])


ONES = np.ones(F)
REFUSED = {
    "tau below dt": (
        lambda: one(nir.LI(ONES * 1e-4, ONES, ONES)),
        r"node 'n' \(LI\), tau: expected a time constant of at least dt",
    ),
    "tau below 0": (lambda: one(nir.LI(-ONES, ONES, ONES)), "a time constant above 0"),
    "nan": (lambda: one(nir.Scale(ONES * math.nan)), r"node 'n' \(Scale\), scale: expected finite numbers"),
    "threshold": (lambda: one(nir.IF(ONES, 0 * ONES)), r"node 'n' \(IF\): expected a finite v_threshold > 0"),
    "reset": (lambda: one(nir.IF(ONES, ONES, 2 * ONES)), "a finite v_reset below v_threshold"),
    "delay": (lambda: one(nir.Delay(ONES * 1.5e-3)), "whole steps of dt = 0.001 s"),
    "long delay": (lambda: one(nir.Delay(ONES * 1e9)), "delays whose inputs are at most"),
    "shape": (lambda: one(nir.Scale(np.ones(3))), r"expected \[4\], a value for each neuron"),
    "weights": (lambda: one(nir.Linear(np.ones((2, 3)))), r"node 'n' \(Linear\): expected an input \[3\], got \[4\]"),
    "batched weights": (lambda: one(nir.Linear(np.ones((2, 3, 4)))), "an array of 2 axes"),
    "output": (lambda: one(nir.Linear(np.ones((3, F)))), r"node 'out' \(Output\), shape: expected \[3\]"),
    "sum": (
        lambda: wired({"a": nir.Linear(np.ones((2, F))), "out": nir.Output(None)}, [("in", "a"), ("a", "out"), ("in", "out")]),
        "from each node that feeds it",
    ),
    "loop": (
        lambda: wired({"a": nir.Scale(ONES)}, [("in", "a"), ("a", "a"), ("a", "out")]),
        "a neuron or a Delay in each cycle",
    ),
    "island": (lambda: wired({"a": nir.Scale(ONES)}, [("in", "out")]), "nodes that the Input leads to"),
    "edges": (lambda: wired({}, [("in", "out"), ("in", "nowhere")]), "pairs of names of its nodes"),
    "twice": (lambda: wired({}, [("in", "out"), ("in", "out")]), "each edge once"),
    "inputs": (lambda: wired({"in2": nir.Input(np.array([F]))}, [("in", "out"), ("in2", "out")]), "one Input"),
    "huge": (
        lambda: nir.NIRGraph.from_list(nir.Input(np.array([1 << 30, 1 << 20])), nir.Output(None), type_check=False),
        "bytes per sample",
    ),
    "no shape": (lambda: nir.NIRGraph.from_list(nir.Input(None), nir.Output(None), type_check=False), "Input.*shape"),
    "window": (
        lambda: nir.NIRGraph.from_list(
            nir.Input(np.array([1, 3, 3])),
            nir.SumPool2d(np.array([4, 4]), np.array([1, 1]), np.array([0, 0])),
            nir.Output(None),
            type_check=False,
        ),
        "windows that fit",
    ),
    "no graph": (lambda: nir.Scale(ONES), "expected a nir.NIRGraph"),
    "no numbers": (lambda: one(nir.Scale(np.array(["a"] * F))), r"scale: expected numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_defines_no_net_is_refused_by_name(name):
    graph, match = REFUSED[name]
    with pytest.raises(DataError, match=match):
        ours.from_nir(graph(), dt=DT)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "expected dt, the seconds of a time step: NIR has none"),
        ({"dt": 0}, "a number above 0"),
        ({"dt": "1"}, "a number"),
        ({"dt": DT, "method": "rk4"}, "method 'euler' or 'exact'"),
        ({"dt": DT, "written_by": "brian"}, "norse, snntorch"),
        ({"dt": DT, "options": {"a": 1}}, "written_by with options"),
    ],
)
def test_arguments_are_checked(options, match):
    with pytest.raises(ArgumentError, match=match):
        ours.from_nir(plain(NODES["LIF"]()), **options)


def test_a_surrogate_is_that_which_is_given():
    net = ours.from_nir(plain(NODES["LIF"]()), dt=DT, surrogate_function=snn.surrogate.atan(3.0))
    assert repr(net[0].surrogate_function) == "atan(alpha=3)"
    assert isinstance(net, nn.SequentialCell)
