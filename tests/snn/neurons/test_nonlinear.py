"""Quadratic, exponential, Izhikevich's and resonating neurons: against plain loops and their published behaviour."""

import cmath
import math

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, grad, tree
from autograd.errors import ArgumentError
from tests.snn.helpers.compare import assert_as_eager, assert_equal

T, N, F = 40, 2, 5


def currents(mean, spread, seed=0):
    return np.random.default_rng(seed).normal(mean, spread, (T, N, F))


def scan(step, start, x):
    """Run a step of Python floats over time for each neuron; return spikes and membranes."""
    spikes, vs = np.zeros(x.shape), np.zeros(x.shape)
    for n in range(x.shape[1]):
        for i in range(x.shape[2]):
            state = start
            for t in range(x.shape[0]):
                spikes[t, n, i], state = step(x[t, n, i], state)
                vs[t, n, i] = state[0]
    return spikes, vs


def qif(x, state):
    (v,) = state
    h = v + (x + 1.5 * (v - 0.1) * (v - 0.7)) / 3.0
    return (1.0, (-0.2,)) if h > 1 else (0.0, (h,))


def adaptive_qif(x, state):
    v, w = state
    h = v + (x + 1.5 * (v - 0.1) * (v - 0.7) - w) / 3.0
    w += (0.3 * (h - 0.1) - w) / 5.0
    return (1.0, (-0.2, w + 0.4)) if h > 1 else (0.0, (h, w))


def eif(x, state):
    (v,) = state
    h = v + (x + 0.1 - v + 0.5 * math.exp((v - 0.7) / 0.5)) / 3.0
    return (1.0, (-0.2,)) if h > 1 else (0.0, (h,))


def adex(x, state):
    v, w = state
    h = v + 0.5 / 200 * (-10 * (v + 70) + 10 * 2 * math.exp((v + 50) / 2) - w + x)
    w += 0.5 / 30 * (2 * (v + 70) - w)
    return (1.0, (-58.0, w + 60)) if h > 10 else (0.0, (h, w))


def izhikevich(x, state):
    v, u = state
    h = v + 0.5 * (0.04 * v**2 + 5 * v + 140 - u + x)
    u += 0.5 * 0.1 * (0.25 * v - u)
    return (1.0, (-60.0, u + 3)) if h > 30 else (0.0, (h, u))


def izhikevich_half_steps(x, state):
    v, u = state
    for _ in range(2):
        v += 0.5 * (0.04 * v**2 + 5 * v + 140 - u + x)
    u += 0.1 * (0.25 * v - u)
    return (1.0, (-60.0, u + 3)) if v > 30 else (0.0, (v, u))


def resonate(x, state):
    v, w = state
    z = complex(w, v) * cmath.exp((-0.1 + 0.7j) * 0.5) + 0.5 * x
    return (1.0, (0.25, 0.0)) if z.imag > 1 else (0.0, (z.imag, z.real))


def resonate_soft(x, state):
    v, w = state
    z = complex(w, v) * cmath.exp((-0.1 + 0.7j) * 0.5) + 0.5 * x
    fires = z.imag > 1
    return float(fires), (z.imag - fires, z.real)


QUADRATIC = {"v_reset": -0.2, "tau": 3.0, "a0": 1.5, "v_c": 0.7, "v_rest": 0.1}
ADAPTIVE = QUADRATIC | {"tau_w": 5.0, "a": 0.3, "b": 0.4}
ADEX = {
    "v_reset": -58.0, "dt": 0.5, "c": 200.0, "g": 10.0, "v_rest": -70.0, "v_rh": -50.0, "delta": 2.0, "tau_w": 30.0, "a": 2.0,
    "b": 60.0,
}  # fmt: skip
IZHIKEVICH = {"v_reset": -60.0, "a": 0.1, "b": 0.25, "d": 3.0}
CASES = {
    "qif": (snn.QIFNode, QUADRATIC, qif, (-0.2,), (1.0, 1.5)),
    "adaptive qif": (snn.AdaptiveQIFNode, ADAPTIVE, adaptive_qif, (-0.2, 0.0), (1.0, 1.5)),
    "eif": (snn.EIFNode, {"v_reset": -0.2, "tau": 3.0, "delta": 0.5, "v_rh": 0.7, "v_rest": 0.1}, eif, (-0.2,), (1.0, 1.5)),
    "adex": (snn.AdExNode, {"v_threshold": 10.0} | ADEX, adex, (-70.0, 0.0), (900.0, 600.0)),
    "izhikevich": (
        snn.IzhikevichNode, IZHIKEVICH | {"dt": 0.5, "half_steps": False}, izhikevich, (-65.0, -16.25), (20.0, 10.0)
    ),
    "izhikevich, half steps": (snn.IzhikevichNode, IZHIKEVICH, izhikevich_half_steps, (-65.0, -16.25), (20.0, 10.0)),
    "resonate": (
        snn.ResonateAndFireNode, {"v_reset": 0.25, "b": -0.1, "omega": 0.7, "dt": 0.5}, resonate, (0.25, 0.0), (0.5, 2.0)
    ),
    "resonate, soft": (snn.ResonateAndFireNode, {"b": -0.1, "omega": 0.7, "dt": 0.5}, resonate_soft, (0.0, 0.0), (0.5, 2.0)),
}  # fmt: skip
every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_a_neuron_does_what_its_equations_say(case):
    cls, options, step, start, drive = CASES[case]
    x = currents(*drive)
    spikes, vs = scan(step, start, x)
    out, _, record = snn.run(cls(**options, spike_value="unit"), x, record=["v"])
    np.testing.assert_array_equal(out, spikes)
    np.testing.assert_allclose(record["v"], vs, rtol=1e-9, atol=1e-9)
    assert 0.03 < spikes.mean() < 0.7


@pytest.mark.parametrize("kind", ["numbers", "arrays", "Parameters"])
@every_case
def test_an_emitted_loop_is_as_the_eager_neuron_and_constants_may_be_one_a_neuron(case, kind):
    cls, options, _, _, drive = CASES[case]
    wrap = {"numbers": float, "arrays": lambda v: np.full(F, v), "Parameters": lambda v: Parameter(np.full(F, v))}[kind]
    given = {name: value if name in ("dt", "half_steps") else wrap(value) for name, value in options.items()}
    node = cls(**given, surrogate_function=snn.surrogate.triangle(0.25))
    x = Tensor(currents(*drive))
    mask = np.random.default_rng(1).random((T, N)) > 0.2
    out, _, _ = assert_as_eager(node, x, "python", record=("v", "spike"), mask=mask)
    assert np.count_nonzero(out)
    np.testing.assert_array_equal(snn.run(node, x)[0], snn.run(cls(**options), x)[0])


@every_case
def test_the_gradient_before_the_first_spike_is_that_of_the_equations(case):
    cls, options, _, _, drive = CASES[case]
    node = cls(**options, fire=False)
    x, steps = currents(*drive)[:6] * 0.3, 6
    weights = np.random.default_rng(2).normal(size=(N, F))

    def loss(x):
        return (snn.run(node, x)[0][-1] * weights).sum()

    by_x = grad(loss)(Tensor(x)).asnumpy()
    for t in range(steps):
        e = 1e-4 * drive[0]
        up, down = x.copy(), x.copy()
        up[t, 0, 1] += e
        down[t, 0, 1] -= e
        expected = (float(loss(Tensor(up))) - float(loss(Tensor(down)))) / (2 * e)
        np.testing.assert_allclose(by_x[t, 0, 1], expected, rtol=1e-3, atol=1e-7)


@every_case
def test_two_runs_with_carried_state_are_one(case):
    cls, options, _, _, drive = CASES[case]
    node, x = cls(**options), currents(*drive)
    whole, end, _ = snn.run(node, x)
    first, middle, _ = snn.run(node, x[:17])
    second, last, _ = snn.run(node, x[17:], middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    assert_equal(last, end)


def test_where_a_soft_reset_starts():
    x = np.zeros((1, 2))
    for cls in (snn.QIFNode, snn.EIFNode):
        np.testing.assert_array_equal(cls(v_reset=None, v_rest=np.array([0.25, -0.5])).initial_state(x), [[0.25, -0.5]])
    assert snn.IzhikevichNode(v_reset=None).initial_state(x).v.array[0, 0] == -65


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: snn.QIFNode(tau=0.5), "QIFNode: expected tau >= 1, in time steps"),
        (lambda: snn.QIFNode(a0=0.0), "QIFNode: expected a finite a0 > 0"),
        (lambda: snn.AdaptiveQIFNode(tau_w=0.9), "AdaptiveQIFNode: expected tau_w >= 1"),
        (lambda: snn.EIFNode(delta=-1.0), "EIFNode: expected a finite delta > 0"),
        (lambda: snn.EIFNode(v_rh=math.nan), "EIFNode: expected a finite v_rh"),
        (lambda: snn.AdExNode(tau_w=0.5), "AdExNode: expected tau_w >= dt, in ms"),
        (lambda: snn.AdExNode(c=0.0), "AdExNode: expected a finite c > 0"),
        (lambda: snn.IzhikevichNode(dt=0.0), "IzhikevichNode: expected a finite dt > 0"),
        (
            lambda: snn.IzhikevichNode.pattern("bursting"),
            "IzhikevichNode: expected a pattern of regular spiking, .*'bursting'",
        ),
        (lambda: snn.ResonateAndFireNode(b=0.1), "ResonateAndFireNode: expected b <= 0"),
        (lambda: snn.ResonateAndFireNode(omega=0.0), "ResonateAndFireNode: expected a finite omega > 0"),
    ],
)
def test_a_constant_out_of_range_is_an_error(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


@pytest.mark.parametrize("cls", [snn.QIFNode, snn.EIFNode, snn.AdExNode, snn.IzhikevichNode, snn.ResonateAndFireNode])
def test_a_constant_that_learning_moved_out_of_range_is_found_by_check(cls):
    name = {"QIFNode": "a0", "EIFNode": "delta", "AdExNode": "g", "IzhikevichNode": "a"}.get(cls.__name__, "omega")
    node = cls(**{name: Parameter(np.array(1.0))})
    node.get_parameters()[0].set_data(np.array(-1.0))
    with pytest.raises(ArgumentError, match=f"{cls.__name__}: expected a finite {name} > 0"):
        snn.run(node, np.ones((2, 1, 1)), check=True)


# Published behaviour


def times(node, x):
    """Return when a neuron fires, in steps, on a current [T]."""
    return snn.run(node, np.asarray(x, np.float64)[:, None, None])[0].array.ravel().nonzero()[0]


def intervals(name, current=10.0, length=500.0, dt=0.1):
    """Return the time between spikes of a pattern, in ms, with a fine step."""
    node = snn.IzhikevichNode.pattern(name, dt=dt, half_steps=False)
    return np.diff(times(node, np.full(int(length / dt), current))) * dt


def test_regular_spiking_adapts():
    gaps = intervals("regular spiking")
    assert gaps[0] < 0.6 * gaps[-1]
    np.testing.assert_allclose(gaps[3:], gaps[-1], rtol=0.05)


def test_intrinsically_bursting_fires_a_burst_and_then_single_spikes():
    gaps = intervals("intrinsically bursting")
    assert (gaps[:2] < 10).all()
    assert (gaps[2:] > 25).all()


def test_chattering_fires_burst_after_burst():
    gaps = intervals("chattering")
    short, long = gaps < 10, gaps > 30
    assert (short | long).all()
    assert long.sum() >= 5
    assert short.sum() >= 2 * long.sum()


def test_fast_spiking_fires_fast_and_hardly_adapts():
    gaps = intervals("fast spiking")
    assert gaps[-1] < 0.25 * intervals("regular spiking")[-1]
    np.testing.assert_allclose(gaps[3:], gaps[-1], rtol=0.1)


def test_low_threshold_spiking_fires_fast_and_adapts():
    gaps = intervals("low-threshold spiking")
    assert gaps[0] < 0.3 * gaps[-1]
    # Its threshold is lower: on this current regular spiking neurons are silent.
    assert len(intervals("low-threshold spiking", 2.0)) > 3
    assert len(intervals("regular spiking", 2.0)) == 0


def test_thalamo_cortical_fires_tonically_and_rebounds_after_inhibition():
    tonic = intervals("thalamo-cortical", 2.0)
    np.testing.assert_allclose(tonic[6:], tonic[-1], rtol=0.05)
    x = np.zeros(4000)
    x[1000:2500] = -10.0
    when = times(snn.IzhikevichNode.pattern("thalamo-cortical", dt=0.1, half_steps=False), x)
    when = when[when > 500] * 0.1  # the start is not at rest
    assert len(when) >= 2
    assert when[0] > 250
    assert when[1] - when[0] < 20


def test_a_resonator_oscillates_below_its_threshold_where_an_integrator_does_not():
    def crossings(name):
        node = snn.IzhikevichNode.pattern(name, dt=0.1, half_steps=False)
        v = snn.run(node, np.zeros((6000, 1, 1)), record=["v"])[2]["v"].array.ravel()
        return np.count_nonzero(np.diff(np.sign(v[300:1800] - v[-1])))

    assert crossings("resonator") >= 5
    assert crossings("regular spiking") <= 1


def test_half_steps_of_a_millisecond_fire_in_the_published_patterns():
    x = np.full(500, 10.0)
    gaps = {name: np.diff(times(snn.IzhikevichNode.pattern(name), x)) for name in snn.IzhikevichNode.PATTERNS}
    assert gaps["regular spiking"][0] < 0.75 * gaps["regular spiking"][-1]
    assert set(gaps["chattering"][3:] < 10) == {True, False}
    assert gaps["fast spiking"].mean() < 0.5 * gaps["regular spiking"].mean()


def test_adex_adapts_and_bursts():
    gaps = np.diff(times(snn.AdExNode(dt=0.1), np.full(5000, 1000.0)))
    assert (np.diff(gaps) >= 0).all()
    assert gaps[-1] > 1.5 * gaps[0]
    # Reset above the threshold of the upstroke: bursts (Naud et al., 2008).
    burst = np.diff(times(snn.AdExNode(dt=0.1, v_reset=-46.0, b=120.0, tau_w=100.0, a=2.0), np.full(10000, 700.0)))
    assert burst.max() > 4 * burst.min()
    assert (burst < 0.3 * burst.max()).sum() >= 3


def test_resonate_and_fire_prefers_pulses_a_period_apart():
    node = snn.ResonateAndFireNode(b=-0.05, omega=2 * math.pi / 20)
    fired = []
    for gap in range(6, 40):  # sooner, they are one
        x = np.zeros(100)
        x[[10, 10 + gap]] = 1.0
        if len(times(node, x)):
            fired.append(gap)
    assert fired == [18, 19, 20, 21, 22]


@pytest.mark.parametrize("options", [{}, {"v_reset": None}, {"fire": False}], ids=str)
@pytest.mark.parametrize("cls", [snn.EIFNode, snn.AdExNode])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_exponential_leaves_a_membrane_far_past_the_threshold_finite(cls, options, dtype):
    x = np.full((50, 1, 1), 1e4 * cls.drive, dtype)
    for mode in ("eager", "python"):
        found = snn.run(cls(**options), x, record="v_before_reset", mode=mode)
        assert all(np.isfinite(leaf.array).all() for leaf in tree.leaves(list(found)))


def test_an_exponential_neuron_is_at_rest_up_to_its_rheobase():
    node = snn.EIFNode()
    rheobase = node.v_rh - node.v_rest - node.delta
    for x, fires in ((0.0, False), (0.98 * rheobase, False), (1.05 * rheobase, True)):
        assert bool(np.any(np.asarray(snn.run(node, np.full((500, 1, 1), x))[0]))) == fires
    assert np.count_nonzero(snn.run(snn.EIFNode(delta=1.0), np.zeros((50, 1, 1)))[0])  # it fires by itself
