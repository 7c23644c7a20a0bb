"""Run a net in two modes and compare all results."""

import numpy as np

import snn
from autograd import Tensor, tree, value_and_grad


def everything(net, x, mode, state=None, weighted=True, **options):
    """Return [out, state, records], and the gradients of a weighted sum of them by input, start and Parameters.

    The input's is left out where it is of whole numbers, and the start's where none is given.
    """
    parameters = net.trainable_params()
    floating = np.asarray(x).dtype.kind == "f"
    positions = ((0,) if floating else ()) + (() if state is None else (1,))

    def loss(x, start):
        rng = np.random.default_rng(9)
        values = [*snn.run(net, x, start, mode=mode, **options)]
        parts = tree.leaves(values)
        weights = [rng.standard_normal(part.shape).astype(part.dtype) if weighted else 1 for part in parts]
        return sum((part * w).sum() for part, w in zip(parts, weights, strict=True)), values

    if not positions and not parameters:
        return loss(x, state)[1], []
    (_, values), gradients = value_and_grad(loss, positions or None, parameters or None, has_aux=True)(x, state)
    return values, tree.leaves(gradients)


def assert_equal(found, expected):
    """Compare to the bit."""
    found, expected = tree.leaves(found), tree.leaves(expected)
    assert len(found) == len(expected)
    for a, b in zip(map(np.asarray, found), map(np.asarray, expected), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_array_equal(a, b)
        if a.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(a[a == 0]), np.signbit(b[a == 0]), "signs of zeros")


def assert_close(found, expected):
    """Compare to rounding, relative to the largest."""
    found, expected = tree.leaves(found), tree.leaves(expected)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        tolerance = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}[a.dtype]
        lost = 1e8 * np.finfo(a.dtype).tiny  # an exponential that is nearly lost to one of the two
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b.array).max(initial=0) + lost)


def assert_as_eager(net, x, mode="compiled", **options):
    """Compare a mode with the eager one: values to the bit, gradients to rounding; return the values."""
    checkpoint = options.pop("checkpoint", None)
    expected, by = everything(net, x, "eager", **options)
    found, found_by = everything(net, x, mode, checkpoint=checkpoint, **options)
    assert list(found[2]) == list(expected[2])
    assert_equal(found, expected)
    assert_close(found_by, by)
    return found


def start_of(net, x, low=0.0, high=0.4, seed=5):
    """Draw a state for a neuron on inputs such as ``x``, ``[T, N, ...]``."""
    rng = np.random.default_rng(seed)
    fresh = snn.initial_state(net, Tensor(x[0]))
    return tree.map_leaves(lambda s: Tensor(rng.uniform(low, high, s.shape).astype(s.dtype)), fresh)
