"""Layers against those of torch in float64: values, gradients of both orders, statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Tensor, grad, nn, ops

from .layer_cases import CASES, WEIGHTED, Case

torch = pytest.importorskip("torch", reason="comes with the extra 'torch'")
NAMES = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def rng(seed=0):
    return np.random.default_rng(seed)


def pair(case):
    """Make both layers, with the same random numbers in their Parameters."""
    ours, theirs = case.ours(dtype="float64") if case in WEIGHTED else case.ours(), case.torchs(torch)
    theirs = theirs.double()
    for k, (name, parameter) in enumerate(ours.parameters_and_names()):
        if parameter.requires_grad:
            values = rng(k).normal(size=parameter.shape)
            parameter.set_data(values)
            getattr(theirs, NAMES[name]).data = torch.tensor(values)
    return ours, theirs


def compare(ours, theirs, x):
    """Compare values, gradients by the input and the Parameters, and gradients of these."""
    weights = ours.trainable_params()
    tx = torch.tensor(x, requires_grad=True)
    leaves = [tx, *(getattr(theirs, NAMES[p.name]) for p in weights)]
    want = theirs(tx)
    out = ours(Tensor(x))
    assert out.shape == tuple(want.shape)
    np.testing.assert_allclose(out.array, want.detach(), rtol=1e-11, atol=1e-12)
    v = rng(7).normal(size=out.shape)
    mixtures = [rng(8 + k).normal(size=leaf.shape) for k, leaf in enumerate(leaves)]

    def first(x):
        return flat(grad(lambda x: (ops.tanh(ours(x)) * v).sum(), 0, weights)(x)) if weights else [by_input(x)]

    def by_input(x):
        return grad(lambda x: (ops.tanh(ours(x)) * v).sum())(x)

    def mixed(x):
        return sum((g * m).sum() for g, m in zip(first(x), mixtures, strict=True))

    loss = (torch.tanh(want) * torch.tensor(v)).sum()
    gradients = torch.autograd.grad(loss, leaves, create_graph=True)
    same(first(Tensor(x)), gradients)
    total = sum((g * torch.tensor(m)).sum() for g, m in zip(gradients, mixtures, strict=True))
    second = flat(grad(mixed, 0, weights)(Tensor(x))) if weights else [grad(mixed)(Tensor(x))]
    same(second, torch.autograd.grad(total, leaves, materialize_grads=True))


def flat(gradients):
    return [gradients[0], *gradients[1]]


def same(found, wanted):
    for got, want in zip(found, wanted, strict=True):
        assert got.dtype == np.float64
        np.testing.assert_allclose(got.array, want.detach(), rtol=1e-9, atol=1e-10)


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # with an even kernel torch makes a copy
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_layer_and_its_gradients_are_those_of_torch(case):
    ours, theirs = pair(case)
    if isinstance(ours, (nn.BatchNorm1d, nn.BatchNorm2d)):
        ours.set_train()
    compare(ours, theirs, rng(5).normal(size=case.shape))


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 3))
    most = 3 if axes == 3 else 4
    several = st.lists(st.integers(1, 3), min_size=axes, max_size=axes).map(tuple)
    groups, inside, outside = (draw(st.integers(1, n)) for n in (3, 2, 2))
    kernel, stride, dilation = (draw(st.integers(1, 3) | several) for _ in range(3))
    padding = draw(st.integers(0, 2) | st.lists(st.integers(0, 2), min_size=axes, max_size=axes).map(tuple))
    spans = np.broadcast_to(dilation, axes) * (np.broadcast_to(kernel, axes) - 1) + 1
    least = np.maximum(spans - 2 * np.broadcast_to(padding, axes), 1)
    size = tuple(int(n) + draw(st.integers(0, most)) for n in least)
    options = {
        "in_channels": groups * inside, "out_channels": groups * outside, "kernel_size": kernel, "stride": stride,
        "dilation": dilation, "pad_mode": "pad", "padding": padding, "group": groups, "has_bias": draw(st.booleans()),
    }  # fmt: skip
    return Case(f"Conv{axes}d", options, (draw(st.integers(1, 3)), groups * inside, *size))


@given(case=convolutions())
def test_any_convolution_is_that_of_torch(case):
    ours, theirs = case.ours(dtype="float64"), case.torchs(torch).double()
    for name, parameter in ours.parameters_and_names():
        getattr(theirs, name).data = torch.tensor(parameter.array)
    compare(ours, theirs, rng(1).normal(size=case.shape))


@st.composite
def pools(draw):
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, kernel // 2))
    options = {
        "kernel_size": kernel,
        "stride": stride,
        "pad_mode": "pad",
        "padding": padding,
        "ceil_mode": draw(st.booleans()),
    }
    size = [draw(st.integers(max(kernel - 2 * padding, 1), 7)) for _ in range(2)]
    return Case(draw(st.sampled_from(["MaxPool2d", "AvgPool2d"])), options, (2, 2, *size))


@given(case=pools())
def test_any_pooling_is_that_of_torch(case):
    ours, theirs = pair(case)
    compare(ours, theirs, rng(2).normal(size=case.shape))


@pytest.mark.parametrize("case", [c for c in WEIGHTED if c.name.startswith("BatchNorm")], ids=str)
def test_moving_statistics_are_those_of_torch_and_are_used_after_training(case):
    ours, theirs = pair(case)
    ours.set_train()
    for seed in range(3):
        x = rng(seed).normal(0.5, 2.0, case.shape)
        np.testing.assert_allclose(ours(x).array, theirs(torch.tensor(x)).detach(), rtol=1e-11)
    np.testing.assert_allclose(ours.moving_mean.array, theirs.running_mean, rtol=1e-12)
    np.testing.assert_allclose(ours.moving_variance.array, theirs.running_var, rtol=1e-12)
    ours.set_train(False)
    before = ours.state_dict()
    compare(ours, theirs.eval(), rng(9).normal(size=case.shape))
    assert all(np.array_equal(before[name], now) for name, now in ours.state_dict().items())


def test_ties_and_nan_go_where_torch_has_them():
    x = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, np.nan])
    want = torch.tensor(x[None, None], requires_grad=True)
    torch.nn.functional.max_pool1d(want, 4).sum().backward()
    assert grad(lambda x: ops.max_pool1d(x, 4))(Tensor(x[None, None])).array.tolist() == want.grad.tolist()


def test_an_embedding_is_that_of_torch():
    ours = nn.Embedding(5, 3, padding_idx=2, dtype="float64", rng=0)
    theirs = torch.nn.Embedding(5, 3, padding_idx=2, dtype=torch.float64)
    theirs.weight.data = torch.tensor(ours.embedding_table.array)
    ids = np.array([[0, 2, 2], [4, 4, 1]])
    np.testing.assert_array_equal(ours(ids).array, theirs(torch.tensor(ids)).detach())
    (theirs(torch.tensor(ids)) ** 3).sum().backward()
    gradient = grad(lambda: (ours(ids) ** 3).sum(), None, ours.embedding_table)()
    np.testing.assert_allclose(gradient.array, theirs.weight.grad, rtol=1e-13)
