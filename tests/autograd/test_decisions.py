"""Statements of docs/mindspore.md beyond the recorded cases that no other test checks."""

import pytest

from autograd import Cell, GradOperation, Parameter, grad, nn, no_grad
from autograd.errors import DTypeError

from .helpers import f64, plain


class Named(Cell):
    def __init__(self, auto_prefix=True):
        super().__init__(auto_prefix)
        self.weight = Parameter([1.0], name="w")


class Net(Cell):
    def __init__(self, auto_prefix=True):
        super().__init__(auto_prefix)
        self.fc, self.other = Named(), Named()


def test_one_name_everywhere():
    net = Net()
    names = ["fc.w", "other.w"]
    assert [name for name, _ in net.parameters_and_names()] == names
    assert [p.name for p in net.get_parameters()] == names
    assert list(net.parameters_dict()) == list(net.state_dict()) == names


def test_no_parameter_is_lost_without_prefixes():
    net = Net(auto_prefix=False)
    assert [p.name for p in net.get_parameters()] == ["w", "w"]
    assert list(net.parameters_dict()) == list(net.state_dict()) == ["fc.w", "other.w"]


def test_a_transform_inside_no_grad_gives_its_own_gradient_and_a_constant():
    def outer(x):
        with no_grad():
            inner = grad(lambda x: x * x)(x)
        return x * inner

    assert plain(grad(outer)(f64([3.0]))) == [6.0]


@pytest.mark.parametrize("frozen", [False, True])
def test_a_parameter_is_frozen_or_not_when_a_transform_begins(frozen):
    w = Parameter([2.0], requires_grad=not frozen)

    def changes(x):
        w.requires_grad = frozen
        return x * w

    assert plain(grad(changes, None, w)(f64([3.0]))) == ([0.0] if frozen else [3.0])
    assert plain(grad(lambda x: x * w, None, w)(f64([3.0]))) == ([3.0] if frozen else [0.0])


def test_a_gradient_by_all_of_no_inputs():
    with pytest.raises(DTypeError, match="among the inputs, got no positional input"):
        GradOperation(get_all=True)(nn.Dense(1, 1))()
