"""Mistakes in making and calling neurons, each with an error that says what to do."""

import inspect

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, ops
from autograd.errors import ArgumentError, CellError, CompileError, DTypeError, ShapeError, StateError
from snn.neurons.ranges import POSITIVE


def test_a_surrogate_that_changes_the_shape_is_an_error():
    node = snn.IFNode(surrogate_function=lambda u: u.sum())
    with pytest.raises(ShapeError, match=r"IFNode, surrogate_function: expected its input's shape \[2, 3\], got \[\] Float32"):
        snn.run(node, np.ones((2, 2, 3), np.float32))


@pytest.mark.parametrize("surrogate", [lambda u: u > 0, lambda u: (u > 0).astype("float32")], ids=["bool", "float32"])
def test_a_surrogate_of_another_dtype_is_brought_to_that_of_the_run(surrogate):
    spikes, v, _ = snn.run(snn.IFNode(surrogate_function=surrogate), np.full((3, 1, 2), 0.75))
    assert spikes.dtype == v.dtype == np.float64
    np.testing.assert_array_equal(spikes.asnumpy()[:, 0, 0], [0, 1, 1])


@pytest.mark.parametrize("given", ["atan", snn.surrogate.atan], ids=["string", "class"])
def test_a_surrogate_that_is_no_object_is_an_error(given):
    with pytest.raises(DTypeError, match=r"Pass an object, such as snn.surrogate.atan\(\), with parentheses"):
        snn.IFNode(surrogate_function=given)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"v_threshold": "a"}, "v_threshold"), ({"beta": "0.9"}, "beta")],
)
def test_arguments_that_are_no_numbers_are_errors(arguments, name):
    with pytest.raises(DTypeError, match=rf"LIFNode: expected {name} to be a number, an array or a Parameter, got str"):
        snn.LIFNode(**{"beta": 0.5, **arguments})


@pytest.mark.parametrize(
    ("given", "hint"),
    [("threshold", "mean v_threshold?"), ("tua", "mean tau?"), ("spike_grad", "mean surrogate_function?"), ("device", "help")],
)
def test_an_argument_by_a_name_that_there_is_not_is_an_error(given, hint):
    with pytest.raises(ArgumentError, match=rf"LIFNode: expected arguments named v_threshold, .* got {given}\. .*{hint}"):
        snn.LIFNode(beta=0.9, **{given: 1.0})


def test_signatures_show_the_arguments():
    shared = ["v_reset", "detach_reset", "fire_at_threshold", "spike_value", "firing"]
    first = ["v_threshold", "fire", "surrogate_function"]
    assert list(inspect.signature(snn.Neuron).parameters) == first + shared
    assert list(inspect.signature(snn.ALIFNode).parameters)[-5:] == shared


def test_a_neuron_of_ones_own_may_take_any_arguments():
    class Own(snn.Neuron):
        def __init__(self, **options):
            super().__init__()
            self.options = options

    assert Own(device="cpu").options == {"device": "cpu"}


def test_constants_of_numpy_are_weak():
    x = np.ones((3, 1, 1), np.float16)
    for number in (np.float32, np.float64, np.int64):
        for node in (
            snn.LIFNode(tau=number(3), decay_input=False, exponential=True),
            snn.AlphaNode(tau=number(5), tau_syn=number(2)),
            snn.ResonateAndFireNode(b=-number(1), omega=number(1)),
        ):
            assert snn.run(node, x)[0].dtype == np.float16


def test_a_reset_that_is_none_of_the_three_is_an_error():
    with pytest.raises(ArgumentError, match="IFNode: expected v_reset to be None, a number or 'never', got 'soft'"):
        snn.IFNode(v_reset="soft")


def test_a_constant_for_another_number_of_features_is_an_error():
    with pytest.raises(ShapeError, match=r"neuron, a constant: expected one value, or one for each feature of \[2, 3\]"):
        snn.run(snn.IFNode(np.ones(5, np.float32)), np.ones((4, 2, 3), np.float32))


def test_constants_that_learning_moved_out_of_range_are_found_by_check():
    node = snn.LIFNode(beta=Parameter([0.9]))
    node.beta.set_data([1.5])
    snn.run(node, np.ones((2, 1, 1), np.float32))
    with pytest.raises(ArgumentError, match=r"LIFNode: expected beta in \[0, 1\]"):
        snn.run(node, np.ones((2, 1, 1), np.float32), check=True)


def test_a_neuron_of_ones_own_prints_its_equations():
    class Own(snn.Neuron):
        def charge(self, x, v):
            return 0.5 * v + x

    assert repr(Own()) == "Own(h = 0.5 v + x; z = h > 1 [relusigmoid()]; spike = z; v' = h - z)"


def test_conditions_are_printed_with_their_brackets():
    class Own(snn.Neuron):
        def charge(self, x, v):
            out = ops.logical_not(ops.logical_and(x > 3, ops.logical_or(v > 2, v < 0)))
            return ops.where(ops.logical_and(ops.logical_or(x > 1, x < 0), v > 0), x, ops.where(out, v, 0.0))

    text = str(snn.equations(Own()))
    assert "x if ((x > 1 or x < 0) and v > 0) else" in text
    assert "not (x > 3 and (v > 2 or v < 0))" in text


def test_a_neuron_that_cannot_be_traced_is_printed_by_its_name():
    class Own(snn.Neuron):
        def charge(self, x, v):
            return v + x.mean()

    assert repr(Own()) == "Own()"
    with pytest.raises(CompileError, match=r"in charge: .* ops.mean, which mixes elements"):
        snn.equations(Own())


def test_a_neuron_called_without_state_says_how_to_run_it():
    with pytest.raises(
        StateError, match=r"expected an input and a state, node\(x, state\), got no state. Run it over time with snn.run"
    ):
        snn.IFNode()(np.ones((1, 2), np.float32))


def test_a_neuron_without_super_init_is_an_error_of_ours():
    class Forgot(snn.Neuron):
        def __init__(self):
            self.k = 0.5

        def charge(self, x, v):
            return self.k * v + x

    with pytest.raises(CellError, match=r"Make `super\(\).__init__\(\)` the first line"):
        snn.run(Forgot(), np.ones((2, 1, 1), np.float32))


def test_two_states_without_initial_state_say_what_is_missing_and_can_be_given():
    class Two(Cell):
        def construct(self, x, state):
            i, v = state
            return x, (i + x, v)

    x = np.ones((2, 1, 3), np.float32)
    with pytest.raises(StateError, match=r"Two: expected a method initial_state\(x\) that returns its start state, got none"):
        snn.run(Two(), x)
    zeros = np.zeros((1, 3), np.float32)
    _, (i, _), _ = snn.run(Two(), x, (zeros, zeros))
    np.testing.assert_array_equal(i, [[2, 2, 2]])


def test_constants_are_checked_when_all_of_a_neuron_is_there():
    class Own(snn.LIFNode):
        ranges = {"gain": POSITIVE}

        def __init__(self, gain, v_threshold=1.0):
            super().__init__(beta=0.5)
            self.gain, self.v_threshold = gain, v_threshold

    assert list(inspect.signature(Own).parameters) == ["gain", "v_threshold"]
    assert Own(2.0).gain == 2.0
    with pytest.raises(ArgumentError, match=r"Own: expected a finite gain > 0, got float -2.0. Use a value above 0"):
        Own(-2.0)
    with pytest.raises(ArgumentError, match=r"Own: expected a finite v_threshold > 0, got float -1.0"):
        Own(2.0, -1.0)


def test_a_layer_over_time_and_what_holds_no_state_are_checked_too():
    for make, name in (
        (lambda: snn.MaskedPSN(4, 2, lambda_=2.0), "lambda_"),
        (lambda: snn.EscapeRate(width=0.0), "width"),
        (lambda: snn.synapses.MagnesiumBlock(slope=-1.0), "slope"),
        (lambda: snn.synapses.Receptor(snn.synapses.Exponential(tau_syn=5.0), np.inf), "reversal"),
    ):
        with pytest.raises(ArgumentError, match=rf"expected .*{name}"):
            make()
