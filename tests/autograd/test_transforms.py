"""grad, value_and_grad and vjp: what they return, for which inputs and weights. Cases H, I, J and S of the behaviour table."""

from typing import NamedTuple

import numpy as np
import pytest

from autograd import Cell, Parameter, ParameterTuple, Tensor, grad, ops, stop_gradient, value_and_grad, vjp
from autograd.errors import ArgumentError, DTypeError, GradientError, ShapeError

from .helpers import Linear, f64, plain, x23, y23

XW, YB = [[1.0, 2.0, 3.0]] * 2, [[1.0] * 3] * 2  # gradients of Linear by its inputs
DW, DB = [5.0, 7.0, 9.0], [5.0, 5.0, 5.0]  # and by its weights


def product(x, y, z):
    return x * y * z


def three():
    return Tensor([1.0, 2.0]), Tensor([-2.0, 3.0]), Tensor([0.0, 3.0])


def with_aux(x, y):
    return x * y, x + y, y


@pytest.mark.parametrize(
    ("position", "gradient"),
    [
        (0, [0.0, 9.0]),
        (1, [0.0, 6.0]),
        ((0,), ([0.0, 9.0],)),
        ((1, 2), ([0.0, 6.0], [-2.0, 6.0])),
        ((2, 0), ([-2.0, 6.0], [0.0, 9.0])),
    ],
)
def test_gradient_has_the_structure_of_grad_position(position, gradient):
    assert plain(grad(product, position)(*three())) == gradient
    value, second = value_and_grad(product, position)(*three())
    assert plain(value) == [0.0, 18.0]
    assert plain(second) == gradient


@pytest.mark.parametrize(
    ("position", "weights", "gradient"),
    [
        (None, lambda n: ParameterTuple(n.trainable_params()), (DW, DB)),
        (None, lambda n: n.trainable_params(), (DW, DB)),
        (None, lambda n: (n.b, n.w), (DB, DW)),
        (None, lambda n: [n.w], (DW,)),
        (None, lambda n: n.w, DW),
        (None, lambda n: [n.w, n.w], (DW, DW)),
        (0, lambda n: ParameterTuple(n.trainable_params()), (XW, (DW, DB))),
        ((0, 1), lambda n: n.trainable_params(), ((XW, YB), (DW, DB))),
        (0, lambda n: n.w, (XW, DW)),
        (0, lambda n: [], (XW, ())),
        (0, lambda n: [Parameter([1.0, 2.0], name="unused"), n.w], (XW, ([0.0, 0.0], DW))),
    ],
)
def test_gradient_by_weights(position, weights, gradient):
    net = Linear()
    assert plain(grad(net, position, weights(net))(x23(), y23())) == gradient
    value, second = value_and_grad(net, position, weights(net))(x23(), y23())
    assert plain(value) == [[3.0, 6.0, 11.0], [7.0, 13.0, 21.0]]
    assert plain(second) == gradient


def test_a_frozen_weight_gets_zeros():
    net = Linear()
    net.w.requires_grad = False
    assert plain(grad(net, None, [net.w, net.b])(x23(), y23())) == ([0.0] * 3, DB)
    assert plain(grad(net, None, net.w)(x23(), y23())) == [0.0] * 3


def test_a_weight_passed_as_an_input_counts_at_its_position_only():
    net = Linear()
    by_input, by_weight = grad(lambda w: (w * net.w).sum(), 0, net.w)(net.w)
    assert plain((by_input, by_weight)) == ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])


def test_has_aux_passes_the_rest_through():
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    assert plain(grad(with_aux, has_aux=True)(x, y)) == ([3.0, 4.0], ([4.0, 6.0], [3.0, 4.0]))
    assert plain(value_and_grad(with_aux, has_aux=True)(x, y)) == (([3.0, 8.0], [4.0, 6.0], [3.0, 4.0]), [3.0, 4.0])
    net = Linear()
    value, gradient = value_and_grad(lambda *xs: (net(*xs).sum(), "note"), None, net.trainable_params(), True)(x23(), y23())
    assert plain(value) == (61.0, "note")
    assert plain(gradient) == (DW, DB)


def test_without_has_aux_all_outputs_are_summed():
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    assert plain(grad(with_aux)(x, y)) == [4.0, 5.0]
    assert plain(value_and_grad(with_aux)(x, y)) == (([3.0, 8.0], [4.0, 6.0], [3.0, 4.0]), [4.0, 5.0])


def test_a_result_that_is_not_scalar_is_summed():
    assert plain(grad(lambda x: x * x)(x23())) == [[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]


def test_broadcasting_is_undone():
    assert plain(grad(ops.mul, (0, 1))(x23(), Tensor([1.0, 2.0, 3.0]))) == (XW, DW)


def test_one_tensor_at_two_positions_counts_at_each():
    x = x23()
    assert plain(grad(ops.mul, (0, 1))(x, x)) == (plain(x), plain(x))  # MindSpore's PYNATIVE mode gives their sum twice


@pytest.mark.parametrize("fn", [lambda x, y: y * 2, lambda x, y: Tensor([1.0, 2.0]), lambda x, y: stop_gradient(x)])
def test_an_unused_input_gets_zeros(fn):
    assert plain(grad(fn)(Tensor([5.0, 6.0]), Tensor([1.0, 2.0]))) == [0.0, 0.0]


def test_a_returned_input_gets_ones():
    assert plain(grad(lambda x: x)(x23())) == [[1.0] * 3] * 2


class Pair(NamedTuple):
    v: object
    i: object


@pytest.mark.parametrize(
    ("given", "gradient"),
    [
        ((f64(2.0), f64(3.0)), (3.0, 2.0)),
        ([f64(2.0), f64(3.0)], [3.0, 2.0]),
        (Pair(f64(2.0), f64(3.0)), Pair(3.0, 2.0)),
    ],
    ids=["tuple", "list", "NamedTuple"],
)
def test_gradient_by_a_structure_is_that_structure(given, gradient):
    result = grad(lambda pair: pair[0] * pair[1])(given)
    assert type(result) is type(given)
    assert plain(result) == gradient


def test_gradient_by_a_dict_and_by_what_holds_no_tensors():
    given = {"a": f64(2.0), "n": 3, "deep": [f64(5.0), None, "text"]}
    gradient = grad(lambda d: d["a"] * d["deep"][0] * d["n"])(given)
    assert plain(gradient) == {"a": 15.0, "n": None, "deep": [6.0, None, None]}
    assert plain(given) == {"a": 2.0, "n": 3, "deep": [5.0, None, "text"]}


def test_arrays_and_python_floats_are_inputs_too():
    assert plain(grad(lambda x: x * x)(3.0)) == 6.0
    gradient = grad(lambda x: x * x)(np.array([1.0, 2.0]))
    assert plain(gradient) == [2.0, 4.0]
    assert gradient.dtype == np.float64


def test_keyword_arguments_reach_the_function():
    x, y, z = three()
    assert plain(grad(product, (0, 1))(x, y, z=z)) == ([0.0, 9.0], [0.0, 6.0])
    assert plain(value_and_grad(product)(x, z=z, y=y)) == ([0.0, 18.0], [0.0, 9.0])


def test_the_gradient_function_bears_the_name_of_its_function():
    assert grad(product).__name__ == "product"


def test_results_outside_every_transform_are_plain_values():
    value, gradient = value_and_grad(lambda x: x * 2)(f64(1.0))
    assert (value.node, gradient.node) == (None, None)


@pytest.mark.parametrize("position", [1.0, [0, 1], True, (), "x", (0, 1.0)])
def test_a_grad_position_that_is_no_int_is_refused(position):
    with pytest.raises(ArgumentError, match=r"grad: expected grad_position to be an int or a tuple of ints, got .* from 0"):
        grad(product, position)


@pytest.mark.parametrize("position", [-1, (0, -1), (0, 0)])
def test_a_grad_position_that_is_negative_or_repeated_is_refused(position):
    with pytest.raises(ArgumentError, match=r"expected grad_position without negative or repeated numbers, got"):
        value_and_grad(product, position)


@pytest.mark.parametrize("position", [3, (0, 5)])
def test_a_grad_position_without_an_input_is_refused(position):
    with pytest.raises(ArgumentError, match=r"grad of product: expected grad_position below 3, the number of inputs, got"):
        grad(product, position)(*three())


def test_nothing_to_differentiate_by_is_refused():
    with pytest.raises(ArgumentError, match=r"grad: expected grad_position or weights, got None for both. Name at least"):
        grad(product, None)
    with pytest.raises(ArgumentError, match=r"value_and_grad: expected grad_position or weights"):
        value_and_grad(product, None)


@pytest.mark.parametrize("given", [Tensor([1, 2]), Tensor([True]), 3, "text", None, np.array([1]), (Tensor([1]), 2)])
def test_the_gradient_of_what_is_not_floating_is_refused(given):
    with pytest.raises(DTypeError, match=r"grad of <lambda>: expected a floating Tensor as input 0, to differentiate, got "):
        grad(lambda x: x * 1.5)(given)


def test_the_error_of_an_integer_input_says_what_to_do():
    with pytest.raises(DTypeError, match=r"got \[2\] Int64. Convert it with .astype\(autograd.float32\), or choose another"):
        grad(lambda x: x * x)(Tensor([1, 2]))


@pytest.mark.parametrize("weights", ["w", 3, [Tensor([1.0])], Tensor([1.0])])
def test_weights_that_are_no_parameters_are_refused(weights):
    with pytest.raises(DTypeError, match=r"grad: expected weights to be Parameters, got .* Pass cell.trainable_params"):
        grad(product, 0, weights)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(DTypeError, match=r"grad: expected a function or Cell, got int 3. Pass the function itself"):
        grad(3)


@pytest.mark.parametrize("returned", [None, 3.0, np.ones(2), "text", (Tensor(1.0), None)])
def test_a_function_that_does_not_return_tensors_is_refused(returned):
    with pytest.raises(GradientError, match=r"grad of <lambda>: expected a function that returns Tensors, got .*has_aux=True"):
        grad(lambda x: returned)(f64(1.0))


@pytest.mark.parametrize("returned", [lambda x: x, lambda x: [x, x], lambda x: (x,)])
def test_has_aux_without_anything_auxiliary_is_refused(returned):
    with pytest.raises(GradientError, match=r"expected a tuple \(value, aux, ...\) because has_aux=True, got"):
        grad(returned, has_aux=True)(f64(1.0))


# vjp


def test_a_pullback_can_be_called_often():
    out, pullback = vjp(lambda x, y: x * y, Tensor([1.0, 2.0]), Tensor([3.0, 4.0]))
    assert plain(out) == [3.0, 8.0]
    assert plain(pullback(Tensor([1.0, 0.0]))) == ([3.0, 0.0], [1.0, 0.0])
    assert plain(pullback(Tensor([0.0, 2.0]))) == ([0.0, 8.0], [0.0, 4.0])


def test_a_pullback_of_one_input_returns_one_gradient():
    assert plain(vjp(lambda x: x * 2, f64(1.0))[1](f64(5.0))) == 10.0


def test_a_pullback_of_several_outputs_takes_a_cotangent_for_each():
    pullback = vjp(lambda x: (x * 2, x * 3), f64(1.0))[1]
    assert plain(pullback(f64(1.0), f64(10.0))) == 32.0
    assert plain(pullback((f64(1.0), f64(10.0)))) == 32.0


def test_vjp_with_weights_aux_and_inputs_that_are_not_floating():
    net = Linear()
    out, pullback, aux = vjp(lambda x, n: (net(x, x) * n, "note"), x23(), 2, weights=net.trainable_params(), has_aux=True)
    assert plain(out) == [[4.0, 12.0, 24.0], [16.0, 30.0, 48.0]]
    assert aux == ("note",)
    by_inputs, by_weights = pullback(ops.ones((2, 3)))
    assert plain(by_inputs) == [[4.0, 6.0, 8.0]] * 2
    assert plain(by_weights) == ([10.0, 14.0, 18.0], [10.0, 14.0, 18.0])


@pytest.mark.parametrize("first", [2, Tensor([2]), np.array([True]), ()], ids=repr)
def test_vjp_refuses_what_is_not_floating_in_front_of_what_is(first):
    with pytest.raises(DTypeError, match=r"vjp of <lambda>: expected floating Tensors before all other .* or close over it"):
        vjp(lambda n, x: x * 2, first, f64(1.0))


def test_a_pullback_by_arrays_counts_them_as_tensors():
    pullback = vjp(lambda x, y, n: x * y, np.array([2.0]), f64([3.0]), 4)[1]
    assert plain(pullback(np.array([1.0]))) == ([3.0], [2.0])


@pytest.mark.parametrize("cotangents", [(), (Tensor([1.0]), Tensor([1.0]))])
def test_a_wrong_number_of_cotangents_is_refused(cotangents):
    pullback = vjp(lambda x: x * 2, Tensor([1.0]))[1]
    with pytest.raises(ShapeError, match=r"vjp of <lambda>, sensitivity: expected one for each of 1 outputs, got [02]"):
        pullback(*cotangents)


@pytest.mark.parametrize("cotangent", [Tensor([1.0, 2.0]), Tensor(1.0), Tensor([1.0], "float16"), Tensor([1])])
def test_a_cotangent_of_another_shape_or_dtype_is_refused(cotangent):
    pullback = vjp(lambda x: x * 2, Tensor([1.0]))[1]
    with pytest.raises(ShapeError, match=r"sensitivity: expected the output's shape and dtype, \[1\] Float32, got"):
        pullback(cotangent)


def test_vjp_without_a_floating_tensor_is_refused():
    with pytest.raises(DTypeError, match=r"vjp of mul: expected a floating Tensor.*among the inputs, got \[1\] Int64, int 2"):
        vjp(ops.mul, Tensor([1]), 2)


def test_stop_gradient_in_structures():
    assert plain(grad(lambda x: stop_gradient(x * x) * x)(Tensor([2.0, 3.0]))) == [4.0, 9.0]
    assert plain(stop_gradient((Tensor([1.0]), {"a": Tensor([2.0])}))) == ([1.0], {"a": [2.0]})
    assert plain(stop_gradient([1.0, 2.0])) == [1.0, 2.0]


def test_a_cell_is_differentiated_like_a_function():
    class Square(Cell):
        def construct(self, x):
            return x * x

    assert plain(grad(Square())(x23())) == plain(grad(lambda x: x * x)(x23()))


@pytest.mark.parametrize("transform", [grad, value_and_grad])
@pytest.mark.parametrize("kind", ["list", "tuple", "ParameterTuple", "dict", "one"])
def test_weights_in_the_place_of_positions_are_named(transform, kind):
    a, b = Parameter([1.0], name="a"), Parameter([2.0], name="b")
    kinds = {"list": [a, b], "tuple": (a, b), "ParameterTuple": ParameterTuple([a, b]), "dict": {"a": a, "b": b}, "one": a}
    name, got = transform.__name__, "the Parameter 'a'" if kind == "one" else "2 Parameters"
    message = f"{name}: expected grad_position to be an int or a tuple of ints, got {got}"
    with pytest.raises(ArgumentError, match=message) as error:
        transform(lambda: a * b, kinds[kind])
    assert f"write {name}(fn, None, weights)" in error.value.fix


def test_weights_in_the_place_of_inputs_of_vjp_are_named_if_the_function_fails():
    a = Parameter([1.0], name="a")
    with pytest.raises(TypeError, match="takes 0 positional") as error:
        vjp(lambda: a * a, [a])
    assert any("vjp(fn, *inputs, weights=weights)" in note for note in error.value.__notes__)
    with pytest.raises(TypeError, match="takes 0 positional") as error:
        vjp(lambda: a * a, Tensor([1.0]))
    assert not getattr(error.value, "__notes__", [])
