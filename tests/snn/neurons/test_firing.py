"""Firing rules against plain loops: several spikes per step, spikes of either sign, a refractory period, random firing."""

import math

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, tree, value_and_grad
from autograd.errors import ArgumentError, DTypeError
from tests.snn.helpers.compare import assert_as_eager, assert_close, assert_equal

T, N, F = 30, 3, 5


def currents(mean, spread, shape=(T, N, F), dtype=np.float64):
    return np.random.default_rng(0).normal(mean, spread, shape).astype(dtype)


def slope(u):
    """Return the derivative of the surrogate that all have by default."""
    e = math.exp(-abs(5 * u))
    return 5 * e / (1 + e) ** 2


# Several spikes, and spikes of either sign


def multi(h, limit=math.inf):
    """Return the spikes of a membrane over a threshold of 0.5, and their derivative by it."""
    z = min(max(math.floor(h / 0.5), 0), limit)
    nearest = min(max(round(h / 0.5), 1), limit)
    return z, slope(h - 0.5 * nearest)


def ternary(h):
    return int(h > 0.5) - int(h < -0.5), slope(h - 0.5) + slope(-h - 0.5)


RULES = {
    "multi": (snn.MultiSpike, multi, 0.6),
    "multi, 2": (lambda: snn.MultiSpike(2), lambda h: multi(h, 2), 0.6),
    "ternary": (snn.Ternary, ternary, 0.1),
}
every_rule = pytest.mark.parametrize("rule", RULES)


def by_hand(fires, x, weights):
    """Run v = 0.75 v + x with a soft reset and back; return spikes, membranes and the gradient of the weighted spikes by x."""
    spikes, vs, by_x = np.zeros(x.shape), np.zeros(x.shape), np.zeros(x.shape)
    for n in np.ndindex(x.shape[1:]):
        v, slopes = 0.0, []
        for t in range(len(x)):
            h = 0.75 * v + x[t][n]
            z, g = fires(h)
            v = h - 0.5 * z
            slopes.append(g)
            spikes[t][n], vs[t][n] = z, v
        dv = 0.0
        for t in reversed(range(len(x))):
            dh = dv + (weights[t][n] - 0.5 * dv) * slopes[t]
            by_x[t][n] = dh
            dv = 0.75 * dh
    return spikes, vs, by_x


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@every_rule
def test_a_rule_and_its_gradient_are_those_by_hand(rule, mode):
    make, fires, mean = RULES[rule]
    x, weights = currents(mean, 1.0), np.random.default_rng(1).normal(size=(T, N, F))
    node = snn.LIFNode(0.5, beta=0.75, firing=make(), spike_value="unit")
    expected, vs, by_x = by_hand(fires, x, weights)
    out, _, record = snn.run(node, x, record=["v"], mode=mode)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_allclose(record["v"], vs, rtol=0, atol=1e-12)
    found = grad(lambda x: (snn.run(node, x, mode=mode)[0] * weights).sum())(Tensor(x))
    np.testing.assert_allclose(found, by_x, rtol=0, atol=1e-12 * np.abs(by_x).max())
    assert len(np.unique(out)) >= 3


@every_rule
def test_the_amplitude_of_a_spike_is_the_threshold_unless_said_otherwise(rule):
    make, _, mean = RULES[rule]
    x = currents(mean, 1.0)
    unit, threshold = (snn.run(snn.IFNode(0.5, firing=make(), spike_value=value), x)[0] for value in ("unit", "threshold"))
    np.testing.assert_array_equal(threshold.array, 0.5 * unit.array)


@pytest.mark.parametrize("at", [False, True])
def test_a_membrane_at_a_multiple_of_the_threshold(at):
    x = np.array([[[0.0, 0.5, 1.0, 1.5, -0.5]]])
    multiple = snn.run(snn.IFNode(0.5, firing=snn.MultiSpike(), fire_at_threshold=at, spike_value="unit"), x)[0]
    either = snn.run(snn.IFNode(0.5, firing=snn.Ternary(), fire_at_threshold=at, spike_value="unit"), x)[0]
    np.testing.assert_array_equal(multiple, [[[0, 1, 2, 3, 0] if at else [0, 0, 1, 2, 0]]])
    np.testing.assert_array_equal(either, [[[0, 1, 1, 1, -1] if at else [0, 0, 1, 1, 0]]])


def test_a_hard_reset_from_either_side():
    x = np.array([[[0.75, -0.75, 0.25]]])
    v = snn.run(snn.IFNode(0.5, firing=snn.Ternary(), v_reset=0.125), x, state=np.zeros((1, 3)))[1]
    np.testing.assert_array_equal(v, [[0.125, 0.125, 0.25]])


def test_adaptation_counts_spikes_of_either_sign():
    node = snn.AdaptiveQIFNode(firing=snn.Ternary(), b=10.0)
    state = node.State(np.array([[1.5, -1.5, 0.0]]), np.zeros((1, 3)))
    _, after = node.discharge(node.State(*map(Tensor, state)))
    np.testing.assert_array_equal(after.w, [[10.0, 10.0, 0.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_rule
def test_an_emitted_rule_is_as_the_eager_one(rule, dtype):
    make, _, mean = RULES[rule]
    x = Tensor(currents(mean, 1.0, (5, N, F), dtype))
    mask = np.random.default_rng(1).random((5, N)) > 0.2
    threshold = Parameter(np.linspace(0.4, 0.9, F).astype(dtype))
    for node in (snn.LIFNode(threshold, beta=0.9, firing=make()), snn.ALIFNode(beta=0.9, firing=make())):
        assert_as_eager(node, x, "python", record=("v", "spike"), mask=mask)


def test_what_a_rule_refuses():
    with pytest.raises(ArgumentError, match=r"AdExNode: expected v_reset and rest above .* got -70\.6"):
        snn.AdExNode(firing=snn.Ternary())
    with pytest.raises(ArgumentError, match="IFNode: expected v_reset and rest above -v_threshold"):
        snn.IFNode(firing=snn.Ternary(), v_reset=-2.0)
    with pytest.raises(ArgumentError, match="IFNode: expected v_reset=None with MultiSpike, got float 0"):
        snn.IFNode(v_reset=0.0, firing=snn.MultiSpike())
    with pytest.raises(DTypeError, match="IFNode: expected firing to be a Firing"):
        snn.IFNode(firing=snn.Ternary)
    for limit in (0, 1.5, True):
        with pytest.raises(ArgumentError, match="MultiSpike: expected limit to be a positive int or None"):
            snn.MultiSpike(limit)


# A refractory period


@pytest.mark.parametrize("v_reset", [None, 0.0])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_refractory_neuron_does_what_its_equations_say(steps, v_reset):
    x = currents(0.7, 0.6)
    spikes, vs = np.zeros(x.shape), np.zeros(x.shape)
    for n in np.ndindex(N, F):
        v, left = 0.0, 0
        for t in range(T):
            if left:
                left -= 1
            else:
                v = 0.75 * v + x[t][n]
                if v > 1:
                    spikes[t][n], left = 1, steps
                    v = v - 1 if v_reset is None else v_reset
            vs[t][n] = v
    node = snn.Refractory(snn.LIFNode(beta=0.75, v_reset=v_reset), steps)
    out, _, record = snn.run(node, x, record=["v", "left"])
    np.testing.assert_array_equal(out, spikes)
    np.testing.assert_allclose(record["v"], vs, rtol=0, atol=1e-12)
    assert spikes.mean() > 0.1
    assert record["left"].array.max() == steps


def test_what_is_no_membrane_goes_on_while_a_neuron_rests():
    node, x = snn.AdExNode(), currents(2000.0, 500.0)
    _, _, record = snn.run(snn.Refractory(node, 4), x, record=["v", "w", "left"])
    v, w, left = (np.asarray(record[name]) for name in ("v", "w", "left"))
    rests = left[:-1] > 0
    np.testing.assert_array_equal(v[1:][rests], v[:-1][rests])
    np.testing.assert_allclose(w[1:][rests], (w[:-1] + (4 * (v[:-1] + 70.6) - w[:-1]) / 144)[rests])
    assert rests.mean() > 0.2


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, "python") for name in ("LIF", "ternary", "AdEx", "steps each")),
        ("LIF", "compiled"),
        ("steps each", "compiled"),
    ],
)
def test_a_compiled_refractory_neuron_is_as_the_eager_one(name, mode):
    node, scale = {
        "LIF": (snn.Refractory(snn.LIFNode(Parameter(np.array(0.7)), beta=0.9), 2), 1.0),
        "ternary": (snn.Refractory(snn.IFNode(firing=snn.Ternary()), 2), 1.0),
        "AdEx": (snn.Refractory(snn.AdExNode(surrogate_function=snn.surrogate.triangle(0.1)), 2), 5000.0),
        "steps each": (snn.Refractory(snn.IFNode(v_reset=0.0), np.arange(F)), 1.0),
    }[name]
    shape = (T if mode == "compiled" else 6, N, F)
    x = Tensor(scale * currents(0.6, 0.6, shape))
    mask = np.random.default_rng(1).random(shape[:2]) > 0.2
    record = ("v", "v_before_reset", "left", "spike")
    out, _, _ = assert_as_eager(node, x, mode, state=snn.initial_state(node, Tensor(x[0])), record=record, mask=mask)
    assert np.count_nonzero(out)


def test_a_refractory_layer_may_be_recurrent_and_in_a_chain():
    rng = np.random.default_rng(0)
    layer = snn.Recurrent(snn.Refractory(snn.IFNode(2.0), 1), F, weight_init=rng.integers(-1, 2, (F, F)))
    weight = rng.integers(-1, 3, (F, 4))
    net = nn.SequentialCell(
        nn.Dense(4, F, weight), layer, nn.Dense(F, 3, rng.integers(-1, 3, (3, F))), snn.Refractory(snn.IFNode())
    )
    x = rng.integers(0, 2, (T, N, 4)).astype(np.float32)
    out, _, _ = assert_as_eager(net, x, record=("spike", "left"))
    assert np.count_nonzero(out)


def test_what_a_refractory_neuron_refuses():
    for node in (snn.LeakyReadout(beta=0.9), nn.Dense(2, 2), snn.IFNode):
        with pytest.raises(ArgumentError, match="Refractory: expected a neuron that fires"):
            snn.Refractory(node)
    for steps in (-1, 1.5, np.array([1, -2])):
        with pytest.raises(ArgumentError, match="Refractory: expected steps to be ints of at least 0"):
            snn.Refractory(snn.IFNode(), steps)


# At random


class Even(Cell):
    """Fires with one probability, wherever the membrane is."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def construct(self, u):
        return 0 * u + self.p


def test_the_generators_are_those_that_were_published():
    node = snn.Stochastic(snn.IFNode(), Even(0.5), rng=3)
    state = snn.initial_state(node, np.zeros((N, F)))
    seeds = [int(state.seed.array[1, 2]), int(state.seed2.array[1, 2])]
    expected = []
    for _ in range(T):
        seeds = [(40014 * seeds[0] + 1) % 2147483563, (40692 * seeds[1] + 1) % 2147483399]
        expected.append(((seeds[0] - seeds[1]) / 2147483563) % 1 < 0.5)
    out, last, _ = snn.run(node, np.zeros((T, N, F)), state)
    np.testing.assert_array_equal(out.array[:, 1, 2], expected)
    assert [int(last.seed.array[1, 2]), int(last.seed2.array[1, 2])] == seeds


@pytest.mark.parametrize("p", [0.02, 0.3, 0.9])
def test_random_spikes_are_independent_and_as_probable_as_they_should_be(p):
    z = np.asarray(snn.run(snn.Stochastic(snn.IFNode(v_reset=0.0), Even(p), rng=0), np.zeros((2000, 5, 40)))[0])
    error = math.sqrt(p * (1 - p) / z.size)
    assert abs(z.mean() - p) < 4 * error
    for a, b in ((z[1:], z[:-1]), (z[7:], z[:-7]), (z[..., 1:], z[..., :-1]), (z[:, 1:], z[:, :-1])):
        assert abs(((a - p) * (b - p)).mean()) < 4 * p * (1 - p) / math.sqrt(a.size)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_what_is_certain_is_certain(p):
    z = snn.run(snn.Stochastic(snn.IFNode(), Even(p), rng=0), np.zeros((500, 20, 50), np.float32))[0]
    np.testing.assert_array_equal(z, np.full(z.shape, p))


def test_the_share_of_spikes_follows_the_escape_rate():
    # The membrane is the input: nothing is left of the step before.
    node = snn.Stochastic(snn.LIFNode(0.75, beta=0.0, spike_value="unit"), snn.EscapeRate(rate=0.4, width=0.25), rng=1)
    v = np.linspace(-0.5, 2.0, 11)
    out, _, _ = snn.run(node, np.broadcast_to(v, (4000, 5, 11)))
    expected = 1 - np.exp(-0.4 * np.exp((v - 0.75) / 0.25))
    np.testing.assert_allclose(np.asarray(out).mean((0, 1)), expected, rtol=0, atol=4 * 0.5 / math.sqrt(20000))
    assert expected[0] < 0.02
    assert expected[-1] > 0.99


def test_the_gradient_of_a_random_spike_is_that_of_its_probability():
    rate, width = Parameter(np.array(0.4)), Parameter(np.array(0.25))
    node = snn.Stochastic(
        snn.LIFNode(0.75, beta=0.0, detach_reset=True, spike_value="unit"), snn.EscapeRate(rate, width), rng=1
    )
    v = np.linspace(-0.5, 2.0, 11)[None, None]
    by_v, (by_rate, by_width) = grad(lambda v: snn.run(node, v)[0].sum(), 0, [rate, width])(Tensor(v))
    u = v - 0.75
    growth = np.exp(u / 0.25)
    left = np.exp(-0.4 * growth)
    np.testing.assert_allclose(by_v, left * 0.4 * growth / 0.25, rtol=1e-9)
    np.testing.assert_allclose(by_rate, (left * growth).sum(), rtol=1e-9)
    np.testing.assert_allclose(by_width, (left * 0.4 * growth * -u / 0.25**2).sum(), rtol=1e-9)


def test_far_above_the_threshold_a_spike_is_certain_and_its_gradient_finite():
    node = snn.Stochastic(snn.IFNode(), rng=0)
    x = Tensor(np.full((1, 1, 3), 1e4, np.float32))
    np.testing.assert_array_equal(snn.run(node, x)[0], np.ones((1, 1, 3)))
    assert np.isfinite(grad(lambda x: snn.run(node, x)[0].sum())(x).asnumpy()).all()


def random_nodes(dtype):
    threshold = Parameter(np.linspace(0.4, 0.9, F).astype(dtype))
    return {
        "LIF": (snn.Stochastic(snn.LIFNode(threshold, beta=0.9), rng=0), 1.0),
        "ALIF, a rate each": (snn.Stochastic(snn.ALIFNode(beta=0.9), snn.EscapeRate(np.linspace(0.1, 1, F)), rng=0), 1.0),
        "Izhikevich": (snn.Stochastic(snn.IzhikevichNode(v_threshold=5.0), snn.EscapeRate(width=5.0), rng=0), 20.0),
        "refractory": (snn.Refractory(snn.Stochastic(snn.LIFNode(beta=0.9), rng=0), 2), 1.0),
    }


@pytest.mark.parametrize(
    ("name", "dtype", "mode"),
    [
        *((name, dtype, "python") for name in random_nodes(np.float64) for dtype in (np.float32, np.float64)),
        ("LIF", np.float32, "compiled"),
        ("refractory", np.float64, "compiled"),
    ],
)
def test_a_compiled_random_neuron_is_as_the_eager_one(name, dtype, mode):
    node, scale = random_nodes(dtype)[name]
    shape = (T if mode == "compiled" else 6, N, F)
    x = Tensor(dtype(scale) * currents(0.4, 0.6, shape, dtype))
    state = snn.initial_state(node, Tensor(x[0]))

    def everything(mode):
        def loss(x, v):
            out, end, record = snn.run(node, x, tree.unflatten(state, iter([v, *tree.leaves(state)[1:]])), ["v"], mode=mode)
            return (out * x).sum() + (record["v"] ** 2).sum(), [out, end, record]

        (_, values), gradients = value_and_grad(loss, (0, 1), node.trainable_params() or None, has_aux=True)(
            x, tree.leaves(state)[0]
        )
        return values, gradients

    (found, found_by), (expected, by) = everything(mode), everything("eager")
    assert_equal(found, expected)
    assert_close(found_by, by)
    assert np.count_nonzero(found[0])


def test_two_runs_with_carried_state_are_one_and_a_fresh_one_draws_anew():
    node, x = snn.Stochastic(snn.LIFNode(beta=0.9), rng=5), currents(0.3, 0.5)
    start = snn.initial_state(node, x[0])
    for mode in ("eager", "compiled"):
        whole, end, _ = snn.run(node, x, start, mode=mode)
        first, middle, _ = snn.run(node, x[:13], start, mode=mode)
        second, last, _ = snn.run(node, x[13:], middle, mode=mode)
        np.testing.assert_array_equal(np.concatenate([first, second]), whole)
        assert_equal(last, end)
    one, other = (snn.run(node, x)[0] for _ in range(2))
    assert (one.array != other.array).any()


def test_the_same_generator_gives_the_same_bits():
    x = currents(0.3, 0.5)
    runs = [snn.run(snn.Stochastic(snn.LIFNode(beta=0.9), rng=np.random.default_rng(7)), x)[0] for _ in range(2)]
    assert_equal(*runs)


def test_a_random_neuron_is_not_traced_anew_in_each_run(monkeypatch):
    from snn.tracing import traced as module

    traced = []
    monkeypatch.setattr(module, "trace", lambda *args, f=module.trace, **options: traced.append(1) or f(*args, **options))
    node, x = snn.Stochastic(snn.LIFNode(beta=0.9), rng=5), currents(0.3, 0.5)
    snn.run(node, x, mode="compiled")
    before = len(traced)
    snn.run(node, x, mode="compiled")
    assert len(traced) == before > 0


def test_what_a_random_neuron_refuses():
    for node in (snn.LeakyReadout(beta=0.9), snn.IFNode(firing=snn.Ternary()), snn.IFNode):
        with pytest.raises(ArgumentError, match="Stochastic: expected a neuron that fires one spike at a time"):
            snn.Stochastic(node)
    with pytest.raises(DTypeError, match="Stochastic: expected escape to be a Cell or a function"):
        snn.Stochastic(snn.IFNode(), snn.EscapeRate)
    for arguments in ({"rate": 0.0}, {"width": -1.0}):
        with pytest.raises(ArgumentError, match="EscapeRate: expected a finite"):
            snn.EscapeRate(**arguments)
