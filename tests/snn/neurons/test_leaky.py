"""Leaky neurons against plain loops over time, written from the published equations, and their errors."""

import math

import numpy as np
import pytest

import snn
from autograd import Parameter, grad
from autograd.errors import ArgumentError

T, N = 60, 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def exponential(x, hard):
    a, v = math.exp(-1 / 4), 0.0
    for x_t in x:
        v = a * v + (1 - a) * x_t
        z = v > 1
        yield z, v
        v = np.where(z, 0.0, v) if hard else v - z


def exponential_whole_input(x, hard):
    a, v = math.exp(-1 / 4), 0.0
    for x_t in x:
        v = a * v + x_t
        z = v > 1
        yield z, v
        v = np.where(z, 0.0, v) if hard else v - z


def current(x, hard, first=True):
    v = i = np.zeros(N)
    for x_t in x:
        before, i = i, 0.8 * i + x_t
        v = 0.9 * v + (i if first else before)
        z = v > 1
        yield z, v
        v = np.where(z, 0.0, v) if hard else v - z


def alpha(x, hard):
    """The sum of an excitation, an inhibition, and with a soft reset of what spikes took away."""
    e, n, taken = np.zeros(N), np.zeros(N), np.zeros(N)
    k = math.log(0.8) / (math.log(0.8) - math.log(0.9))
    for x_t in x:
        e, n, taken = 0.9 * e + x_t, 0.8 * n - x_t, 0.9 * taken
        v = k * (e + n) - taken
        z = v > 1
        yield z, v
        if hard:  # the input of this very step is not felt before the next, and goes too
            e, n = np.where(z, 0.0, e), np.where(z, 0.0, n)
        else:
            taken = taken + z


def alif(x, hard):
    v, b = 0.0, 0.0
    for x_t in x:
        v = 0.9 * v + x_t
        th = 1 + 1.8 * b
        z = v > th
        yield z, v
        v = np.where(z, 0.0, v) if hard else v - z * th
        b = 0.95 * b + 0.05 * z


def lsnn(x, hard):
    v, i, b = np.zeros(N), np.zeros(N), 1.0  # b is the threshold itself
    for x_t in x:
        v = v + 0.1 * (i - v)
        i = 0.8 * i + x_t
        b = b + 0.05 * (1 - b)
        z = v > b
        yield z, v
        v = np.where(z, 0.0, v) if hard else v - z * b
        b = b + 0.2 * z


def plif(x, hard):
    v, w = 0.0, -math.log(2.0 - 1)
    for x_t in x:
        v = v + (x_t - v) * sigmoid(w)
        z = v > 1
        yield z, v
        v = np.where(z, 0.0, v) if hard else v - z


def klif(x, hard):
    v = 0.0
    for x_t in x:
        v = np.maximum(1.25 * (0.9 * v + x_t), 0)
        z = v > 1
        yield z, v
        v = np.where(z, 0.0, v) if hard else v - z


def clif(x, hard):
    v, m = 0.0, 0.0
    for x_t in x:
        v = v - v / 2 + x_t
        z = v > 1
        yield z, v
        m = m * sigmoid(v / 2) + z
        v = np.where(z, 0.0, v) if hard else v - z * (1 + sigmoid(m))


def glif(x, hard):
    a, b, c, beta, g, linear, subtract = 0.3, 0.4, 0.6, 0.75, 0.5, 0.05, 0.9
    v = 0.0
    for x_t in x:
        v = (1 - a * (1 - beta)) * v - (1 - a) * linear + (1 - b * (1 - g)) * x_t
        z = v > 1
        yield z, v
        v = v - z * (c * v + (1 - c) * subtract)


GLIF = {
    "leak_gate": np.array(0.3), "input_gate": np.array(0.4), "reset_gate": np.array(0.6), "beta": np.array(0.75),
    "conductance": np.array(0.5), "linear_leak": np.array(0.05), "v_subtract": np.array(0.9),
}  # fmt: skip
CASES = {
    "exponential": (exponential, lambda **k: snn.LIFNode(tau=4.0, exponential=True, decay_input=True, **k), 1.5),
    "whole input": (exponential_whole_input, lambda **k: snn.LIFNode(tau=4.0, exponential=True, decay_input=False, **k), 0.4),
    "current": (current, snn.CurrentLIFNode, 0.2),
    "membrane first": (
        lambda x, hard: current(x, hard, first=False),
        lambda **k: snn.CurrentLIFNode(tau_syn=5.0, tau=10.0, decay_input=False, current_first=False, **k),
        0.2,
    ),
    "alpha": (alpha, snn.AlphaNode, 0.6),
    "ALIF": (alif, snn.ALIFNode, 0.5),
    "LSNN": (lsnn, snn.LSNNNode, 2.0),
    "PLIF": (plif, snn.PLIFNode, 1.8),
    "KLIF": (klif, lambda **k: snn.KLIFNode(k=1.25, **k), 0.4),
    "CLIF": (clif, lambda **k: snn.CLIFNode(tau=2.0, decay_input=False, **k), 0.8),
    "GLIF": (glif, lambda v_reset=None: snn.GLIFNode(**GLIF), 1.0),
}


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_spikes_and_membranes_are_those_of_the_equations(name, hard):
    loop, make, drive = CASES[name]
    x = drive * (0.5 + 1.5 * np.random.default_rng(1).standard_normal((T, N)))
    z, v = (np.array(part) for part in zip(*loop(x, hard), strict=True))
    node = make(v_reset=0.0 if hard else None)
    out, _, record = snn.run(node, x[:, None], record=["v_before_reset"], mode="eager")
    assert 0.05 < z.mean() < 0.6
    np.testing.assert_array_equal(out[:, 0], z)
    np.testing.assert_allclose(record["v_before_reset"][:, 0], v, rtol=1e-12, atol=1e-12)


def test_the_response_of_an_alpha_neuron_is_a_difference_of_exponentials():
    x = np.zeros((30, 1, 1))
    x[0] = 1
    out, _, _ = snn.run(snn.AlphaNode(fire=False, tau=10.0, tau_syn=4.0), x)
    n = np.arange(30)
    np.testing.assert_allclose(out[:, 0, 0], 10 / (10 - 4) * (np.exp(-n / 10) - np.exp(-n / 4)), atol=1e-15)


def test_a_spike_of_an_adaptive_neuron_keeps_its_size():
    out, state, _ = snn.run(snn.ALIFNode(0.5), np.full((100, 1, 1), 0.6))
    assert set(np.unique(out)) == {0.0, 0.5}
    assert state.b.item() > 0.1


def test_a_readout_without_leak_sums_its_input():
    x = np.random.default_rng(0).standard_normal((20, 2, 3))
    out, _, _ = snn.run(snn.Readout(), x)
    np.testing.assert_allclose(out, np.cumsum(x, axis=0), rtol=1e-12)


def test_a_time_constant_that_is_learnt_has_the_gradient_of_the_exponential():
    tau = Parameter(np.array([3.0, 5.0]))
    node = snn.LeakyReadout(tau=tau, exponential=True, decay_input=False)
    x = np.zeros((2, 1, 2))
    x[0] = 1
    (by,) = grad(lambda: snn.run(node, x, mode="eager")[0][1].sum(), None, weights=[tau])()
    np.testing.assert_allclose(by, np.exp(-1 / tau.asnumpy()) / tau.asnumpy() ** 2, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: snn.LIFNode(tau=0.0, exponential=True, decay_input=True), "LIFNode: expected tau > 0, in time steps"),
        (lambda: snn.LIFNode(tau=0.5, decay_input=True), "LIFNode: expected tau >= 1, in time steps"),
        (lambda: snn.CurrentLIFNode(alpha=1.5), r"CurrentLIFNode: expected alpha in \[0, 1\]"),
        (lambda: snn.CurrentLIFNode(alpha=0.5, tau_syn=2.0), "expected exactly one of tau_syn and alpha, got both"),
        (lambda: snn.AlphaNode(alpha=0.95), "AlphaNode: expected 0 < alpha < beta < 1, or tau_syn < tau"),
        (lambda: snn.ALIFNode(rho=-0.1), r"ALIFNode: expected rho in \[0, 1\]"),
        (lambda: snn.LSNNNode(strength=0.0), "LSNNNode: expected a finite strength > 0"),
        (lambda: snn.PLIFNode(tau=1.0), "PLIFNode: expected a finite tau > 1"),
        (lambda: snn.KLIFNode(k=-1.0), "KLIFNode: expected a finite k > 0"),
        (lambda: snn.GLIFNode(reset_gate=1.0), "GLIFNode: expected reset_gate above 0 and below 1"),
    ],
)
def test_a_constant_out_of_range_is_refused(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


def test_a_constant_that_learning_moved_out_of_range_is_found_by_check():
    node = snn.KLIFNode()
    node.k.set_data(-1.0)
    with pytest.raises(ArgumentError, match="KLIFNode: expected a finite k > 0"):
        snn.run(node, np.ones((2, 1, 1), np.float32), check=True)
