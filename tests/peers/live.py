"""Compare a dialect with its installed peer on random inputs."""

import sys

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, value_and_grad

# Sinabs and Rockpool bring it for their hardware; to import it is to let it install itself from a registry of its own.
sys.modules.setdefault("samna", None)

SEEDS = range(5)
T, N, F = 40, 4, 6


def need(name):
    """Import a peer, or skip the tests that are about it."""
    missing = f"{name.partition('.')[0]} is not installed: it comes with the extra peers, see make peers"
    return pytest.importorskip(name, reason=missing)


def by_torch(sequence, parameters=()):
    """Return what runs a peer of torch: ``sequence`` is from ``[T, N, F]`` to spikes and membranes of that shape."""
    torch = need("torch")

    def run(x, ws, wv):
        x = torch.tensor(x, requires_grad=True)
        spikes, v = sequence(x)
        loss = (torch.tensor(ws) * spikes).sum() + (torch.tensor(wv) * v[-1]).sum()
        return [t.detach().numpy() for t in (spikes, v, *torch.autograd.grad(loss, [x, *parameters]))]

    return run


def stepwise(step):
    """Return the sequence of a step, which is from one input to spikes and membrane."""
    torch = need("torch")
    return lambda x: [torch.stack(parts) for parts in zip(*[step(now) for now in x], strict=True)]


def one_or_each(rng, low, high):
    """Draw a constant: a number, or one for each feature."""
    return float(rng.uniform(low, high)) if rng.random() < 0.5 else rng.uniform(low, high, F).astype(np.float32)


def compare(node, peer, rng, drive=1.0, dtype=np.float64, atol_v=1e-9, atol=1e-9):
    """Compare spikes, membranes and gradients, by the input and by what parameters there are."""
    x = (drive * (1.5 * rng.standard_normal((T, N, F)) + 0.5)).astype(dtype)
    ws, wv = rng.standard_normal((T, N, F)).astype(dtype), rng.standard_normal((N, F)).astype(dtype)
    spikes, v, *gradients = peer(x, ws, wv)
    for name, parameter in list(node.parameters_and_names()):
        setattr(node, name, Parameter(parameter.asnumpy().astype(dtype)))
    parameters = node.trainable_params()

    def loss(x):
        spikes, _, record = snn.run(node, x, record=["v"], mode="eager")
        return (spikes * ws).sum() + (record["v"][-1] * wv).sum(), (spikes, record["v"])

    (_, found), by = value_and_grad(loss, 0, parameters or None, has_aux=True)(Tensor(x))
    fires = np.count_nonzero(spikes) / spikes.size
    assert 0.01 < fires < 0.9  # else this says little
    np.testing.assert_array_equal(found[0], spikes)
    np.testing.assert_allclose(found[1], v, rtol=0, atol=atol_v)
    for ours, theirs in zip([by[0], *by[1]] if parameters else [by], gradients, strict=True):
        assert np.any(theirs != 0)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol * max(1, abs(theirs).max()))
