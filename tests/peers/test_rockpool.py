"""Rockpool, in float32."""

import numpy as np
import pytest

import snn

from . import live

pytestmark = pytest.mark.filterwarnings("ignore")  # the peer's own

live.need("rockpool")
theirs = live.need("rockpool.nn.modules.torch.lif_torch")


def pair(arguments):
    """Build our node and what runs theirs."""
    net = theirs.LIFTorch(shape=live.F, **arguments)

    def sequence(x):
        spikes, _, record = net(x.transpose(0, 1), record=True)
        return spikes.transpose(0, 1), record["vmem"].transpose(0, 1)

    return snn.LIFNode.dialect("rockpool", **arguments), live.by_torch(sequence)


@pytest.mark.parametrize("seed", range(10))
def test_a_dialect_equals_its_peer(seed):
    rng = np.random.default_rng(seed)
    arguments = {
        "tau_mem": live.one_or_each(rng, 0.005, 0.05),
        "bias": live.one_or_each(rng, -0.1, 0.1),
        "threshold": live.one_or_each(rng, 0.5, 1.5),
        "tau_syn": float(rng.uniform(0.005, 0.05)),
        "dt": float(rng.uniform(5e-4, 5e-3)),
        "learning_window": float(rng.uniform(0.2, 1.0)),
        "max_spikes_per_dt": float(rng.choice([1, 2, 2**16])),
        "spike_generation_fn": rng.choice([theirs.StepPWL, theirs.PeriodicExponential]),
    }
    live.compare(*pair(arguments), rng, 0.15, np.float32, atol_v=1e-5, atol=1e-5)


def test_defaults_are_the_peers():
    live.compare(*pair({}), np.random.default_rng(9), 0.15, np.float32, atol_v=1e-5, atol=1e-5)
