"""C, M and R2: Parameters of a Cell with its own bprop."""
# ruff: noqa: N802 - a function has the name of its case

from autograd import grad, nn, ops
from autograd.errors import BpropError, GradientError

from .table import Fails, X, by_weights, cell, differs, full, get_all, pynative, same, weight

HIDDEN = "A weight whose gradient the bprop hides"
BY_KEY = "The gradient of a weight from a bprop"
IN_BPROP = "A Parameter in a bprop"


def hides(name):
    return Fails(GradientError, f"no gradient for Parameter {name!r}. Return it as `return (dx,), {{self.weight: dw}}`")


def weighted(bprop):
    """Return the Cell ``x w`` with this bprop."""
    return cell(lambda self, x: x * self.w, bprop, w=weight(1.0, 2.0, 3.0))


def affine(bprop, **attributes):
    """Return the Cell ``x w + b`` with this bprop."""
    net = cell(lambda self, x: x * self.w + self.b, bprop, w=weight(1.0, 2.0, 3.0), b=weight(1.0, 1.0, 1.0))
    if attributes.get("internal"):
        net.internal_params = [net.w, net.b]
    return net


def ten(self, x, out, dout):
    return (dout * 10,)


def ten_w(self, x, out, dout):
    return (dout * self.w * 10,)


@same((full(10),))
def C1_param_in_construct_getall():
    return get_all(weighted(ten), X)


@differs(HIDDEN, hides("w"))
def C1_param_in_construct_by_list():
    net = weighted(ten)
    return ops.GradOperation(get_by_list=True)(net, net.trainable_params())(X)


@same([("w", True)])
def C1_trainable_params():
    return [(p.name, p.requires_grad) for p in weighted(ten).trainable_params()]


@pynative(IN_BPROP, ([[10.0, 20.0, 30.0]] * 2,))
def C2_param_in_bprop_getall():
    return get_all(weighted(ten_w), X)


@differs(HIDDEN, hides("w"))
def C2_param_in_bprop_by_list():
    return by_weights(weighted(ten_w), X)


@pynative(IN_BPROP, ((full(0),), ([20.0] * 3,)))
def C3_second_order_wrt_param_used_in_bprop():
    net = weighted(ten_w)
    first = cell(lambda self, x: ops.GradOperation()(self.net)(x), net=net)
    return by_weights(first, X)


@same(Fails(BpropError, "for each of 1 input, got 2 values"))
def C4_dict_of_param_grads():
    return by_weights(weighted(lambda self, x, out, dout: (dout * self.w, {self.w: (dout * x).sum(0) * 100})), X)


@differs(HIDDEN, hides("b"))
def C4_tuple_of_tuple_and_dict():
    return by_weights(affine(lambda self, x, out, dout: ((dout * self.w,), {self.w: (dout * x).sum(0) * 100})), X)


@same(((full(10),), ([200.0] * 3,)))
def C5_param_passed_as_input():
    product = cell(lambda self, x, w: x * w, lambda self, x, w, out, dout: (dout * 10, dout.sum(0) * 100))
    return by_weights(cell(lambda self, x: self.f(x, self.w), w=weight(1.0, 2.0, 3.0), f=product), X)


@differs(HIDDEN, hides("f.w"))
def C6_outer_weight_and_inner_bprop_weight():
    net = cell(lambda self, x: self.f(x * self.w0), w0=weight(2.0, 2.0, 2.0), f=weighted(ten))
    assert [p.name for p in net.trainable_params()] == ["w0", "f.w"]
    only = grad(net, 0, net.w0)(X)
    assert (only[0].asnumpy() == 20).all()
    assert only[1].asnumpy().tolist() == [50.0, 70.0, 90.0]
    return by_weights(net, X)


def supplies(self, x, out, dout):
    return (dout * self.w,), {self.w: (dout * x).sum(0) * 100, self.b: dout.sum(0) * 1000}


def supplies_b_first(self, x, out, dout):
    return (dout * self.w,), {self.b: dout.sum(0) * 1000, self.w: (dout * x).sum(0) * 100}


SUPPLIED = (([[1.0, 2.0, 3.0]] * 2,), ([500.0, 700.0, 900.0], [2000.0] * 3))


@pynative(BY_KEY, SUPPLIED)
def M1_internal_params_dict():
    return by_weights(affine(supplies, internal=True), X)


@differs(BY_KEY, SUPPLIED)
def M1_internal_params_dict_other_order():
    return by_weights(affine(supplies_b_first, internal=True), X)


@same(hides("w"))
def M1_internal_params_empty_dict():
    return by_weights(affine(lambda self, x, out, dout: ((dout * self.w,), {}), internal=True), X)


@same(hides("w"))
def M1_internal_params_no_dict():
    return by_weights(affine(lambda self, x, out, dout: (dout * self.w,), internal=True), X)


@differs(HIDDEN, hides("d.weight"))
def R2_bprop_cell_holding_dense_weights_grads():
    net = cell(
        lambda self, x: self.d(x),
        lambda self, x, out, dout: (ops.matmul(dout, self.d.weight) * 10,),
        d=nn.Dense(3, 2, weight_init="ones", bias_init="zeros"),
    )
    assert [p.name for p in net.trainable_params()] == ["d.weight", "d.bias"]
    assert (get_all(net, X)[0].asnumpy() == 20).all()
    return by_weights(net, X)
