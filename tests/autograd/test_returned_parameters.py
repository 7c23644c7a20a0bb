"""A Parameter that a differentiated function returns is a leaf of the transform."""

import numpy as np
import pytest

from autograd import Cell, GradOperation, Parameter, Tensor, grad, ops, value_and_grad, vjp
from autograd import nn as layers

from .helpers import f64, plain


class Holder(Cell):
    def __init__(self, w, inner=None):
        super().__init__()
        self.w, self.inner = w, inner

    def construct(self, x):
        return self.w if self.inner is None else self.inner(self.w)


class Doubled(Cell):
    """Its bprop says 3."""

    def construct(self, x):
        return x

    def bprop(self, x, out, dout):
        return (dout * 3,)


WAYS = {
    "itself": lambda w: w,
    "plus": lambda w: +w,
    "data": lambda w: w.data,
    "init_data": lambda w: w.init_data(),
    "value": lambda w: w.value(),
    "copy": lambda w: w.copy(),
    "identity": ops.identity,
    "Identity": ops.Identity(),
    "nn.Identity": layers.Identity(),
    "depend": lambda w: ops.depend(w, None),
    "Depend": lambda w: ops.Depend()(w, None),
    "clip without limits": ops.clip,
    "addn": lambda w: ops.addn([w]),
    "Dropout in evaluation": layers.Dropout(0.5),
    "no layers": layers.SequentialCell(),
    "layers": layers.SequentialCell(layers.Identity(), layers.Dropout(0.5)),
    "Cell": lambda w: Holder(w)(None),
    "Cell in a Cell": lambda w: Holder(w, layers.Identity())(None),
    "reshape": lambda w: w.reshape(1),
}


@pytest.fixture
def w():
    return Parameter(np.array([5.0]), name="w")


@pytest.fixture
def x():
    return f64([5.0])


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_returned_has_the_gradient_one(way, w, x):
    assert plain(grad(lambda x: way(w), None, w)(x)) == [1.0]
    assert plain(value_and_grad(lambda x: way(w), None, w)(x)) == ([5.0], [1.0])
    assert plain(grad(lambda x: way(w), 0, w)(x)) == ([0.0], [1.0])
    assert plain(GradOperation(get_by_list=True)(lambda x: way(w), w)(x)) == [1.0]
    assert plain(GradOperation(get_all=True, get_by_list=True)(lambda x: way(w), [w])(x)) == (([0.0],), ([1.0],))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_beside_another_output_and_in_structures(way, w, x):
    assert plain(grad(lambda x: (x * w, way(w)), None, w)(x)) == [6.0]
    assert plain(grad(lambda x: [x * w, {"w": way(w), "more": (way(w),)}], None, w)(x)) == [7.0]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_pullback_later(way, w, x):
    out, pullback = vjp(lambda x: way(w), x, weights=[w])
    w.set_data([9.0])
    assert plain(out) == [5.0]
    assert plain(pullback(f64([7.0]))) == ([0.0], ([7.0],))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_nested_transforms(way, w, x):
    def inner(x):
        value, dw = value_and_grad(lambda x: (x * way(w) * way(w)).sum() + way(w).sum(), None, w)(x)
        return dw * way(w) + value  # (2 x w + 1) w + x w w + w

    assert plain(grad(inner, None, w)(x)) == [4 * 25.0 + 1 + 2 * 25.0 + 1]
    assert plain(grad(lambda: value_and_grad(lambda: way(w), None, w)()[0], None, w)()) == [1.0]
    assert plain(grad(lambda x: value_and_grad(lambda x: (x * x, way(w)))(x)[0][1], None, w)(x)) == [1.0]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_beside_the_value_of_an_inner_transform(way, w, x):
    def outer(x):
        _, (aux,) = grad(lambda x: (x * w, way(w)), has_aux=True)(x)
        return aux * aux

    assert plain(grad(outer, None, w)(x)) == [10.0]
    gradient, (aux,) = grad(lambda x: (x * w, way(w)), None, w, has_aux=True)(x)
    assert (plain(gradient), plain(aux), type(aux)) == ([5.0], [5.0], Tensor)


def test_a_custom_bprop_and_a_hook_on_the_way(w, x):
    assert plain(grad(lambda x: Doubled()(w), None, w)(x)) == [3.0]
    cell = layers.Identity()
    seen = []
    cell.register_backward_hook(lambda cell, before, after: seen.append(plain(after)))
    assert plain(grad(lambda x: cell(w), None, w)(x)) == [1.0]
    assert seen == [([1.0],)]


def test_a_bprop_that_returns_a_parameter(w, x):
    class Says(Cell):
        def construct(self, x):
            return x * 1

        def bprop(self, x, out, dout):
            return (w,)

    gradient = grad(Says())(x)
    assert (type(gradient), plain(gradient)) == (Tensor, [5.0])
    assert plain(grad(grad(Says()), None, w)(x)) == [1.0]


@pytest.mark.parametrize("name", ["plus", "identity", "nn.Identity", "Dropout in evaluation", "depend", "clip without limits"])
def test_a_result_keeps_its_values_when_the_parameter_gets_new_ones(name, w):
    result = WAYS[name](w)
    w.set_data([9.0])
    assert (type(result), plain(result)) == (Tensor, [5.0])
