"""Norse, whose constants are float32."""

import numpy as np
import pytest

import snn

from . import live

pytestmark = pytest.mark.filterwarnings("ignore")  # the peer's own

norse = live.need("norse.torch")
reset = live.need("norse.torch.functional.reset")
torch = live.need("torch")

RATES = {"tau_syn_inv": (50, 400), "tau_mem_inv": (50, 400), "tau_adapt_inv": (1, 20)}
KINDS = {  # ours, their parameters and cell, the rates they have, how strong the input is
    "LIFBox": (snn.LIFNode, norse.LIFBoxParameters, norse.LIFBoxCell, ["tau_mem_inv"], 3.0),
    "LIF": (snn.CurrentLIFNode, norse.LIFParameters, norse.LIFCell, ["tau_syn_inv", "tau_mem_inv"], 2.0),
    "LSNN": (snn.LSNNNode, norse.LSNNParameters, norse.LSNNCell, list(RATES), 2.0),
}


def pair(kind, arguments, dt=0.001):
    """Build our node and what runs theirs."""
    ours, parameters, cell, _, _ = KINDS[kind]
    tensors = {
        k: torch.as_tensor(v, dtype=torch.float32) if isinstance(v, (float, np.ndarray)) else v for k, v in arguments.items()
    }
    net, state = cell(p=parameters(**tensors), dt=dt), [None]

    def step(x):
        spikes, state[0] = net(x, state[0])
        return spikes, state[0].v

    return ours.dialect("norse", dt=dt, **arguments), live.by_torch(live.stepwise(step))


@pytest.mark.parametrize("seed", live.SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_dialect_equals_its_peer(kind, seed):
    rng = np.random.default_rng(seed)
    *_, rates, drive = KINDS[kind]
    arguments = {rate: live.one_or_each(rng, *RATES[rate]) for rate in rates} | {"v_th": live.one_or_each(rng, 0.5, 1.0)}
    rest = float(rng.uniform(-0.3, 0.3))
    if kind == "LIFBox" and rng.random() < 0.5:
        arguments["reset_method"] = reset.reset_subtract
    else:
        arguments |= {"v_leak": rest, "v_reset": rest}
    if kind == "LSNN":
        arguments["beta"] = float(rng.uniform(0.2, 2.0))
    live.compare(*pair(kind, arguments, dt=float(rng.uniform(5e-4, 2e-3))), rng, drive)


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_the_peers(kind):
    live.compare(*pair(kind, {}), np.random.default_rng(9), 2 * KINDS[kind][-1])
