"""GradOperation, MindSpore's transform. Cases G of the behaviour table."""

import numpy as np
import pytest

from autograd import Cell, GradOperation, Parameter, ParameterTuple, Tensor, ops
from autograd.errors import ArgumentError, DTypeError, ShapeError

from .helpers import Linear, f64, plain, shapes_and_dtypes, x23, y23

XW, YB = [[1.0, 2.0, 3.0]] * 2, [[1.0] * 3] * 2
DW, DB = [5.0, 7.0, 9.0], [5.0, 5.0, 5.0]
XW_S, YB_S = [[1.0, 0.0, 0.0], [0.0, 0.0, 6.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
DW_S, DB_S = [1.0, 0.0, 12.0], [2.0, 0.0, 6.0]


class OneInput(Cell):
    def __init__(self):
        super().__init__()
        self.w = Parameter([1.0, 2.0, 3.0])

    def construct(self, x):
        return x * self.w


class TwoOutputs(Cell):
    def construct(self, x, y):
        return x * y, x + y


def sens():
    return Tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])


@pytest.mark.parametrize(
    ("get_all", "get_by_list", "sens_param", "two", "one"),
    [
        (False, False, False, XW, XW),
        (False, False, True, XW_S, XW_S),
        (False, True, False, (DW, DB), (DW,)),
        (False, True, True, (DW_S, DB_S), (DW_S,)),
        (True, False, False, (XW, YB), (XW,)),
        (True, False, True, (XW_S, YB_S), (XW_S,)),
        (True, True, False, ((XW, YB), (DW, DB)), ((XW,), (DW,))),
        (True, True, True, ((XW_S, YB_S), (DW_S, DB_S)), ((XW_S,), (DW_S,))),
    ],
)
def test_every_combination_of_options(get_all, get_by_list, sens_param, two, one):
    operation = GradOperation(get_all=get_all, get_by_list=get_by_list, sens_param=sens_param)
    last = (sens(),) if sens_param else ()
    for net, inputs, want in ((Linear(), (x23(), y23()), two), (OneInput(), (x23(),), one)):
        weights = (ParameterTuple(net.trainable_params()),) if get_by_list else ()
        gradient = operation(net, *weights)(*inputs, *last)
        assert plain(gradient) == want
        assert {dtype for _, dtype in shapes_and_dtypes(gradient)} == {"float32"}


@pytest.mark.parametrize(
    ("weights", "gradient"),
    [
        (lambda n: None, (DW, DB)),
        (lambda n: n.trainable_params(), (DW, DB)),
        (lambda n: n.w, DW),
        (lambda n: (n.w, n.b), (DW, DB)),
        (lambda n: ParameterTuple([Parameter([1.0, 2.0], name="zz"), n.w]), ([0.0, 0.0], DW)),
    ],
    ids=["none given", "list", "single", "tuple", "unused"],
)
def test_weights_of_get_by_list(weights, gradient):
    net = Linear()
    assert plain(GradOperation(get_by_list=True)(net, weights(net))(x23(), y23())) == gradient


def test_a_frozen_weight_gets_zeros():
    net = Linear()
    net.w.requires_grad = False
    assert plain(GradOperation(get_by_list=True)(net, (net.w, net.b))(x23(), y23())) == ([0.0] * 3, DB)
    assert plain(GradOperation(get_by_list=True)(net)(x23(), y23())) == (DB,)


def test_weights_that_are_no_parameters_are_refused():
    with pytest.raises(DTypeError, match=r"GradOperation: expected weights to be Parameters, got list"):
        GradOperation(get_by_list=True)(Linear(), [Tensor([1.0])])


def test_sensitivity_by_keyword():
    assert plain(GradOperation(sens_param=True)(Linear())(x23(), y23(), sens=sens())) == XW_S


def test_sensitivity_of_several_outputs_is_a_tuple():
    operation = GradOperation(get_all=True, sens_param=True)(TwoOutputs())
    want = ([[3.0, 0.0, 0.0], [0.0, 0.0, 8.0]], [[2.0, 0.0, 0.0], [0.0, 0.0, 14.0]])
    assert plain(operation(x23(), y23(), (sens(), sens()))) == want
    assert plain(operation(x23(), y23(), sens=(sens(), sens()))) == want


def test_several_outputs_are_summed_without_a_sensitivity():
    gradient = GradOperation(get_all=True)(TwoOutputs())(x23(), y23())
    assert plain(gradient) == ([[3.0] * 3, [4.0] * 3], [[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]])


def test_one_sensitivity_for_two_outputs_is_refused():
    with pytest.raises(ShapeError, match=r"sensitivity: expected one for each of 2 outputs, got 1. Pass a tuple"):
        GradOperation(sens_param=True)(TwoOutputs())(x23(), y23(), sens())


@pytest.mark.parametrize(
    "wrong",
    [Tensor([1.0, 2.0]), Tensor([1.0, 2.0, 3.0]), 2.0, Tensor(np.ones((2, 3)), "float16"), Tensor(np.ones((2, 3)), "int32")],
    ids=["shape", "broadcastable", "number", "float16", "int32"],
)
def test_a_sensitivity_that_does_not_fit_is_refused(wrong):
    with pytest.raises(
        ShapeError, match=r"expected the output's shape and dtype, \[2, 3\] Float32, got .* Convert or reshape"
    ):
        GradOperation(sens_param=True)(Linear())(x23(), y23(), wrong)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_python_number_is_a_sensitivity_of_a_scalar(dtype):
    gradient = GradOperation(sens_param=True)(lambda x: x * x)(Tensor(1.5, dtype), 2)
    assert plain(gradient) == 6.0
    assert gradient.dtype == dtype


def test_a_missing_sensitivity_is_a_missing_input():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        GradOperation(sens_param=True)(Linear())(x23(), y23())


@pytest.mark.parametrize(("inputs", "options"), [((), {}), ((f64(1.0),), {"sens": None}), ((f64(1.0), None), {})])
def test_no_sensitivity_at_all_is_refused(inputs, options):
    with pytest.raises(
        ArgumentError, match=r"GradOperation of <lambda>: expected the cotangent of the output as the last input, or"
    ):
        GradOperation(sens_param=True)(lambda x: x)(*inputs, **options)


def test_a_sensitivity_of_a_constant_output_counts_for_nothing():
    gradient = GradOperation(sens_param=True)(lambda x: (x * 2, f64(7.0)))(f64(1.0), (5.0, 3.0))
    assert plain(gradient) == 10.0


def test_unused_inputs_get_zeros():
    first = GradOperation(get_all=True)(lambda x, y: x * 2)(x23(), y23())
    assert plain(first) == ([[2.0] * 3] * 2, [[0.0] * 3] * 2)


def test_get_all_leaves_out_what_is_not_floating_behind_what_is():
    gradient = GradOperation(get_all=True)(lambda x, n, flag: x * n)(f64([1.0]), 3, Tensor([True]))
    assert plain(gradient) == ([3.0],)


def test_gradient_i_of_get_all_is_that_of_input_i():
    product = lambda a, b, n: a * b * n  # noqa: E731
    inputs = f64([2.0]), {"b": np.array([3.0])}, Tensor([5])
    gradient = GradOperation(get_all=True)(lambda a, b, n: product(a, b["b"], n))(*inputs)
    assert plain(gradient) == ([15.0], {"b": [10.0]})


@pytest.mark.parametrize(
    "first", [3, 2.0, True, None, "mode", Tensor([3]), Tensor([True]), np.array([3]), (Tensor([3]),), ()], ids=repr
)
@pytest.mark.parametrize("by_list", [False, True])
def test_get_all_refuses_what_is_not_floating_in_front_of_what_is(first, by_list):
    gradient = GradOperation(get_all=True, get_by_list=by_list)(lambda n, a, b: a * b, [Parameter([1.0])] * by_list)
    with pytest.raises(
        DTypeError,
        match=r"expected floating Tensors before all other inputs, so that gradient 2 is that of input 2, got .* as input 0. "
        r"Name the positions, autograd.grad\(fn, \(1, 2\)\), or pass it last",
    ):
        gradient(first, f64([2.0]), f64([3.0]))


@pytest.mark.parametrize("inputs", [(Tensor([3]),), (3,), (np.array([True]), None)], ids=repr)
def test_get_all_with_weights_refuses_inputs_none_of_which_is_floating(inputs):
    w = Parameter([1.0])
    with pytest.raises(DTypeError, match="a floating Tensor among the inputs, got"):
        GradOperation(get_all=True, get_by_list=True)(lambda *n: w * 2, w)(*inputs)
    assert plain(GradOperation(get_all=True, get_by_list=True)(lambda: w * 2, w)()) == ((), [2.0])


def test_get_all_refuses_a_floating_tensor_by_keyword():
    gradient = GradOperation(get_all=True)(lambda x, y, scale: x * y * scale)
    assert plain(gradient(f64([2.0]), f64([3.0]), scale=2.0)) == ([6.0], [4.0])
    with pytest.raises(
        DTypeError,
        match=r"every floating input by position, since get_all=True, got y=\[1\] Float64. Pass it by",
    ):
        gradient(f64([2.0]), y=f64([3.0]), scale=2.0)
    assert plain(GradOperation()(lambda x, y: x * y)(f64([2.0]), y=f64([3.0]))) == [3.0]


def test_plain_functions_and_operator_objects():
    assert plain(GradOperation()(lambda x: x * x)(x23())) == [[2.0, 4.0, 6.0], [8.0, 10.0, 12.0]]
    assert plain(GradOperation(get_all=True)(ops.Mul())(f64([2.0]), f64([3.0]))) == ([3.0], [2.0])


def test_a_cell_without_inputs_by_its_weights():
    class Weight(Cell):
        def __init__(self):
            super().__init__()
            self.w = Parameter([1.0, 2.0])

        def construct(self):
            return self.w * self.w

    assert plain(GradOperation(get_by_list=True)(Weight())()) == ([2.0, 4.0],)


def test_a_gradient_inside_a_cell():
    class Gradient(Cell):
        def __init__(self, net):
            super().__init__()
            self.net = net
            self.grad_op = GradOperation()

        def construct(self, x):
            return self.grad_op(self.net)(x) * x

    assert plain(Gradient(lambda x: x * x)(f64([3.0]))) == [18.0]
    assert plain(GradOperation()(Gradient(lambda x: x * x))(f64([3.0]))) == [12.0]


@pytest.mark.parametrize("name", ["get_all", "get_by_list", "sens_param"])
def test_options_that_are_no_bools_are_refused(name):
    with pytest.raises(DTypeError, match=rf"GradOperation: expected {name} to be a bool, got int 1. Pass True or False"):
        GradOperation(**{name: 1})


def test_what_cannot_be_called_is_refused():
    with pytest.raises(DTypeError, match=r"GradOperation: expected a function or Cell, got int 3"):
        GradOperation()(3)


def test_no_input_to_differentiate_by_is_refused():
    with pytest.raises(ArgumentError, match=r"GradOperation of <lambda>: expected an input to differentiate, got no posit"):
        GradOperation()(lambda: f64(1.0))()


@pytest.mark.parametrize("options", [{}, {"get_all": True}])
def test_the_gradient_of_whole_numbers_is_refused(options):
    with pytest.raises(DTypeError, match=r"GradOperation of mul: expected a floating Tensor .*got \[2\] Int32"):
        GradOperation(**options)(ops.mul)(Tensor([1, 2], "int32"), Tensor([3, 4], "int32"))
