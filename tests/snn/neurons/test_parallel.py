"""Parallel spiking neurons against their equations, torch and finite differences."""

import copy
import pickle

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, check_grad, grad, nn
from autograd.errors import ArgumentError, DTypeError, ShapeError
from tests.snn.helpers.compare import assert_as_eager, assert_equal
from tests.snn.helpers.over_time import F, N, T, eighths, masked, psn, sliding, weights_of

without_compiler = pytest.mark.parametrize("mode", ["eager", "python"])  # the conformance compiles
NODES = {
    "PSN": psn,
    "masked": masked,
    "partly masked": lambda *a, **k: masked(*a, lambda_=0.25, **k),
    "not masked": lambda *a, **k: masked(*a, lambda_=0.0, **k),
    "sliding": sliding,
}
every_node = pytest.mark.parametrize("build", NODES.values(), ids=NODES)


def seen(node, i, j):
    """Return the weight with which step i sees step j, by the equations of the paper."""
    k = getattr(node, "k", T)
    inside = 0 <= i - j < k
    if isinstance(node, snn.SlidingPSNNode):
        return node.weight[k - 1 - (i - j)].item() if inside else 0.0
    weight = node.weight.asnumpy()[i, j]
    if isinstance(node, snn.MaskedPSN):
        return weight * (node.lambda_ * inside + (1 - node.lambda_))
    return weight


def naive(node, x):
    """Return spikes and membranes."""
    h, thresholds = np.zeros(x.shape), np.broadcast_to(node.v_threshold.asnumpy(), T)
    for i in range(T):
        for j in range(T):
            h[i] += seen(node, i, j) * x[j]
    return np.stack([h[i] > thresholds[i] for i in range(T)]), h


@without_compiler
@every_node
def test_spikes_and_membranes_are_those_of_the_equations(build, mode):
    node, x = build(), eighths((T, N, F), seed=3)
    out, _, record = snn.run(node, x, record=("spike", "v", "v_before_reset", "x"), mode=mode)
    spikes, h = naive(node, x)
    assert 0.2 < spikes.mean() < 0.8
    for found in (out, record["spike"]):
        np.testing.assert_array_equal(found, spikes)
    for found in (record["v"], record["v_before_reset"]):
        np.testing.assert_array_equal(found, h)
    np.testing.assert_array_equal(record["x"], x)


@every_node
def test_on_the_threshold_it_fires_only_if_asked(build):
    x = eighths((T, N, F), seed=3)
    h = naive(build(), x)[1][2, 0, 0]
    for at in (False, True):
        node = build(fire_at_threshold=at)
        node.v_threshold.set_data(np.broadcast_to(h, node.v_threshold.shape))
        assert snn.run(node, x)[0][2, 0, 0].item() == at


@every_node
def test_the_dtype_is_that_of_the_input(build):
    for given, expected in (("float64", "float64"), ("float16", "float16"), ("uint8", "float32"), ("bool", "float32")):
        x = (eighths((T, N, F), seed=3) > 0).astype(given)
        out, _, record = snn.run(build(), x, record="v", mode="eager")
        assert (out.dtype, record["v"].dtype) == (expected, expected)
        np.testing.assert_array_equal(record["v"], naive(build(), x.astype(float))[1].astype(expected))


def test_the_weights_start_as_published():
    assert [w.item() for w in snn.SlidingPSNNode(4).weight] == [0.125, 0.25, 0.5, 1.0]
    for node in (snn.PSN(400, rng=0), snn.MaskedPSN(400, 3, rng=0)):
        weight = node.weight.asnumpy()
        assert 0.0495 < np.abs(weight).max() < 0.05
        assert abs(weight.std() * np.sqrt(3) - 0.05) < 1e-3
        np.testing.assert_array_equal(node.v_threshold, np.ones(400))


def test_a_sliding_neuron_is_a_masked_one_with_the_same_weights_at_every_step():
    node, x = sliding(), eighths((T, N, F), seed=3)
    weight = np.array([[seen(node, i, j) for j in range(T)] for i in range(T)])
    other = snn.MaskedPSN(T, 3, weight_init=weight, v_threshold=-0.25)
    assert_equal(*(snn.run(cell, x, record="v")[::2] for cell in (node, other)))


@without_compiler
def test_a_sliding_neuron_may_run_in_parts(mode):
    node, x = snn.SlidingPSNNode(4, weight=[0.3, -0.7, 0.2, 1.1]), np.random.default_rng(0).normal(size=(9, N, F))
    whole, end, _ = snn.run(node, x, mode=mode)
    first, state, _ = snn.run(node, x[:2], mode=mode)
    state = pickle.loads(pickle.dumps(state))
    rest, end_of_parts, _ = snn.run(copy.deepcopy(node), x[2:], state, mode=mode)
    assert_equal([*first, *rest, *end_of_parts], [*whole, *end])


def test_a_sliding_neuron_may_have_weights_for_each_neuron():
    node, x = snn.SlidingPSNNode(2, weight=eighths((2, F), seed=1)), Tensor(eighths((T, N, F), seed=3))
    out, _, record = assert_as_eager(node, x, "python", record=["v"])
    w = eighths((2, F), seed=1)
    np.testing.assert_array_equal(record["v"][1:], w[0] * x.array[:-1] + w[1] * x.array[1:])
    assert out.asnumpy().any()


# Gradients


def by_torch(node, x, alpha):
    """Return the gradients of the weighed spikes by input, weights and threshold, from matrix products in torch."""
    torch = pytest.importorskip("torch", reason="needs torch to compare with: pip install 'spikecell[test]'")
    x = torch.tensor(x, requires_grad=True)
    if isinstance(node, snn.SlidingPSNNode):
        leaves = [torch.tensor(w.asnumpy(), requires_grad=True) for w in node.weight]
        weight = sum(w * torch.diag(torch.ones(T - d).double(), -d) for d, w in enumerate(reversed(leaves)))
    else:
        leaves = [torch.tensor(node.weight.asnumpy(), requires_grad=True)]
        steps = torch.arange(T)
        away = steps[:, None] - steps
        band = ((away >= 0) & (away < getattr(node, "k", T))).double()
        lambda_ = getattr(node, "lambda_", 0.0)
        weight = leaves[0] * (lambda_ * band + 1 - lambda_)
    threshold = torch.tensor(node.v_threshold.asnumpy(), requires_grad=True)
    u = (weight @ x.flatten(1)).reshape(x.shape) - threshold.reshape(-1, *[1] * (x.ndim - 1))
    smooth = torch.sigmoid(alpha * u)
    ((u > 0).double() + smooth - smooth.detach()).mul(torch.tensor(weights_of(x.shape))).sum().backward()
    return x.grad, [leaf.grad for leaf in leaves], threshold.grad


@without_compiler
@every_node
def test_gradients_are_those_by_torch(build, mode):
    node, x = build(np.float64, surrogate_function=snn.surrogate.sigmoid(3.0)), eighths((T, N, 2, F), np.float64, seed=3)
    learnt = [*([node.weight] if isinstance(node.weight, Parameter) else node.weight), node.v_threshold]

    def loss(x):
        return (snn.run(node, x, mode=mode)[0] * weights_of(x.shape)).sum()

    found, by_parameters = grad(loss, weights=learnt)(x)
    expected, *rest = by_torch(node, x, 3.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    for a, b in zip(by_parameters, [*rest[0], rest[1]], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)


class Smooth(Cell):
    """The primitive of a surrogate in place of the step."""

    def construct(self, u):
        return snn.surrogate.atan().primitive(u)


@every_node
def test_gradients_are_those_by_finite_differences_where_the_step_is_smooth(build):
    node, x = build(np.float64, surrogate_function=Smooth()), eighths((T, 2, 3), np.float64, seed=3)
    weights = node.trainable_params()
    check_grad(lambda x: snn.run(node, x, record="v")[::2], x, order=2, weights=weights, elements=20, rtol=1e-4, atol=1e-6)


# Arguments, and what is said of them


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: snn.PSN(0), ArgumentError, "PSN: expected T to be a positive int, got int 0"),
        (lambda: snn.PSN(2.0), ArgumentError, "T to be a positive int"),
        (lambda: snn.PSN(3, snn.surrogate.atan), DTypeError, "Pass an object"),
        (lambda: snn.PSN(3, weight_init=np.ones((2, 3))), ShapeError, r"PSN, weight_init: expected values of shape \[3, 3\]"),
        (lambda: snn.PSN(3, v_threshold=np.ones(2)), ShapeError, r"PSN, v_threshold: expected values of shape \[3\]"),
        (lambda: snn.PSN(3, v_threshold=np.nan), ArgumentError, "PSN: expected a finite v_threshold"),
        (lambda: snn.MaskedPSN(3, 4), ArgumentError, "MaskedPSN: expected k of at most T = 3, got 4"),
        (lambda: snn.MaskedPSN(3, 0), ArgumentError, "MaskedPSN: expected k to be a positive int"),
        (lambda: snn.MaskedPSN(3, 2, lambda_=1.5), ArgumentError, r"MaskedPSN: expected lambda_ in \[0, 1\], got float 1.5"),
        (lambda: snn.SlidingPSNNode(True), ArgumentError, "SlidingPSNNode: expected k to be a positive int"),
        (lambda: snn.SlidingPSNNode(2, weight=[1.0]), ArgumentError, "expected k = 2 weights, the newest last, got 1"),
        (lambda: snn.SlidingPSNNode(1, weight=["a"]), DTypeError, r"expected weight\[0\] to be a number"),
        (lambda: snn.SlidingPSNNode(v_threshold=np.inf), ArgumentError, "expected a finite v_threshold"),
        (lambda: snn.Recurrent(snn.PSN(3), 2), ArgumentError, "Recurrent: expected a neuron"),
    ],
)
def test_arguments_out_of_range_are_errors(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_a_schedule_that_leaves_the_range_is_an_error():
    node = masked()
    node.lambda_ = -0.1
    with pytest.raises(ArgumentError, match=r"lambda_ in \[0, 1\]"):
        snn.run(node, np.ones((T, N, F), np.float32))


def test_they_print_their_equations():
    assert repr(psn()) == "PSN(T=6; h = weight @ x; z = h > v_threshold [relusigmoid()]; spike = z)"
    text = "MaskedPSN(T=6, k=3, lambda_=0.5; h = (weight * mask) @ x; z = h >= v_threshold [atan(alpha=2)]; spike = z)"
    assert repr(masked(lambda_=0.5, fire_at_threshold=True, surrogate_function=snn.surrogate.atan())) == text


def test_surrogates_and_weights_of_a_net_are_found():
    net = nn.SequentialCell(psn(), nn.SequentialCell(snn.IFNode(), masked()))
    snn.set_surrogate(net, snn.surrogate.triangle(3.0))
    assert repr(net[1][1].surrogate_function) == "triangle(alpha=3)"
    assert list(net.state_dict()) == ["0.weight", "0.v_threshold", "1.1.weight", "1.1.v_threshold"]
    assert set(sliding().state_dict()) == {"v_threshold", "weight.0", "weight.1", "weight.2"}
    other = snn.PSN(T, rng=7)
    other.load_state_dict(psn().state_dict())
    assert_equal(*(snn.run(node, eighths((T, N, F), seed=3))[0] for node in (other, psn())))


def test_a_frozen_threshold_is_not_learnt():
    node = snn.SlidingPSNNode(2, v_threshold=Parameter(1.0, requires_grad=False))
    assert [p.name for p in node.trainable_params()] == ["weight.0", "weight.1"]
