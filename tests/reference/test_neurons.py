"""snn.run against the triple loops: spikes and states to the bit, gradients to rounding, over all options."""

import itertools
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, grad

from .naive import Equations, backward, forward

FORMS = [Equations()]
FORMS += [Equations(tau=2.5, decay_input=decay) for decay in (False, True)]
FORMS += [Equations(beta=0.75, decay_input=decay) for decay in (False, True)]
FIRING = [
    {"v_threshold": 0.75, "v_reset": v_reset, "fire_at_threshold": at, "spike_value": value}
    for v_reset, at, value in itertools.product((None, 0.0, -0.25), (False, True), ("threshold", "unit"))
]
ALL = [replace(form, **firing) for form in FORMS for firing in FIRING]
SILENT = [replace(form, fire=False) for form in FORMS]
LISTS = {"v_threshold": [1.0, 0.7, 1.3], "tau": [1.0, 2.3, 20.0], "beta": [0.0, 0.63, 0.9]}
PER_NEURON = [replace(eq, **{n: LISTS[n] for n in LISTS if getattr(eq, n) is not None}) for eq in ALL[::3]]

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def label(eq):
    return ", ".join(f"{k}={v}" for k, v in asdict(eq).items() if v != getattr(Equations, k)) or "IF"


equations = pytest.mark.parametrize("eq", ALL + SILENT + PER_NEURON, ids=label)


def node_of(eq, wrap=np.asarray, **options):
    """Build our neuron; ``wrap`` makes of a list what is passed for a value for each neuron."""
    given = {k: wrap(v) if isinstance(v, list) else v for k, v in asdict(eq).items()} | options
    if eq.tau is None and eq.beta is None:
        for name in ("tau", "beta", "decay_input"):
            del given[name]
        return snn.IFNode(**given)
    return snn.LIFNode(**given)


def data(eq, dtype):
    """Draw currents, starts and weights; the first sample's first step comes to lie exactly on the threshold."""
    rng = np.random.default_rng(7)
    x, v0 = rng.normal(0.5, 0.8, (12, 3, 3)), rng.normal(0.1, 0.3, (3, 3))
    rest = eq.v_reset or 0.0
    v0[0], x[0, 0] = rest, np.array(eq.v_threshold) - rest
    if eq.decay_input:
        x *= np.array(eq.tau) if eq.tau else 1 / (1 - np.array(eq.beta))
    weights = rng.normal(0, 1, (2, *x.shape))
    return x.astype(dtype), v0.astype(dtype), *weights.astype(dtype)


def sigmoid_derivative(u, alpha=5.0):
    e = math.exp(-abs(alpha * u))
    return alpha * e / (1 + e) ** 2


def atan_derivative(u, alpha=2.0):
    return alpha / 2 / (1 + (math.pi * alpha * u / 2) ** 2)


def weighed(node, weight_out, weight_v):
    def loss(x, v0):
        out, _, record = snn.run(node, x, state=v0, record=("v",))
        return (out * weight_out).sum() + (record["v"] * weight_v).sum()

    return loss


@dtypes
@equations
def test_spikes_and_states_are_equal_to_the_bit(eq, dtype):
    x, v0, _, _ = data(eq, dtype)
    expected, before, after, _ = forward(eq, x, v0)
    out, v, record = snn.run(node_of(eq), x, state=v0, record=("v", "v_before_reset"))
    for ours, naive in ((out, expected), (v, after[-1]), (record["v"], after), (record["v_before_reset"], before)):
        assert ours.dtype == dtype
        assert ours.asnumpy().tobytes() == naive.tobytes()


@pytest.mark.parametrize("eq", [eq for eq in ALL if eq.fire_at_threshold], ids=label)
def test_the_data_tells_firing_at_the_threshold_from_firing_above_it(eq):
    x, v0, _, _ = data(eq, np.float64)
    at, above = (forward(replace(eq, fire_at_threshold=choice), x, v0)[3] for choice in (True, False))
    assert (at != above)[0, 0].all()
    assert 0.05 < at.mean() < 0.95


@dtypes
@pytest.mark.parametrize("detach_reset", [False, True])
@equations
def test_gradients_by_input_and_start_are_those_by_hand(eq, detach_reset, dtype):
    eq = replace(eq, detach_reset=detach_reset)
    x, v0, weight_out, weight_v = data(eq, dtype)
    expected = backward(eq, sigmoid_derivative, x, v0, weight_out, weight_v)
    by_x, by_v0 = grad(weighed(node_of(eq), weight_out, weight_v), (0, 1))(Tensor(x), Tensor(v0))
    close = {"rtol": 1e-11, "atol": 1e-12} if dtype == np.float64 else {"rtol": 2e-4, "atol": 2e-5}
    for ours, name in ((by_x, "x"), (by_v0, "v0")):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours.asnumpy(), expected[name], **close)


@pytest.mark.parametrize("detach_reset", [False, True])
@pytest.mark.parametrize("eq", PER_NEURON, ids=label)
def test_gradients_by_learnable_constants_of_each_neuron_are_those_by_hand(eq, detach_reset):
    eq = replace(eq, detach_reset=detach_reset)
    x, v0, weight_out, weight_v = data(eq, np.float64)
    expected = backward(eq, sigmoid_derivative, x, v0, weight_out, weight_v)
    node = node_of(eq, wrap=lambda values: Parameter(np.array(values)))
    names = [p.name for p in node.trainable_params()]
    assert names == ["v_threshold"] + [name for name in ("tau", "beta") if getattr(eq, name) is not None]
    gradients = grad(weighed(node, weight_out, weight_v), None, weights=node.trainable_params())(x, v0)
    for name, gradient in zip(names, gradients, strict=True):
        np.testing.assert_allclose(gradient.asnumpy(), expected[name], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("eq", ALL[::4], ids=label)
def test_gradients_are_those_of_the_surrogate_that_is_chosen(eq):
    x, v0, weight_out, weight_v = data(eq, np.float64)
    node = node_of(eq, surrogate_function=snn.surrogate.atan())
    by_x = grad(weighed(node, weight_out, weight_v))(x, v0)
    expected = backward(eq, atan_derivative, x, v0, weight_out, weight_v)["x"]
    np.testing.assert_allclose(by_x.asnumpy(), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("eq", FORMS[1:], ids=label)
def test_the_leaky_readout_is_a_leaky_neuron_that_never_fires(eq):
    x, v0, _, _ = data(eq, np.float32)
    node = snn.LeakyReadout(tau=eq.tau, beta=eq.beta, decay_input=eq.decay_input)
    out, v, _ = snn.run(node, x, state=v0)
    expected = forward(replace(eq, fire=False), x, v0)[0]
    assert out.asnumpy().tobytes() == expected.tobytes()
    assert v.asnumpy().tobytes() == expected[-1].tobytes()
