"""F, O, R and V20: derivatives of higher order, and transforms inside construct and bprop."""
# ruff: noqa: N802 - a function has the name of its case

from autograd import Tensor, grad, no_grad, ops, stop_gradient

from .cases_seed import SigmoidStep
from .table import X, cell, differs, full, graph, same, triples

OBJECT = "The gradient of an operator object"
ONE_TWO_THREE, TWO_THREE, HALF_ONE = Tensor([1.0, 2.0, 3.0]), Tensor([2.0, 3.0]), Tensor([0.5, 1.0])


def cube():
    return cell(lambda self, x: x * x * x, lambda self, x, out, dout: (dout * 3 * x * x,))


def exponential():
    return cell(lambda self, x: ops.exp(x), lambda self, x, out, dout: (dout * out,))


def hundredfold_square():
    return cell(lambda self, x: x * x, lambda self, x, out, dout: (dout * 100 * x,))


@same([6.0, 12.0, 18.0])
def F1_cube_2nd():
    return grad(grad(cube()))(ONE_TWO_THREE)


@same([6.0] * 3)
def F1_cube_3rd():
    return grad(grad(grad(cube())))(ONE_TWO_THREE)


EXP = [1.0, 2.718282]


@same(EXP)
def F2_exp_uses_out_1st():
    return grad(exponential())(Tensor([0.0, 1.0]))


@same(EXP)
def F2_exp_uses_out_2nd():
    return grad(grad(exponential()))(Tensor([0.0, 1.0]))


@same(EXP)
def F2_exp_uses_out_3rd():
    return grad(grad(grad(exponential())))(Tensor([0.0, 1.0]))


@same([3.852075, 16.309691])
def F3_dout_path_2nd():
    return grad(grad(cell(lambda self, x: self.f(x * x), f=exponential())))(HALF_ONE)


@same([0.0, 0.0])
def F4_const_bprop_2nd():
    constant = cell(lambda self, x: x * x, lambda self, x, out, dout: (self.k,), k=Tensor([5.0, 5.0]))
    return grad(grad(constant))(HALF_ONE)


def runs_a_cell_in_bprop():
    return cell(lambda self, x: x * 1, lambda self, x, out, dout: (dout * self.s(x),), s=hundredfold_square())


@same([4.0, 9.0])
def F5_bprop_body_cell_with_own_bprop_1st():
    return grad(runs_a_cell_in_bprop())(TWO_THREE)


@same([200.0, 300.0])
def F5_bprop_body_cell_with_own_bprop_2nd():
    return grad(grad(runs_a_cell_in_bprop()))(TWO_THREE)


@same([0.163976, 0.0, -1.486695])
def F6_surrogate_2nd():
    return grad(grad(SigmoidStep()))(Tensor([-1.0, 0.0, 0.5]))


def differentiates_in_bprop():
    return cell(
        lambda self, x: x * 1,
        lambda self, x, out, dout: (dout * ops.GradOperation()(self.s)(x),),
        s=hundredfold_square(),
    )


@same([200.0, 300.0])
def F7_gradop_inside_bprop():
    return grad(differentiates_in_bprop())(TWO_THREE)


@same([100.0, 100.0])
def F7_gradop_inside_bprop_2nd():
    return grad(grad(differentiates_in_bprop()))(TWO_THREE)


@differs(OBJECT, [0.0] * 3)
def F8_relu6_plain_2nd():
    return grad(grad(ops.ReLU6()))(Tensor([-1.0, 1.0, 7.0]))


@differs(OBJECT, [0.0] * 3)
def F8_relu_plain_2nd():
    return grad(grad(ops.ReLU()))(Tensor([-1.0, 1.0, 7.0]))


@same([0.0, 0.0])
def F8_linear_plain_2nd():
    return grad(grad(lambda x: x * 3))(Tensor([-1.0, 1.0]))


@differs(OBJECT, [0.090858, -0.090858])
def F8_sigmoid_plain_2nd():
    return grad(grad(ops.Sigmoid()))(Tensor([-1.0, 1.0]))


def with_its_gradient(bprop=None):
    """Return the Cell ``f(x) + f'(x)`` for the square."""
    square = cell(lambda self, x: x * x)
    return cell(lambda self, x: self.f(x) + ops.GradOperation()(self.f)(x), bprop, f=square)


def nine(self, x, out, dout):
    return (dout * 9,)


@same([[3.0, 8.0, 15.0], [24.0, 35.0, 48.0]])
def O1_gradop_in_construct_of_bprop_cell_fwd():
    return with_its_gradient(nine)(X)


@graph("A transform in `construct` of a Cell with a bprop", full(9))
def O1_gradop_in_construct_of_bprop_cell_grad():
    return grad(with_its_gradient(nine))(X)


@same([[4.0, 6.0, 8.0], [10.0, 12.0, 14.0]])
def O1_gradop_in_construct_of_plain_cell_grad():
    return grad(with_its_gradient())(X)


@same([0.0, 0.0])
def R1_stopgrad_in_bprop_2nd():
    constant = cell(lambda self, x: x * x, lambda self, x, out, dout: (stop_gradient(dout * 2 * x),))
    return grad(grad(constant))(TWO_THREE)


@same(([[3.0, 6.0, 9.0], [12.0, 15.0, 18.0]],))
def R3_bprop_called_outside_grad_directly():
    return triples().bprop(X, X, X)


@same(full(1))
def V20_no_grad():
    def fn(x):
        with no_grad():
            y = x * x
        return y + x

    return grad(fn)(X)
