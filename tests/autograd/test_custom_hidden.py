"""Parameters and other tensors whose gradient a bprop hides. Cases C and R of the behaviour table.

MindSpore gives silent zeros for a weight that a bprop hides; here asking for it is an error.
"""

import pytest

from autograd import Cell, GradOperation, Parameter, grad, nn, ops, stop_gradient
from autograd.errors import GradientError

from .helpers import Weighted, f64, full, plain, x23

HIDDEN = (
    r"gradient through Weighted: expected Weighted.bprop to supply every requested gradient of a value that construct "
    r"uses, got no gradient for Parameter 'w'. Return it as `return \(dx,\), \{self.weight: dw\}`, or pass the value to "
    r"construct as an input. If the gradient is not wanted, set requires_grad=False or leave it out"
)


def test_asking_for_a_weight_that_the_bprop_hides_is_refused():
    net = Weighted()
    for ask in (
        lambda: GradOperation(get_by_list=True)(net)(x23()),
        lambda: grad(net, 0, net.w)(x23()),
        lambda: grad(lambda x: net(x * 2) + 1, None, [net.w])(x23()),
    ):
        with pytest.raises(GradientError, match=HIDDEN):
            ask()


def test_the_error_names_the_weight_by_its_path():
    outer = nn.SequentialCell({"layer": Weighted()})
    with pytest.raises(GradientError, match=r"gradient through Weighted: .* got no gradient for Parameter 'layer.w'"):
        grad(outer, None, outer.trainable_params())(x23())


def test_a_hidden_weight_that_is_not_asked_for_is_no_error():
    net = Weighted()
    assert plain(grad(net)(x23())) == full(10.0)
    other = Parameter([1.0, 1.0, 1.0])
    assert plain(grad(lambda x: net(x) * other, 0, other)(x23())) == (full(10.0), [5.0, 14.0, 27.0])
    net.w.requires_grad = False
    assert plain(grad(net, 0, [net.w])(x23())) == (full(10.0), ([0.0] * 3,))


def test_a_hidden_weight_with_a_gradient_from_elsewhere_alone_is_no_error():
    net = Weighted()
    assert plain(grad(lambda x: stop_gradient(net(x)) * net.w, None, net.w)(x23())) == [5.0, 14.0, 27.0]


def uses(construct):
    """Make a Cell with a weight whose bprop hides it, with this construct."""
    return type("Weighted", (Weighted,), {"construct": construct})()


@pytest.mark.parametrize(
    "construct",
    [
        lambda self, x: x * (self.w > 1).astype(x.dtype),
        lambda self, x: ops.where(self.w > 1, x, 0.0),
        lambda self, x: x * ops.floor(self.w),
        lambda self, x: x * self.w.astype("int32"),
        lambda self, x: x * ops.argmax(self.w),
        lambda self, x: (x, x * ops.sign(self.w)),
        lambda self, x: nn.SequentialCell(Weighted())(x) * self.w.sum(),
        lambda self, x: Weighted.construct(self, x) * 0,
    ],
    ids=["comparison", "condition", "floor", "int cast", "argmax", "second output", "inner bprop", "times zero"],
)
def test_a_weight_counts_as_used_also_where_no_gradient_could_flow(construct):
    net = uses(construct)
    with pytest.raises(GradientError, match=HIDDEN):
        grad(lambda x: ops.sum(net(x)[1] if isinstance(net(x), tuple) else net(x)), None, net.w)(x23())


@pytest.mark.parametrize(
    "construct",
    [
        lambda self, x: x * stop_gradient(self.w),
        lambda self, x: x * self.w.asnumpy(),
        lambda self, x: x * 2,
        lambda self, x: x * self.w[0].item(),
    ],
    ids=["stop_gradient", "array", "unused", "number"],
)
def test_a_weight_that_construct_takes_as_a_constant_gets_zeros(construct):
    net = uses(construct)
    assert plain(grad(net, 0, net.w)(x23())) == (full(10.0), [0.0] * 3)


def test_a_weight_of_an_inner_cell_is_hidden_too():
    class Holder(Cell):
        def __init__(self):
            super().__init__()
            self.d = nn.Dense(3, 2, weight_init="ones", bias_init="zeros")

        def construct(self, x):
            return self.d(x)

        def bprop(self, x, out, dout):
            return (ops.matmul(dout, self.d.weight) * 10,)

    net = Holder()
    assert plain(grad(net)(x23())) == full(20.0)
    with pytest.raises(GradientError, match=r"gradient through Holder: .*no gradient for Parameter 'd.weight'"):
        grad(net, None, net.d.weight)(x23())


def test_a_tensor_from_a_closure_is_hidden():
    def fn(x, y):
        class Closure(Cell):
            def construct(self, a):
                return a * y

            def bprop(self, a, out, dout):
                return (dout,)

        return Closure()(x)

    assert plain(grad(fn)(f64(2.0), f64(3.0))) == 1.0
    with pytest.raises(
        GradientError, match=r"Closure: .* no gradient for a tensor that reached construct without being an input"
    ):
        grad(fn, 1)(f64(2.0), f64(3.0))
