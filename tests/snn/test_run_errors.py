"""Errors of snn.run: where, expected, got, what to do."""

import re
from typing import NamedTuple

import numpy as np
import pytest

import snn
from autograd import Cell, Tensor, grad, nn, ops
from autograd.errors import ArgumentError, BpropError, CompileError, DTypeError, NonFiniteError, ShapeError, StateError
from tests.snn.helpers.nets import Adaptive, Recurrent, currents, two_layers

CARRY_ON = "Pass the state that snn.run returned for this net, batch size and dtype, or None to start fresh."


def refused(kind, net, x, **options):
    with pytest.raises(kind) as error:
        snn.run(net, x, **options)
    assert all(not cell.hooked for _, cell in getattr(net, "cells_and_names", list)())
    return str(error.value)


# Input


@pytest.mark.parametrize(
    ("x", "got"),
    [
        (np.zeros((0, 2, 3), np.float32), "[0, 2, 3] Float32"),
        (np.zeros(5, np.float32), "[5] Float32"),
        (np.float32(1.0), "[] Float32"),
    ],
)
def test_an_input_without_time_steps_or_without_a_batch(x, got):
    assert refused(ShapeError, snn.IFNode(), x) == (
        f"snn.run, input x: expected [T, N, ...]: at least one time step, then the batch, got {got}. "
        "Put time first, and add a batch axis: x[:, None]."
    )


def test_a_net_that_is_no_cell():
    assert refused(DTypeError, [snn.IFNode()], currents((2, 2, 3))).startswith(
        "snn.run: expected a Cell as the net, got list ["
    )


@pytest.mark.parametrize("mode", ["graph", "", None])
def test_an_unknown_mode(mode):
    assert refused(ArgumentError, snn.IFNode(), currents((2, 2, 3)), mode=mode) == (
        f"snn.run: expected mode 'auto', 'eager', 'compiled' or 'python', got {mode!r}. Choose one of them."
    )


def test_features_that_do_not_fit_a_layer():
    text = refused(ShapeError, two_layers(), currents((2, 4, 7)))
    assert text == (
        "Dense(in_channels=3, out_channels=5, has_bias=True): expected an input [..., 3], got [4, 7] Float32. "
        "Flatten it, or change in_channels."
    )


# State


@pytest.mark.parametrize(
    ("state", "got"),
    [
        (np.zeros((5, 3), np.float32), "[5, 3] Float32"),
        (np.zeros((1, 3), np.float32), "[1, 3] Float32"),
        (np.zeros((4, 3), np.float64), "[4, 3] Float64"),
        (np.zeros((4, 3), np.int64), "[4, 3] Int64"),
        (0.0, "[] Float32"),
    ],
)
def test_a_state_of_another_batch_shape_or_dtype(state, got):
    assert refused(StateError, snn.IFNode(), currents((2, 4, 3)), state=state) == (
        f"IFNode, state: expected [4, 3] Float32, got {got}. {CARRY_ON}"
    )


def test_a_state_that_does_not_fit_a_layer_names_the_layer():
    state = {"1": np.zeros((4, 5), np.float32), "3": np.zeros((4, 3), np.float32)}
    assert refused(StateError, two_layers(), currents((2, 4, 3)), state=state) == (
        f"layer '3' (LIFNode), state: expected [4, 2] Float32, got [4, 3] Float32. {CARRY_ON}"
    )


def test_a_state_of_another_structure():
    zero = np.zeros((4, 3), np.float32)
    assert refused(StateError, Adaptive(), currents((2, 4, 3)), state=zero) == (
        "Adaptive, state: expected the structure of Pair(v=[4, 3] Float32, adaptation=[4, 3] Float32), "
        f"got ndarray [4, 3] Float32. {CARRY_ON}"
    )
    assert refused(StateError, snn.IFNode(), currents((2, 4, 3)), state=(zero, zero)).startswith(
        "IFNode, state: expected the structure of [4, 3] Float32, got (ndarray [4, 3] Float32, ndarray [4, 3] Float32). "
    )


@pytest.mark.parametrize(
    ("state", "got"),
    [
        ({"1": None}, "a dict with ['1']"),
        ({"0": None, "1": None, "2": None, "3": None}, "a dict with ['0', '1', '2', '3']"),
        (np.zeros((4, 2), np.float32), "ndarray [4, 2] Float32"),
    ],
)
def test_a_state_that_is_not_a_dict_of_the_layers(state, got):
    assert refused(StateError, two_layers(), currents((2, 4, 3)), state=state) == (
        f"SequentialCell, state: expected a dict with the layers ['1', '3'], got {got}. "
        "Pass the state that snn.run returned for this net."
    )


def test_a_state_that_lacks_a_nested_net():
    net = nn.SequentialCell({"front": two_layers(), "out": nn.Dense(2, 2, rng=0)})
    assert refused(StateError, net, currents((2, 4, 3)), state={"front": None}).startswith(
        "layer 'front' (SequentialCell), state: expected a dict with the layers ['1', '3'], got NoneType None. "
    )


def test_a_nested_state_names_its_net():
    net = nn.SequentialCell({"front": two_layers(), "out": nn.Dense(2, 2, rng=0)})
    assert refused(StateError, net, currents((2, 4, 3)), state={"front": {}}).startswith(
        "layer 'front' (SequentialCell), state: expected a dict with the layers ['1', '3'], got a dict with []. "
    )


def test_a_state_for_a_net_that_has_none():
    assert refused(StateError, nn.Dense(3, 2, rng=0), currents((2, 4, 3)), state=np.zeros((4, 2), np.float32)) == (
        "Dense, state: expected None: it has no state, got ndarray [4, 2] Float32. Leave state out."
    )


@pytest.mark.parametrize(("mode", "got"), [("eager", "[3] Float32 in a step"), ("python", "[2, 3] Float32")])
def test_an_input_without_batch_or_time_does_not_pass_for_one_with_both(mode, got):
    net = nn.SequentialCell(nn.Dense(3, 4, rng=0), snn.IFNode())
    assert refused(ShapeError, net, currents((2, 3)), mode=mode) == (
        f"layer '0' (Dense): expected [T, N, 3]: time steps, samples, features, got {got}. "
        "Add the missing axis: x[:, None] is a batch of one, x[None] one step. "
        "Samples without time are repeated by snn.encode.direct(x, T)."
    )


class Stacked(Cell):
    """Holds neurons and does not say how they start."""

    def __init__(self):
        super().__init__()
        self.a, self.b = snn.IFNode(), snn.LIFNode(beta=0.5)

    def construct(self, x, state):
        spike, a = self.a(x, state[0])
        out, b = self.b(spike, state[1])
        return out, (a, b)


def test_a_users_net_that_does_not_say_how_it_starts():
    net = nn.SequentialCell(nn.Dense(3, 3, rng=0), Stacked())
    assert refused(StateError, net, currents((2, 4, 3))) == (
        "layer '1' (Stacked): expected a method initial_state(x), or state= in snn.run, got neither. "
        "Return the state of each neuron inside, such as (ops.zeros((len(x), 128)), ops.zeros((len(x), 10)))."
    )


class Returns(Cell):
    """A user's Cell that does as it is told."""

    def __init__(self, construct):
        super().__init__()
        self.run = construct

    def construct(self, x, state):
        return self.run(x, state)


@pytest.mark.parametrize(
    ("construct", "got"),
    [(lambda x, v: x, "[4, 3] Float32"), (lambda x, v: (x, v, v), "tuple of [4, 3]"), (lambda x, v: [x, v], "list of [4, 3]")],
)
def test_a_construct_that_does_not_return_a_pair(construct, got):
    text = refused(StateError, Returns(construct), currents((2, 4, 3)))
    assert text.startswith(f"Returns: expected construct to return (out, state), got {got}")
    assert text.endswith("Return the new state too.")


@pytest.mark.parametrize(
    ("construct", "got"),
    [
        (lambda x, v: (x, (v, v)), "([4, 3] Float32, [4, 3] Float32)"),
        (lambda x, v: (x, v.sum(1)), "[4] Float32"),
        (lambda x, v: (x, v[:2]), "[2, 3] Float32"),
        (lambda x, v: (x, v.astype(np.float64)), "[4, 3] Float64"),
    ],
    ids=["structure", "features", "batch", "dtype"],
)
@pytest.mark.parametrize("mask", [None, np.ones((3, 4), bool)], ids=["no mask", "mask"])
def test_a_state_that_a_step_makes_into_something_else(construct, got, mask):
    net = nn.SequentialCell({"own": Returns(construct)})
    assert refused(StateError, net, currents((3, 4, 3)), mask=mask) == (
        f"layer 'own' (Returns), state after a step: expected [4, 3] Float32, as before it, got {got}. "
        "A state keeps its structure, shapes and dtypes; initial_state(x) returns the first one."
    )


class Pair(NamedTuple):
    v: object
    w: object


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_plain_tuple_in_the_place_of_a_named_one_is_an_error_in_every_mode(mode):
    own = Returns(lambda x, state: (x, (state[0] + x, state[1])))
    own.initial_state = lambda x: Pair(ops.zeros_like(x), ops.zeros_like(x))
    text = refused(StateError, own, currents((2, 4, 3)), mode=mode)
    assert text.startswith("Returns, state after a step: expected Pair(v=[")
    assert "as before it, got ([" in text


class Within(Cell):
    """Wires neurons, and runs another net over time in each step, perhaps on numbers that do not depend on the step."""

    def __init__(self, known=False):
        super().__init__()
        self.known, self.node = known, snn.LIFNode(beta=0.5)
        self.inner = nn.SequentialCell(nn.Dense(3, 3, rng=1), snn.IFNode())

    def initial_state(self, x):
        return ops.zeros(x.shape, x.dtype)

    def construct(self, x, state):
        given = np.ones((1, len(x), 3), np.float32) if self.known else ops.expand_dims(x, 0)
        return self.node(x + snn.run(self.inner, given, mode="eager").out[0], state)


class Alone(Cell):
    """A neuron that runs another one over time in each step."""

    def construct(self, x, v):
        v = v + x
        return snn.run(snn.IFNode(), v, mode="eager").out, v


class Stateless(Cell):
    """A layer without state that runs a net for one step."""

    def __init__(self):
        super().__init__()
        self.inner = nn.SequentialCell(nn.Dense(3, 3, rng=1), snn.IFNode())

    def construct(self, x):
        return snn.run(self.inner, ops.expand_dims(x, 0), mode="eager").out[0]


@pytest.mark.parametrize("make", [Within, lambda: Within(known=True), Alone])
def test_a_run_inside_a_step_is_refused_at_its_line(make):
    x = currents((100, 8, 3))
    message = refused(CompileError, make(), x, mode="python")
    assert re.match(
        r".*test_run_errors\.py, line \d+, in construct: expected a step that calls its Cells, got snn\.run", message
    )
    assert "out, state = net(x, state)" in message
    net = make()
    with pytest.warns(UserWarning, match="snn.run inside construct"):
        found = snn.run(net, x)
    assert found.mode == "eager"
    np.testing.assert_array_equal(found.out, snn.run(make(), x, mode="eager").out)


def test_a_run_inside_a_layer_without_state_is_allowed():
    net, x = nn.SequentialCell(Stateless(), snn.LIFNode(beta=0.5)), currents((5, 8, 3))
    np.testing.assert_array_equal(snn.run(net, x, mode="python").out, snn.run(net, x, mode="eager").out)


@pytest.mark.parametrize("construct", [lambda x, v: (x, missing), lambda x, v: (x, len(3))])  # noqa: F821 - a typo
def test_a_mistake_that_has_nothing_to_do_with_the_state_is_not_blamed_on_it(construct):
    with pytest.raises((NameError, TypeError), match=r"missing|no len"):
        snn.run(Returns(construct), currents((2, 4, 3)), mode="eager")


@pytest.mark.parametrize(("mode", "shape"), [("eager", "[4, 3]"), ("python", "[]")])
def test_a_bprop_that_returns_a_plain_tuple_too_short_is_described_in_every_mode(mode, shape):
    class Short(Cell):
        def initial_state(self, x):
            return Pair(ops.zeros_like(x), ops.zeros_like(x))

        def construct(self, x, state):
            return x + state.v, Pair(state.v + x, state.w)

        def bprop(self, x, state, out, dout):
            return dout[0], (dout[1].v,)

    with pytest.raises(BpropError, match=rf"a Pair of 2, got tuple of {re.escape(shape)} Float32"):
        grad(lambda x: snn.run(Short(), x, mode=mode)[0].sum())(Tensor(currents((2, 4, 3))))


class Undefined(Cell):
    def construct(self, u):
        return (u > 0).astype(u.dtype)

    def bprop(self, u, out, dout):
        return (dout * np.nan,)


@pytest.mark.parametrize(
    ("mode", "where"),
    [
        ("eager", r"layer 'own.surrogate_function' \(Undefined\)"),
        ("python", r"layer 'own' \(IFNode\)"),
        ("compiled", r"layer 'own' \(IFNode\)"),
    ],
)
def test_a_gradient_that_is_not_finite_is_named_by_check(mode, where):
    net = nn.SequentialCell({"own": snn.IFNode(surrogate_function=Undefined())})
    x = Tensor(currents((2, 4, 3)))
    for check in (False, True):
        gradient = grad(lambda x: snn.run(net, x, mode=mode, check=check)[0].sum())  # noqa: B023 - called at once
        if not check:
            assert np.isnan(gradient(x).asnumpy()).all()
            continue
        with pytest.raises(NonFiniteError, match=f"gradient through {where}: expected finite numbers, got nan at"):
            gradient(x)


def test_a_start_that_is_not_in_the_dtype_of_the_run():
    text = refused(StateError, Recurrent(), currents((3, 4, 3), np.float64))
    assert text == (
        "LIFNode, state: expected [4, 4] Float64, as the input, got [4, 4] Float32. "
        "Start with node.initial_state(x); a state belongs to one batch size and dtype."
    )


# NaN and infinity


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_an_input_that_is_not_finite_is_found_with_its_time_step(value, shown):
    x = currents((6, 4, 3))
    x[4, 2, 1] = x[5] = value
    assert refused(NonFiniteError, two_layers(), x, check=True) == (
        f"snn.run, input x at time step 4: expected finite numbers, got {shown} at [2, 1]. Clean the data before the run."
    )


def test_nothing_is_looked_for_unless_it_is_asked():
    x = currents((6, 4, 3))
    x[4, 2, 1] = np.nan
    out, _, _ = snn.run(snn.LeakyReadout(beta=0.5), x)
    assert np.isnan(out.asnumpy()[4:, 2, 1]).all()
    assert np.isfinite(out.asnumpy()[:4]).all()


class BreaksAt(Cell):
    """Passes its input on, but for a NaN when it is run for the n-th time."""

    def __init__(self, n):
        super().__init__()
        self.left = n

    def construct(self, x):
        self.left -= 1
        return x * (np.nan if self.left < 0 else 1.0)


def broken(name, kind, t, at):
    return (
        f"layer '{name}' ({kind}) at time step {t}: expected finite numbers, got nan at {at}. "
        "Its inputs were finite: check its weights and equations."
    )


@pytest.mark.parametrize("t", [0, 3])
def test_a_layer_that_makes_a_nan_is_found_with_its_name_and_time_step(t):
    net = nn.SequentialCell({"fc": nn.Dense(3, 3, rng=0), "breaks": BreaksAt(t), "lif": snn.LIFNode(beta=0.5)})
    assert refused(NonFiniteError, net, currents((6, 4, 3)), check=True) == broken("breaks", "BreaksAt", t, [0, 0])


def test_a_weight_that_is_nan_is_found():
    net = two_layers()
    net[2].weight.set_data(np.full((2, 5), np.nan, np.float32))
    assert refused(NonFiniteError, net, currents((6, 4, 3)), check=True) == broken("2", "Dense", 0, [0, 0])


def test_a_state_that_explodes_is_found_when_it_does():
    net = Returns(lambda x, v: (x, ops.where(v > 1, np.inf, v + 1)))
    text = refused(NonFiniteError, net, currents((6, 4, 3)), check=True)
    assert text.startswith("Returns at time step 2: expected finite numbers, got inf at [0, 0].")


class NaNSurrogate(Cell):
    def construct(self, u):
        return ops.where(u > 0, np.nan, 0.0 * u)


@pytest.mark.parametrize("shared", [False, True], ids=["one neuron's", "shared by two"])
def test_a_surrogate_cell_that_returns_nan_is_found_in_the_right_step(shared):
    """The first membrane goes above its threshold in step 2, the second one in step 3."""
    surrogate = NaNSurrogate()
    x = np.zeros((5, 1, 1), np.float32)
    x[2:] = 1.5
    front = snn.IFNode(surrogate_function=surrogate if shared else None)
    net = nn.SequentialCell({"front": front, "node": snn.IFNode(surrogate_function=surrogate)})
    name, t = ("front", 2) if shared else ("node", 3)
    expected = broken(f"{name}.surrogate_function", "NaNSurrogate", t, [0, 0])
    assert refused(NonFiniteError, net, x, check=True) == expected


def test_a_surrogate_function_that_returns_nan_is_found_at_its_neuron():
    node = snn.LIFNode(beta=0.5, surrogate_function=lambda u: u * np.nan)
    net = nn.SequentialCell({"fc": nn.Dense(3, 3, rng=0), "lif": node})
    assert refused(NonFiniteError, net, currents((2, 4, 3)), check=True) == broken("lif", "LIFNode", 0, [0, 0])


def test_a_single_neuron_is_named_by_its_type_when_it_makes_a_nan():
    node = snn.IFNode(surrogate_function=lambda u: u * np.nan)
    text = refused(NonFiniteError, node, currents((2, 4, 3)), check=True)
    assert text.startswith("IFNode at time step 0: expected finite numbers, got nan at [0, 0].")


def test_a_run_without_nan_passes_the_check_unchanged():
    x = currents((6, 4, 3))
    checked, plain = snn.run(two_layers(), x, check=True), snn.run(two_layers(), x)
    assert checked[0].asnumpy().tobytes() == plain[0].asnumpy().tobytes()


@pytest.mark.parametrize("mode", ["eager", "python", "auto"])
@pytest.mark.parametrize(
    "make", [lambda: snn.Recurrent(snn.IFNode(), 4, rng=0), lambda: nn.SequentialCell(nn.Dense(4, 2, rng=0), snn.IFNode())]
)
def test_one_step_of_an_input_is_refused_where_the_features_are_known(make, mode):
    x = currents((6, 4, 4))
    text = refused(ShapeError, make(), x[0], mode=mode)
    assert "Add the missing axis" in text
    assert "x[:, None] is a batch of one, x[None] one step." in text
    assert "snn.encode.direct(x, T)" in text
