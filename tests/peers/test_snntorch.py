"""snnTorch, whose spikes are float32."""

import numpy as np
import pytest

import snn
from autograd import Parameter

from . import live

snntorch = live.need("snntorch")
torch = live.need("torch")

pytestmark = pytest.mark.filterwarnings("ignore")  # the peer's own

SURROGATES = {"atan": "alpha", "fast_sigmoid": "slope", "sigmoid": "slope"}


def surrogates(rng):
    """Draw a surrogate: ours and theirs; None is their default."""
    name, steepness = rng.choice([*SURROGATES, "default"]), float(rng.uniform(1, 10))
    if name == "default":
        return None, None
    return getattr(snn.surrogate, name)(steepness), getattr(snntorch.surrogate, name)(**{SURROGATES[name]: steepness})


def as_torch(value):
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def pair(rng, ours, theirs, variables, mechanisms=("subtract", "zero", "none"), **shares):
    """Build our node and what runs theirs, with surrogate, threshold and reset drawn."""
    surrogate, of_torch = surrogates(rng)
    arguments = shares | {"threshold": live.one_or_each(rng, 0.5, 1.5)}
    options = {"reset_mechanism": str(rng.choice(mechanisms))}
    if ours is not snn.AlphaNode:
        options["reset_delay"] = bool(rng.random() < 0.7)
    net = theirs(**{name: as_torch(value) for name, value in arguments.items()}, spike_grad=of_torch, **options)
    state = [None] * variables

    def step(x):
        spikes, *state[:] = net(x, *state)
        return spikes, state[-1]

    return ours.dialect("snntorch", **arguments, spike_grad=surrogate, **options), live.by_torch(live.stepwise(step))


def leaky(rng):
    return pair(rng, snn.LIFNode, snntorch.Leaky, 1, beta=live.one_or_each(rng, 0.5, 0.98))


def synaptic(rng):
    shares = {"alpha": live.one_or_each(rng, 0.3, 0.9), "beta": live.one_or_each(rng, 0.5, 0.95)}
    return pair(rng, snn.CurrentLIFNode, snntorch.Synaptic, 2, **shares)


def alpha(rng):
    shares = {"alpha": live.one_or_each(rng, 0.8, 0.95), "beta": live.one_or_each(rng, 0.4, 0.7)}
    return pair(rng, snn.AlphaNode, snntorch.Alpha, 3, **shares)


KINDS = {
    "Leaky": (leaky, {}),
    "Synaptic": (synaptic, {"drive": 0.5}),
    "Alpha": (alpha, {"drive": 5.0, "atol_v": 1e-5}),  # its factor of the membrane is float32
}


@pytest.mark.parametrize("seed", live.SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_dialect_equals_its_peer(kind, seed):
    rng = np.random.default_rng(seed)
    build, options = KINDS[kind]
    live.compare(*build(rng), rng, atol=1e-5, **options)


def test_what_is_learnt_there_is_learnt_here():
    rng = np.random.default_rng(0)
    beta, threshold = np.float32(0.9), np.float32(0.8)
    net = snntorch.Leaky(torch.tensor(beta), torch.tensor(threshold), learn_beta=True, learn_threshold=True)
    state = [None]

    def step(x):
        spikes, state[0] = net(x, state[0])
        return spikes, state[0]

    node = snn.LIFNode.dialect("snntorch", threshold=Parameter(threshold), beta=Parameter(beta))
    assert [name for name, _ in node.parameters_and_names()] == ["v_threshold", "beta"]
    live.compare(node, live.by_torch(live.stepwise(step), [net.threshold, net.beta]), rng, atol=1e-5)
