"""Groups of Parameters by the kind of their Cell."""

import numpy as np
import pytest

import snn
from autograd import Parameter, nn, ops, optim, value_and_grad
from autograd.errors import ArgumentError
from snn.synapses import Exponential


def decay(n, value=0.9):
    return Parameter(np.full(n, value, np.float32))


def build():
    rng = np.random.default_rng(0)
    return nn.SequentialCell(
        nn.Dense(5, 8, rng=rng), Exponential(alpha=decay(8, 0.5)), snn.LIFNode(beta=decay(8)), nn.Dense(8, 3, rng=rng),
        snn.LIFNode(beta=0.9),
    )  # fmt: skip


def test_weights_alone_decay_and_constants_have_a_rate_of_their_own():
    net = build()
    made = snn.train.groups(net, weights={"weight_decay": 0.5}, constants={"lr": 1e-4})
    optimizer = optim.AdamW(made, lr=1e-2)
    assert [id(p) for p in optimizer.params] == [id(p) for p in net.trainable_params()]
    names = {id(p): name for name, p in net.parameters_and_names()}
    found = [({names[id(p)] for p in g["params"]}, g.get("lr"), g.get("weight_decay")) for g in optimizer.groups]
    assert found == [
        ({"0.weight", "3.weight"}, None, 0.5), ({"0.bias", "3.bias"}, None, 0.0), ({"1.alpha", "2.beta"}, 1e-4, 0.0),
    ]  # fmt: skip


def test_each_step_is_that_of_the_group():
    net = build()
    optimizer = optim.SGD(snn.train.groups(net, constants={"lr": 0.25}), 1.0, weight_decay=0.5)
    before = net.state_dict()
    x = np.random.default_rng(0).random((6, 4, 5)).astype(np.float32) * 4
    loss = value_and_grad(lambda: snn.run(net, x, mode="eager").out.sum(), None, optimizer.params)
    _, gradients = loss()
    optimizer(gradients)
    for (name, p), g in zip(net.parameters_and_names(), gradients, strict=True):
        assert g.asnumpy().any(), name
        lr, share = (0.25, 0.0) if name in ("1.alpha", "2.beta") else (1.0, 0.5 * name.endswith("weight"))
        np.testing.assert_allclose(p, before[name] - lr * (g.asnumpy() + share * before[name]), rtol=1e-5, atol=1e-6)


def test_a_cell_with_a_state_of_its_own_has_constants_and_its_layers_weights():
    class Own(nn.Cell):
        def __init__(self):
            super().__init__()
            self.beta, self.dense = decay(4), nn.Dense(4, 4)

        def initial_state(self, x):
            return ops.zeros((len(x), 4), x.dtype)

    net = Own()
    weights, biases, constants, _ = snn.train.groups(net)
    assert [p.name for p in constants["params"]] == ["beta"]
    assert [weights["params"], biases["params"]] == [[net.dense.weight], [net.dense.bias]]


def test_what_is_frozen_is_left_out():
    net = build()
    for p in (net[1].alpha, net[2].beta):
        p.requires_grad = False
    assert len(snn.train.groups(net)) == 3
    with pytest.raises(
        ArgumentError, match=r"expected a net with constants to train, got none, and options for them, \{'lr': 1\}"
    ):
        snn.train.groups(net, constants={"lr": 1})
