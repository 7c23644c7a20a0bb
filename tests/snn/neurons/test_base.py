"""Neurons as Cells: arguments, errors, printing."""

import inspect
from typing import NamedTuple

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, grad, nn, tree
from autograd.errors import ArgumentError, StateError

NODES = {
    "IFNode": lambda **k: snn.IFNode(**k),
    "LIFNode": lambda **k: snn.LIFNode(tau=2.0, decay_input=False, **k),
}
OPTIONS = [
    {},
    {"v_reset": 0.25},
    {"detach_reset": True},
    {"fire_at_threshold": True},
    {"spike_value": "unit"},
    {"fire": False},
]

every_node = pytest.mark.parametrize("make", NODES.values(), ids=NODES)
every_option = pytest.mark.parametrize("options", OPTIONS, ids=str)
dtypes = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])


# dtype and state


@every_option
@every_node
@dtypes
def test_outputs_have_the_dtype_of_the_input(make, options, dtype):
    node, x = make(v_threshold=0.7, **options), Tensor(np.array([[0.1, 0.9]], dtype))
    spike, v = node(x, node.initial_state(x))
    assert spike.dtype == v.dtype == dtype


@every_option
@every_node
@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64])
def test_whole_numbers_and_truth_values_come_out_as_float32(make, options, dtype):
    node, x = make(**options), Tensor(np.array([[0, 1]], dtype))
    start = node.initial_state(x)
    spike, v = node(x, start)
    assert start.dtype == spike.dtype == v.dtype == np.float32
    as_float = node(x.astype(np.float32), start)
    assert [t.asnumpy().tobytes() for t in (spike, v)] == [t.asnumpy().tobytes() for t in as_float]


@every_option
@every_node
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.array, Parameter, Tensor, list], ids=lambda kind: kind.__name__)
def test_a_threshold_for_each_neuron_does_not_change_the_dtype(make, options, dtype, kind):
    thresholds = [0.5, 0.7, 1.0]
    x = np.array([[0.6, 0.6, 0.6]], dtype)
    node = make(v_threshold=kind(thresholds), **options)
    spike, v = node(x, node.initial_state(x))
    assert spike.dtype == v.dtype == dtype
    one_by_one = [make(v_threshold=th, **options) for th in thresholds]
    alone = [n(x[:, i : i + 1], n.initial_state(x[:, i : i + 1])) for i, n in enumerate(one_by_one)]
    close = {"rtol": 1e-6} if dtype == np.float32 or kind in (Parameter, Tensor) else {"rtol": 1e-15}
    np.testing.assert_allclose(spike.asnumpy()[0], [s.item() for s, _ in alone], **close)
    np.testing.assert_allclose(v.asnumpy()[0], [u.item() for _, u in alone], atol=1e-7, **close)


@dtypes
def test_fire_at_threshold_decides_at_the_threshold_only(dtype):
    step = np.finfo(dtype).epsneg
    x = np.array([[1 - step, 1, 1 + 2 * step]], dtype)
    start = np.zeros_like(x)
    assert snn.IFNode(fire_at_threshold=True)(x, start)[0].asnumpy().tolist() == [[0, 1, 1]]
    assert snn.IFNode(fire_at_threshold=False)(x, start)[0].asnumpy().tolist() == [[0, 0, 1]]


@dtypes
@pytest.mark.parametrize("v_threshold", [0.125, 1.0])
def test_fire_at_threshold_fires_at_no_membrane_below_the_threshold(dtype, v_threshold):
    below = np.nextafter(dtype(v_threshold), dtype(0))
    for x, fires in ((below, 0), (dtype(v_threshold), 1)):
        spike, _ = snn.IFNode(v_threshold, fire_at_threshold=True, spike_value="unit")(
            np.full((1, 1), x), np.zeros((1, 1), dtype)
        )
        assert spike.item() == fires


@every_node
def test_a_node_called_twice_has_no_hidden_state(make):
    node, x = make(), Tensor(np.array([[0.4, 1.5]], np.float32))
    before = dict(vars(node))
    first = node(x, node.initial_state(x))
    second = node(x, node.initial_state(x))
    assert [t.asnumpy().tobytes() for t in first] == [t.asnumpy().tobytes() for t in second]
    assert vars(node) == before


@every_option
@every_node
def test_a_step_leaves_its_inputs_as_they_were(make, options):
    x, v = np.array([[0.4, 1.5]], np.float32), np.array([[0.7, 0.2]], np.float32)
    x.flags.writeable = v.flags.writeable = False
    kept = x.tobytes(), v.tobytes()
    node = make(**options)
    node(x, v)
    grad(node, (0, 1))(Tensor.wrap(x), Tensor.wrap(v))
    assert (x.tobytes(), v.tobytes()) == kept


def test_a_hard_reset_starts_at_its_value_and_a_soft_one_at_zero():
    x = np.zeros((2, 3), np.float32)
    np.testing.assert_array_equal(snn.IFNode(v_reset=-0.5).initial_state(x), np.full((2, 3), -0.5))
    np.testing.assert_array_equal(snn.IFNode().initial_state(x), np.zeros((2, 3)))


@pytest.mark.parametrize("state", [np.zeros((2, 3), np.float32), np.zeros((3, 3), np.float64), np.zeros((1, 3), np.float32)])
@every_node
def test_a_state_of_another_shape_or_dtype_is_refused(make, state):
    node = make()
    with pytest.raises(StateError) as error:
        node(np.zeros((3, 3), np.float32), state)
    got = f"{list(state.shape)} {str(state.dtype).capitalize()}"
    assert str(error.value) == (
        f"{type(node).__name__}, state: expected [3, 3] Float32, as the input, got {got}. "
        "Start with node.initial_state(x); a state belongs to one batch size and dtype."
    )


# Arguments


@pytest.mark.parametrize("name", ["IFNode", "LIFNode"])
def test_the_first_three_arguments_are_the_seeds_and_the_rest_by_name_only(name):
    parameters = list(inspect.signature(getattr(snn, name)).parameters.values())
    assert [p.name for p in parameters[:3]] == ["v_threshold", "fire", "surrogate_function"]
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[3:])


def refused(make):
    with pytest.raises(ArgumentError) as error:
        make()
    return str(error.value)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
def test_a_threshold_that_is_not_positive_is_refused(value):
    shown = f"{type(value).__name__} {value!r}"
    assert refused(lambda: snn.IFNode(v_threshold=value)) == (
        f"IFNode: expected a finite v_threshold > 0, got {shown}. Scale the input instead; fire=False never fires."
        + " For thresholds in mV, define threshold(self, state) in a subclass of snn.Neuron, and give it v_reset in mV "
        "and spike_value='unit'." * (value == -1)
    )


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_neuron_in_mv_as_the_error_advises(mode):
    class InMillivolts(snn.Neuron):
        def __init__(self, **options):
            super().__init__(v_reset=-60.0, spike_value="unit", **options)

        def threshold(self, state):
            return -50.0

        def charge(self, x, v):
            return v + (-60.0 - v + x) / 20.0

    spikes, _, record = snn.run(InMillivolts(), np.full((28, 1, 1), 20.0), record=["v"], mode=mode)
    assert (np.flatnonzero(spikes).tolist(), spikes.asnumpy().max()) == ([13, 27], 1)
    np.testing.assert_allclose(record["v"].asnumpy()[[0, 1, 13], 0, 0], [-59.0, -58.05, -60.0])


def test_a_state_without_v_first_is_refused_where_its_class_is_defined():
    class Swapped(NamedTuple):
        w: object
        v: object

    class Without(NamedTuple):
        u: object

    for state, fields in ((Swapped, "w, v"), (Without, "u")):
        with pytest.raises(
            StateError, match=rf"Wrong\.State: expected a NamedTuple with the membrane v first, got the fields {fields}"
        ):
            type("Wrong", (snn.Neuron,), {"State": state})
    assert type("Right", (snn.ALIFNode,), {"State": snn.ALIFNode.State}).State is snn.ALIFNode.State


def test_the_help_named_by_an_error_is_that_of_the_class():
    class Opt(snn.Neuron):
        pass

    with pytest.raises(ArgumentError, match=r"got zzz\. help\(Opt\) describes them\."):
        Opt(zzz=1)
    with pytest.raises(ArgumentError, match=r"got zzz\. help\(snn\.IFNode\) describes them\."):
        snn.IFNode(zzz=1)


def test_one_threshold_of_many_that_is_not_positive_is_refused():
    assert refused(lambda: snn.LIFNode(np.array([1.0, 0.0, 2.0]), beta=0.9)).startswith(
        "LIFNode: expected a finite v_threshold > 0, got ndarray [3] Float64."
    )


@pytest.mark.parametrize(("options", "got"), [({}, "neither"), ({"tau": 2.0, "beta": 0.5, "decay_input": False}, "both")])
@pytest.mark.parametrize("kind", [snn.LIFNode, snn.LeakyReadout])
def test_exactly_one_of_tau_and_beta_is_needed(kind, options, got):
    name = kind.__name__
    assert refused(lambda: kind(**options)) == (
        f"{name}: expected exactly one of tau and beta, got {got}. beta = 1 - 1 / tau; tau is in time steps."
        + (f" Name it: {name}(beta=0.9)." if got == "neither" else "")
    )


@pytest.mark.parametrize("tau", [0.99, 0, -5.0, float("nan")])
def test_a_tau_below_one_is_refused(tau):
    assert refused(lambda: snn.LIFNode(tau=tau, decay_input=True)) == (
        f"LIFNode: expected tau >= 1, in time steps, got {type(tau).__name__} {tau!r}. "
        "With a tau of 1, nothing remains after a step."
    )


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan")])
def test_a_beta_outside_zero_to_one_is_refused(beta):
    assert refused(lambda: snn.LIFNode(beta=beta)) == (
        f"LIFNode: expected beta in [0, 1], got float {beta!r}. beta is the share that remains after a step."
    )


@pytest.mark.parametrize("kind", [snn.LIFNode, snn.LeakyReadout])
def test_decay_input_must_be_said_with_tau(kind):
    assert refused(lambda: kind(tau=2.0)) == (
        f"{kind.__name__}: expected decay_input together with tau, got nothing. "
        "False adds the whole input, v - v / tau + x; True scales it like the leak, v + (x - v) / tau."
    )


@pytest.mark.parametrize("v_reset", [1.0, 2.5, float("nan"), -float("inf")])
def test_a_reset_that_is_not_below_the_threshold_is_refused(v_reset):
    assert refused(lambda: snn.IFNode(v_reset=v_reset)) == (
        f"IFNode: expected a finite v_reset below v_threshold, got float {v_reset!r}. "
        "A neuron that is reset above its threshold would fire forever."
    )


def test_a_reset_for_each_neuron_is_where_it_starts_and_what_it_is_set_to():
    x = np.array([[[0.5, 2.0]], [[0.5, 0.5]]], np.float32)
    _, _, record = snn.run(snn.IFNode(v_reset=np.array([0.25, -0.5])), x, record=["v"])
    np.testing.assert_array_equal(record["v"], [[[0.75, -0.5]], [[0.25, 0.0]]])
    assert refused(lambda: snn.IFNode(v_reset=np.array([0.0, 1.5]))).startswith(
        "IFNode: expected a finite v_reset below v_threshold, got ndarray [2] Float64."
    )


def test_an_unknown_spike_value_is_refused():
    assert refused(lambda: snn.IFNode(spike_value="one")) == (
        "IFNode: expected spike_value 'threshold' or 'unit', got 'one'. Choose one of the two."
    )


# Printing


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (snn.IFNode(), "h = v + x; z = h > 1 [relusigmoid()]; spike = z; v' = h - z"),
        (snn.IFNode(0.5), "h = v + x; z = h > 0.5 [relusigmoid()]; spike = 0.5 z; v' = h - 0.5 z"),
        (
            snn.LIFNode(
                2.0, tau=5.0, decay_input=True, v_reset=-1.0, spike_value="unit", detach_reset=True, fire_at_threshold=True
            ),
            "h = v + (x - (v + 1)) / 5; z = h >= 2 [relusigmoid()]; spike = z; v' = (1 - z) * h - z; "
            "the reset has no gradient",
        ),
        (snn.LIFNode(beta=0.9), "h = 0.9 v + x; z = h > 1 [relusigmoid()]; spike = z; v' = h - z"),
        (snn.LIFNode(beta=0.9, v_reset=0.0), "h = 0.9 v + x; z = h > 1 [relusigmoid()]; spike = z; v' = (1 - z) * h"),
        (snn.LeakyReadout(beta=0.9, decay_input=True), "v' = 0.9 v + 0.1 x; out = v'"),
        (
            snn.LIFNode(Parameter([1.0, 2.0]), tau=np.ones(2), decay_input=False),
            "h = v - v / tau + x; z = h > v_threshold [relusigmoid()]; spike = z * v_threshold; v' = h - z * v_threshold",
        ),
        (
            snn.Refractory(snn.IFNode(), 2),
            "h = v if left > 0 else v + x; z = h > 1 [relusigmoid()]; t = z if left <= 0 else 0; spike = t; "
            "left' = 2 if t != 0 else max(left - 1, 0); v' = h - t",
        ),
        (
            snn.Stochastic(snn.IFNode(), lambda u: 0.5 * u, rng=0),
            "h = v + x; z = random < 0.5 (h - 1); spike = z; v' = h - z",
        ),
    ],
)
def test_a_node_prints_its_equations(node, text):
    assert repr(node) == f"{type(node).__name__}({text})"


def test_learnable_constants_are_found_in_a_net_by_name():
    node = snn.LIFNode(Parameter([1.0, 1.5]), tau=Parameter([2.0, 3.0]), decay_input=False)
    net = nn.SequentialCell({"fc": nn.Dense(2, 2, rng=0), "lif": node})
    assert [name for name, _ in net.parameters_and_names()] == ["fc.weight", "fc.bias", "lif.v_threshold", "lif.tau"]


@pytest.mark.parametrize(
    "make",
    [
        lambda p: snn.IFNode(p),
        lambda p: snn.IFNode(2 * p, v_reset=p - 1),
        lambda p: snn.LIFNode(beta=p),
        lambda p: snn.CurrentLIFNode(beta=0.9, alpha=p),
        lambda p: nn.SequentialCell(snn.synapses.DoubleExponential(2 * p, 8.0), snn.IFNode(0.1)),
    ],
)
def test_a_neuron_can_be_made_of_what_is_being_differentiated(make):
    x = np.random.default_rng(0).random((6, 2, 3), np.float32)

    def fired(p):
        repr(made := make(p))
        out, state, _ = snn.run(made, x, mode="eager", check=True)
        return (out * out).sum() + sum((leaf * leaf).sum() for leaf in tree.leaves(state)), out

    gradient, (out,) = grad(fired, has_aux=True)(Tensor(np.full(3, 0.7, np.float32)))
    assert out.asnumpy().any()
    assert gradient.asnumpy().all()
