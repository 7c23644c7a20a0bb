"""Our neurons whose step has the order of a peer's, against that peer's own arrays in peer_neurons.npz.

The file has, for each case, an input of 48 steps and 24 neurons, the peer's spikes and membranes, and the gradient by the
input of ``sum(ws spikes) + sum(wv v[-1])``.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Tensor, grad

GOLD = np.load(Path(__file__).parent / "peer_neurons.npz")
SURROGATES = {"sigmoid5": lambda: snn.surrogate.sigmoid(5.0), "atan2": lambda: snn.surrogate.atan(2.0)}
RESETS = {"soft": None, "hard": 0.0}


def parametric(**options):
    """Return a PLIF neuron whose Parameter starts as the peer's: rounded to float32, then kept in float64."""
    node = snn.PLIFNode(tau=np.array(2.5), **options)
    node.w.set_data(np.float64(np.float32(-np.log(1.5))))
    return node


NODES = {
    "if": lambda **k: snn.IFNode(**k),
    "lif_decay1": lambda **k: snn.LIFNode(tau=2.5, decay_input=True, **k),
    "lif_decay0": lambda **k: snn.LIFNode(tau=2.5, decay_input=False, **k),
    "plif": lambda **k: parametric(**k),
    "cuba": lambda **k: snn.CurrentLIFNode(alpha=0.8, beta=0.9, **k),
}


def cases():
    """Return the name of each case of a family in the file, and how to build the neuron."""
    for kind, reset, detach, surrogate in itertools.product(NODES, RESETS, (0, 1), SURROGATES):
        family, _, decay = kind.partition("_")
        name = "_".join(filter(None, [family, reset, decay, f"detach{detach}", surrogate]))
        if f"{name}/x" in GOLD:
            options = {
                "v_reset": RESETS[reset],
                "detach_reset": bool(detach),
                "fire_at_threshold": True,
                "spike_value": "unit",
            }
            yield name, lambda k=kind, s=surrogate, o=options: NODES[k](surrogate_function=SURROGATES[s](), **o)
    rate, rate_syn, rate_adapt = (1 - float(np.float32(r)) for r in (0.1, 0.2, 1.2e-6))  # as the peer rounds them
    options = {"beta": rate, "alpha": rate_syn, "v_reset": 0.0, "surrogate_function": snn.surrogate.fast_sigmoid(1.0)}
    yield "norse_lif", lambda: snn.CurrentLIFNode(decay_input=True, **options)
    yield "norse_lsnn", lambda: snn.LSNNNode(rho=rate_adapt, strength=float(np.float32(1.8)), **options)


CASES = dict(cases())


def test_every_case_of_these_families_is_here():
    names = {name.split("/")[0] for name in GOLD.files}
    assert set(CASES) == {name for name in names if name.split("_")[0] in ("if", "lif", "plif", "cuba", "norse")}


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize("name", CASES)
def test_spikes_membranes_and_gradients_are_those_of_the_peer(name, mode):
    x, ws, wv = (GOLD[f"{name}/{part}"] for part in ("x", "ws", "wv"))
    node = CASES[name]()
    start = node.initial_state(x[0][None])
    if name == "norse_lsnn":
        start = start._replace(b=start.b - 1.0)  # its threshold starts at 0

    def loss(x):
        out, _, record = snn.run(node, x, state=start, record=["v"], mode=mode)
        return (out[:, 0] * ws).sum() + (record["v"][-1, 0] * wv).sum()

    out, _, record = snn.run(node, x[:, None], state=start, record=["v"], mode=mode)
    np.testing.assert_array_equal(out[:, 0], GOLD[f"{name}/spikes"])
    np.testing.assert_allclose(record["v"][:, 0], GOLD[f"{name}/v"], rtol=0, atol=1e-9)
    parameters = node.trainable_params()
    dx, by = grad(loss, 0, weights=parameters)(Tensor(x[:, None])) if parameters else (grad(loss)(Tensor(x[:, None])), ())
    expected = GOLD[f"{name}/dx"]
    # The LSNN's gradients grow to 4e4 and hang on the seventh digit of its threshold, which the peer keeps in float32.
    close = 1e-3 * abs(expected).max(axis=0) if name == "norse_lsnn" else 1e-9
    assert (abs(dx.asnumpy()[:, 0] - expected) <= close).all()
    for gradient in by:
        np.testing.assert_allclose(gradient, GOLD[f"{name}/dw"], rtol=0, atol=1e-9 * max(1, abs(GOLD[f"{name}/dw"])))
