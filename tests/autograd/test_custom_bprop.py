"""A Cell's own bprop is its derivative in any place, for every kind of output. Cases A and D of the behaviour table."""

import numpy as np
import pytest

from autograd import Cell, GradOperation, Tensor, grad, no_grad, ops, stop_gradient, vjp

from .helpers import f64, plain, x23, y23


class Times(Cell):
    """``x * factor`` forward, ``dout * slope`` backward; counts its calls."""

    def __init__(self, factor=2.0, slope=3.0):
        super().__init__()
        self.factor, self.slope = factor, slope
        self.calls = []

    def construct(self, x):
        self.calls.append("construct")
        return x * self.factor

    def bprop(self, x, out, dout):
        self.calls.append("bprop")
        return (dout * self.slope,)


class MatMulNet(Cell):
    def __init__(self):
        super().__init__()
        self.matmul = ops.MatMul()

    def construct(self, x, y):
        return self.matmul(x, y)

    def bprop(self, x, y, out, dout):
        return x + 1, y + 1


def full(value):
    return [[value] * 3] * 2


def test_the_seeds_first_listing():
    x = Tensor([[0.5, 0.6, 0.4], [1.2, 1.3, 1.1]])
    y = Tensor([[0.01, 0.3, 1.1], [0.1, 0.2, 1.3], [2.1, 1.2, 3.3]])
    dx, dy = GradOperation(get_all=True)(MatMulNet())(x, y)
    assert np.array_equal(dx.array, x.array + 1)
    assert np.array_equal(dy.array, y.array + 1)


def test_the_seeds_second_listing():
    class ReluNet(Cell):
        def construct(self, x):
            return ops.ReLU()(x)

    class Relu6Net(Cell):
        def __init__(self):
            super().__init__()
            self.relu6, self.relu = ops.ReLU6(), ReluNet()

        def construct(self, x):
            return self.relu6(x)

        def bprop(self, x, out, dout):
            return (self.relu(x),)

    x = Tensor([[0.5, 0.6, 0.4], [1.2, 1.3, 1.1]])
    assert np.array_equal(grad(Relu6Net())(x).array, x.array)
    assert plain(grad(grad(Relu6Net()))(x)) == full(1.0)


class Surrogate(Cell):
    def construct(self, x):
        return ops.greater(x, 0).astype("float32")

    def bprop(self, x, out, dout):
        s = ops.sigmoid(x * 5.0)
        return (dout * (1 - s) * s * 5.0,)


def test_the_seeds_surrogate():
    x = Tensor([-1.0, 0.0, 0.5])
    assert plain(Surrogate()(x)) == [0.0, 0.0, 1.0]
    np.testing.assert_allclose(grad(Surrogate())(x).array, [0.03324, 1.25, 0.350518], atol=1e-5)
    np.testing.assert_allclose(grad(grad(Surrogate()))(x).array, [0.163976, 0.0, -1.486695], atol=2e-5)


# Where it stands in a computation


def test_inside_a_longer_computation():
    inner = Times()
    assert plain(grad(lambda x: inner(x * x) * 5)(x23())) == [[30.0, 60.0, 90.0], [120.0, 150.0, 180.0]]


def test_the_outer_bprop_wins_over_the_inner():
    class Outer(Cell):
        def __init__(self):
            super().__init__()
            self.inner = Times()

        def construct(self, x):
            return self.inner(x) * 5

        def bprop(self, x, out, dout):
            return (dout * 1000,)

    net = Outer()
    assert plain(grad(net)(x23())) == full(1000.0)
    assert net.inner.calls == ["construct"]


def test_called_twice():
    inner = Times()
    assert plain(grad(lambda x, y: inner(x) * 5 + inner(y) * 7, (0, 1))(x23(), y23())) == (full(15.0), full(21.0))
    assert plain(grad(lambda x: inner(x) * 5 + inner(x) * 7)(x23())) == full(36.0)
    assert plain(grad(lambda x: inner(inner(x)))(x23())) == full(9.0)


class Identity(Cell):
    def construct(self, x):
        return x

    def bprop(self, x, out, dout):
        return (dout * 10,)


def test_a_construct_that_returns_its_input():
    cell = Identity()
    assert plain(grad(cell)(x23())) == full(10.0)
    assert plain(grad(lambda x: cell(x * 2) * 3)(x23())) == full(60.0)

    def also_used(x):
        h = x * 2
        return cell(h) + h

    assert plain(grad(also_used)(x23())) == full(22.0)


def test_it_is_called_once_and_only_where_it_is_needed():
    cell = Times()
    cell(x23())
    assert cell.calls == ["construct"]
    grad(cell)(x23())
    assert cell.calls == ["construct"] * 2 + ["bprop"]
    cell.calls.clear()
    assert plain(grad(lambda x, y: cell(stop_gradient(x)) + y, (0, 1))(x23(), y23())) == (full(0.0), full(1.0))
    grad(lambda x, y: cell(x) * 0 + y, 1)(x23(), y23())
    with no_grad():
        cell(x23())
    assert cell.calls == ["construct"] * 3


def test_a_bprop_set_on_the_class_later_counts():
    class Plain(Cell):
        def construct(self, x):
            return x * 2

    cell = Plain()
    assert plain(grad(cell)(x23())) == full(2.0)
    assert not cell.has_bprop
    Plain.bprop = lambda self, x, out, dout: (dout * 50,)
    assert plain((grad(cell)(x23()), grad(Plain())(x23()))) == (full(50.0), full(50.0))
    assert cell.has_bprop


def test_calling_bprop_directly():
    assert plain(Times().bprop(x23(), x23(), x23())) == ([[3.0, 6.0, 9.0], [12.0, 15.0, 18.0]],)


def test_a_pullback_runs_the_bprop_each_time():
    pullback = vjp(Times(), x23())[1]
    assert plain([pullback(ops.ones((2, 3)) * k) for k in (1, 2)]) == [full(3.0), full(6.0)]


# Outputs


class Several(Cell):
    """Two outputs; keeps what its bprop is given."""

    def construct(self, x, y):
        return x * 2, y * 3

    def bprop(self, x, y, out, dout):
        self.out, self.dout = out, dout
        return dout[0] * 10, dout[1] * 100


def test_several_outputs_bring_a_matching_dout():
    cell = Several()
    assert plain(GradOperation(get_all=True)(cell)(x23(), y23())) == (full(10.0), full(100.0))
    assert plain(cell.out) == (plain(x23() * 2), plain(y23() * 3))
    assert plain(cell.dout) == (full(1.0), full(1.0))


def test_an_unused_output_has_a_dout_of_zeros():
    cell = Several()
    assert plain(grad(lambda x, y: cell(x, y)[0] * 5, (0, 1))(x23(), y23())) == (full(50.0), full(0.0))
    assert plain(cell.dout) == (full(5.0), full(0.0))
    assert [d.dtype for d in cell.dout] == [np.float32, np.float32]


@pytest.mark.parametrize(
    ("pack", "pick"),
    [
        (lambda a, b, c: [a, (b, c)], lambda out: out[0] + 2 * out[1][0] + 3 * out[1][1]),
        (lambda a, b, c: {"a": a, "rest": (b, [c])}, lambda out: out["a"] + 2 * out["rest"][0] + 3 * out["rest"][1][0]),
        (lambda a, b, c: (a, b, "label", c), lambda out: out[0] + 2 * out[1] + 3 * out[3]),
    ],
    ids=["list and tuple", "dict", "with a label"],
)
def test_nested_outputs_bring_a_dout_of_the_same_structure(pack, pick):
    class Nested(Cell):
        def construct(self, x):
            return pack(x * 10, x * 100, x * 1000)

        def bprop(self, x, out, dout):
            return (pick(dout),)

    cell = Nested()
    assert plain(grad(lambda x: pick(cell(x)))(f64(1.0))) == 1.0 + 4.0 + 9.0


def test_a_tuple_of_one_output():
    class One(Cell):
        def construct(self, x):
            return (x * 2,)

        def bprop(self, x, out, dout):
            assert isinstance(out, tuple)
            return (x * dout[0],)

    assert plain(grad(One())(x23())) == plain(x23())


def test_one_tensor_as_two_outputs():
    class Double(Cell):
        def construct(self, x):
            v = x * 2
            return v, v

        def bprop(self, x, out, dout):
            return (dout[0] + dout[1] * 10,)

    assert plain(grad(Double())(f64(1.0))) == 11.0
    assert plain(grad(lambda x: Double()(x)[1])(f64(1.0))) == 10.0


def test_an_output_of_truth_values():
    class Over(Cell):
        def construct(self, x):
            return x > 2

        def bprop(self, x, out, dout):
            self.dout = dout
            return (x * 10,)

    cell = Over()
    assert plain(grad(cell)(x23())) == [[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]
    assert plain(cell.dout) == full(True)
    assert plain(grad(lambda x: cell(x).astype("float32") * 7)(x23())) == [[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]
    assert plain(cell.dout) == full(7.0)
