"""Spyx, run in float64, with constants that are exact in float32."""

import numpy as np
import pytest

import snn

from . import live

pytestmark = pytest.mark.filterwarnings("ignore")  # the peer's own

nn = live.need("spyx.nn")
axn = live.need("spyx.axn")
jax = live.need("jax")
nnx = live.need("flax.nnx")

jax.config.update("jax_enable_x64", True)

KINDS = {  # ours, and the shares they have
    "IF": (snn.IFNode, ()),
    "LIF": (snn.LIFNode, ("beta",)),
    "CuBaLIF": (snn.CurrentLIFNode, ("alpha", "beta")),
    "ALIF": (snn.ALIFNode, ("beta", "gamma")),
}


def pair(kind, arguments, activations=(None, None)):
    """Build our node and what runs theirs."""
    ours, theirs = activations
    net = getattr(nn, kind)((live.F,), **arguments, activation=theirs, rngs=nnx.Rngs(0))

    def run(x, ws, wv):
        def step(state, now):
            spikes, state = net(now, state)
            return state, (spikes, state[..., : live.F])

        def loss(x):
            _, (spikes, v) = jax.lax.scan(step, net.initial_state(live.N), x)
            return (ws * spikes).sum() + (wv * v[-1]).sum(), (spikes, v)

        gradient, (spikes, v) = jax.grad(loss, has_aux=True)(x)
        return [np.asarray(value) for value in (spikes, v, gradient)]

    return KINDS[kind][0].dialect("spyx", **arguments, activation=ours), run


@pytest.mark.parametrize("seed", live.SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_dialect_equals_its_peer(kind, seed):
    rng = np.random.default_rng(seed)
    ranges = dict.fromkeys(KINDS[kind][1], (0.5, 0.95)) | {"threshold": (0.5, 1.5)}
    arguments = {name: float(np.float32(rng.uniform(*where))) for name, where in ranges.items()}
    steepness = float(rng.uniform(1, 20))
    activations = snn.surrogate.fast_sigmoid(steepness), axn.superspike(steepness)
    live.compare(*pair(kind, arguments, activations), rng, 0.7)


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_the_peers(kind):
    arguments = dict.fromkeys(KINDS[kind][1], 0.75)
    live.compare(*pair(kind, arguments), np.random.default_rng(9), 0.7)
