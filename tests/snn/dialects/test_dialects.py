"""Neurons made by ``dialect`` behave as any neuron and refuse what has no equivalent; tests/golden has the peers' arrays."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor
from autograd.errors import ArgumentError, StateError
from snn.dialects import PEERS
from tests.snn.helpers.compare import assert_as_eager, assert_equal, start_of

NODES = {
    "spikingjelly": lambda: snn.KLIFNode.dialect("spikingjelly", tau=3.0),
    "norse": lambda: snn.LSNNNode.dialect("norse"),
    "rockpool": lambda: snn.LIFNode.dialect("rockpool", tau_mem=0.01, bias=[0.1, 0.2, 0.3]),
    "rockpool, periodic": lambda: snn.LIFNode.dialect(
        "rockpool", threshold=[0.3, 0.4, 0.5], max_spikes_per_dt=3, spike_generation_fn="PeriodicExponential"
    ),
    "sinabs": lambda: snn.LIFNode.dialect("sinabs", tau_mem=Parameter(np.float32(5.0)), tau_syn=3.0, spike_threshold=0.1),
    "sinabs, periodic": lambda: snn.IFNode.dialect(
        "sinabs", surrogate_grad_fn="PeriodicExponential", reset_fn="MembraneReset", tau_syn=3.0
    ),
    "snntorch Leaky": lambda: snn.LIFNode.dialect("snntorch", beta=Parameter(np.full(3, 0.9, np.float32))),
    "snntorch Leaky at once": lambda: snn.LIFNode.dialect("snntorch", beta=0.9, reset_mechanism="zero", reset_delay=False),
    "snntorch Synaptic": lambda: snn.CurrentLIFNode.dialect("snntorch", alpha=0.8, beta=0.9, reset_mechanism="zero"),
    "snntorch Alpha": lambda: snn.AlphaNode.dialect("snntorch", alpha=0.9, beta=0.8, threshold=0.3),
    "snntorch Alpha, subtract": lambda: snn.AlphaNode.dialect("snntorch", alpha=0.9, beta=0.8, reset_mechanism="subtract"),
    "spyx IF": lambda: snn.IFNode.dialect("spyx"),
    "spyx LIF": lambda: snn.LIFNode.dialect("spyx", beta=[0.8, 0.9, 0.7]),
    "spyx CuBaLIF": lambda: snn.CurrentLIFNode.dialect("spyx", alpha=0.5, beta=0.9),
    "spyx ALIF": lambda: snn.ALIFNode.dialect("spyx", beta=0.9, gamma=0.8),
}


def inputs(dtype=np.float32):
    return Tensor((1.5 * np.random.default_rng(3).standard_normal((12, 2, 3)) + 0.5).astype(dtype))


@pytest.mark.parametrize("name", NODES)
def test_modes_agree_and_runs_can_be_split(name):
    node, x = NODES[name](), inputs()
    spikes, state, _ = assert_as_eager(node, x, "python", state=start_of(node, x), record=["v", "v_before_reset"])
    assert np.any(spikes.array > 0)
    half = snn.run(node, x.array[:5], start_of(node, x), mode="eager")
    other = snn.run(node, x.array[5:], half[1], mode="eager")
    assert_equal([np.concatenate([half[0], other[0]]), other[1]], [spikes.array, state])


@pytest.mark.parametrize("name", ["rockpool, periodic", "snntorch Leaky at once", "snntorch Alpha", "spyx ALIF"])
def test_modes_agree_compiled(name):
    node, x = NODES[name](), inputs(np.float64)
    assert_as_eager(node, x, state=start_of(node, x), record=["v"])


@pytest.mark.parametrize("name", ["snntorch Alpha", "spyx ALIF", "rockpool"])
def test_a_wrong_state_is_refused(name):
    node, x = NODES[name](), inputs().array
    with pytest.raises(StateError, match="expected its State of v"):
        node(x[0], x[0])
    with pytest.raises(StateError, match=r"expected \[2, 3\] Float32"):
        node(x[0], node.initial_state(x[0, :1]))


EQUATIONS = {
    "snntorch Leaky": "z = v > 1; v' = beta * v + x - z; z2 = v' > 1; spike = z2; "
    "the reset has no gradient; surrogate atan(alpha=2)",
    "snntorch Leaky at once": "z = v > 1; h = 0.9 (1 - z) * v + x; z2 = h > 1; spike = z2; v' = h - (z2 - z) * h; "
    "surrogate atan(alpha=2)",
    "spyx IF": "z = v > 1 [fast_sigmoid(alpha=25)]; h = v + x; spike = z; v' = h - z",
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_node_prints_its_equations(name):
    node = NODES[name]()
    assert repr(node) == f"{type(node).__name__}({EQUATIONS[name]})"


def test_several_spikes_are_printed_with_their_surrogate():
    text = repr(snn.LIFNode.dialect("sinabs", tau_mem=5.0))
    assert "z = h >= 1 [Bump(height=2, width=0.5)]; spike = max(floor(h), 1) - 1 + z;" in text
    assert "the reset has no gradient" in repr(snn.IFNode.dialect("sinabs", reset_fn="MembraneReset"))
    assert "Bump(height=1, width=0.5, period=1)" in repr(snn.IFNode.dialect("sinabs", surrogate_grad_fn="PeriodicExponential"))


BY_HAND = {
    "spyx IF": (lambda: snn.IFNode.dialect("spyx"), [0, 1, 1, 1], [1.5, 2.0, 2.5, 3.0]),
    "spyx LIF": (lambda: snn.LIFNode.dialect("spyx", beta=0.5), [0, 1, 1, 1], [1.5, 1.25, 1.125, 1.0625]),
    "spyx CuBaLIF": (lambda: snn.CurrentLIFNode.dialect("spyx", alpha=0, beta=0.5), [0, 1, 1, 1], [1.5, 1.75, 1.875, 1.9375]),
    "spyx ALIF": (lambda: snn.ALIFNode.dialect("spyx", beta=0.5, gamma=0.5), [0, 1, 0, 1], [1.5, 1.25, 2.125, 1.3125]),
    "rockpool": (lambda: snn.LIFNode.dialect("rockpool", tau_mem=1e9, tau_syn=1e-9, bias=1.5), [1, 2, 1, 2], [0.5, 0, 0.5, 0]),
    "snntorch at once": (
        lambda: snn.LIFNode.dialect("snntorch", beta=0.5, reset_delay=False), [1, 1, 1, 1], [0.5, 0.75, 0.875, 0.9375],
    ),
    "snntorch Alpha, subtract": (
        lambda: snn.AlphaNode.dialect("snntorch", alpha=0.5, beta=0.25, reset_mechanism="subtract"),
        [0, 0, 1, 0], [0, 0.75, 1.3125, -0.328125],
    ),
    "sinabs, one reset for several": (
        lambda: snn.IFNode.dialect("sinabs", spike_threshold=0.5, reset_fn="MembraneReset"), [3, 3, 3, 3], [0, 0, 0, 0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize("name", BY_HAND)
def test_steps_by_hand(name, mode):
    make, spikes, membranes = BY_HAND[name]
    out, _, record = snn.run(make(), np.full((4, 1, 1), 1.5, np.float32), record=["v"], mode=mode)
    np.testing.assert_array_equal(out.asnumpy().ravel(), spikes)
    np.testing.assert_array_equal(record["v"].asnumpy().ravel(), membranes)


AT_THRESHOLD = {
    "norse": (lambda: snn.LIFNode.dialect("norse", v_th=0.5, tau_mem_inv=500.0), 0),
    "rockpool": (lambda: snn.LIFNode.dialect("rockpool", tau_syn=1e-9, bias=1.0), 1),
    "sinabs": (lambda: snn.IFNode.dialect("sinabs"), 1),
    "sinabs, one spike": (lambda: snn.IFNode.dialect("sinabs", spike_fn="SingleSpike"), 1),
    "snntorch": (lambda: snn.LIFNode.dialect("snntorch", beta=0.5), 0),
    "spikingjelly": (lambda: snn.IFNode.dialect("spikingjelly"), 1),
    "spyx": (lambda: snn.IFNode.dialect("spyx"), 0),
}


@pytest.mark.parametrize("name", AT_THRESHOLD)
def test_a_membrane_at_its_threshold_fires_where_the_peers_does(name):
    make, fires = AT_THRESHOLD[name]
    out, _, record = snn.run(make(), np.array([1, 0], np.float32).reshape(2, 1, 1), record=["v_before_reset"])
    assert record["v_before_reset"].asnumpy()[0] == make().v_threshold  # else this says nothing
    assert out.asnumpy().max() == fires


class MaxSpike:
    """As the peer's object of this name."""

    max_num_spikes_per_bin = 2


def test_an_object_of_the_peers_is_taken_by_its_name_and_numbers():
    out, _, _ = snn.run(snn.IFNode.dialect("sinabs", spike_threshold=0.5, spike_fn=MaxSpike()), np.full((1, 1, 1), 1.5))
    assert out.asnumpy() == 2


def of_the_peer(u):
    """Stand for a surrogate that works on the peer's tensors."""
    return u


of_the_peer.__module__ = "snntorch.surrogate"


REFUSED = {
    "one of norse, rockpool, sinabs, snntorch, spikingjelly, spyx": lambda: snn.LIFNode.dialect("brian2"),
    "one of AlphaNode, CurrentLIFNode, LIFNode for snntorch, got IFNode": lambda: snn.IFNode.dialect("snntorch"),
    "arguments of spyx: beta, threshold, activation, got tau": lambda: snn.LIFNode.dialect("spyx", beta=0.9, tau=2.0),
    "the argument beta, got nothing": lambda: snn.LIFNode.dialect("snntorch", threshold=0.5),
    "expected learn_beta=False, got learn_beta=True": lambda: snn.LIFNode.dialect("snntorch", beta=0.9, learn_beta=True),
    "expected w_rec=None, got w_rec=array([0.])": lambda: snn.LIFNode.dialect("rockpool", w_rec=np.zeros(1)),
    "reset_mechanism to be one of subtract, zero": lambda: snn.LIFNode.dialect("snntorch", beta=0.9, reset_mechanism="hard"),
    "0 < beta < alpha": lambda: snn.AlphaNode.dialect("snntorch", alpha=0.8, beta=0.8),
    "spike_grad of ours, such as": lambda: snn.LIFNode.dialect("snntorch", beta=0.9, spike_grad=of_the_peer),
    "method to be one of super": lambda: snn.LIFNode.dialect("norse", method="tanh"),
    "v_leak to be v_reset": lambda: snn.LIFNode.dialect("norse", v_leak=0.1),
    "tau_mem_inv to be a number or an array": lambda: snn.LIFNode.dialect("norse", tau_mem_inv=Parameter(100.0)),
    "surrogate_grad_fn to be one of Single": lambda: snn.IFNode.dialect("sinabs", surrogate_grad_fn="Gaussian"),
    "v_rest=0 with v_reset=None": lambda: snn.QIFNode.dialect("spikingjelly", v_reset=None, v_rest=0.1),
    "v_reset=None or 0 for CUBALIFNode": lambda: snn.CurrentLIFNode.dialect("spikingjelly", v_reset=0.1),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_equalled_is_refused(text):
    with pytest.raises(ArgumentError) as raised:
        REFUSED[text]()
    assert text in str(raised.value)


def test_arguments_that_change_nothing_may_be_what_they_are():
    node = snn.LIFNode.dialect("snntorch", beta=0.9, learn_beta=False, init_hidden=False, graded_spikes_factor=1)
    assert repr(node) == repr(snn.LIFNode.dialect("snntorch", beta=0.9))


def test_the_page_has_a_table_of_all_there_are():
    page = (Path(__file__).parents[3] / "docs" / "dialects.md").read_text(encoding="utf-8")
    said, peer = set(), ""
    for row in re.findall(r"^\|.*`.*\|$", page, re.MULTILINE):
        _, name, _, ours, _ = row.split("|")
        peer = name.split('"')[1] if '"' in name else peer
        said |= {(peer, node) for node in re.findall(r"`(\w+)`", ours)}
    assert said == {(peer, kind.__name__) for peer in PEERS for kind in import_module(f"snn.dialects.{peer}").NEURONS}


@pytest.mark.parametrize("wrap", [snn.Refractory, snn.Stochastic])
@pytest.mark.parametrize("peer", ["snntorch", "spyx"])
def test_a_late_neuron_cannot_be_wrapped(peer, wrap):
    with pytest.raises(ArgumentError, match="expected a neuron that fires"):
        wrap(snn.LIFNode.dialect(peer, beta=0.9))
