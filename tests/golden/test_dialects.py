"""Each of the cases in peer_neurons.npz by ``dialect``: the peer's own arguments make the node that gives its arrays."""

import json
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, grad
from autograd.errors import ArgumentError

GOLD = np.load(Path(__file__).parent / "peer_neurons.npz")
CASES = sorted({name.split("/")[0] for name in GOLD.files})
SURROGATES = {
    "sigmoid5": lambda: snn.surrogate.sigmoid(5.0),
    "atan2": lambda: snn.surrogate.atan(2.0),
    "fastsig25": lambda: snn.surrogate.fast_sigmoid(25.0),
    "atan": lambda: None,  # snnTorch's own default
}
NONLINEAR = {"v_reset": -0.1, "v_rest": 0.0, "tau": 2.5, "v_c": 0.8, "a0": 1.0}
EXPONENTIAL = {"v_reset": -0.1, "v_rest": 0.0, "tau": 2.5, "delta_T": 1.0, "theta_rh": 0.8}
ADAPTATION = {"tau_w": 1.5, "a": 0.2, "b": 0.1}


def spikingjelly(kind, *words):
    """Build a neuron of SpikingJelly from the words of a case."""
    detach = {"detach_reset": "detach1" in words}
    sort, own = {
        "if": (snn.IFNode, detach),
        "lif": (snn.LIFNode, {"tau": 2.5, "decay_input": "decay1" in words, **detach}),
        "plif": (snn.PLIFNode, {"init_tau": 2.5, **detach}),
        "cuba": (snn.CurrentLIFNode, {"c_decay": 0.8, "v_decay": 0.9, "v_threshold": 1.0}),
    }[kind]
    reset, surrogate = {"soft": None, "hard": 0.0}[words[0]], SURROGATES[words[-1]]()
    return sort.dialect("spikingjelly", v_reset=reset, surrogate_function=surrogate, **own)


def snntorch(kind, *words):
    """Build a neuron of snnTorch from the words of a case."""
    surrogate = SURROGATES[words[-1]]()
    if kind == "synaptic":
        return snn.CurrentLIFNode.dialect("snntorch", alpha=0.8, beta=0.9, spike_grad=surrogate)
    return snn.LIFNode.dialect("snntorch", beta=0.9, reset_mechanism=words[0], spike_grad=surrogate)


NAMED = {
    "qif_hard": lambda: snn.QIFNode.dialect("spikingjelly", surrogate_function=SURROGATES["sigmoid5"](), **NONLINEAR),
    "eif_hard": lambda: snn.EIFNode.dialect("spikingjelly", surrogate_function=SURROGATES["sigmoid5"](), **EXPONENTIAL),
    "izhikevich_sj_hard": lambda: snn.AdaptiveQIFNode.dialect(
        "spikingjelly", surrogate_function=SURROGATES["sigmoid5"](), **NONLINEAR, **ADAPTATION
    ),
    "norse_lif": lambda: snn.CurrentLIFNode.dialect("norse"),
    "norse_lsnn": lambda: snn.LSNNNode.dialect("norse"),
    "sinabs_iaf_single": lambda: snn.IFNode.dialect("sinabs", spike_fn="SingleSpike"),
    "sinabs_lif_multi": lambda: snn.LIFNode.dialect(
        "sinabs", tau_mem=5.0, norm_input=False, surrogate_grad_fn="PeriodicExponential"
    ),
}


def node_of(case):
    """Build the node of a case."""
    if case in NAMED:
        return NAMED[case]()
    first, *words = case.split("_")
    return snntorch(*words) if first == "late" else spikingjelly(first, *words)


def test_all_cases_are_here():
    assert len(CASES) == 49


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("case", CASES)
def test_a_dialect_gives_the_arrays_of_its_peer(case, mode):
    gold = {name.partition("/")[2]: GOLD[name] for name in GOLD.files if name.startswith(f"{case}/")}
    x, shape, node = gold["x"][:, None], gold["x"].shape, node_of(case)
    for name, parameter in list(node.parameters_and_names()):
        setattr(node, name, Parameter(parameter.asnumpy().astype(np.float64)))  # as the peer's net in float64

    def run(x):
        spikes, _, record = snn.run(node, x, record=["v"], mode=mode)
        return spikes.reshape(shape), record["v"].reshape(shape)

    def loss(x):
        spikes, v = run(x)
        return (spikes * gold["ws"]).sum() + (v[-1] * gold["wv"]).sum()

    spikes, v = run(Tensor(x))
    np.testing.assert_array_equal(spikes, gold["spikes"])
    np.testing.assert_allclose(v, gold["v"], rtol=0, atol=1e-9)
    single = gold["spikes"].dtype == np.float32 or json.loads(str(gold["meta"]))["peer"].startswith("snntorch")
    parameters = node.trainable_params()
    by_x, by = grad(loss, 0, weights=parameters)(Tensor(x)) if parameters else (grad(loss)(Tensor(x)), ())
    scale = np.maximum(1, abs(gold["dx"]).max(axis=0))
    assert (abs(by_x.asnumpy().reshape(shape) - gold["dx"]) <= (1e-5 if single else 1e-9) * scale).all()
    assert len(by) == ("dw" in gold)
    for gradient in by:
        np.testing.assert_allclose(gradient, gold["dw"], rtol=1e-9)


LATE = {
    "spyx IF": (lambda: snn.IFNode.dialect("spyx"), [0, 1, 1, 1], [1.5, 2.0, 2.5, 3.0]),
    "spyx LIF": (lambda: snn.LIFNode.dialect("spyx", beta=0.5), [0, 1, 1, 1], [1.5, 1.25, 1.125, 1.0625]),
    "spyx CuBaLIF": (lambda: snn.CurrentLIFNode.dialect("spyx", alpha=0, beta=0.5), [0, 1, 1, 1], [1.5, 1.75, 1.875, 1.9375]),
    "spyx ALIF": (lambda: snn.ALIFNode.dialect("spyx", beta=0.5, gamma=0.5), [0, 1, 0, 1], [1.5, 1.25, 2.125, 1.3125]),
    "rockpool": (lambda: snn.LIFNode.dialect("rockpool", tau_mem=1e9, tau_syn=1e-9, bias=1.5), [1, 2, 1, 2], [0.5, 0, 0.5, 0]),
    "snnTorch at once": (
        lambda: snn.LIFNode.dialect("snntorch", beta=0.5, reset_delay=False), [1, 1, 1, 1], [0.5, 0.75, 0.875, 0.9375],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("name", LATE)
def test_steps_by_hand(name, mode):
    make, spikes, membranes = LATE[name]
    out, _, record = snn.run(make(), np.full((4, 1, 1), 1.5, np.float32), record=["v"], mode=mode)
    np.testing.assert_array_equal(out.asnumpy().ravel(), spikes)
    np.testing.assert_array_equal(record["v"].asnumpy().ravel(), membranes)


REFUSED = {
    "one of norse, rockpool, sinabs, snntorch, spikingjelly, spyx": lambda: snn.LIFNode.dialect("brian2"),
    "one of AlphaNode, CurrentLIFNode, LIFNode for snntorch, got IFNode": lambda: snn.IFNode.dialect("snntorch"),
    "arguments of spyx: beta, threshold, activation, got tau": lambda: snn.LIFNode.dialect("spyx", beta=0.9, tau=2.0),
    "the argument beta, got nothing": lambda: snn.LIFNode.dialect("snntorch", threshold=0.5),
    "expected learn_beta=False, got learn_beta=True": lambda: snn.LIFNode.dialect("snntorch", beta=0.9, learn_beta=True),
    "reset_mechanism to be one of zero, none": lambda: snn.AlphaNode.dialect(
        "snntorch", alpha=0.9, beta=0.8, reset_mechanism="subtract"
    ),
    "method to be one of super": lambda: snn.LIFNode.dialect("norse", method="tanh"),
    "v_leak to be v_reset": lambda: snn.LIFNode.dialect("norse", v_leak=0.1),
    "spike_fn='SingleSpike' with MembraneReset": lambda: snn.IFNode.dialect("sinabs", reset_fn="MembraneReset"),
    "surrogate_grad_fn to be SingleExponential, Per": lambda: snn.IFNode.dialect("sinabs", surrogate_grad_fn="Gaussian"),
    "v_rest=0 with v_reset=None": lambda: snn.QIFNode.dialect("spikingjelly", v_reset=None, v_rest=0.1),
    "v_reset=None or 0 for CUBALIFNode": lambda: snn.CurrentLIFNode.dialect("spikingjelly", v_reset=0.1),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_equalled_is_refused(text):
    with pytest.raises(ArgumentError) as raised:
        REFUSED[text]()
    assert text in str(raised.value)


def test_arguments_that_change_nothing_may_be_what_they_are():
    node = snn.LIFNode.dialect("snntorch", beta=0.9, learn_beta=False, init_hidden=False, graded_spikes_factor=1.0)
    assert repr(node) == repr(snn.LIFNode.dialect("snntorch", beta=0.9))


@pytest.mark.parametrize("peer", ["snntorch", "spyx"])
def test_a_late_neuron_cannot_be_made_refractory(peer):
    node = snn.Refractory(snn.LIFNode.dialect(peer, beta=0.9), 2)
    with pytest.raises(ArgumentError, match="fires and resets in one step, got one that does in two"):
        snn.run(node, np.ones((2, 1, 1), np.float32))


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
