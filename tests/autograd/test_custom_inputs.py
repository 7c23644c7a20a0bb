"""A bprop's arguments and returns for each input of construct. Cases B (those that work), E and Q of the behaviour table."""

from typing import NamedTuple

import numpy as np
import pytest

from autograd import Cell, GradOperation, Tensor, grad, ops

from .helpers import f64, plain, x23, y23


def full(value):
    return [[value] * 3] * 2


def cell(construct, bprop):
    return type("Custom", (Cell,), {"construct": construct, "bprop": bprop})()


def test_none_is_zero():
    net = cell(lambda self, x, y: x * y, lambda self, x, y, out, dout: (dout * 7, None))
    assert plain(grad(net, (0, 1))(x23(), y23())) == (full(7.0), full(0.0))
    assert plain(grad(net, 1)(x23(), y23())) == full(0.0)
    assert plain(grad(lambda x, y: net(x, y * 3) + y, (0, 1))(x23(), y23())) == (full(7.0), full(1.0))
    none = cell(lambda self, x: x, lambda self, x, out, dout: (None,))
    assert plain(grad(none)(x23())) == full(0.0)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32"])
def test_a_gradient_of_another_dtype_becomes_that_of_its_input(dtype):
    net = cell(lambda self, x: x * 2, lambda self, x, out, dout: (Tensor(np.full((2, 3), 3), dtype),))
    gradient = grad(net)(x23())
    assert gradient.dtype == np.float32
    assert plain(gradient) == full(3.0)


def test_a_numpy_gradient_is_taken():
    net = cell(lambda self, x: x * 2, lambda self, x, out, dout: (np.ones((2, 3), np.float32),))
    assert plain(grad(net)(x23())) == full(1.0)


@pytest.mark.parametrize("value", [0.1, np.float64(0.1), np.array(0.1)])
def test_a_number_is_the_gradient_of_a_scalar_to_full_precision(value):
    net = cell(lambda self, x: x * 2, lambda self, x, out, dout: (value,))
    assert plain(grad(net)(f64(1.0))) == 0.1


@pytest.mark.parametrize("second", [None, 0, Tensor(1.0), "ignored"])
def test_an_input_that_is_no_tensor_takes_a_slot(second):
    net = cell(lambda self, x, n: x * n, lambda self, x, n, out, dout: (dout * n * 10, second))
    assert plain(GradOperation(get_all=True)(net)(x23(), 3)) == (full(30.0),)


@pytest.mark.parametrize("given", [None, "text", {"a": 1}, [1, 2], ()])
def test_inputs_that_hold_no_tensor_reach_construct_and_bprop_as_they_are(given):
    seen = []

    def construct(self, x, m):
        seen.append(m)
        return x * 2

    def bprop(self, x, m, out, dout):
        seen.append(m)
        return dout * 10, None

    assert plain(grad(cell(construct, bprop))(x23(), given)) == full(10.0)
    assert seen == [given, given]


def test_whole_number_tensors_take_a_slot_too():
    net = cell(lambda self, x, n: x * n, lambda self, x, n, out, dout: (dout * n, dout))
    assert plain(grad(net)(x23(), Tensor([1, 2, 3]))) == [[1.0, 2.0, 3.0]] * 2


# Keyword, default, keyword-only and any number of arguments


def scaled():
    return cell(
        lambda self, x, scale=2.0: x * scale, lambda self, x, scale, out, dout: (dout * scale * 10, None)
    )  # fmt: skip


def test_default_and_keyword_arguments_take_their_slots():
    net = scaled()
    assert plain(grad(net)(x23())) == full(20.0)
    assert plain(grad(net)(x23(), scale=4.0)) == full(40.0)
    assert plain(grad(net)(x23(), 4.0)) == full(40.0)
    assert plain(grad(lambda x: net(x, scale=4.0))(x23())) == full(40.0)


def test_tensors_by_keyword_in_any_order():
    net = cell(lambda self, x, y: x * y, lambda self, x, y, out, dout: (dout * 10, dout * 20))
    assert plain(grad(lambda x, y: net(y=y, x=x), (0, 1))(x23(), y23())) == (full(10.0), full(20.0))


def test_keyword_only_arguments_take_a_slot():
    def construct(self, x, *, scale=2.0):
        return x * scale

    net = cell(construct, lambda self, x, scale, out, dout: (dout * scale * 10, None))
    assert plain(grad(net)(x23())) == full(20.0)
    assert plain(grad(lambda x: net(x, scale=4.0))(x23())) == full(40.0)


def test_keyword_only_tensors_get_a_gradient():
    def construct(self, x, *, y):
        return x * y

    net = cell(construct, lambda self, x, y, out, dout: (dout * 10, dout * 20))
    assert plain(grad(lambda x, y: net(x, y=y), (0, 1))(x23(), y23())) == (full(10.0), full(20.0))


def test_any_keywords_take_a_slot_each():
    def construct(self, x, **options):
        return x * options["scale"]

    net = cell(construct, lambda self, x, scale, out, dout: (dout * scale, None))
    assert plain(grad(lambda x: net(x, scale=3.0))(x23())) == full(3.0)


def test_any_number_of_inputs():
    def construct(self, *xs):
        return xs[0] * xs[1]

    def bprop(self, *args):
        assert len(args) == 4
        return args[-1] * 10, args[-1] * 20

    assert plain(grad(cell(construct, bprop), (0, 1))(x23(), y23())) == (full(10.0), full(20.0))


def test_a_bprop_with_any_arguments_gets_inputs_out_and_dout():
    net = cell(lambda self, x: x * 2, lambda self, *args: (args[-1] * len(args),))
    assert plain(grad(net)(x23())) == full(3.0)


def test_a_bprop_with_keyword_only_out_and_dout():
    def bprop(self, x, *, out, dout):
        return (dout * out,)

    assert plain(grad(cell(lambda self, x: x * 2, bprop))(f64(3.0))) == 6.0


def test_a_wrong_number_of_inputs_is_a_type_error():
    with pytest.raises(TypeError, match="missing a required argument: 'y'"):
        grad(cell(lambda self, x, y: x * y, lambda self, x, y, out, dout: (dout, dout)))(x23())


# Nested inputs


class Pair(NamedTuple):
    a: object
    b: object


@pytest.mark.parametrize(
    ("pack", "answer"),
    [
        (lambda a, b: (a, b), lambda g: (g * 10, g * 20)),
        (lambda a, b: [a, b], lambda g: (g * 10, g * 20)),
        (lambda a, b: [a, b], lambda g: [g * 10, g * 20]),
        (Pair, lambda g: Pair(g * 10, g * 20)),
        (Pair, lambda g: (g * 10, g * 20)),
        (lambda a, b: {"a": a, "b": b}, lambda g: {"b": g * 20, "a": g * 10}),
        (lambda a, b: ((a, 3), b), lambda g: ((g * 10, None), g * 20)),
    ],
    ids=["tuple", "list as tuple", "list", "NamedTuple", "NamedTuple as tuple", "dict", "nested"],
)
def test_gradients_of_a_structure_have_its_nesting(pack, answer):
    net = cell(lambda self, xs, y: y * 1, lambda self, xs, y, out, dout: (answer(dout), dout * 30))
    gradient = grad(lambda a, b, c: net(pack(a, b), c), (0, 1, 2))(x23(), y23(), x23())
    assert plain(gradient) == (full(10.0), full(20.0), full(30.0))


def test_the_structure_may_come_second_alone_or_among_three():
    second = cell(lambda self, y, xs: y * xs[0], lambda self, y, xs, out, dout: (dout * 30, (dout * 10, dout * 20)))
    alone = cell(lambda self, xs: xs[0] * xs[1], lambda self, xs, out, dout: ((dout * 10, dout * 20),))
    three = cell(
        lambda self, xs, y, z: xs[0] * y * z,
        lambda self, xs, y, z, out, dout: ((dout * 10, dout * 20), dout * 30, dout * 40),
    )
    x, y = x23(), y23()
    assert plain(grad(lambda a, b, c: second(c, (a, b)), (0, 1, 2))(x, y, x)) == (full(10.0), full(20.0), full(30.0))
    assert plain(grad(lambda a, b: alone((a, b)), (0, 1))(x, y)) == (full(10.0), full(20.0))
    assert plain(grad(lambda *xs: three(xs[:2], *xs[2:]), (0, 1, 2, 3))(x, y, x, y)) == tuple(
        map(full, (10.0, 20.0, 30.0, 40.0))
    )


def test_none_stands_for_zeros_of_a_whole_structure_or_of_a_part():
    net = cell(lambda self, xs: xs[0][0] * xs[1], lambda self, xs, out, dout: (None,))
    given = ((f64(1.0), f64(2.0)), f64(3.0))
    assert plain(grad(net)(given)) == ((0.0, 0.0), 0.0)
    part = cell(lambda self, xs: xs[0][0] * xs[1], lambda self, xs, out, dout: ((None, dout),))
    assert plain(grad(part)(given)) == ((0.0, 0.0), 1.0)


def test_a_structure_at_the_top_comes_back_as_one():
    net = cell(lambda self, xs: xs["a"] * 2, lambda self, xs, out, dout: ({"a": dout, "n": None},))
    assert plain(grad(net)({"a": f64(1.0), "n": 3})) == {"a": 1.0, "n": None}


def test_inputs_arrive_in_bprop_as_construct_had_them():
    class Keeps(Cell):
        def construct(self, xs, flag):
            return xs.a + xs.b

        def bprop(self, xs, flag, out, dout):
            self.seen = type(xs), plain(xs), flag, plain(out), plain(dout)
            return xs, None

    net = Keeps()
    grad(lambda a, b: net(Pair(a, b), "up"))(f64(1.0), f64(2.0))
    assert net.seen == (Pair, Pair(1.0, 2.0), "up", 3.0, 1.0)


def test_arrays_as_inputs_are_constants_with_a_slot():
    net = cell(lambda self, x, a: ops.mul(x, a), lambda self, x, a, out, dout: (dout * a, None))
    assert plain(grad(lambda x: net(x, np.array([2.0, 3.0])))(f64([1.0, 1.0]))) == [2.0, 3.0]
