"""The seed's three listings with only their import lines changed: what they print, and the values MindSpore 2.10 gives."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import snn
from autograd import GradOperation, Tensor, grad, ops

from . import listing3

LISTING_1 = """\
(Tensor(shape=[2, 3], dtype=Float32, value=
[[ 1.50000000e+00,  1.60000002e+00,  1.39999998e+00],
 [ 2.20000005e+00,  2.29999995e+00,  2.09999990e+00]]), Tensor(shape=[3, 3], dtype=Float32, value=
[[ 1.00999999e+00,  1.29999995e+00,  2.09999990e+00],
 [ 1.10000002e+00,  1.20000005e+00,  2.29999995e+00],
 [ 3.09999990e+00,  2.20000005e+00,  4.30000019e+00]]))
"""
LISTING_2 = """\
[[1. 1. 1.]
 [1. 1. 1.]]
"""

X = [[0.5, 1.2, 0.9, 1.0]]
V = [[0.2, 0.1, 0.3, 0.0]]
neurons = pytest.mark.parametrize("if_node", [listing3.IFNode, snn.IFNode], ids=["the seed's own", "snn's"])
surrogates = pytest.mark.parametrize("relusigmoid", [listing3.relusigmoid, snn.relusigmoid], ids=["the seed's own", "snn's"])


def equal(tensor, values):
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor.asnumpy(), values, rtol=0, atol=2e-7)


@pytest.mark.parametrize(("name", "text"), [("listing1", LISTING_1), ("listing2", LISTING_2)])
def test_a_listing_prints_exactly_what_the_seed_says(name, text, capsys):
    runpy.run_path(str(Path(__file__).parent / f"{name}.py"))
    assert capsys.readouterr().out == text


@surrogates
def test_a3_surrogate_fwd(relusigmoid):
    assert relusigmoid()(Tensor([-1.0, 0.0, 0.5])).asnumpy().tolist() == [0, 0, 1]


@surrogates
def test_a3_surrogate_grad(relusigmoid):
    gradient = grad(relusigmoid())(Tensor([-1.0, 0.0, 0.5]))
    np.testing.assert_allclose(gradient.asnumpy(), [0.03324, 1.25, 0.350518], atol=1e-6)


@surrogates
def test_f6_surrogate_2nd(relusigmoid):
    second = grad(grad(relusigmoid()))(Tensor([-1.0, 0.0, 0.5]))
    np.testing.assert_allclose(second.asnumpy(), [0.163976, 0.0, -1.486695], atol=1e-6)


@neurons
def test_a3_ifnode_fwd(if_node):
    spike, v = if_node()(Tensor(X), Tensor(V))
    assert spike.asnumpy().tolist() == [[0, 1, 1, 0]]
    equal(v, [[0.7, 0.3, 0.2, 1.0]])


@neurons
@pytest.mark.parametrize("v_threshold", [1.0, 0.5])
def test_a3_ifnode_gradall_of_both_outputs_summed_is_one(if_node, v_threshold):
    gradients = GradOperation(get_all=True)(if_node(v_threshold=v_threshold))(Tensor(X), Tensor(V))
    for gradient in gradients:
        equal(gradient, [[1, 1, 1, 1]])


@neurons
def test_a3_ifnode_nofire_fwd_and_grad(if_node):
    node = if_node(fire=False)
    for out in node(Tensor(X), Tensor(V)):
        equal(out, [[0.7, 1.3, 1.2, 1.0]])
    for gradient in GradOperation(get_all=True)(node)(Tensor(X), Tensor(V)):
        equal(gradient, [[2, 2, 2, 2]])


@neurons
def test_a3_ifnode_inplace_check(if_node):
    v = Tensor(V)
    if_node()(Tensor(X), v)
    assert v.asnumpy().tobytes() == np.array(V, np.float32).tobytes()


@neurons
@pytest.mark.parametrize("v_threshold", [1.0, 0.5])
def test_a_loss_that_weighs_spike_and_membrane_shows_the_surrogate(if_node, v_threshold):
    node = if_node(v_threshold)

    def loss(x, v):
        spike, v = node(x, v)
        return 3 * spike + 0.5 * v

    u = np.array(X) + np.array(V) - v_threshold
    s = 1 / (1 + np.exp(-5 * u))
    # d spike = th g, d v = 1 - th g
    expected = 3 * v_threshold * 5 * s * (1 - s) + 0.5 * (1 - v_threshold * 5 * s * (1 - s))
    for gradient in grad(loss, (0, 1))(Tensor(X), Tensor(V)):
        np.testing.assert_allclose(gradient.asnumpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("options", [{}, {"v_threshold": 0.5}, {"fire": False}], ids=str)
def test_snn_run_takes_the_seeds_own_neuron_and_ours_equals_it(options):
    x = np.random.default_rng(3).normal(0.3, 0.5, (20, 3, 4)).astype(np.float32)

    def run(node):
        def loss(x):
            out, v, record = snn.run(node, x, record=("v",))
            return (out * 2 + record["v"] * ops.sin(record["v"])).sum() + v.sum(), out, v

        gradient, (out, v) = grad(loss, has_aux=True)(x)
        return gradient.asnumpy(), out.asnumpy().tobytes(), v.asnumpy().tobytes()

    gradient, *forward = run(listing3.IFNode(**options))
    our_gradient, *our_forward = run(snn.IFNode(**options))
    assert our_forward == forward
    np.testing.assert_allclose(our_gradient, gradient, rtol=1e-5, atol=1e-6)
