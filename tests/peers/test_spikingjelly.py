"""SpikingJelly."""

import numpy as np
import pytest

import snn

from . import live

pytestmark = pytest.mark.filterwarnings("ignore")  # the peer's own

live.need("spikingjelly")
theirs = live.need("spikingjelly.activation_based.neuron")
surrogate = live.need("spikingjelly.activation_based.surrogate")

SURROGATES = {"sigmoid": "Sigmoid", "atan": "ATan", "soft_sign": "SoftSign", "erf": "Erf"}
FLAG, RESET, HARD = [False, True], [None, (-0.3, 0.2)], (-0.3, -0.1)
LEAK = {"tau": (1.5, 6.0)}
LEAKY = {"decay_input": FLAG, "v_reset": RESET, "detach_reset": FLAG}
QUADRATIC = {"v_c": (0.6, 0.9), "a0": (0.5, 1.0), "v_rest": (-0.1, 0.1), "v_reset": HARD}
KINDS = {  # ours, theirs, and what its arguments are drawn from: from where to where, or one of several
    "IF": (snn.IFNode, "IFNode", {"v_reset": RESET, "detach_reset": FLAG}),
    "LIF": (snn.LIFNode, "LIFNode", LEAK | LEAKY),
    "PLIF": (snn.PLIFNode, "ParametricLIFNode", {"init_tau": (1.5, 6.0)} | LEAKY),
    "KLIF": (snn.KLIFNode, "KLIFNode", LEAK | LEAKY),
    "ComplementaryLIF": (snn.CLIFNode, "ComplementaryLIFNode", LEAK),
    "CUBALIF": (
        snn.CurrentLIFNode, "CUBALIFNode", {"c_decay": (0.3, 0.8), "v_decay": (0.5, 0.95), "v_reset": [None, 0.0]},
    ),
    "QIF": (snn.QIFNode, "QIFNode", LEAK | QUADRATIC),
    "EIF": (
        snn.EIFNode, "EIFNode", LEAK | {"delta_T": (0.5, 1.0), "theta_rh": (0.7, 0.9), "v_rest": (-0.1, 0.1), "v_reset": HARD},
    ),
    "Izhikevich": (
        snn.AdaptiveQIFNode, "IzhikevichNode", LEAK | QUADRATIC | {"tau_w": (1.5, 4.0), "a": (0.0, 0.3), "b": (0.0, 0.2)},
    ),
}  # fmt: skip


def drawn(rng, source):
    source = source[rng.integers(len(source))] if isinstance(source, list) else source
    return float(rng.uniform(*source)) if isinstance(source, tuple) else source


@pytest.mark.parametrize("seed", live.SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_dialect_equals_its_peer(kind, seed):
    rng = np.random.default_rng(seed)
    ours, name, sources = KINDS[kind]
    arguments = {argument: drawn(rng, source) for argument, source in (sources | {"v_threshold": (0.7, 1.5)}).items()}
    smooth, alpha = rng.choice(list(SURROGATES)), float(rng.uniform(1, 6))
    net = getattr(theirs, name)(**arguments, surrogate_function=getattr(surrogate, SURROGATES[smooth])(alpha=alpha))
    net = net.double()
    node = ours.dialect("spikingjelly", **arguments, surrogate_function=getattr(snn.surrogate, smooth)(alpha))
    peer = live.by_torch(live.stepwise(lambda x: (net(x), net.v)), list(net.parameters()))
    live.compare(node, peer, rng, drive=2.0 if arguments.get("decay_input", "v_rest" in arguments) else 0.7)


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_the_peers(kind):
    ours, name, _ = KINDS[kind]
    net = getattr(theirs, name)().double()
    node = ours.dialect("spikingjelly")
    peer = live.by_torch(live.stepwise(lambda x: (net(x), net.v)), list(net.parameters()))
    live.compare(node, peer, np.random.default_rng(9))
