"""D and N: places of a Cell with its own bprop, its outputs, and when its bprop runs."""
# ruff: noqa: N802 - a function has the name of its case

import numpy as np

from autograd import grad, stop_gradient

from .table import X, Y, cell, differs, full, get_all, same, triples

DOUT = "`dout` of nested outputs"


@same([[30.0, 60.0, 90.0], [120.0, 150.0, 180.0]])
def D1_nested_inner_bprop():
    return grad(cell(lambda self, x: self.f(x * x) * 5, f=triples()))(X)


@same(full(1000))
def D2_outer_and_inner_bprop():
    return grad(cell(lambda self, x: self.f(x) * 5, lambda self, x, out, dout: (dout * 1000,), f=triples()))(X)


@same((full(15), full(21)))
def D3_called_twice_two_inputs():
    return get_all(cell(lambda self, x, y: self.f(x) * 5 + self.f(y) * 7, f=triples()), X, Y)


@same((full(36),))
def D3_called_twice_same_input():
    return get_all(cell(lambda self, x: self.f(x) * 5 + self.f(x) * 7, f=triples()), X)


@same((full(9),))
def D4_chain():
    return get_all(cell(lambda self, x: self.f(self.f(x)), f=triples()), X)


def watched(construct, answer, seen):
    """Return a Cell whose bprop notes its ``out`` and ``dout``."""

    def bprop(self, *args):
        seen.append(args[-2:])
        return answer(*args)

    return cell(construct, bprop)


def two_outputs(seen):
    return watched(lambda self, x, y: (x * 2, y * 3), lambda x, y, out, dout: (dout[0] * 10, dout[1] * 100), seen)


def kinds(seen):
    ((out, dout),) = seen
    return type(out).__name__, type(dout).__name__, dout


@same(((full(10), full(100)), ("tuple", "tuple", (full(1), full(1)))))
def D5_multi_output_direct():
    seen = []
    return get_all(two_outputs(seen), X, Y), kinds(seen)


@same(((full(50), full(0)), ("tuple", "tuple", (full(5), full(0)))))
def D5_multi_output_only_first_used():
    seen = []
    return get_all(cell(lambda self, x, y: self.f(x, y)[0] * 5, f=two_outputs(seen)), X, Y), kinds(seen)


@differs(DOUT, ((X.asnumpy(), Y.asnumpy()), "list", full(1), (full(1), full(1))))
def D6_nested_list_output():
    seen = []
    gradients = get_all(watched(lambda self, x, y: [x * 2, (y * 3, x + y)], lambda x, y, out, dout: (x, y), seen), X, Y)
    _, kind, dout = kinds(seen)
    return gradients, kind, *dout


@differs(DOUT, ((X.asnumpy(),), ("tuple", "tuple", (full(1),))))
def D6_one_tuple_output():
    seen = []
    return get_all(watched(lambda self, x: (x * 2,), lambda x, out, dout: (x,), seen), X), kinds(seen)


def identity():
    return cell(lambda self, x: x, lambda self, x, out, dout: (dout * 10,))


@same((full(10),))
def D7_identity_top():
    return get_all(identity(), X)


@same((full(60),))
def D7_identity_mid():
    return get_all(cell(lambda self, x: self.f(x * 2) * 3, f=identity()), X)


@same((full(22),))
def D7_identity_input_also_used_directly():
    def construct(self, x):
        h = x * 2
        return self.f(h) + h

    return get_all(cell(construct, f=identity()), X)


@same(([(1, 0), (2, 1), (3, 1), (4, 1)], (full(0), full(1))))
def D8_counts_pynative_only():
    calls = {"construct": 0, "bprop": 0}
    counts = []

    def construct(self, x):
        calls["construct"] += 1
        return x * 2

    def bprop(self, x, out, dout):
        calls["bprop"] += 1
        return (dout * 3,)

    net = cell(construct, bprop)
    net(X)
    counts.append(tuple(calls.values()))
    grad(net)(X)
    counts.append(tuple(calls.values()))
    gradients = grad(lambda x, y: net(stop_gradient(x)) + y, (0, 1))(X, Y)
    counts.append(tuple(calls.values()))
    grad(lambda x, y: net(x) * 0 + y, 1)(X, Y)
    counts.append(tuple(calls.values()))
    return counts, gradients


@differs("A bprop that a class gets after its Cells were made", (full(50), full(50)))
def D9_bprop_set_after_init_pynative_only():
    before = cell(lambda self, x: x * 2)
    type(before).bprop = lambda self, x, out, dout: (dout * 50,)
    return grad(before)(X), grad(type(before)())(X)


@same((True, False, False))
def D10_has_bprop_attr():
    return triples().has_bprop, cell(lambda self, x: x * 2).has_bprop, triples().bprop_debug


@same(([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]], ("Tensor", "Tensor", np.ones((2, 3), bool))))
def D11_bool_output():
    seen = []
    return grad(watched(lambda self, x: x > 2, lambda x, out, dout: (x * 10,), seen))(X), kinds(seen)


@same((X.asnumpy(), X.asnumpy() * 5))
def N1_used_bprop_inputs():
    net = cell(lambda self, x, y: x * y, lambda self, x, y, out, dout: (dout * x, x * 5), used_bprop_inputs=[0])
    return get_all(net, X, Y)


@differs("`used_bprop_inputs`", ((X.asnumpy(), X.asnumpy() * 5), [("Tensor", "Tensor")]))
def N1_used_bprop_inputs_unused_are():
    seen = []

    def bprop(self, x, y, out, dout):
        seen.append((type(y).__name__, type(out).__name__))
        return dout * x, x * 5

    return get_all(cell(lambda self, x, y: x * y, bprop, used_bprop_inputs=[0]), X, Y), seen
