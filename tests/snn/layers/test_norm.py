"""Norms over time, against torch and plain numpy, in training and evaluation, in every mode."""

import io

import numpy as np
import pytest
import torch

import snn
from autograd import Cell, Tensor, check_grad, nn, value_and_grad
from autograd.errors import ArgumentError, CellError, ShapeError
from tests.snn.helpers.compare import assert_close, everything

T, N, C = 5, 4, 3
every_mode = pytest.mark.parametrize("mode", ["eager", "python", "compiled"])


def drawn(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(0.5, 2.0, shape).astype(dtype)


def threshold(dtype=np.float64, **options):
    gamma, beta = drawn(C, seed=1), drawn(C, seed=2)
    return snn.TDBatchNorm(C, v_threshold=0.8, alpha=0.7, gamma_init=gamma, beta_init=beta, dtype=dtype, **options)


def effective(dtype=np.float64, **options):
    gamma, beta, scale = drawn(C, seed=1), drawn(C, seed=2), drawn(T, seed=3)
    return snn.TEBN(T, C, gamma_init=gamma, beta_init=beta, scale_init=scale, dtype=dtype, **options)


def through_time(dtype=np.float64, **options):
    return snn.BNTT(T, C, gamma_init=drawn(T, C, seed=1), dtype=dtype, **options)


kinds = pytest.mark.parametrize("build", [threshold, effective, through_time])
places = pytest.mark.parametrize("place", [(), (6,), (2, 3)], ids=["features", "lines", "images"])


def by_torch(norm, x, training):
    """Return what torch's batch norm makes of each kind, its gradients, and the statistics afterwards."""
    x = torch.tensor(x, requires_grad=True)
    leaves = {p.name: torch.tensor(p.asnumpy(), requires_grad=True) for p in norm.trainable_params()}
    means, variances = (torch.tensor(p.asnumpy().copy()) for p in (norm.moving_mean, norm.moving_variance))

    def normed(x, means, variances, weight, bias):
        return torch.nn.functional.batch_norm(x, means, variances, weight, bias, training, 0.1, 1e-5)

    flat = x.reshape(-1, *x.shape[2:])
    if isinstance(norm, snn.BNTT):
        out = torch.stack([normed(x[t], means[t], variances[t], leaves["gamma"][t], None) for t in range(T)])
    elif isinstance(norm, snn.TEBN):
        out = normed(flat, means, variances, leaves["gamma"], leaves["beta"]).reshape(x.shape)
        out = out * leaves["scale"].reshape(-1, *[1] * (x.ndim - 1))
    else:
        out = normed(flat, means, variances, 0.7 * 0.8 * leaves["gamma"], leaves["beta"]).reshape(x.shape)
    (out**3).sum().backward()
    return out.detach(), [leaf.grad.numpy() for leaf in (x, *leaves.values())], [means, variances]


@kinds
@places
@pytest.mark.parametrize("training", [True, False])
@every_mode
def test_it_is_what_torch_makes(build, place, training, mode):
    norm, x = build(), drawn(T, N, C, *place)
    norm.moving_mean.array, norm.moving_variance.array = norm.moving_mean.asnumpy() + 0.25, norm.moving_variance.asnumpy() * 2
    norm.set_train(training)
    expected, gradients, statistics = by_torch(norm, x, training)
    seen = []

    def loss(x):
        seen.append(snn.run(norm, x, mode=mode).out)
        return (seen[-1] ** 3).sum()

    _, (by_x, by_weights) = value_and_grad(loss, 0, norm.trainable_params())(x)
    np.testing.assert_allclose(seen[0], expected, rtol=1e-9, atol=1e-9)
    for a, b in zip((by_x, *by_weights), gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
        assert b.any()
    for a, b in zip((norm.moving_mean, norm.moving_variance), statistics, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@kinds
def test_derivatives_are_those_of_differences_to_the_second_order(build):
    norm, weights = build(momentum=1.0).set_train(), drawn(T, 2, C, seed=4)
    check_grad(lambda x: (weights * norm(x) ** 2).sum(), drawn(T, 2, C), order=2, weights=norm.trainable_params())


def net(build, dtype):
    options = {"surrogate_function": snn.surrogate.atan()}

    def dense(n, seed):  # a norm takes any bias away
        return nn.Dense(n, C, has_bias=False, rng=seed, dtype=dtype)

    return nn.SequentialCell(
        dense(4, 0), build(dtype), snn.IFNode(**options),
        nn.SequentialCell(dense(C, 1), build(dtype)), snn.LIFNode(beta=0.5, v_threshold=0.1, **options),
    )  # fmt: skip


@kinds
@pytest.mark.parametrize("training", [True, False])
def test_a_net_is_as_in_the_eager_mode(build, training):
    x, mode = Tensor(drawn(T, N, 4)), "python"
    found = []
    for how in ("eager", mode):
        cell = net(build, np.float64).set_train(training)
        values, gradients = everything(cell, x, how, record=["spike"])
        found.append([values, gradients, cell[1].moving_mean, cell[3][1].moving_variance])
    assert_close(found[1], found[0])
    assert found[0][0][0].asnumpy().any()
    assert all(g.asnumpy().any() for g in found[0][1])
    assert (found[0][2].asnumpy() != 0).any() == training


def test_evaluation_may_go_step_by_step_and_training_says_that_it_may_not():
    class Own(Cell):
        def __init__(self):
            super().__init__()
            self.norm, self.node = threshold(np.float32), snn.IFNode()

        def construct(self, x, v):
            return self.node(self.norm(x), v)

        def initial_state(self, x):
            return self.node.initial_state(x)

    x, own = drawn(T, N, C, dtype=np.float32), Own()
    chain = nn.SequentialCell(own.norm, own.node)
    for mode in ("eager", "compiled"):
        np.testing.assert_array_equal(snn.run(own, x, mode=mode).out, snn.run(chain, x, mode="eager").out)
    own.set_train()
    for mode in ("eager", "compiled"):
        with pytest.raises(CellError, match="TDBatchNorm, which takes all time steps at once, in a chain of layers"):
            snn.run(own, x, mode=mode)
    with pytest.raises(ShapeError, match=r"an input \[T, N, 3, ...\], got \[4, 3\] Float32. In training it takes all time"):
        own.norm(x[0])


def test_two_runs_in_evaluation_are_one():
    norm, x = net(threshold, np.float64), drawn(T, N, 4)
    whole = snn.run(norm, x)
    first = snn.run(norm, x[:2])
    second = snn.run(norm, x[2:], first.state)
    np.testing.assert_allclose(np.concatenate([first.out, second.out]), whole.out)


def test_statistics_are_saved_and_not_trained():
    norm = threshold().set_train()
    snn.run(norm, drawn(T, N, C))
    other = threshold()
    other.load_state_dict(norm.state_dict())
    np.testing.assert_array_equal(other.moving_mean, norm.moving_mean)
    assert other.moving_mean.asnumpy().any()
    assert [p.name for p in norm.trainable_params()] == ["gamma", "beta"]


def test_explain_says_how_it_runs_and_moves_no_statistics():
    chain, x = net(threshold, np.float32), drawn(T, N, 4, dtype=np.float32)
    for training, said in (
        (False, "on all time steps at once\n"),
        (True, "at once; each may depend on the others\n"),
    ):
        chain.set_train(training)
        file = io.StringIO()
        snn.explain(chain, x, file=file)
        assert f"layer 1: {chain[1]!r}\n  no state: runs on all time steps at once" in file.getvalue()
        assert said in file.getvalue()
    assert not chain[1].moving_mean.asnumpy().any()
    assert repr(chain[1]) == "TDBatchNorm(num_features=3, v_threshold=0.8, alpha=0.7)"


def test_what_is_wrong_is_said():
    with pytest.raises(ArgumentError, match="num_features to be a positive int"):
        snn.TDBatchNorm(0)
    with pytest.raises(ArgumentError, match="v_threshold as a finite number of at least"):
        snn.TDBatchNorm(3, v_threshold=0)
    for build in (snn.BNTT, snn.TEBN):
        with pytest.raises(ArgumentError, match=r"T to be a positive int, got .*\. T is the number of time steps"):
            build(0, 3)
        with pytest.raises(ArgumentError, match=r"num_features to be a positive int, got .*\. Count the channels"):
            build(3, 0)
    for mode in ("eager", "compiled"):
        with pytest.raises(ShapeError, match=r"an input \[5, N, 3, ...\], got \[4, 4, 3\] Float64"):
            snn.run(through_time(), drawn(T - 1, N, C), mode=mode)
        with pytest.raises(ShapeError, match=r"an input \[N, 3, ...\] of one step, got"):
            snn.run(threshold(), drawn(T, N, C + 1), mode=mode)
    with pytest.raises(ShapeError, match="more than one number for each channel"):
        through_time().set_train()(drawn(T, 1, C))
