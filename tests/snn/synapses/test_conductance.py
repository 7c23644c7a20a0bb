"""Neurons with conductances against plain loops and the continuous equations; arguments and errors."""

import itertools
import math

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, check_grad, grad, nn, tree
from autograd.errors import ArgumentError, DTypeError, ShapeError, StateError
from snn.synapses import NMDA, Alpha, Conductance, DoubleExponential, Exponential, MagnesiumBlock, Receptor

F = 5


def current():
    return np.random.default_rng(0).standard_normal((40, 2, F))


def leaky(tau=10.0, **options):
    return snn.LIFNode(tau=tau, decay_input=False, **options)


def pair(node, exc=3.0, inh=-1.0, tau_exc=3.0, tau_inh=8.0):
    return Conductance(
        node,
        exc=Receptor(Exponential(tau_syn=tau_exc), exc),
        inh=Receptor(Exponential(tau_syn=tau_inh), inh, inhibitory=True),
    )


def with_nmda(node, scale=1.0):
    """A neuron of 0 to 1 with three receptors; all time constants times a factor."""
    return Conductance(
        node,
        ampa=Receptor(Exponential(tau_syn=2.0 * scale), 3.0),
        nmda=NMDA(2.0 * scale, 30.0 * scale, 3.0, slope=6.0, half=0.5),
        gaba=Receptor(DoubleExponential(1.0 * scale, 6.0 * scale), -0.5, inhibitory=True),
    )


def plain_pair(x):
    v = e = i = np.zeros(x.shape[1:])
    for x_t in x:
        e = math.exp(-1 / 3) * e + np.maximum(x_t, 0)
        i = math.exp(-1 / 8) * i + np.maximum(-x_t, 0)
        v = (v - v / 10 + e * 3.0 + i * -1.0) / (1 + e + i)
        z = v > 1
        yield z, v, e, i
        v = v - z


def test_a_neuron_with_conductances_is_what_its_equations_say():
    x = 0.1 * (current() + 0.5)
    z, v, e, i = (np.array(part) for part in zip(*plain_pair(x), strict=True))
    out, _, record = snn.run(pair(leaky()), x, record=["v_before_reset", "g_exc", "g_inh", "spike"], mode="eager")
    assert 0.02 < z.mean() < 0.5
    np.testing.assert_array_equal(out, z)
    np.testing.assert_array_equal(record["spike"], z)
    for name, expected in (("v_before_reset", v), ("g_exc", e), ("g_inh", i)):
        np.testing.assert_allclose(record[name], expected, rtol=1e-12)


def test_a_block_by_magnesium_is_that_of_jahr_and_stevens():
    v = np.linspace(-100, 60, 33)
    for mg in (0.5, 1.0, 2.0):
        block = MagnesiumBlock() if mg == 1 else MagnesiumBlock(half=math.log(mg / 3.57) / 0.062)
        np.testing.assert_allclose(block(Tensor(v)), 1 / (1 + mg / 3.57 * np.exp(-0.062 * v)), rtol=1e-12)


def peak(rise, decay):
    """Return the largest value of the difference of two exponentials."""
    t = rise * decay / (decay - rise) * math.log(decay / rise)
    return math.exp(-t / decay) - math.exp(-t / rise)


def fine(x, steps):
    """Integrate the continuous equations of `with_nmda`, with the inputs at whole times, by Euler's method at fine steps."""
    dt, of_nmda, of_gaba = 1 / steps, 1 / peak(2.0, 30.0), 1 / peak(1.0, 6.0)
    v = ampa = nmda_fast = nmda_slow = gaba_fast = gaba_slow = 0.0
    for x_t in x.ravel():
        ampa += max(x_t, 0)
        nmda_fast, nmda_slow = nmda_fast + max(x_t, 0), nmda_slow + max(x_t, 0)
        gaba_fast, gaba_slow = gaba_fast + max(-x_t, 0), gaba_slow + max(-x_t, 0)
        for _ in range(steps):
            nmda = of_nmda * (nmda_slow - nmda_fast) / (1 + math.exp(-6 * (v - 0.5)))
            gaba = of_gaba * (gaba_slow - gaba_fast)
            v += dt * (-v / 10 + (ampa + nmda) * (3 - v) + gaba * (-0.5 - v))
            ampa -= dt * ampa / 2
            nmda_fast, nmda_slow = nmda_fast - dt * nmda_fast / 2, nmda_slow - dt * nmda_slow / 30
            gaba_fast, gaba_slow = gaba_fast - dt * gaba_fast / 1, gaba_slow - dt * gaba_slow / 6
    return v


def test_conductances_go_to_the_continuous_equations_as_steps_get_shorter():
    x = 0.004 * (np.random.default_rng(4).standard_normal((25, 1, 1)) + 0.5)
    exact = fine(x, 400)
    errors = []
    for n in (4, 8, 16):
        between = np.zeros((25 * n, 1, 1))
        between[::n] = x / n  # a conductance in shares a step
        node = with_nmda(leaky(10.0 * n, fire=False), n)
        errors.append(abs(snn.run(node, between, mode="eager")[0][-1].item() - exact))
    assert abs(exact) > 0.1
    assert errors[2] < 0.02 * abs(exact)
    assert all(1.6 < a / b < 2.6 for a, b in itertools.pairwise(errors))


@pytest.mark.parametrize("gain", [0.01, 1.0, 1e3, 1e8])
def test_a_membrane_stays_between_its_rest_and_the_reversal_potentials(gain):
    x = gain * np.random.default_rng(0).standard_normal((200, 1, 20))
    node = pair(leaky(2.0, fire=False), exc=2.0, inh=-0.75)
    v = snn.run(node, x)[0].asnumpy()
    assert v.min() >= -0.75
    assert v.max() <= 2.0
    assert gain < 1 or (v.min() < -0.5 and v.max() > 1.5)


def test_a_membrane_rests_where_the_equation_does_and_inhibition_at_rest_shunts():
    def rest(exc, inh):
        node = Conductance(
            leaky(20.0, fire=False),
            exc=Receptor(Exponential(alpha=1.0), 4.0),
            inh=Receptor(Exponential(alpha=1.0), 0.0, inhibitory=True),
        )
        x = np.zeros((3000, 1, 1))
        x[0], x[1] = exc, -inh
        return snn.run(node, x)[0][-1].item()

    for exc, inh in ((0.3, 0.0), (0.3, 0.2), (0.3, 5.0), (0.0, 5.0)):
        assert rest(exc, inh) == pytest.approx(4.0 * exc / (exc + inh + 1 / 20), rel=1e-9, abs=1e-12)


def test_one_receptor_takes_its_side_of_the_input_only():
    x = current()
    for inhibitory, side in ((False, np.maximum(x, 0)), (True, np.maximum(-x, 0))):
        node = Conductance(leaky(), r=Receptor(Exponential(alpha=0.5), 2.0, inhibitory=inhibitory))
        _, _, record = snn.run(node, x, record=["g_r"])
        np.testing.assert_array_equal(record["g_r"], snn.run(Exponential(alpha=0.5), side)[0])


def test_an_input_of_0_has_the_mean_of_the_slopes_beside_it():
    x = np.zeros((1, 1, 1))
    node = pair(leaky(fire=False), exc=3.0, inh=-1.0)
    (found,) = grad(lambda x: snn.run(node, x)[0].sum())(Tensor(x)).asnumpy().ravel()
    assert found == pytest.approx((3.0 + 1.0) / 2)


@pytest.mark.parametrize("make", [pair, with_nmda])
def test_gradients_of_conductances_are_those_of_differences(make):
    node = make(snn.LIFNode(tau=Parameter(np.array([8.0, 11.0])), decay_input=False, fire=False))
    constants = [
        (cell, key)
        for _, cell in node.cells_and_names()
        for key in ("tau_syn", "tau_rise", "tau_decay", "reversal", "slope", "half")
        if isinstance(getattr(cell, key, None), float)
    ]
    for cell, key in constants:
        setattr(cell, key, Parameter(getattr(cell, key) * np.array([0.9, 1.1])))
    x = 0.3 * current()[:6, :, :2]
    assert len(node.trainable_params()) == 1 + len(constants) >= 5

    def run(x):
        out, state, _ = snn.run(node, x, mode="eager")
        return out, *tree.leaves(state)

    check_grad(run, x, weights=node.trainable_params())


@pytest.mark.parametrize(
    ("node", "reversal"),
    [
        (snn.CurrentLIFNode(), 3.0),
        (snn.Stochastic(snn.IFNode(), rng=0), 3.0),
        (snn.IzhikevichNode(), 0.0),
        (snn.AdExNode(), 0.0),
    ],
    ids=["current", "stochastic", "Izhikevich", "AdEx"],
)
def test_any_neuron_takes_conductances(node, reversal):
    driven = Conductance(node, exc=Receptor(Exponential(tau_syn=5.0), reversal))
    out, state, record = snn.run(driven, np.full((80, 1, 3), 0.05), record=["v", "g_exc", "spike"])
    assert 0 < np.count_nonzero(out) < out.size
    assert set(record) == {"v", "g_exc", "spike"}
    assert snn.run(driven, np.full((5, 1, 3), 0.05), state)[0].shape == (5, 1, 3)


def test_a_neuron_with_conductances_can_be_refractory_and_recurrent():
    node = snn.Refractory(pair(leaky()), 3)
    out, _, record = snn.run(node, np.full((30, 1, 1), 0.1), record=["v", "g_exc", "left"])
    fired = np.flatnonzero(out)
    assert len(fired) > 2
    assert np.diff(fired).min() > 3
    held = record["v"].asnumpy().ravel()
    assert held[fired[0]] == held[fired[0] + 1] == held[fired[0] + 3]
    assert np.diff(record["g_exc"].asnumpy().ravel()).min() > 0  # they go on

    layer = snn.Recurrent(pair(leaky()), F, rng=0)
    assert snn.run(layer, 0.2 * current())[0].asnumpy().any()


# The state, arguments, printing


def test_a_state_of_other_conductances_is_refused():
    node, x = pair(leaky()), np.zeros((3, F), np.float32)
    good = node.initial_state(x)
    node(x, good)
    other = Conductance(leaky(), r=Receptor(Exponential(alpha=0.5), 1.0)).initial_state(x)
    for state in (other, good._replace(g=good.v), good._replace(g={"g_exc": good.g["g_exc"]})):
        with pytest.raises(StateError, match="Conductance, state g: expected a dict with g_exc, g_inh, got"):
            node(x, state)
    with pytest.raises(StateError, match="Conductance, state: expected its State of v, g"):
        node(x, good.v)
    with pytest.raises(StateError, match=r"Conductance, state g_inh: expected \[3, 5\] Float32, as the input"):
        node(x, good._replace(g=good.g | {"g_inh": np.zeros((1, F), np.float32)}))
    with pytest.raises(StateError, match=r"LIFNode, state: expected \[3, 5\] Float32, as the input"):
        node(x, good._replace(v=np.zeros((3, F))))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Receptor(Alpha(2.0), float("inf")), "Receptor: expected a finite reversal"),
        (lambda: MagnesiumBlock(slope=0.0), "MagnesiumBlock: expected a finite slope > 0"),
        (lambda: NMDA(half=float("nan")), "MagnesiumBlock: expected a finite half"),
        (lambda: Conductance(leaky()), "Conductance: expected receptors by name, got none"),
        (lambda: Conductance(nn.Dense(2, 2, rng=0), r=NMDA()), "Conductance: expected a neuron"),
        (lambda: Conductance(snn.Refractory(leaky()), r=NMDA()), "Wrap a Conductance in Refractory, not the other way round"),
        (lambda: Conductance(Conductance(leaky(), r=NMDA()), s=NMDA()), "put all receptors into one"),
    ],
)
def test_a_constant_out_of_range_is_refused(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Receptor(snn.IFNode(), 0.0), "Receptor: expected synapse to be a Synapse"),
        (lambda: Receptor(Alpha(2.0), 0.0, gate=MagnesiumBlock), "Receptor: expected gate to be a Cell or a function"),
        (lambda: Conductance(leaky(), r=Alpha(2.0)), "Conductance, r: expected a Receptor"),
    ],
)
def test_an_argument_of_another_kind_is_refused(make, text):
    with pytest.raises(DTypeError, match=text):
        make()


def test_a_neuron_with_conductances_prints_its_equations():
    assert repr(Conductance(leaky(), exc=Receptor(Exponential(alpha=0.5), 3.0))) == (
        "Conductance(g_exc' = 0.5 g_exc + max(x, 0); h = (v - v / 10 + 3 g_exc') / (1 + g_exc'); "
        "z = h > 1 [relusigmoid()]; spike = z; v' = h - z)"
    )


def test_learnable_constants_are_found_by_name():
    node = Conductance(leaky(), exc=Receptor(Exponential(tau_syn=Parameter(2.0)), Parameter(3.0)))
    names = [name for name, _ in node.parameters_and_names()]
    assert names == ["receptors.exc.synapse.tau_syn", "receptors.exc.reversal"]


def apart_node():
    exc = Receptor(Exponential(alpha=0.5), reversal=4.0)
    inh = Receptor(Exponential(alpha=0.75), reversal=-0.5, inhibitory=True)
    return Conductance(snn.LIFNode(beta=0.75), exc=exc, inh=inh)


def test_inputs_by_receptor_are_kept_apart_in_the_same_step():
    node, x = apart_node(), Tensor(np.full((2, 3), 0.5, np.float32))
    state = node.initial_state(x)
    _, netted = node(x - x, state)
    _, both = node({"inh": x, "exc": x}, state)
    _, alone = node({"exc": x}, state)
    _, summed = node(x, state)
    assert {key: float(g.asnumpy().max()) for key, g in netted.g.items()} == {"g_exc": 0.0, "g_inh": 0.0}
    assert {key: float(g.asnumpy().max()) for key, g in both.g.items()} == {"g_exc": 0.5, "g_inh": 0.5}
    h = (0.5 * 4.0 - 0.5 * 0.5) / (1 + 0.5 + 0.5)
    np.testing.assert_allclose(both.v.asnumpy(), h)
    for one, other in zip(tree.leaves(alone), tree.leaves(summed), strict=True):
        np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())


def test_wrong_inputs_by_receptor_are_refused():
    node, x = apart_node(), Tensor(np.ones((2, 3), np.float32))
    state = node.initial_state(x)
    for wrong in ({}, {"nmda": x}):
        with pytest.raises(ArgumentError, match="inputs by the names of receptors, exc, inh"):
            node(wrong, state)
    with pytest.raises(ShapeError, match="inputs of one shape"):
        node({"exc": x, "inh": Tensor(np.ones((2, 1), np.float32))}, state)


def test_a_refractory_neuron_takes_inputs_by_receptor():
    node, x = snn.Refractory(apart_node(), 2), Tensor(np.full((2, 3), 4.0, np.float32))
    state, fired = node.initial_state(x), []
    for _ in range(4):
        spike, state = node({"exc": x}, state)
        fired.append(bool(spike.asnumpy().all()))
    assert fired == [True, False, False, True]
