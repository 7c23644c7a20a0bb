"""An interrupted backward pass leaves nothing to the next one, for any way."""

import numpy as np
import pytest

import snn
from autograd import nn, vjp
from snn import surrogate
from snn.connections.conv import ConvolvedEvents, ConvolvedImages
from snn.connections.dense import Listed, Product

STEPS, SAMPLES = 8, 3


def neuron():
    return snn.LIFNode(beta=0.5, surrogate_function=surrogate.triangle())


def dense():
    return nn.SequentialCell(nn.Dense(6, 5, rng=0), neuron())


def conv():
    return nn.SequentialCell(nn.Conv2d(2, 3, 3, rng=0), neuron())


CASES = {
    "numbers": (dense, (6,), {}, Product),
    "events": (dense, (6,), {"dense_density": 1.1, "little_work": 0}, Listed),
    "images": (conv, (2, 5, 5), {"convolved_density": 0.0, "convolved_elements": 500}, ConvolvedImages),
    "events of images": (conv, (2, 5, 5), {"convolved_density": 1.1, "convolved_elements": 500}, ConvolvedEvents),
}


@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_pass_leaves_no_sum(case, tune, monkeypatch):
    make, shape, limits, way = CASES[case]
    tune(few_outputs=0, dense_rows=6, most_dense_rows=6, event_rows=6, **limits)
    net = make()
    x = (np.random.default_rng(0).random((STEPS, SAMPLES, *shape)) < 0.3).astype(np.float32)
    for p in net.trainable_params():
        p.set_data(p.array * 4)
    out, pull = vjp(lambda x: snn.run(net, x, mode="compiled")[0], x, weights=net.trainable_params())
    assert 0.02 < out.asnumpy().mean() < 0.98
    ones = np.ones(out.shape, np.float32)
    expected = pull(ones)[1]
    calls = []
    back = way.back

    def broken(self, *args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        back(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(way, "back", broken)
        with pytest.raises(KeyboardInterrupt):
            pull(ones)
    assert len(calls) == 2
    for found, right in zip(pull(ones)[1], expected, strict=True):
        assert np.abs(right.asnumpy()).max() > 0
        np.testing.assert_array_equal(found.asnumpy(), right.asnumpy())
