"""A class that a user defines again, as in a notebook, does not stay in memory."""

import gc
import weakref

import pytest

from autograd import Cell, GradOperation, Parameter, Tensor, grad, value_and_grad


def define(kind):
    class Net(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter([2.0])

        def construct(self, x):
            return x * self.w

    class WithBprop(Net):
        def bprop(self, x, out, dout):
            return (dout * self.w,), {self.w: dout * x}

    class WithNames(Net):
        def bprop(self, *inputs, out, dout):
            return (dout * self.w,), {self.w: dout * inputs[0]}

    return {"plain": Net, "bprop": WithBprop, "by name": WithNames}[kind]


@pytest.mark.parametrize("kind", ["plain", "bprop", "by name"])
def test_after_a_gradient(kind):
    def use():
        cls = define(kind)
        net = cls()
        assert grad(net)(Tensor([3.0])).item() == 2.0
        assert value_and_grad(net, None, net.w)(Tensor([3.0]))[1].item() == 3.0
        assert GradOperation(get_by_list=True)(net, net.w)(Tensor([3.0])).item() == 3.0
        assert repr(net)
        return weakref.ref(cls), weakref.ref(net)

    cls, net = use()
    gc.collect()
    assert net() is None
    assert cls() is None
