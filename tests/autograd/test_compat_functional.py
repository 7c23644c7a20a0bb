"""HyperMap, MultitypeFuncGraph, vmap, and gradients by name."""

import numpy as np
import pytest

from autograd import Cell, Parameter, Tensor, get_grad, grad, nn, ops, value_and_grad, vmap
from autograd.errors import ArgumentError, DTypeError, GradientError, ShapeError

from .helpers import plain, x23

add = ops.HyperMap(lambda *values: sum(values))


@pytest.mark.parametrize(
    ("structures", "result"),
    [
        (((1, 2), (10, 20)), (11, 22)),
        (([1, (2, 3)], [10, [20, 30]]), [11, (22, 33)]),
        (({"a": 1, "b": [2]}, {"b": [20], "a": 10}), {"a": 11, "b": [22]}),
        ((1, 2, 3), 6),
        (((), ()), ()),
    ],
)
def test_a_map_goes_into_structures(structures, result):
    assert add(*structures) == result


def test_the_function_may_come_with_the_call():
    assert ops.HyperMap()(lambda x: x * 2, [1, [2, 3]]) == [2, [4, 6]]
    assert ops.Map()(len, ([1, 2], (3,))) == (2, 1)
    with pytest.raises(ArgumentError, match="HyperMap: expected a function and structures to apply it to, got nothing"):
        ops.HyperMap()()


@pytest.mark.parametrize(("reverse", "order"), [(False, [1, 2, 3]), (True, [3, 2, 1])])
def test_order_of_a_map(reverse, order):
    seen = []
    assert ops.HyperMap(lambda x: seen.append(x) or -x, reverse=reverse)((1, 2, 3)) == (-1, -2, -3)
    assert seen == order


@pytest.mark.parametrize("other", [(1,), 3, {"a": 1}, (1, 2, 3)])
def test_structures_that_differ_are_refused(other):
    with pytest.raises(ShapeError, match="HyperMap: expected structures like tuple"):
        add((1, 2), other)
    with pytest.raises(ShapeError):
        add({"a": 1, "b": 2}, {"a": 1, "c": 2})


def chosen():
    graph = ops.MultitypeFuncGraph("graph")
    graph.register("Bool")(lambda x: "bool")
    graph.register("Number")(lambda x: "number")
    graph.register("Parameter")(lambda x: "parameter")
    graph.register("Tensor")(lambda x: "tensor")
    graph.register("Tuple")(lambda x: "tuple")
    graph.register("None")(lambda x: "none")
    graph.register(np.ndarray)(lambda x: "array")
    graph.register("Number", "Tensor")(lambda x, y: x * y)
    return graph


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool"), (1, "number"), (1.5, "number"), (np.float32(1), "number"), (Tensor([1.0]), "tensor"),
        (Parameter([1.0]), "parameter"), ((1,), "tuple"), (None, "none"), (np.ones(2), "array"),
    ],
)  # fmt: skip
def test_a_function_is_chosen_by_types(value, kind):
    assert chosen()(value) == kind


def test_types_without_a_function_are_refused():
    assert plain(chosen()(2, Tensor([3.0]))) == [6.0]
    with pytest.raises(DTypeError, match=r"MultitypeFuncGraph 'graph': expected inputs of types .*, got str 'x'"):
        chosen()("x")
    with pytest.raises(ArgumentError, match=r"'graph'.register: expected one of Number, .*, or a class, got 'Tensors'"):
        chosen().register("Tensors")
    with pytest.raises(DTypeError, match="MultitypeFuncGraph: expected a name that is a string, got int 3"):
        ops.MultitypeFuncGraph(3)


def test_partial():
    assert ops.partial(max, 3)(2) == ops.Partial()(max, 3)(2) == 3


# vmap


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_vmap_goes_along_an_axis(axis):
    w = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    out = vmap(lambda x: x.sum(0), axis, axis)(Tensor(w))
    moved = np.moveaxis(w, axis, 0).sum(1)
    assert np.array_equal(out.array, np.moveaxis(moved, 0, axis))


def test_vmap_of_structures_and_of_inputs_that_are_the_same_for_all():
    def fn(x, pair, k):
        return x * k + pair["a"], (x, pair["b"])

    x, a, b = Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([10.0, 20.0]), Tensor([5.0, 6.0])
    out, (same, rest) = vmap(fn, (1, {"a": None, "b": 0}, None), (1, 0))(x, {"a": a, "b": b}, 2.0)
    assert plain(out) == [[12.0, 14.0], [26.0, 28.0]]
    assert (plain(same), plain(rest)) == ([[1.0, 3.0], [2.0, 4.0]], [5.0, 6.0])


def test_gradients_of_each_item():
    x, w = x23(), Tensor([1.0, 2.0, 3.0])

    def f(row, w):
        return (row * row * w).sum()

    assert plain(vmap(grad(f), (0, None))(x, w)) == (2 * x.array * w.array).tolist()
    assert plain(grad(lambda x: vmap(grad(f), (0, None))(x, w))(x)) == [[2.0, 4.0, 6.0]] * 2
    assert plain(grad(lambda w: vmap(f, (0, None))(x, w))(w)) == (x.array**2).sum(0).tolist()


def test_vmap_of_a_cell_with_its_own_bprop():
    class Step(Cell):
        def construct(self, x):
            return (x > 0).astype(x.dtype)

        def bprop(self, x, out, dout):
            return (dout * x,)

    assert plain(grad(vmap(Step()))(x23())) == plain(x23())


@pytest.mark.parametrize(
    ("axes", "args", "says"),
    [
        (0, (Tensor([1.0]), Tensor([1.0, 2.0])), r"expected inputs with equal numbers of items, got numbers \[1, 2\]"),
        (None, (Tensor([1.0]),), r"got numbers \[\]"),
        (0, (Tensor(np.ones((0, 2))),), r"got numbers \[0\]"),
        ((0, 0), (Tensor([1.0]),), r"ops.vmap, in_axes: expected axes for tuple of \[1\] Float32, got \(0, 0\)"),
    ],
)
def test_inputs_that_vmap_cannot_go_along(axes, args, says):
    with pytest.raises(ShapeError, match=says):
        vmap(lambda *xs: xs[0], axes)(*args)


# Gradients by name


def f(x, y, z):
    return x * y * z


def three():
    return Tensor([1.0, 2.0]), Tensor([-2.0, 3.0]), Tensor([0.0, 3.0])


def test_gradients_come_with_their_positions():
    assert plain(grad(f, (1, 2), return_ids=True)(*three())) == ((1, [0.0, 6.0]), (2, [-2.0, 6.0]))
    assert plain(grad(f, 1, return_ids=True)(*three())) == (1, [0.0, 6.0])
    assert plain(value_and_grad(f, 1, return_ids=True)(*three())[1]) == (1, [0.0, 6.0])


def test_gradients_of_weights_come_with_their_names():
    net = nn.Dense(3, 1, "ones", "zeros")
    gradients = grad(net, 0, net.trainable_params(), return_ids=True)(x23())
    assert gradients[0][0] == 0
    assert [name for name, _ in gradients[1]] == ["weight", "bias"]
    assert plain(get_grad(gradients, net.bias)) == [2.0]
    assert plain(get_grad(gradients, 0)) == [[1.0] * 3] * 2
    assert plain(get_grad(grad(net, None, net.bias, return_ids=True)(x23()), net.bias)) == [2.0]


def test_a_second_derivative_goes_through_named_gradients():
    assert plain(grad(lambda x: get_grad(grad(lambda y: y**3, return_ids=True)(x), 0))(Tensor([2.0]))) == [12.0]


def test_a_gradient_that_is_not_there_is_an_error():
    gradients = grad(f, (1, 2), return_ids=True)(*three())
    with pytest.raises(GradientError, match=r"get_grad: expected one of the identifiers \[1, 2\], got 0"):
        get_grad(gradients, 0)
    with pytest.raises(GradientError, match="got 'w'"):
        get_grad(gradients, Parameter([1.0], name="w"))
    with pytest.raises(DTypeError, match=r"get_grad: expected a position or a Parameter, got float 1.5"):
        get_grad(gradients, 1.5)
