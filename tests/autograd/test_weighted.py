"""Layers whose weights pass through a Cell."""

import numpy as np
import pytest

from autograd import Cell, Tensor, grad, nn, ops
from autograd.errors import ShapeError


class Positive(Cell):
    def construct(self, weight):
        return ops.square(weight)


LAYERS = {
    "dense": (lambda: nn.Dense(3, 2, rng=0), (4, 3)),
    "conv1d": (lambda: nn.Conv1d(3, 2, 3, rng=0), (4, 3, 6)),
    "conv2d": (lambda: nn.Conv2d(3, 2, 3, rng=0), (4, 3, 6, 5)),
    "conv3d": (lambda: nn.Conv3d(3, 2, 3, rng=0), (2, 3, 4, 4, 3)),
    "transposed": (lambda: nn.Conv2dTranspose(3, 2, 3, 2, rng=0), (2, 3, 4, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_multiplies_by_what_its_transform_makes(name):
    make, shape = LAYERS[name]
    layer, plain = make(), make()
    layer.weight_transform = Positive()
    plain.weight.set_data(layer.weight.asnumpy() ** 2)
    x = Tensor(np.random.default_rng(0).random(shape).astype(np.float32))
    np.testing.assert_array_equal(layer(x).asnumpy(), plain(x).asnumpy())
    by_weight, by_square = (grad(lambda net=net: net(x).sum(), None, net.weight)() for net in (layer, plain))
    np.testing.assert_allclose(by_weight.asnumpy(), 2 * layer.weight.asnumpy() * by_square.asnumpy(), rtol=1e-6)
    assert by_weight.asnumpy().any()
    assert [p.name for p in layer.get_parameters()] == [p.name for p in plain.get_parameters()]
    assert "Positive" in repr(layer)
    layer.weight_transform = None
    assert layer.effective_weight() is layer.weight


def test_a_transform_of_another_shape_is_refused():
    layer = nn.Dense(3, 2, rng=0)
    layer.weight_transform = nn.Flatten(0)
    with pytest.raises(ShapeError, match=r"Dense, weight_transform: expected weights \[2, 3\], as given, got .*\[6\]"):
        layer(np.ones((1, 3), np.float32))
