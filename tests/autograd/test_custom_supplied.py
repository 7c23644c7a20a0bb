"""Gradients of Parameters that a bprop supplies by key, and Parameters used in a bprop. Cases C and M of the table."""

import pytest

from autograd import Cell, GradOperation, Parameter, Tensor, grad, ops
from autograd.errors import BpropError, GradientError

from .helpers import DX, Weighted, f64, full, plain, x23


class UsesWeightInBprop(Weighted):
    def bprop(self, x, out, dout):
        return (dout * self.w * 10,)


class Affine(Cell):
    def __init__(self):
        super().__init__()
        self.w = Parameter([1.0, 2.0, 3.0])
        self.b = Parameter([1.0, 1.0, 1.0])

    def construct(self, x):
        return x * self.w + self.b

    def bprop(self, x, out, dout):
        return (dout * self.w,), {self.w: (dout * x).sum(0) * 100, self.b: dout.sum(0) * 1000}


@pytest.mark.parametrize("pick", [lambda n: [n.w, n.b], lambda n: [n.b, n.w], lambda n: [n.b]])
def test_gradients_by_key_arrive_at_their_parameters_in_any_order(pick):
    net = Affine()
    want = {"w": [500.0, 700.0, 900.0], "b": [2000.0] * 3}
    asked = pick(net)
    assert plain(grad(net, 0, asked)(x23())) == (DX, tuple(want[p.name] for p in asked))


def test_the_dict_may_be_in_another_order():
    class Reversed(Affine):
        def bprop(self, x, out, dout):
            return (dout * self.w,), {self.b: dout.sum(0) * 1000, self.w: (dout * x).sum(0) * 100}

    net = Reversed()
    assert plain(grad(net, None, [net.w, net.b])(x23())) == ([500.0, 700.0, 900.0], [2000.0] * 3)


def test_a_weight_missing_from_the_dict_is_hidden():
    class Half(Affine):
        def bprop(self, x, out, dout):
            return (dout * self.w,), {self.w: (dout * x).sum(0)}

    net = Half()
    assert plain(grad(net, None, net.w)(x23())) == [5.0, 7.0, 9.0]
    with pytest.raises(GradientError, match=r"Half: .*no gradient for Parameter 'b'"):
        grad(net, None, [net.w, net.b])(x23())


def test_none_in_the_dict_is_zero():
    class Zero(Affine):
        def bprop(self, x, out, dout):
            return (dout,), {self.w: None, self.b: None}

    net = Zero()
    assert plain(grad(net, None, [net.w, net.b])(x23())) == ([0.0] * 3, [0.0] * 3)


def test_a_weight_that_construct_read_as_an_array_can_be_supplied():
    class Array(Weighted):
        def construct(self, x):
            return x * self.w.asnumpy()

        def bprop(self, x, out, dout):
            return (dout * self.w,), {self.w: (dout * x).sum(0)}

    net = Array()
    assert plain(grad(net, 0, net.w)(x23())) == (DX, [5.0, 7.0, 9.0])


def test_a_gradient_by_key_of_the_wrong_shape_is_refused():
    class Wrong(Affine):
        def bprop(self, x, out, dout):
            return (dout,), {self.w: dout, self.b: dout.sum(0)}

    net = Wrong()
    with pytest.raises(BpropError, match=r"Wrong.bprop, gradient of Parameter 'w': expected shape \[3\], got"):
        grad(net, None, net.w)(x23())


def test_supplied_weights_of_a_cell_without_tensor_inputs():
    class Source(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter([2.0, 3.0])

        def construct(self):
            return self.w * self.w

        def bprop(self, out, dout):
            return (), {self.w: dout * self.w * 100}

    net = Source()
    assert plain(grad(net, None, net.w)()) == [200.0, 300.0]


# Weights in a bprop, and as inputs


def test_a_weight_in_the_bprop_is_used_by_value():
    net = UsesWeightInBprop()
    assert plain(grad(net)(x23())) == [[10.0, 20.0, 30.0]] * 2


def test_second_order_by_a_weight_that_the_bprop_uses():
    net = UsesWeightInBprop()
    outer = GradOperation(get_all=True, get_by_list=True)(lambda x: GradOperation()(net)(x), net.trainable_params())
    assert plain(outer(x23())) == ((full(0.0),), ([20.0, 20.0, 20.0],))


def test_second_order_by_a_hidden_weight_through_out_is_refused():
    class UsesOut(Weighted):
        def bprop(self, x, out, dout):
            return (dout * out,)

    net = UsesOut()
    with pytest.raises(GradientError, match=r"UsesOut: .*no gradient for Parameter 'w'"):
        grad(lambda x: grad(net)(x), None, net.w)(x23())


def test_second_order_through_supplied_gradients():
    class Product(Weighted):
        def bprop(self, x, out, dout):
            return (dout * self.w,), {self.w: (dout * x).sum(0)}

    net = Product()
    square = lambda: grad(lambda x: net(x) ** 2)(x23()).sum()  # noqa: E731 - of 2 w^2 x
    assert plain(grad(square, None, net.w)()) == [20.0, 56.0, 108.0]


def test_a_weight_passed_as_an_input_gets_the_gradient_of_its_slot():
    class Multiply(Cell):
        def construct(self, x, w):
            return x * w

        def bprop(self, x, w, out, dout):
            return dout * 10, dout.sum(0) * 100

    w, multiply = Parameter([1.0, 2.0, 3.0]), Multiply()
    assert plain(grad(lambda x: multiply(x, w), 0, w)(x23())) == (full(10.0), [200.0] * 3)


def test_an_outer_weight_before_a_cell_that_hides_its_own():
    class Outer(Cell):
        def __init__(self):
            super().__init__()
            self.w0, self.f = Parameter([2.0, 2.0, 2.0]), Weighted()

        def construct(self, x):
            return self.f(x * self.w0)

    net = Outer()
    assert [p.name for p in net.trainable_params()] == ["w0", "f.w"]
    assert plain(grad(net, 0, net.w0)(x23())) == (full(20.0), [50.0, 70.0, 90.0])
    with pytest.raises(GradientError, match=r"gradient through Weighted: .*Parameter 'f.w'"):
        grad(net, 0, net.trainable_params())(x23())


def test_a_weight_that_met_a_batch_gets_the_sum_over_it_at_second_order_too():
    class PerFeature(Weighted):
        def bprop(self, x, out, dout):
            return (dout * self.w,), {self.w: ops.sum_to_size(dout * x, self.w.shape)}

    net = PerFeature()
    assert plain(grad(net, 0, net.w)(x23())) == (DX, [5.0, 7.0, 9.0])
    squares = lambda x: (grad(lambda x: net(x) ** 2, None, net.w)(x) * [1.0, 2.0, 3.0]).sum()  # noqa: E731 - of 2 w x^2
    assert plain(grad(squares, 0, net.w)(x23())) == ([[4.0, 32.0, 108.0], [16.0, 80.0, 216.0]], [34.0, 116.0, 270.0])


def test_float64_weights():
    class Double(Affine):
        def __init__(self):
            super().__init__()
            self.w, self.b = Parameter(Tensor([1.0, 2.0, 3.0], "float64")), Parameter(Tensor([1.0] * 3, "float64"))

    net = Double()
    gradient = grad(net, None, [net.w, net.b])(f64([[1.0, 2.0, 3.0]]))
    assert [str(g.dtype) for g in gradient] == ["float64", "float64"]
