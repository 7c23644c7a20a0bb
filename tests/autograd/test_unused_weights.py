"""A result that depends on none of the requested Parameters is an error, unless zeros are requested."""

import numpy as np
import pytest

from autograd import (
    Cell,
    GradOperation,
    Parameter,
    Tensor,
    check_grad,
    grad,
    no_grad,
    ops,
    stop_gradient,
    tree,
    value_and_grad,
    vjp,
)
from autograd import nn as layers
from autograd.errors import GradientError

from .helpers import f64, plain


@pytest.fixture
def net():
    return layers.SequentialCell(layers.Dense(2, 2, rng=0), layers.Dense(2, 1, rng=1))


def x():
    return Tensor([[1.0, 2.0]])


UNUSED = {
    "a loss that was made before": lambda net: (lambda loss: lambda: loss)(net(x()).sum()),
    "a constant": lambda net: lambda: Tensor(1.0),
    "another net": lambda net: (lambda other: lambda: other(x()))(layers.Dense(2, 1)),
    "numpy on the way": lambda net: lambda: Tensor(np.mean(net(x()).asnumpy())),
    "no_grad": lambda net: no_grad()(lambda: net(x())),
    "stop_gradient": lambda net: lambda: stop_gradient(net(x())),
    "a comparison": lambda net: lambda: (net(x()) > 0).astype("float32"),
}
NAMES = "Parameters '0.weight', '0.bias', '1.weight' and 1 more"


@pytest.mark.parametrize("make", UNUSED.values(), ids=UNUSED)
def test_it_is_an_error_that_says_what_to_do(make, net):
    fn, weights = make(net), net.trainable_params()
    for transform in (
        lambda: grad(fn, None, weights)(),
        lambda: value_and_grad(fn, None, weights)(),
        lambda: GradOperation(get_by_list=True)(fn, weights)(),
        lambda: vjp(fn, weights=weights)[1](Tensor(np.ones(fn().shape, fn().dtype))),
        lambda: grad(lambda x: fn(), 0, weights)(x()),
    ):
        with pytest.raises(GradientError) as caught:
            transform()
        assert f"expected a result that depends on {NAMES}, got one that depends on no differentiated" in str(caught.value)
        assert "Compute it inside the function, with operations on Tensors" in str(caught.value)
        assert "If zeros are right, pass allow_unused=True." in str(caught.value)


@pytest.mark.parametrize("make", UNUSED.values(), ids=UNUSED)
def test_zeros_can_be_asked_for(make, net):
    fn, weights = make(net), net.trainable_params()
    zeros = tuple(np.zeros(w.shape).tolist() for w in weights)
    assert plain(grad(fn, None, weights, allow_unused=True)()) == zeros
    assert plain(value_and_grad(fn, None, weights, allow_unused=True)()[1]) == zeros
    assert plain(GradOperation(get_by_list=True, allow_unused=True)(fn, weights)()) == zeros
    assert plain(vjp(fn, weights=weights, allow_unused=True)[1](Tensor(np.ones(fn().shape, fn().dtype)))) == ((), zeros)


def test_one_that_takes_part_is_enough(net):
    w, other = Parameter([2.0]), Parameter([1.0])
    assert plain(grad(lambda: w * w, None, [other, w])()) == ([0.0], [4.0])
    assert plain(grad(lambda x: x * x, 0, [other])(f64([3.0]))) == ([6.0], ([0.0],))
    assert plain(vjp(lambda x: x * x, f64([3.0]), weights=[other])[1](f64([1.0]))) == ([6.0], ([0.0],))


def test_inputs_alone_may_be_unused():
    assert plain(grad(lambda x: Tensor([1.0]))(f64([3.0]))) == [0.0]


def test_frozen_weights_alone_and_no_weights_get_zeros_and_nothing():
    w = Parameter([2.0], requires_grad=False)
    assert plain(grad(lambda: w * w, None, w)()) == [0.0]
    assert plain(grad(lambda: w * w, None, [])()) == ()


def test_a_gradient_may_be_constant():
    w, x = Parameter(np.array([2.0])), f64([3.0])
    assert plain(grad(lambda: grad(lambda: w * x, None, w)(), None, w)()) == [0.0]
    assert plain(grad(lambda: grad(lambda x: w + x)(x), None, w)()) == [0.0]
    with pytest.raises(GradientError, match=r"that depends on Parameter 'Parameter', got"):
        grad(lambda: grad(lambda: x * x, None, w)(), None, w)()


def test_a_bprop_that_supplies_zero_takes_part():
    class Kept(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter([1.0])

        def construct(self, x):
            return x * self.w

        def bprop(self, x, out, dout):
            return (dout,), {self.w: None}

    cell = Kept()
    assert plain(grad(cell, None, cell.w)(Tensor([3.0]))) == [0.0]


def test_a_checked_gradient_may_be_zero():
    check_grad(lambda x: ops.floor(x) * 2, f64([0.5, 1.5]), weights=[Parameter([1.0])])


@pytest.mark.parametrize(
    "use",
    [
        lambda fn, w, b: grad(fn)(w),
        lambda fn, w, b: grad(fn)((w, b)),
        lambda fn, w, b: grad(fn, (0, 1))(w, b),
        lambda fn, w, b: value_and_grad(fn)({"w": w}),
        lambda fn, w, b: grad(fn, 0, [b])(w),
        lambda fn, w, b: GradOperation(get_all=True)(fn)(w, b),
        lambda fn, w, b: vjp(fn, w)[1](f64(1.0)),
    ],
    ids=["one", "a tuple", "two", "a dict", "weights too", "get_all", "vjp"],
)
def test_parameters_as_inputs_that_the_function_does_not_look_at_are_an_error(use):
    w, b = Parameter(np.array([2.0]), name="w"), Parameter(np.array([1.0]), name="b")
    with pytest.raises(
        GradientError,
        match=r"depends on Parameters? 'w'.* depends on no differentiated input or Parameter.*pass them as weights=",
    ):
        use(lambda *args: f64(3.0) * (w * b).sum().item(), w, b)
    use(lambda *args: sum(leaf.sum() for leaf in tree.leaves(args)), w, b)
    assert plain(grad(lambda w: f64(3.0), allow_unused=True)(w)) == [0.0]
