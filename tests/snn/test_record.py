"""Records of snn.run."""

import functools

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, grad, nn, ops
from autograd.errors import ArgumentError
from tests.snn.helpers.nets import Adaptive, Recurrent, bits, currents, two_layers

EVERYTHING = ("spike", "v", "v_before_reset", "x")


def test_all_neurons_of_a_net_are_recorded_under_the_names_of_their_layers():
    x = currents((6, 2, 3))
    out, state, record = snn.run(two_layers(), x, record=EVERYTHING)
    assert set(record) == {f"{layer}.{what}" for layer in "13" for what in EVERYTHING}
    assert {key: t.shape for key, t in record.items() if key.endswith("v")} == {"1.v": (6, 2, 5), "3.v": (6, 2, 2)}
    assert bits(record["3.spike"]) == bits(out)
    assert bits([record["1.v"][-1], record["3.v"][-1]]) == bits([state["1"], state["3"]])


def test_named_and_nested_layers_keep_their_names():
    net = nn.SequentialCell({"front": two_layers(), "lif": snn.LIFNode(beta=0.5)})
    assert set(snn.run(net, currents((2, 2, 3)), record=["v"])[2]) == {"front.1.v", "front.3.v", "lif.v"}


@pytest.mark.parametrize("node", [snn.IFNode(), snn.LIFNode(beta=0.5, v_reset=-0.5)], ids=["IF", "LIF"])
def test_a_single_neuron_is_recorded_under_the_bare_names(node):
    x = currents((8, 2, 3))
    out, v, record = snn.run(node, x, record=EVERYTHING)
    assert set(record) == set(EVERYTHING)
    assert bits([record["spike"], record["v"][-1], record["x"]]) == bits([out, v, Tensor(x)])


@pytest.mark.parametrize("v_reset", [None, -0.5])
def test_v_is_after_the_reset_and_v_before_reset_is_before_it(v_reset):
    x = currents((20, 2, 3), np.float64)
    _, _, record = snn.run(snn.IFNode(0.75, v_reset=v_reset), x, record=("v", "v_before_reset", "spike"))
    before, after, spike = (record[key].asnumpy() for key in ("v_before_reset", "v", "spike"))
    fired = spike > 0
    assert 0 < fired.mean() < 1
    np.testing.assert_array_equal(fired, before > 0.75)
    np.testing.assert_array_equal(after[fired], (before - 0.75 if v_reset is None else np.full_like(before, v_reset))[fired])
    np.testing.assert_array_equal(after[~fired], before[~fired])
    np.testing.assert_array_equal(before[1:], after[:-1] + x[1:])


def test_x_is_what_arrives_at_a_neuron():
    net, x = two_layers(), currents((4, 2, 3))
    _, _, record = snn.run(net, x, record=("x", "spike"))
    for t in range(4):
        assert bits(record["1.x"][t]) == bits(net[0](x[t]))
        assert bits(record["3.x"][t]) == bits(net[2](record["1.spike"][t]))


def test_recording_changes_nothing():
    net, x = two_layers(), currents((10, 2, 3))
    out, state, nothing = snn.run(net, x)
    assert nothing == {}
    assert bits(snn.run(net, x, record=EVERYTHING)[:2]) == bits((out, state))
    assert all(not cell.hooked for _, cell in net.cells_and_names())


def test_one_name_may_be_given_alone_or_twice():
    x = currents((3, 2, 3))
    assert bits(snn.run(snn.IFNode(), x, record=["v", "v"])[2]) == bits(snn.run(snn.IFNode(), x, record=["v"])[2])
    assert bits(snn.run(snn.IFNode(), x, record="v")[2]) == bits(snn.run(snn.IFNode(), x, record=["v"])[2])


def test_every_variable_of_a_users_cell_is_recorded_by_its_name():
    _, state, record = snn.run(Adaptive(), currents((9, 2, 3)), record=("v", "adaptation", "spike"))
    assert set(record) == {"v", "adaptation", "spike"}
    assert bits([record["v"][-1], record["adaptation"][-1]]) == bits(list(state))


class Two(Cell):
    """A user's neuron whose state is a plain tuple."""

    def initial_state(self, x):
        return ops.zeros(x.shape), ops.zeros(x.shape)

    def construct(self, x, state):
        v, slow = state
        slow = 0.5 * slow + x
        return v + slow, (v + slow, slow)


def test_the_variables_of_a_plain_tuple_have_no_names():
    with pytest.raises(ArgumentError, match="expected some of spike, x, got v"):
        snn.run(Two(), currents((5, 2, 3)), record=("v", "spike"))


def test_neurons_inside_a_users_cell_are_recorded_and_that_cell_itself_is_not():
    _, _, record = snn.run(Recurrent(), currents((5, 2, 3)), record=("v", "spike"))
    assert set(record) == {"lif.v", "lif.spike"}


def test_what_only_some_neurons_have_is_recorded_of_those():
    net = nn.SequentialCell({"adaptive": Adaptive(), "readout": snn.LeakyReadout(beta=0.5)})
    _, _, record = snn.run(net, currents((5, 2, 3)), record=("spike", "adaptation", "v", "v_before_reset"))
    assert set(record) == {"adaptive.spike", "adaptive.adaptation", "adaptive.v", "readout.v", "readout.v_before_reset"}


@pytest.mark.parametrize("what", ["spike", "v", "v_before_reset", "x"])
def test_records_carry_gradients(what):
    """The gradient of a recorded value is that of the same value made step by step by hand."""
    node, x = snn.IFNode(0.5), currents((6, 2, 3), np.float64)
    weights = np.random.default_rng(0).normal(size=x.shape)

    def by_record(x):
        return (snn.run(node, x, record=[what])[2][what] * weights).sum()

    def by_hand(x):
        v, total = ops.zeros(x.shape[1:], np.float64), 0.0
        for t in range(len(x)):
            before = v + x[t]
            spike, v = node(x[t], v)
            value = {"spike": spike, "v": v, "v_before_reset": before, "x": x[t]}[what]
            total = total + (value * weights[t]).sum()
        return total

    expected = grad(by_hand)(Tensor(x)).asnumpy()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(grad(by_record)(Tensor(x)).asnumpy(), expected, rtol=1e-12, atol=1e-14)


def test_weights_have_gradients_through_the_record_of_a_hidden_layer():
    net, x = two_layers(), currents((6, 2, 3))
    by_weight, by_bias, *behind = grad(
        lambda x: snn.run(net, x, record="v")[2]["1.v"].sum(), None, weights=net.trainable_params()
    )(x)
    assert np.abs(by_weight.asnumpy()).max() > 0
    assert np.abs(by_bias.asnumpy()).max() > 0
    assert not any(g.asnumpy().any() for g in behind)


class Gate(Cell):
    """Two inputs and no state."""

    def construct(self, a, b):
        return a * ops.sigmoid(b)


class Gated(Cell):
    def __init__(self):
        super().__init__()
        self.gate, self.node = Gate(), snn.IFNode()

    def initial_state(self, x):
        return self.node.initial_state(x)

    def construct(self, x, v):
        return self.node(self.gate(x, x), v)


@pytest.mark.parametrize("batch", [2, 3])
def test_a_cell_of_two_inputs_that_is_no_neuron_is_not_recorded(batch):
    _, _, record = snn.run(Gated(), currents((4, batch, 3)), record=("v", "spike"))
    assert set(record) == {"node.v", "node.spike"}
    assert record["node.v"].shape == (4, batch, 3)


# Bad input


def run_refused(net, record, mode="auto"):
    with pytest.raises(ArgumentError) as error:
        snn.run(net, currents((3, 2, 3)), record=record, mode=mode)
    assert all(not cell.hooked for _, cell in net.cells_and_names())
    return str(error.value)


def test_an_unknown_name_is_refused():
    assert run_refused(two_layers(), ("v", "voltage", "current")) == (
        "snn.run, record: expected some of spike, v, v_before_reset, x, got voltage, current. "
        "Choose variables that the neurons of this net have."
    )


def test_the_names_of_a_users_variables_are_offered():
    assert "expected some of adaptation, spike, v, x, got w." in run_refused(Adaptive(), ["w"])


def test_spikes_of_a_readout_are_refused():
    assert "expected some of v, v_before_reset, x, got spike." in run_refused(snn.LeakyReadout(beta=0.5), ["spike"])


def test_a_net_without_neurons_has_nothing_to_record():
    net = nn.SequentialCell(nn.Dense(3, 2, rng=0))
    assert "expected some of nothing: the net has no neurons, got v." in run_refused(net, ["v"])


def test_an_unknown_name_is_found_after_the_first_step():
    steps = []
    node = snn.IFNode(surrogate_function=lambda u: steps.append(u) or u)
    run_refused(node, ["voltage"])
    assert len(steps) == 1


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("node", [snn.IFNode, functools.partial(snn.LIFNode, beta=0.5)], ids=["IFNode", "LIFNode"])
def test_one_neuron_in_two_layers_cannot_be_recorded(node, mode):
    shared = node()
    kind = type(shared).__name__
    assert run_refused(nn.SequentialCell(shared, shared), ["v"], mode=mode) == (
        f"snn.run, record: expected neurons that run once in every time step, got layer '0' ({kind}), "
        "run 2 times in 1 of them. Give each layer its own neuron."
    )
