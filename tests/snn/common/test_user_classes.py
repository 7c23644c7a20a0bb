"""Classes of users: freed when unused; nested too deep, an error that says what to do."""

import gc
import weakref

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, grad, nn
from autograd.errors import CellError

X = np.ones((4, 2, 3), np.float32)


def define(kind):
    class Leaky(Cell):
        def __init__(self):
            super().__init__()
            self.decay = Parameter(np.float32(0.75))

        def construct(self, x, v):
            v = v * self.decay + x
            return v, v

    class Step(Cell):
        def construct(self, x):
            return (x > 0).astype(x.dtype)

        def bprop(self, x, out, dout):
            return (dout * 0.5,)

    if kind == "neuron":
        return Leaky, Leaky()
    node = snn.LIFNode(beta=Parameter(np.float32(0.5)), surrogate_function=Step())
    return Step, node if kind == "surrogate" else nn.SequentialCell(nn.Dense(3, 3, weight_init="ones"), node)


@pytest.mark.parametrize("kind", ["neuron", "surrogate", "net"])
@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_class_that_is_defined_again_is_freed(kind, mode):
    def use():
        cls, net = define(kind)
        gradients = grad(lambda: snn.run(net, X, mode=mode)[0].sum(), None, net.trainable_params())()
        assert any(g.array.any() for g in gradients)
        return weakref.ref(cls), weakref.ref(net)

    cls, net = use()
    gc.collect()
    assert net() is None
    assert cls() is None


@pytest.mark.parametrize(
    "use",
    [
        lambda net: snn.run(net, X), lambda net: snn.run(net, X, mode="python"), lambda net: snn.explain(net, X),
        lambda net: snn.health(net, X), lambda net: snn.memory_estimate(net, T=4, N=2),
    ],
    ids=["run", "run, compiled", "explain", "health", "memory_estimate"],
)  # fmt: skip
def test_a_net_that_is_nested_too_deep_says_so(use):
    net = nn.SequentialCell(nn.Dense(3, 3), snn.IFNode())
    for _ in range(400):
        net = nn.SequentialCell(net)
    with pytest.raises(CellError, match=r"Python's recursion limit, got deeper nesting. Put the layers into one"):
        use(net)
