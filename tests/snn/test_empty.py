"""A batch without samples: every net returns empty outputs in every mode, and its gradients are zeros."""

import numpy as np
import pytest

import snn
from autograd import Parameter, grad, nn, ops, tree
from snn.synapses import Exponential, TsodyksMarkram
from tests.snn.helpers.over_time import T, psn

TRIANGLE = {"surrogate_function": snn.surrogate.triangle(0.5)}
NETS = {
    "a neuron": snn.IFNode,
    "two layers": lambda: nn.SequentialCell(
        nn.Dense(3, 5, rng=0), snn.LIFNode(beta=0.9, **TRIANGLE), nn.Dense(5, 40, rng=0), snn.LIFNode(beta=0.9)
    ),
    "Dense alone": lambda: nn.SequentialCell(nn.Dense(3, 4, rng=0), nn.Dense(4, 2, rng=0)),
    "recurrent": lambda: nn.SequentialCell(
        nn.Dense(3, 4, rng=0),
        snn.Recurrent(snn.LIFNode(beta=0.9), 4, rng=0),
        nn.Dense(4, 2, rng=0),
        snn.LeakyReadout(beta=0.9),
    ),
    "to itself": lambda: nn.SequentialCell(nn.Dense(3, 4, rng=0), snn.Recurrent(snn.IFNode(), 4, lateral="self", rng=0)),
    "over time": lambda: nn.SequentialCell(nn.Dense(3, 4, rng=0), psn(), nn.Dense(4, 2, rng=0), snn.IFNode()),
    "a synapse": lambda: nn.SequentialCell(nn.Dense(3, 4, rng=0), Exponential(tau_syn=5.0), snn.IFNode()),
    "a short-term synapse": lambda: nn.SequentialCell(TsodyksMarkram(0.5, 80.0), nn.Dense(3, 2, rng=0), snn.IFNode()),
    "a learnable threshold": lambda: nn.SequentialCell(nn.ReLU(), snn.IFNode(Parameter(np.full(3, 0.5, np.float32)))),
    "other layers": lambda: nn.SequentialCell(
        nn.Flatten(), nn.Dense(3, 4, rng=0, activation="relu"), nn.Dropout(0.5, rng=0).set_train(), snn.IFNode()
    ),
}


@pytest.mark.parametrize("how", ["plain", "check", "mask", "checkpoint"])
@pytest.mark.parametrize("mode", ["auto", "eager", "python"])
@pytest.mark.parametrize("name", NETS)
def test_without_samples_all_is_zero(name, mode, how):
    net = NETS[name]()
    options = {"plain": {}, "check": {"check": True}, "mask": {"mask": np.ones((T, 0), bool)}, "checkpoint": {"checkpoint": 2}}
    if (mode, how) == ("eager", "checkpoint"):
        return

    def loss(x):
        out, state, _ = snn.run(net, x, mode=mode, **options[how])
        return (out * 3).sum() + sum((leaf * 2).sum() for leaf in tree.leaves(state) if leaf is not None), out

    x, one = np.zeros((T, 0, 3), np.float32), np.zeros((T, 1, 3), np.float32)
    weights = net.trainable_params()
    gradients, (out,) = grad(loss, 0, weights or None, has_aux=True)(x)
    assert out.shape == (T, 0, *snn.run(net, one, mode="eager")[0].shape[2:])
    found = tree.leaves(gradients)
    assert [g.shape for g in found] == [x.shape, *(p.shape for p in weights)]
    assert not any(np.any(g.asnumpy()) for g in found)


def test_the_compiled_loops_take_no_sample():
    net, x = NETS["two layers"](), np.zeros((T, 0, 3), np.float32)
    gradients = grad(lambda x: snn.run(net, x, mode="compiled")[0].sum(), 0, net.trainable_params())(x)
    assert not any(np.any(g.asnumpy()) for g in tree.leaves(gradients))


@pytest.mark.parametrize("mode", ["auto", "eager", "python"])
@pytest.mark.parametrize("events", [bool, np.uint8, np.float64])
def test_a_layer_without_neurons_gives_nothing(mode, events):
    out, v, record = snn.run(snn.IFNode(), np.zeros((T, 2, 0), events), mode=mode, record="v")
    assert (out.shape, v.shape, record["v"].shape) == ((T, 2, 0), (2, 0), (T, 2, 0))


def test_axes_of_nothing_are_joined():
    assert ops.flatten(np.zeros((0, 3, 4))).shape == (0, 12)
    assert ops.flatten(np.zeros((2, 0, 4))).shape == (2, 0)
    assert grad(lambda x: ops.flatten(x).sum())(np.zeros((0, 3, 4))).shape == (0, 3, 4)
