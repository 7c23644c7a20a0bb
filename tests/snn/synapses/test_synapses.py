"""Synapses against plain loops and closed forms; arguments and errors."""

import math

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, check_grad, grad, nn, tree
from autograd.errors import ArgumentError, DTypeError, ShapeError, StateError
from snn.common.discover import kinds
from snn.synapses import Alpha, DoubleExponential, Exponential, TsodyksMarkram

T, N, F = 40, 2, 5


def kernel(function, x):
    """Return the sum of what each input adds, ``function`` of the time since."""
    n = np.arange(len(x))
    response = np.where(n[:, None] >= n, function(np.maximum(n[:, None] - n, 0)), 0.0)
    return np.tensordot(response, x, 1)


def double(t, rise=2.0, decay=9.0):
    peak = rise * decay / (decay - rise) * math.log(decay / rise)
    return (np.exp(-t / decay) - np.exp(-t / rise)) / (math.exp(-peak / decay) - math.exp(-peak / rise))


def tsodyks_markram(x, use, rec, facil):
    u, r, outs = np.zeros(x.shape[1:]), np.ones(x.shape[1:]), []
    for x_t in x:
        u, r = u * (math.exp(-1 / facil) if facil else 0), 1 - (1 - r) * math.exp(-1 / rec)
        spike = x_t != 0
        u = np.where(spike, u + use * (1 - u), u)
        outs.append(x_t * u * r)
        r = np.where(spike, r - u * r, r)
    return np.array(outs)


def spikes(amplitude=1.0, rate=0.3, steps=T):
    return np.where(np.random.default_rng(2).random((steps, N, F)) < rate, amplitude, 0.0)


def current(seed=0):
    return np.random.default_rng(seed).standard_normal((T, N, F))


CASES = {
    "exponential": (Exponential(tau_syn=5.0), lambda x: kernel(lambda t: np.exp(-t / 5.0), x)),
    "share": (Exponential(alpha=0.7), lambda x: kernel(lambda t: 0.7**t, x)),
    "current of the step before": (
        Exponential(alpha=0.7, current_first=False),
        lambda x: kernel(lambda t: np.where(t > 0, 0.7 ** (t - 1.0), 0), x),
    ),
    "double exponential": (DoubleExponential(2.0, 9.0), lambda x: kernel(double, x)),
    "alpha": (Alpha(4.0), lambda x: kernel(lambda t: t / 4.0 * np.exp(1 - t / 4.0), x)),
    "depression": (TsodyksMarkram(0.4, 30.0), lambda x: tsodyks_markram(x, 0.4, 30.0, None)),
    "facilitation": (TsodyksMarkram(0.1, 5.0, 20.0), lambda x: tsodyks_markram(x, 0.1, 5.0, 20.0)),
}
every_synapse = pytest.mark.parametrize("name", CASES)


def input_of(name):
    return spikes(0.5) if name in ("depression", "facilitation") else current()


@every_synapse
def test_a_synapse_is_what_its_equations_say(name):
    synapse, expected = CASES[name]
    out, _, _ = snn.run(synapse, input_of(name), mode="eager")
    np.testing.assert_allclose(out, expected(input_of(name)), rtol=1e-12, atol=1e-12)


@every_synapse
def test_two_runs_with_carried_state_are_one_to_the_bit(name):
    synapse, x = CASES[name][0], input_of(name)
    whole, last, _ = snn.run(synapse, x)
    first, middle, _ = snn.run(synapse, x[:17])
    second, end, _ = snn.run(synapse, x[17:], middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    assert [a.asnumpy().tobytes() for a in end] == [a.asnumpy().tobytes() for a in last]


@every_synapse
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_that_of_the_input_and_constants_do_not_change_it(name, dtype):
    synapse = CASES[name][0]
    fields = [
        key for key in ("tau_syn", "alpha", "tau_rise", "tau_decay", "U", "tau_rec", "tau_facil") if hasattr(synapse, key)
    ]
    given = {key: np.full(F, getattr(synapse, key)) for key in fields if getattr(synapse, key) is not None}
    given |= {"current_first": False} if name == "current of the step before" else {}
    x = input_of(name).astype(dtype)
    out, state, _ = snn.run(type(synapse)(**given), x)
    assert {leaf.dtype for leaf in tree.leaves([out, state])} == {np.dtype(dtype)}
    np.testing.assert_allclose(out, snn.run(synapse, x)[0], rtol=1e-5, atol=1e-5)


@every_synapse
def test_gradients_are_those_of_differences(name):
    """By the input, the state at the start, and each constant for each neuron."""
    kind = type(CASES[name][0])
    constants = {
        "exponential": {"tau_syn": 4.0}, "share": {"alpha": 0.6}, "current of the step before": {"alpha": 0.6},
        "double exponential": {"tau_rise": 1.5, "tau_decay": 6.0}, "alpha": {"tau_syn": 4.0},
        "depression": {"U": 0.3, "tau_rec": 9.0}, "facilitation": {"U": 0.2, "tau_rec": 9.0, "tau_facil": 12.0},
    }[name]  # fmt: skip
    flags = {"current_first": False} if name == "current of the step before" else {}
    synapse = kind(**{key: Parameter(value * np.array([0.8, 1.1])) for key, value in constants.items()}, **flags)
    x = input_of(name)[:7, :, :2]
    x = (x != 0).astype(int) if kind is TsodyksMarkram else x  # a spike is there or not: by it there is no difference
    start = tree.map_leaves(lambda leaf: Tensor(np.full(leaf.shape, 0.3)), snn.initial_state(synapse, x[0].astype(float)))

    def run(x, start):
        out, state, _ = snn.run(synapse, x.astype(np.float64), start, mode="eager")
        return out, *state

    assert len(synapse.trainable_params()) == len(constants)
    check_grad(run, (x, start), weights=synapse.trainable_params())


@every_synapse
def test_samples_do_not_see_each_other(name):
    synapse, x = CASES[name][0], input_of(name)
    np.testing.assert_array_equal(snn.run(synapse, x[:, ::-1])[0], snn.run(synapse, x)[0].asnumpy()[:, ::-1])


@every_synapse
def test_a_masked_sample_keeps_its_state_and_gives_0(name):
    synapse, x = CASES[name][0], input_of(name)
    mask = np.ones((T, N), bool)
    mask[10:20, 1] = False
    out, state, _ = snn.run(synapse, x, mask=mask)
    kept = np.delete(x[:, 1:], np.s_[10:20], 0)
    alone, end, _ = snn.run(synapse, kept)
    np.testing.assert_array_equal(np.delete(out[:, 1:].asnumpy(), np.s_[10:20], 0), alone)
    assert not out[10:20, 1].asnumpy().any()
    np.testing.assert_array_equal(state[0][1:], end[0])


@every_synapse
def test_its_variables_can_be_recorded_and_it_has_no_spikes(name):
    synapse, x = CASES[name][0], input_of(name)
    _, state, record = snn.run(synapse, x, record=synapse.State._fields)
    assert list(record) == list(synapse.State._fields)
    for values, last in zip(record.values(), state, strict=True):
        np.testing.assert_array_equal(values[-1], last)
    with pytest.raises(ArgumentError, match=r"snn.run, record: expected some of"):
        snn.run(synapse, x, record=["spike"])


# Responses


def test_equal_time_constants_make_a_double_exponential_an_alpha():
    x = current()
    near, _, _ = snn.run(DoubleExponential(4.0 * (1 - 1e-7), 4.0), x)
    np.testing.assert_allclose(near, snn.run(Alpha(4.0), x)[0], atol=1e-6)


@pytest.mark.parametrize("synapse", [DoubleExponential(400.0, 2000.0), DoubleExponential(0.1, 1000.0), Alpha(700.0)], ids=str)
def test_the_peak_of_a_response_that_rises_is_1(synapse):
    x = np.zeros((3000, 1, 1))
    x[0] = 1
    assert snn.run(synapse, x)[0].asnumpy().max() == pytest.approx(1, abs=1e-3)


# Short-term plasticity


@pytest.mark.parametrize("interval", [1, 4, 25])
@pytest.mark.parametrize(("use", "rec", "facil"), [(0.5, 80.0, None), (0.05, 10.0, 100.0), (0.3, 40.0, 40.0)])
def test_at_a_constant_rate_a_synapse_settles_where_the_published_formula_says(use, rec, facil, interval):
    """Tsodyks, Pawelzik and Markram, 1998: u and r before and at a spike no longer change from one to the next."""
    x = np.zeros((interval * 800, 1, 1))
    x[::interval] = 1
    out, _, _ = snn.run(TsodyksMarkram(use, rec, facil), x)
    u = use / (1 - (1 - use) * (math.exp(-interval / facil) if facil else 0))
    r = (1 - math.exp(-interval / rec)) / (1 - (1 - u) * math.exp(-interval / rec))
    assert out[-interval].item() == pytest.approx(u * r, rel=1e-9)


def test_from_spike_to_spike_it_is_the_published_recursion():
    """Markram, Wang and Tsodyks, 1998, equations 2 and 3, at spikes that do not come regularly."""
    times = np.cumsum([0, 3, 1, 20, 7, 2, 2, 55, 1])
    x = np.zeros((times[-1] + 1, 1, 1))
    x[times] = 1
    out, _, _ = snn.run(TsodyksMarkram(0.2, 30.0, 50.0), x)
    u, r, expected = 0.2, 1.0, [0.2]
    for gap in np.diff(times):
        r = r * (1 - u) * math.exp(-gap / 30) + 1 - math.exp(-gap / 30)
        u = u * math.exp(-gap / 50) + 0.2 * (1 - u * math.exp(-gap / 50))
        expected.append(u * r)
    np.testing.assert_allclose(out.asnumpy().ravel()[times], expected, rtol=1e-12)


def test_depression_falls_and_facilitation_rises():
    x = np.ones((6, 1, 1))
    falling, rising = (
        snn.run(s, x)[0].asnumpy().ravel() for s in (TsodyksMarkram(0.5, 50.0), TsodyksMarkram(0.05, 1.0, 90.0))
    )
    assert (np.diff(falling) < 0).all()
    assert (np.diff(rising) > 0).all()


@pytest.mark.parametrize("amplitude", [0.3, 2.0, -1.0])
def test_the_amplitude_of_a_spike_scales_what_comes_out_and_no_more(amplitude):
    synapse = TsodyksMarkram(0.3, 20.0, 30.0)
    _, unit_state, _ = snn.run(synapse, spikes())
    out, state, _ = snn.run(synapse, spikes(amplitude))
    np.testing.assert_allclose(out, amplitude * snn.run(synapse, spikes())[0], rtol=1e-14)
    assert [a.asnumpy().tobytes() for a in state] == [a.asnumpy().tobytes() for a in unit_state]


@pytest.mark.parametrize("amplitude", [1.0, 0.5])
def test_the_gradient_of_a_spike_goes_through_what_it_uses_up(amplitude):
    """As if u and r went on by x over its amplitude, which at spikes is the same."""
    x, weights = spikes(amplitude, steps=8), np.random.default_rng(0).standard_normal((8, N, F))
    found = grad(lambda x: (snn.run(TsodyksMarkram(0.3, 20.0, 30.0, amplitude=amplitude), x)[0] * weights).sum())(Tensor(x))
    facil, rec = math.exp(-1 / 30), math.exp(-1 / 20)

    def smooth(x):
        u, r, total = 0.0, 1.0, 0.0
        for x_t, w in zip(x, weights, strict=True):
            u, r, s = facil * u, 1 - (1 - r) * rec, x_t / amplitude
            u = u + 0.3 * (1 - u) * s
            total = total + (x_t * u * r * w).sum()
            r = r - u * r * s
        return total

    for at in [(0, 0, 0), (2, 1, 3), (3, 0, 1), (7, 1, 4)]:
        step = np.zeros_like(x)
        step[at] = 1e-6
        assert found[at].item() == pytest.approx((smooth(x + step) - smooth(x - step)) / 2e-6, rel=1e-6, abs=1e-8)


# In a net


@pytest.mark.parametrize("v_reset", [None, 0.0, -0.5])
@pytest.mark.parametrize(
    ("options", "synapse", "leak"),
    [
        ({"alpha": 0.7, "beta": 0.9}, {"alpha": 0.7}, {"beta": 0.9}),
        ({"alpha": 0.7, "beta": 0.9, "current_first": False}, {"alpha": 0.7, "current_first": False}, {"beta": 0.9}),
        (
            {"tau_syn": 4.0, "tau": 9.0, "exponential": True, "decay_input": False},
            {"tau_syn": 4.0},
            {"tau": 9.0, "exponential": True, "decay_input": False},
        ),
    ],
    ids=["shares", "current of the step before", "time constants"],
)
def test_an_exponential_before_a_leaky_neuron_is_the_current_based_one_to_the_bit(options, synapse, leak, v_reset):
    x = current().astype(np.float32)
    net = nn.SequentialCell(Exponential(**synapse), snn.LIFNode(v_reset=v_reset, **leak))
    spikes, state, _ = snn.run(net, x)
    expected, end, _ = snn.run(snn.CurrentLIFNode(v_reset=v_reset, **options), x)
    assert expected.asnumpy().any()
    np.testing.assert_array_equal(spikes, expected)
    np.testing.assert_array_equal(state["1"], end.v)
    np.testing.assert_array_equal(state["0"].i, end.i)


def test_whole_numbers_come_in_as_float32():
    x = (spikes() != 0)[:, :1]
    for synapse in (Exponential(alpha=np.full(F, 0.5)), TsodyksMarkram(0.5, 9.0)):
        expected, _, _ = snn.run(synapse, x.astype(np.float32))
        for dtype in (bool, np.int64):
            out, state, _ = snn.run(synapse, x.astype(dtype))
            assert out.dtype == state[0].dtype == np.float32
            np.testing.assert_array_equal(out, expected)
    found = snn.run(snn.CurrentLIFNode(alpha=np.full(F, 0.5)), x.astype(np.int64))[0]
    np.testing.assert_array_equal(found, snn.run(snn.CurrentLIFNode(alpha=np.full(F, 0.5)), x.astype(np.float32))[0])


# The state


@every_synapse
def test_a_state_of_another_shape_dtype_or_kind_is_refused(name):
    synapse, x = CASES[name][0], np.zeros((3, F), np.float32)
    first, kind = synapse.State._fields[0], type(synapse).__name__
    for state in (np.zeros((2, F), np.float32), np.zeros((3, F))):
        with pytest.raises(StateError, match=rf"{kind}, state {first}: expected \[3, {F}\] Float32, as the input, got"):
            synapse(x, synapse.State(*[state] * len(synapse.State._fields)))
    with pytest.raises(StateError, match=rf"{kind}, state: expected its State of {first}.* Start with synapse.initial_state"):
        synapse(x, np.zeros((3, F), np.float32))
    with pytest.raises(StateError, match=r"expected an input and a state, synapse\(x, state\), got no state"):
        synapse(x)
    _, state, _ = snn.run(synapse, np.zeros((2, 4, F), np.float32))
    with pytest.raises(StateError, match=r"Pass the state that snn.run returned for this net, batch size and dtype"):
        snn.run(synapse, np.zeros((2, 3, F), np.float32), state)


# Arguments


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Exponential(), "Exponential: expected exactly one of tau_syn and alpha, got neither"),
        (lambda: Exponential(tau_syn=2.0, alpha=0.5), "Exponential: expected exactly one of tau_syn and alpha, got both"),
        (lambda: Exponential(tau_syn=0.0), "Exponential: expected tau_syn > 0, in time steps"),
        (lambda: Exponential(alpha=np.array([0.5, 1.5])), r"Exponential: expected alpha in \[0, 1\]"),
        (lambda: DoubleExponential(5.0, 5.0), "DoubleExponential: expected tau_rise < tau_decay, got float 5.0 and float 5.0"),
        (lambda: DoubleExponential(-1.0, 5.0), "DoubleExponential: expected tau_rise > 0"),
        (lambda: Alpha(float("nan")), "Alpha: expected tau_syn > 0"),
        (lambda: TsodyksMarkram(1.5, 5.0), r"TsodyksMarkram: expected U in \[0, 1\]"),
        (lambda: TsodyksMarkram(0.5, 0.0), "TsodyksMarkram: expected tau_rec > 0"),
        (lambda: TsodyksMarkram(0.5, 5.0, -1.0), "TsodyksMarkram: expected tau_facil > 0"),
        (lambda: TsodyksMarkram(0.5, 5.0, amplitude=0.0), "TsodyksMarkram: expected a finite amplitude > 0"),
    ],
)
def test_a_constant_out_of_range_is_refused(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Exponential(alpha="fast"), "Exponential: expected alpha to be a number, an array or a Parameter, got str"),
    ],
)
def test_an_argument_of_another_kind_is_refused(make, text):
    with pytest.raises(DTypeError, match=text):
        make()


def test_a_constant_for_another_number_of_features_is_an_error():
    with pytest.raises(ShapeError, match="expected one value, or one for each feature"):
        snn.run(Alpha(np.full(3, 2.0)), current())


def test_a_constant_that_learning_moved_out_of_range_is_found_by_check():
    net = nn.SequentialCell(DoubleExponential(Parameter(2.0), 5.0), snn.IFNode())
    net[0].tau_rise.set_data(6.0)
    with pytest.raises(ArgumentError, match="DoubleExponential: expected tau_rise < tau_decay"):
        snn.run(net, np.ones((2, 1, 1), np.float32), check=True)


# Printing


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Exponential(alpha=0.5), "Exponential(i' = 0.5 i + x; out = i')"),
        (
            Exponential(tau_syn=Parameter([1.0, 2.0]), current_first=False),
            "Exponential(out = i; i' = exp(-1 / tau_syn) * i + x)",
        ),
        (Alpha(2.0), "Alpha(i' = 0.606531 i + 0.824361 rise; out = i'; rise' = 0.606531 rise + x)"),
        (
            TsodyksMarkram(0.5, 100.0),
            "TsodyksMarkram(t = 1 if x != 0 else 0; t2 = 1 - 0.99005 (1 - r); u' = 0.5 t; t3 = u' * t2; out = x * t3; "
            "r' = t2 - t3 * t)",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_synapse_prints_its_equations(cell, text):
    assert repr(cell) == text


def test_learnable_constants_are_found_in_a_net_by_name():
    net = nn.SequentialCell({"tm": TsodyksMarkram(Parameter(0.5), 5.0), "syn": Alpha(Parameter(2.0))})
    assert [name for name, _ in net.parameters_and_names()] == ["tm.U", "syn.tau_syn"]


def test_every_synapse_of_the_module_is_here():
    assert set(kinds(snn.synapses, snn.synapses.Synapse).values()) == {type(synapse) for synapse, _ in CASES.values()}
