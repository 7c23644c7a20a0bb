"""QIF, EIF and Izhikevich's neuron against SpikingJelly 2.0.0, and several spikes a step against Sinabs 3.1.3."""

from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import Tensor, ops, stop_gradient, value_and_grad


class SinabsSteps(snn.MultiSpike):
    """Several spikes with Sinabs's gradient: exp(-2 u) of the distance below the first threshold, exp(-4 u) from the nearest
    one above it."""

    def construct(self, v, threshold, spikes):
        z, _ = super().construct(v, threshold, spikes)
        away = ops.abs(v - ops.maximum(ops.round(v / threshold), 1.0) * threshold)
        slope = ops.exp(ops.where(v < threshold, -2.0, -4.0) * away)
        z = stop_gradient(z) + stop_gradient(slope) * (v - stop_gradient(v))
        return z, z


GOLD = np.load(Path(__file__).parent / "peer_neurons.npz")
COMMON = {"v_reset": -0.1, "tau": 2.5, "fire_at_threshold": True, "surrogate_function": snn.surrogate.sigmoid(5.0)}
NODES = {
    "qif_hard": lambda: snn.QIFNode(**COMMON, a0=1.0, v_c=0.8, v_rest=0.0),
    "eif_hard": lambda: snn.EIFNode(**COMMON, delta=1.0, v_rh=0.8, v_rest=0.0),
    "izhikevich_sj_hard": lambda: snn.AdaptiveQIFNode(**COMMON, a0=1.0, v_c=0.8, v_rest=0.0, tau_w=1.5, a=0.2, b=0.1),
    "sinabs_lif_multi": lambda: snn.LIFNode(
        tau=5.0, exponential=True, decay_input=False, fire_at_threshold=True, firing=SinabsSteps()
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("case", NODES)
def test_spikes_membranes_and_gradients_are_those_of_the_peer(case, mode):
    gold = {name.partition("/")[2]: GOLD[name] for name in GOLD.files if name.startswith(f"{case}/")}
    x, shape = gold["x"][:, None], gold["x"].shape

    def loss(x):
        spikes, _, record = snn.run(NODES[case](), x, record=["v"], mode=mode)
        spikes, v = spikes.reshape(shape), record["v"].reshape(shape)
        return (spikes * gold["ws"]).sum() + (v[-1] * gold["wv"]).sum(), (spikes, v)

    (_, (spikes, v)), by_x = value_and_grad(loss, has_aux=True)(Tensor(x))
    np.testing.assert_array_equal(spikes, gold["spikes"])
    np.testing.assert_allclose(v, gold["v"], rtol=0, atol=1e-9)
    single = gold["spikes"].dtype == np.float32
    np.testing.assert_allclose(by_x.asnumpy().reshape(shape), gold["dx"], rtol=0, atol=1e-6 if single else 1e-9)
    assert spikes.array.max() >= (2 if "multi" in case else 1)
