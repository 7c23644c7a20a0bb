"""A and Z: the tutorial's three listings."""
# ruff: noqa: N802 - a function has the name of its case

from autograd import Tensor, float32, grad, nn, ops

from .table import cell, full, get_all, same

XS = Tensor([[0.5, 0.6, 0.4], [1.2, 1.3, 1.1]])
YS = Tensor([[0.01, 0.3, 1.1], [0.1, 0.2, 1.3], [2.1, 1.2, 3.3]])
XS_PLUS_1 = [[1.5, 1.6, 1.4], [2.2, 2.3, 2.1]]
YS_PLUS_1 = [[1.01, 1.3, 2.1], [1.1, 1.2, 2.3], [3.1, 2.2, 4.3]]


def plus_one():
    return cell(lambda self, x, y: ops.MatMul()(x, y), lambda self, x, y, out, dout: (x + 1, y + 1))


def relu_behind_relu6():
    relu = cell(lambda self, x: ops.ReLU()(x))
    return cell(lambda self, x: ops.ReLU6()(x), lambda self, x, out, dout: (self.relu(x),), relu=relu)


class SigmoidStep(nn.Cell):
    def construct(self, x):
        return ops.Greater()(x, 0).astype(float32)

    def bprop(self, x, out, dout):
        s = ops.Sigmoid()(x * 5.0)
        return (dout * (1 - s) * s * 5.0,)


class IFNode(nn.Cell):
    def __init__(self, v_threshold=1.0, fire=True):
        super().__init__()
        self.v_threshold, self.fire, self.surrogate = v_threshold, fire, SigmoidStep()

    def construct(self, x, v):
        v = v + x
        if not self.fire:
            return v, v
        spike = self.surrogate(v - self.v_threshold) * self.v_threshold
        v -= spike
        return spike, v


CURRENT, MEMBRANE = Tensor([[0.5, 1.2, 0.9, 1.0]]), Tensor([[0.2, 0.1, 0.3, 0.0]])
CHARGED = [[0.7, 1.3, 1.2, 1.0]]
ONES = [[1.0] * 4]


@same((XS_PLUS_1, YS_PLUS_1))
def A1_seed_matmul():
    return get_all(plus_one(), XS, YS)


@same(full(1))
def A2_seed_relu6_2nd():
    return grad(grad(relu_behind_relu6()))(XS)


@same(XS.asnumpy())
def A2b_seed_relu6_1st():
    return grad(relu_behind_relu6())(XS)


@same([0.0, 0.0, 1.0])
def A3_seed_surrogate_fwd():
    return SigmoidStep()(Tensor([-1.0, 0.0, 0.5]))


@same([0.03324, 1.25, 0.350518])
def A3_seed_surrogate_grad():
    return grad(SigmoidStep())(Tensor([-1.0, 0.0, 0.5]))


@same(([[0.0, 1.0, 1.0, 0.0]], [[0.7, 0.3, 0.2, 1.0]]))
def A3_seed_ifnode_fwd():
    return IFNode()(CURRENT, MEMBRANE)


@same((ONES, ONES))
def A3_seed_ifnode_gradall():
    return get_all(IFNode(), CURRENT, MEMBRANE)


@same((ONES, ONES))
def A3_seed_ifnode_gradall_th05():
    return get_all(IFNode(v_threshold=0.5), CURRENT, MEMBRANE)


@same(((CHARGED, CHARGED), ([[2.0] * 4], [[2.0] * 4])))
def A3_seed_ifnode_nofire_fwd_grad():
    node = IFNode(fire=False)
    return node(CURRENT, MEMBRANE), get_all(node, CURRENT, MEMBRANE)


@same([[0.2, 0.1, 0.3, 0.0]])
def A3_seed_ifnode_inplace_check():
    v = Tensor([[0.2, 0.1, 0.3, 0.0]])
    IFNode()(CURRENT, v)
    return v


@same(
    "(Tensor(shape=[2, 3], dtype=Float32, value=\n"
    "[[ 1.50000000e+00,  1.60000002e+00,  1.39999998e+00],\n"
    " [ 2.20000005e+00,  2.29999995e+00,  2.09999990e+00]]), Tensor(shape=[3, 3], dtype=Float32, value=\n"
    "[[ 1.00999999e+00,  1.29999995e+00,  2.09999990e+00],\n"
    " [ 1.10000002e+00,  1.20000005e+00,  2.29999995e+00],\n"
    " [ 3.09999990e+00,  2.20000005e+00,  4.30000019e+00]]))"
)
def Z1_print_seed1():
    return str(A1_seed_matmul())


@same("[[1. 1. 1.]\n [1. 1. 1.]]")
def Z2_print_seed2():
    return str(A2_seed_relu6_2nd())
