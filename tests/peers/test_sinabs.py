"""Sinabs, whose spikes are float32."""

import numpy as np
import pytest

import snn
from autograd import Parameter

from . import live

pytestmark = pytest.mark.filterwarnings("ignore")  # the peer's own

activation = live.need("sinabs.activation")
layers = live.need("sinabs.layers")
torch = live.need("torch")


def pair(layer, ours, arguments, numbers, learnt=()):
    """Build our node and what runs theirs."""
    tensors = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in numbers.items()}
    net = layer(**arguments, **tensors, record_states=True).double()

    def sequence(x):
        spikes = net(x.transpose(0, 1))
        return spikes.transpose(0, 1), net.recordings["v_mem"].transpose(0, 1)

    numbers = numbers | {name: Parameter(np.float32(numbers[name])) for name in learnt}
    peer = live.by_torch(sequence, [getattr(net, name) for name in learnt])
    return ours.dialect("sinabs", **arguments, **numbers), peer


def drawn(rng):
    """Draw how it fires and is reset, and the surrogate; and the threshold."""
    width, scale = float(rng.uniform(0.2, 1.0)), float(rng.uniform(0.5, 2.0))
    surrogates = [
        activation.SingleExponential(width, scale), activation.PeriodicExponential(width, scale), activation.Heaviside(width),
    ]  # fmt: skip
    arguments = {
        "spike_fn": rng.choice([activation.MultiSpike, activation.SingleSpike, activation.MaxSpike(2)]),
        "reset_fn": rng.choice([activation.MembraneSubtract(), activation.MembraneReset()]),
        "surrogate_grad_fn": rng.choice(surrogates),
    }
    return arguments, {"spike_threshold": live.one_or_each(rng, 0.5, 1.5)}


def iaf(rng):
    arguments, numbers = drawn(rng)
    return pair(layers.IAF, snn.IFNode, arguments, numbers)


def lif(rng):
    arguments, numbers = drawn(rng)
    arguments["norm_input"] = bool(rng.random() < 0.5)
    return pair(layers.LIF, snn.LIFNode, arguments, numbers | {"tau_mem": float(rng.uniform(2, 20))}, ["tau_mem"])


def lif_with_current(rng):
    arguments, numbers = drawn(rng)
    numbers |= {"tau_mem": live.one_or_each(rng, 2, 20), "tau_syn": live.one_or_each(rng, 2, 10)}
    return pair(layers.LIF, snn.LIFNode, arguments, numbers)


KINDS = {"IAF": iaf, "LIF": lif, "LIF with a current": lif_with_current}


@pytest.mark.parametrize("seed", live.SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_dialect_equals_its_peer(kind, seed):
    rng = np.random.default_rng(seed)
    live.compare(*KINDS[kind](rng), rng, drive=2.0, atol_v=1e-5, atol=1e-5)


@pytest.mark.parametrize(("layer", "ours", "numbers"), [("IAF", snn.IFNode, {}), ("LIF", snn.LIFNode, {"tau_mem": 5.0})])
def test_defaults_are_the_peers(layer, ours, numbers):
    live.compare(*pair(getattr(layers, layer), ours, {}, numbers), np.random.default_rng(9), atol_v=1e-5, atol=1e-5)
