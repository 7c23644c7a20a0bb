"""A neuron may return a Parameter itself, as its output or its state."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, ops


class Returned(Cell):
    def __init__(self, what):
        super().__init__()
        self.w, self.what = Parameter(np.full((2, 3), 0.75, np.float32)), what

    def construct(self, x, v):
        v = v * 0.5 + x
        return (self.w, v) if self.what == "output" else (x * v, self.w)

    def initial_state(self, x):
        return ops.ones_like(x)


@pytest.mark.parametrize("what", ["output", "state"])
@pytest.mark.parametrize("mode", ["eager", "python"])
def test_its_gradient_and_its_new_values_arrive(what, mode):
    node, x = Returned(what), np.ones((4, 2, 3), np.float32)

    def loss():
        out, v, _ = snn.run(node, x, mode=mode)
        return out.sum() + v.sum()

    times = {"output": 4, "state": 3 * 0.5 + 1}[what]
    assert np.array_equal(grad(loss, None, node.w)(), np.full((2, 3), times))
    before = loss().item()
    node.w.set_data(np.full((2, 3), 1.75, np.float32))
    assert loss().item() == before + 6 * times


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_final_state_keeps_its_values(mode):
    node = Returned("state")
    _, v, _ = snn.run(node, np.ones((4, 2, 3), np.float32), mode=mode)
    node.w.set_data(np.zeros((2, 3)))
    assert type(v) is Tensor
    assert np.array_equal(v, np.full((2, 3), 0.75))
