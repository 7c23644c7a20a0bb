"""A net and an optimizer restored by pickle or from an npz file continue to the bit."""

import copy
import pickle

import numpy as np
import pytest

import snn
from autograd import nn, optim, value_and_grad

T, N = 6, 64


def make():
    net = nn.SequentialCell(
        nn.Dense(64, 128, rng=0), snn.LIFNode(0.2, beta=0.9), nn.Dense(128, 10, rng=1), snn.LIFNode(0.2, beta=0.9)
    )
    return net, optim.Adam(net.trainable_params(), 1e-2)


def train(net, optimizer, seed, mode):
    rng = np.random.default_rng(seed)
    for _ in range(3):
        x, labels = (rng.random((T, N, 64)) < 0.3).astype(np.float32), rng.integers(0, 10, N)

        def loss():
            spikes = snn.run(net, x, mode=mode)[0]  # noqa: B023 - it runs at once
            return snn.losses.count_cross_entropy(spikes, labels), spikes  # noqa: B023

        (value, spikes), gradients = value_and_grad(loss, None, optimizer.params, has_aux=True)()
        assert spikes.asnumpy().any()
        assert all(g.array.any() for g in gradients)
        optimizer(gradients)
    return value.item(), net.state_dict()


def through_dicts(things):
    net, optimizer = make()
    net.load_state_dict(things[0].state_dict())
    optimizer.load_state_dict(things[1].state_dict())
    return net, optimizer


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_training_goes_on_to_the_bit(mode):
    net, optimizer = make()
    train(net, optimizer, 0, mode)
    others = [way((net, optimizer)) for way in (lambda t: pickle.loads(pickle.dumps(t)), copy.deepcopy, through_dicts)]
    value, weights = train(net, optimizer, 1, mode)
    for other in others:
        assert other[0] is not net
        again, found = train(*other, 1, mode)
        assert again == value
        assert all(np.array_equal(weights[name], found[name]) for name in weights)
