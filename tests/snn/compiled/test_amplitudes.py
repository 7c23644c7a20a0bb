"""A threshold of any shape that broadcasts to the neurons is the amplitude of their spikes too, in every way to use spikes."""

import itertools
import warnings

import numpy as np
import pytest

import snn
from autograd import nn, ops
from snn.engine import tuning
from tests.snn.helpers.compare import assert_close, everything

N = 3
"""Samples, and the length of every other axis: sizes never tell shapes apart."""


class Skip(nn.SequentialCell):
    """Adds the outputs of the first two layers."""

    def through(self, x, run, call=lambda function, *values: function(*values)):
        """Run the third layer on the sum."""
        first = run("0", self[0], x)
        return run("2", self[2], call(ops.add, first, run("1", self[1], first)))


def neuron(threshold):
    return snn.LIFNode(beta=0.5, v_threshold=threshold, surrogate_function=snn.surrogate.atan())


NETS = {
    "alone": lambda t: neuron(t),
    "recurrent": lambda t: snn.Recurrent(neuron(t), N, rng=0),
    "feedback through a layer": lambda t: snn.RecurrentThrough(neuron(t), nn.Dense(N, N, rng=0)),
    "then dense": lambda t: nn.SequentialCell(neuron(t), nn.Dense(N, 4, rng=0), neuron(1.0)),
    "then dense on all": lambda t: nn.SequentialCell(neuron(t), nn.Flatten(), nn.Dense(N * N, 4, rng=0)),
    "a sum": lambda t: Skip(neuron(t), neuron(t), nn.Dense(N, 4, rng=1)),
    "a sum with others": lambda t: Skip(neuron(t), neuron(1.0), nn.Dense(N, 4, rng=1)),
    "a delay": lambda t: nn.SequentialCell(neuron(t), snn.Delay(2), nn.Dense(N, 4, rng=0)),
}
IMAGES = {
    "feedback through a convolution": lambda t: snn.RecurrentThrough(neuron(t), nn.Conv2d(2, 2, 3, rng=0)),
    "then a convolution": lambda t: nn.SequentialCell(neuron(t), nn.Conv2d(2, 2, 3, rng=0), neuron(1.0)),
    "then a pool": lambda t: nn.SequentialCell(neuron(t), snn.SpikeMaxPool2d(2)),
}


def shapes(axes, length):
    """Return all shapes that broadcast to ``axes`` axes of a length."""
    return [s for k in range(axes + 1) for s in itertools.product((1, length), repeat=k)]


def compare(net_of, x, axes, **tune):
    rng = np.random.default_rng(1)
    for shape in shapes(axes, x.shape[1]):
        threshold = (1 + rng.permutation(int(np.prod(shape))) / 4).astype(np.float32).reshape(shape)
        with tuning.using(**tune), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected, found = (everything(net_of(threshold), x, mode) for mode in ("eager", "python"))
        assert np.asarray(expected[0][0]).any(), f"nothing fires with a threshold {shape}"
        try:
            assert_close(found, expected)
        except AssertionError as error:
            raise AssertionError(f"a threshold {shape}: {error}") from error


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("density", [2.0, -1.0], ids=["events", "products"])
def test_rows_of_features(net, density):
    x = np.random.default_rng(0).random((5, N, N, N)).astype(np.float32) * 6
    compare(NETS[net], x, 3, little_work=0, dense_density=density)


@pytest.mark.parametrize("net", IMAGES)
def test_images(net):
    x = np.random.default_rng(0).random((4, 2, 2, 2, 2)).astype(np.float32) * 5
    compare(IMAGES[net], x, 4, convolved_density=2.0)


def test_memory_of_sums_and_pools():
    row = np.array([1.0, 2.0, 3.0], np.float32)
    column = snn.memory_estimate(NETS["a sum"](row[:, None]), 5, N, features=(N, N))
    assert column.peak >= snn.memory_estimate(NETS["a sum"](row), 5, N, features=(N, N)).peak
    each = np.ones((2, 2, 2), np.float32) * np.array([1, 2], np.float32)
    assert snn.memory_estimate(IMAGES["then a pool"](each), 5, 2, features=(2, 2, 2)).peak
