"""Layers for images in a net of neurons: both modes give the same spikes, gradients and moving statistics."""

import io

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops
from autograd.errors import ShapeError

X = (np.random.default_rng(0).random((5, 4, 2, 10, 8)) < 0.3).astype(np.float32)


def wide(sigma):
    return nn.init.Normal(sigma)


def convolutional(*norms):
    """Make conv-LIF-pool-conv-LIF-flatten-dense-LIF, with layers before its neurons."""
    first, second, third = norms or [[], [], []]
    return nn.SequentialCell([
        nn.Conv2d(2, 6, 3, has_bias=True, weight_init=wide(0.6), rng=0), *first, snn.LIFNode(beta=0.8), nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 5, 3, pad_mode="valid", weight_init=wide(0.6), rng=1), *second, snn.LIFNode(beta=0.8), nn.Flatten(),
        nn.Dense(30, 3, weight_init=wide(0.6), rng=2), *third, snn.LIFNode(beta=0.8),
    ])  # fmt: skip


def batch_norms():
    return [nn.BatchNorm2d(6)], [nn.BatchNorm2d(5)], [nn.BatchNorm1d(3)]


NETS = {
    "convolution": convolutional,
    "batch norms": lambda: convolutional(*batch_norms()),
    "batch norms in training": lambda: convolutional(*batch_norms()).set_train(),
    "layer and group norms": lambda: convolutional([nn.GroupNorm(2, 6)], [nn.LayerNorm((5, 3, 2))], [nn.LayerNorm(3)]),
    "other layers": lambda: nn.SequentialCell(
        nn.ReflectionPad2d(1), nn.Conv2d(2, 4, 3, 2, group=2, weight_init=wide(0.8), rng=0), snn.LIFNode(beta=0.8),
        nn.AvgPool2d(2, 1), nn.Conv2dTranspose(4, 3, 2, 2, weight_init=wide(0.8), rng=1), snn.LIFNode(beta=0.8),
        nn.Upsample(scale_factor=2), nn.AdaptiveMaxPool2d(3), nn.SumPool2d(2, None, ceil_mode=True), snn.IFNode()),
}  # fmt: skip


def run(net, mode, x=X):
    """Return spikes, gradients by the input and the weights, and all Parameters afterwards."""
    records = {}

    def loss(x):
        result = snn.run(net, x, record=["spike"], mode=mode)
        records.update({name: np.asarray(ops.stop_gradient(r)) for name, r in result.record.items()})
        return (
            result.out * np.arange(1, 1 + result.out.shape[2], dtype=np.float32).reshape(-1, *(1,) * (result.out.ndim - 3))
        ).sum()

    gradient, by_weights = grad(loss, 0, net.trainable_params())(Tensor(x))
    return records, [gradient.array, *(g.array for g in by_weights)], net.state_dict()


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_both_modes_give_the_same_spikes_gradients_and_statistics(make):
    (spikes, gradients, after), (want, wanted, state) = (run(make(), mode) for mode in ("compiled", "eager"))
    for name, record in want.items():
        assert 0.01 < (record != 0).mean() < 0.9, f"{name} fires"
        assert np.array_equal(spikes[name], record)
    scale = max(np.abs(g).max() for g in wanted)  # the bias before a batch norm has the gradient zero, to rounding
    for got, gradient in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(got, gradient, rtol=1e-4, atol=1e-5 * scale)
    assert sum(np.abs(g).max() > 0.1 for g in wanted) > len(wanted) / 2
    for name, values in state.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_a_run_in_training_moves_statistics_once_in_each_step(mode):
    net = nn.SequentialCell(nn.BatchNorm2d(2, momentum=0.5), snn.IFNode()).set_train()
    snn.run(net, X, mode=mode)
    moving = np.zeros(2)
    for xt in X:
        moving = 0.5 * moving + 0.5 * xt.mean((0, 2, 3))
    np.testing.assert_allclose(net[0].moving_mean.array, moving, rtol=1e-5)
    net.set_train(False)
    before = net.state_dict()
    snn.run(net, X, mode=mode)
    assert all(np.array_equal(before[name], now) for name, now in net.state_dict().items())


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_a_constant_input_moves_statistics_in_each_step_too(mode):
    net = nn.SequentialCell(nn.Conv2d(2, 3, 3, rng=0), nn.BatchNorm2d(3, momentum=0.5), snn.IFNode()).set_train()
    snn.run(net, np.broadcast_to(X[:1], X.shape), mode=mode)
    once = net[0](X[0]).array.mean((0, 2, 3))
    np.testing.assert_allclose(net[1].moving_mean.array, once * (1 - 0.5 ** len(X)), rtol=1e-4)


def test_explaining_and_estimating_move_no_statistics():
    net = convolutional(*batch_norms()).set_train()
    before = net.state_dict()
    text = io.StringIO()
    snn.explain(net, X, file=text)
    snn.memory_estimate(net, 5, 4, features=(2, 10, 8))
    snn.graph(net, X)
    assert all(np.array_equal(before[name], now) for name, now in net.state_dict().items())
    lines = text.getvalue().splitlines()
    assert lines[0].startswith("layer 0: Conv2d(in_channels=2, out_channels=6")
    assert "  no state: runs step by step while it uses batch statistics, since a batch is one step" in lines


def test_embedded_numbers_drive_neurons_in_both_modes():
    ids = np.random.default_rng(1).integers(0, 7, (6, 3, 4))
    outs, gradients = [], []
    for mode in ("compiled", "eager"):
        net = nn.SequentialCell(nn.Embedding(7, 5, embedding_table=wide(1.0), rng=0), snn.LIFNode(beta=0.9))
        outs.append(snn.run(net, ids, mode=mode).out.array)
        gradients.append(
            grad(lambda net=net, mode=mode: snn.run(net, ids, mode=mode).out.sum(), None, net[0].embedding_table)()
        )
    assert 0.02 < outs[0].mean() < 0.9
    assert np.array_equal(*outs)
    np.testing.assert_allclose(gradients[0].array, gradients[1].array, rtol=1e-4, atol=1e-6)


class Wired(Cell):
    """A residual block that convolves by itself."""

    def __init__(self):
        super().__init__()
        self.weight = Parameter(np.random.default_rng(3).normal(0, 0.5, (2, 2, 3, 3)).astype(np.float32))
        self.first, self.second = snn.LIFNode(beta=0.8), snn.LIFNode(beta=0.8)
        self.pool = nn.AvgPool2d(2, 2)

    def initial_state(self, x):
        return ops.zeros(x.shape), ops.zeros((len(x), 2, 5, 4))

    def construct(self, x, state):
        spikes, v = self.first(ops.conv2d(x, self.weight, pad_mode="same"), state[0])
        normal = ops.group_norm(ops.max_pool2d(spikes, 3, 1, 1), 1) + ops.batch_norm(x, training=True)
        spikes, w = self.second(3 * self.pool(spikes + x + normal), state[1])
        return spikes, (v, w)


def test_operations_on_images_in_a_net_of_ones_own():
    (spikes, gradients, _), (want, wanted, _) = (run(Wired(), mode) for mode in ("compiled", "eager"))
    assert all((record != 0).any() and np.array_equal(spikes[name], record) for name, record in want.items())
    for got, gradient in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(got, gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_an_input_without_a_batch_is_refused(mode):
    with pytest.raises(ShapeError, match=r"Conv2d\(.*: expected an input \[N, C, H, W\], got \[2, 10, 8\] Float32"):
        snn.run(convolutional(), X[:, 0], mode=mode)
