"""The convolutional LSTM against the equations written in torch, in every mode."""

import io

import numpy as np
import pytest
import torch

import snn
from autograd import Tensor, grad, nn, ops
from autograd.errors import ArgumentError, ShapeError, StateError
from tests.snn.helpers.compare import assert_close, assert_equal, everything

T, N = 6, 2


def layer(dtype=np.float64, **options):
    return snn.ConvLSTM(2, 3, v_threshold=0.1, dtype=dtype, rng=0, **options)


def images(dtype=np.float64):
    return np.random.default_rng(1).standard_normal((T, N, 2, 5, 4)).astype(dtype)


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx, g):
        (u,) = ctx.saved_tensors
        return g / (1 + (torch.pi * u) ** 2)


def by_torch(ours, x, g):
    """Run the equations with one convolution of input and what is shown; return spikes, state and gradients."""
    x = torch.tensor(x, requires_grad=True)
    weights = [torch.tensor(p.asnumpy(), requires_grad=True) for p in (ours.inputs.weight, ours.inputs.bias, ours.back.weight)]
    v = cell = torch.zeros(N, 3, 5, 4, dtype=x.dtype)
    outs = []
    for xt in x:
        kernel = torch.cat([weights[0], weights[2]], 1)
        gates = torch.nn.functional.conv2d(torch.cat([xt, v], 1), kernel, weights[1], padding="same")
        i, f, new, o = gates.chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(new)
        v = torch.sigmoid(o) * torch.tanh(cell)
        outs.append(Step.apply(v - 0.1))
    out = torch.stack(outs)
    (torch.tensor(g) * out).sum().backward()
    return [t.detach().numpy() for t in (out, v, cell)], [leaf.grad.numpy() for leaf in (x, *weights)]


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_it_is_what_its_equations_say(mode):
    ours, x, g = layer(), images(), np.random.default_rng(2).standard_normal((T, N, 3, 5, 4))
    parameters = [ours.inputs.weight, ours.inputs.bias, ours.back.weight]
    expected, gradients = by_torch(ours, x, g)

    def loss(x):
        out, state, _ = snn.run(ours, x, mode=mode)
        return (g * out).sum(), (out, *state)

    (by_x, by_weights), (found,) = grad(loss, 0, parameters, has_aux=True)(x)
    assert 0 < expected[0].mean() < 1
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.asnumpy(), b, rtol=1e-12, atol=1e-12)
    for a, b in zip((by_x, *by_weights), gradients, strict=True):
        assert b.any()
        np.testing.assert_allclose(a.asnumpy(), b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("how", ["fresh", "state", "mask"])
def test_all_is_as_step_by_step(how):
    net = nn.SequentialCell(layer(), nn.Flatten(), nn.Dense(60, 2, rng=1, dtype=np.float64))
    x = Tensor(images())
    options = {"mask": np.random.default_rng(5).random((T, N)) < 0.7} if how == "mask" else {}
    options |= {"state": snn.run(net, x).state} if how == "state" else {}
    expected, by = everything(net, x, "eager", record=["v"], **options)
    found, found_by = everything(net, x, "compiled", record=["v"], **options)
    assert_close(found, expected)
    assert_close(found_by, by)
    assert all(g.asnumpy().any() for g in by)


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_two_runs_with_carried_state_are_one(mode):
    ours, x = layer(), images()
    whole, end, _ = snn.run(ours, x, mode=mode)
    first, state, _ = snn.run(ours, x[:2], mode=mode)
    second, after, _ = snn.run(ours, x[2:], state, mode=mode)
    assert_equal(ops.concat([first, second]), whole)
    assert_close(after, end)


def test_explain_says_how_it_runs():
    file = io.StringIO()
    snn.explain(nn.SequentialCell(layer(np.float32)), images(np.float32), file=file)
    assert "has a state: runs step by step after a convolution over all time steps" in file.getvalue()


def test_what_is_wrong_is_said():
    with pytest.raises(ArgumentError, match="ConvLSTM: expected v_threshold as a number from 0 to 1"):
        snn.ConvLSTM(1, 1, v_threshold=1.5)
    with pytest.raises(ArgumentError, match="ConvLSTM: expected channels to be a positive int"):
        snn.ConvLSTM(1, 0)
    for mode in ("eager", "compiled"):
        with pytest.raises(ShapeError, match=r"ConvLSTM\(2, 3, .*: expected an input \[N, 2, H, W\] in each step"):
            snn.run(layer(), images()[:, :, :1], mode=mode)
    with pytest.raises(StateError, match="ConvLSTM, state"):
        layer()(images()[0], np.zeros((N, 3, 5, 4)))
