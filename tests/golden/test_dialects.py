"""Every case in peer_neurons.npz: ``dialect``, with the peer's own arguments, makes a node that gives the peer's arrays.

For each case the file has an input of 48 steps and 24 neurons, the peer's spikes and membranes, and the gradient by the
input of ``sum(ws spikes) + sum(wv v[-1])``.
"""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, value_and_grad

GOLD = np.load(Path(__file__).parent / "peer_neurons.npz")
CASES = sorted({name.split("/")[0] for name in GOLD.files})
SURROGATES = {
    "sigmoid5": lambda: snn.surrogate.sigmoid(5.0),
    "atan2": lambda: snn.surrogate.atan(2.0),
    "fastsig25": lambda: snn.surrogate.fast_sigmoid(25.0),
    "atan": lambda: None,  # snnTorch's own default
}
NONLINEAR = {"v_reset": -0.1, "v_rest": 0.0, "tau": 2.5}
QUADRATIC = NONLINEAR | {"v_c": 0.8, "a0": 1.0}
EXPONENTIAL = NONLINEAR | {"delta_T": 1.0, "theta_rh": 0.8}
ADAPTATION = {"tau_w": 1.5, "a": 0.2, "b": 0.1}


def spikingjelly(kind, *words):
    """Build a neuron of SpikingJelly from the words of a case."""
    detach = {"detach_reset": "detach1" in words}
    sort, own = {
        "if": (snn.IFNode, detach),
        "lif": (snn.LIFNode, {"tau": 2.5, "decay_input": "decay1" in words, **detach}),
        "plif": (snn.PLIFNode, {"init_tau": 2.5, **detach}),
        "cuba": (snn.CurrentLIFNode, {"c_decay": 0.8, "v_decay": 0.9, "v_threshold": 1.0}),
        "qif": (snn.QIFNode, QUADRATIC),
        "eif": (snn.EIFNode, EXPONENTIAL),
        "izhikevich": (snn.AdaptiveQIFNode, QUADRATIC | ADAPTATION),
    }[kind]
    reset = {"v_reset": {"soft": None, "hard": 0.0}[words[0]]} if "v_reset" not in own else {}
    return sort.dialect("spikingjelly", surrogate_function=SURROGATES[words[-1]](), **reset, **own)


def snntorch(kind, *words):
    """Build a neuron of snnTorch from the words of a case."""
    surrogate = SURROGATES[words[-1]]()
    if kind == "synaptic":
        return snn.CurrentLIFNode.dialect("snntorch", alpha=0.8, beta=0.9, spike_grad=surrogate)
    return snn.LIFNode.dialect("snntorch", beta=0.9, reset_mechanism=words[0], spike_grad=surrogate)


NAMED = {
    "qif_hard": lambda: spikingjelly("qif", "hard", "sigmoid5"),
    "eif_hard": lambda: spikingjelly("eif", "hard", "sigmoid5"),
    "izhikevich_sj_hard": lambda: spikingjelly("izhikevich", "hard", "sigmoid5"),
    "norse_lif": lambda: snn.CurrentLIFNode.dialect("norse"),
    "norse_lsnn": lambda: snn.LSNNNode.dialect("norse"),
    "sinabs_iaf_single": lambda: snn.IFNode.dialect("sinabs", spike_fn="SingleSpike"),
    "sinabs_lif_multi": lambda: snn.LIFNode.dialect(
        "sinabs", tau_mem=5.0, norm_input=False, surrogate_grad_fn="PeriodicExponential"
    ),
}
# The loops that are emitted run as plain Python for all, which takes no time to compile. Compiled loops of the other cases are
# compared in tests/snn/compiled/test_conformance.py, which fires each neuron under each reset.
COMPILED = [
    "late_leaky_subtract_atan", "late_leaky_zero_atan", "late_synaptic_atan", "norse_lif", "norse_lsnn", "sinabs_iaf_single",
    "sinabs_lif_multi",
]  # fmt: skip


def node_of(case):
    """Build the node of a case."""
    if case in NAMED:
        return NAMED[case]()
    first, *words = case.split("_")
    return snntorch(*words) if first == "late" else spikingjelly(first, *words)


def test_all_cases_are_here():
    assert len(CASES) == 49


@pytest.mark.parametrize(
    ("case", "mode"), [*itertools.product(CASES, ("eager", "python")), *((case, "compiled") for case in COMPILED)]
)
def test_a_dialect_gives_the_arrays_of_its_peer(case, mode):
    gold = {name.partition("/")[2]: GOLD[name] for name in GOLD.files if name.startswith(f"{case}/")}
    x, shape, node = gold["x"][:, None], gold["x"].shape, node_of(case)
    for name, parameter in list(node.parameters_and_names()):
        setattr(node, name, Parameter(parameter.asnumpy().astype(np.float64)))  # as the peer's net in float64
    start = node.initial_state(x[0])
    if case == "norse_lsnn":
        start = start._replace(b=start.b - 1.0)  # the peer's threshold was made to start at 0

    def loss(x):
        spikes, _, record = snn.run(node, x, start, record=["v"], mode=mode)
        spikes, v = spikes.reshape(shape), record["v"].reshape(shape)
        return (spikes * gold["ws"]).sum() + (v[-1] * gold["wv"]).sum(), (spikes, v)

    (_, (spikes, v)), gradients = value_and_grad(loss, 0, node.trainable_params() or None, has_aux=True)(Tensor(x))
    by_x, by = gradients if node.trainable_params() else (gradients, ())
    np.testing.assert_array_equal(spikes, gold["spikes"])
    np.testing.assert_allclose(v, gold["v"], rtol=0, atol=1e-9)
    single = gold["spikes"].dtype == np.float32 or json.loads(str(gold["meta"]))["peer"].startswith("snntorch")
    scale = np.maximum(1, abs(gold["dx"]).max(axis=0))
    assert (abs(by_x.asnumpy().reshape(shape) - gold["dx"]) <= (1e-5 if single else 1e-9) * scale).all()
    assert len(by) == ("dw" in gold)
    for gradient in by:
        np.testing.assert_allclose(gradient, gold["dw"], rtol=1e-9)
