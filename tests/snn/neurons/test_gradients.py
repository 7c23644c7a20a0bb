"""Gradients of every neuron by each of its constants, with and without a detached reset; spikes of either sign."""

import inspect

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, check_grad, grad, ops, tree
from autograd.errors import ArgumentError
from snn.synapses import NMDA, Conductance
from tests.snn.helpers.discovered import FIRING, fires_below, resets

RESETTING = [cls for cls in FIRING if "detach_reset" in inspect.signature(cls).parameters]


def with_each_reset(classes):
    every = [pytest.param(cls, name, id=f"{cls.__name__}-{name}") for cls in classes for name in resets(cls)]
    return pytest.mark.parametrize(("cls", "reset"), every)


def about_to_fire(node, distances):
    """Return a state before firing whose membranes are at these distances from the threshold."""
    rng, zeros = np.random.default_rng(1), np.zeros((1, len(distances)))
    state = tree.map_leaves(lambda leaf: leaf + rng.uniform(0.1, 0.4, leaf.shape), node.initial_state(zeros))
    return with_membrane(state, node.threshold(state) + np.array([distances]))


def with_membrane(state, v):
    v = ops.zeros_like(tree.leaves(state)[0]) + v
    return v if isinstance(state, Tensor) else state._replace(v=v)


def discharged(node, state):
    """Return the variables of the state after firing and reset."""
    return tree.leaves(node.discharge(state)[1])


# A detached reset


def flat(u):
    """Step without a gradient."""
    return ops.greater(u, 0).astype(u.dtype)


def slopes(cls, state, **options):
    """Return the gradient of each variable after firing and reset by each of those before."""
    node, leaves = cls.example(**options), tree.leaves(state)

    def after(k):
        return lambda *given: discharged(node, tree.unflatten(state, iter(given)))[k]

    return [[by.asnumpy() for by in grad(after(k), tuple(range(len(leaves))))(*leaves)] for k in range(len(leaves))]


@with_each_reset(RESETTING)
def test_a_detached_reset_lets_no_gradient_through_and_what_is_no_reset_keeps_its_own(cls, reset):
    state = about_to_fire(cls.example(), [-0.3, -1e-3, 0.0, 1e-3, 0.3])
    ways, step = resets(cls), snn.surrogate.atan()
    after = {name: discharged(cls.example(**options), state) for name, options in ways.items()}
    smooth, attached, detached, cut = (
        slopes(cls, state, surrogate_function=surrogate, detach_reset=detach, **ways[reset])
        for surrogate, detach in ((step, False), (flat, False), (step, True), (flat, True))
    )
    for k, before in enumerate(tree.leaves(state)):
        # What a spike does alike whatever the reset is no part of it.
        is_reset = k == 0 or any((new[k] != after[reset][k]).asnumpy().any() for new in after.values())
        np.testing.assert_array_equal(detached[k], cut[k] if is_reset else smooth[k])
        np.testing.assert_array_equal(cut[k][0], attached[k][0])  # by the membrane
        moved = (after[reset][k] != before).asnumpy()[0, -1]
        assert np.allclose(smooth[k], cut[k]) != moved


# By constants


class Smooth(Cell):
    """The primitive of a surrogate and nothing else, as wide as a neuron's membrane moves."""

    def __init__(self, scale):
        super().__init__()
        self.primitive = snn.surrogate.sigmoid(2.0 / scale).primitive

    def construct(self, u):
        return self.primitive(u)


def leaks(cls):
    """Return each way of saying how a neuron leaks."""
    given = inspect.signature(cls).parameters
    if "tau" not in given or "beta" not in given:
        return [{}]
    times = {"beta": None} | {name: value for name, value in {"tau": 4.0, "tau_syn": 2.0}.items() if name in given}
    if "decay_input" not in given:
        return [{}, times]
    return [{}, times | {"decay_input": True}, times | {"decay_input": False, "exponential": True}]


def learnable(node):
    """Make of each constant of a neuron a Parameter with a value for each of two features; return all its Parameters."""
    for name, value in list(vars(node).items()):
        if type(value) is float and name != "dt":
            setattr(node, name, Parameter(np.array([0.97, 1.03]) * value if value else np.array([-0.01, 0.01])))
    return node.trainable_params()


@with_each_reset(FIRING)
def test_gradients_by_each_constant_are_those_by_finite_differences(cls, reset):
    for leak in leaks(cls):
        node = cls.example(surrogate_function=Smooth(cls.scale), **leak, **resets(cls)[reset])
        constants = learnable(node)
        assert isinstance(node.v_reset, Parameter) == (reset == "hard")
        x = cls.drive * np.random.default_rng(2).uniform(0.2, 1.0, (3, 1, 2))

        def outputs(x, node=node):
            start = tree.map_leaves(lambda leaf: leaf + 0.25 * cls.scale, node.initial_state(x[0]))
            out, state, _ = snn.run(node, x, start, mode="eager")
            return [out, *tree.leaves(state)]

        def weighed(x):
            rng = np.random.default_rng(3)
            return sum((part * rng.standard_normal(part.shape)).sum() for part in outputs(x))

        assert all(np.abs(by.asnumpy()).max() > 1e-3 for by in grad(weighed, None, constants)(x))
        check_grad(outputs, x, weights=constants, rtol=1e-5, atol=1e-6)


@with_each_reset(FIRING)
def test_a_constant_that_learning_moved_out_of_range_is_found_by_check(cls, reset):
    node, x = cls.example(**resets(cls)[reset]), np.ones((1, 1, 2))
    learnable(node)
    snn.run(node, x, mode="eager", check=True)
    for name, constant in vars(node).items():
        if not isinstance(constant, Parameter):
            continue
        kept = constant.asnumpy().copy()
        constant.set_data(np.full_like(kept, np.nan))
        with pytest.raises(ArgumentError, match=rf"{cls.__name__}: expected .*\b{name}\b"):
            snn.run(node, x, mode="eager", check=True)
        constant.set_data(kept)


@pytest.mark.parametrize(
    ("node", "constant", "text"),
    [
        (lambda p: snn.IFNode(surrogate_function=snn.surrogate.atan(p)), 1.0, "atan: expected a positive steepness alpha"),
        (lambda p: snn.Stochastic(snn.IFNode(), snn.EscapeRate(rate=p), rng=0), 1.0, "EscapeRate: expected a finite rate > 0"),
        (
            lambda p: snn.Stochastic(snn.IFNode(), snn.EscapeRate(width=p), rng=0),
            0.1,
            "EscapeRate: expected a finite width > 0",
        ),
        (lambda p: Conductance(snn.IFNode(), nmda=NMDA(slope=p)), 0.062, "MagnesiumBlock: expected a finite slope > 0"),
    ],
)
def test_a_constant_of_a_part_of_a_neuron_is_found_by_check_too(node, constant, text):
    parameter = Parameter(np.array([constant, constant]))
    node, x = node(parameter), np.ones((1, 1, 2))
    snn.run(node, x, check=True, mode="eager")
    parameter.set_data(np.array([constant, -constant]))
    with pytest.raises(ArgumentError, match=text):
        snn.run(node, x, check=True, mode="eager")


# The surrogate by default


@pytest.mark.parametrize("cls", FIRING, ids=lambda cls: cls.__name__)
def test_a_surrogate_by_default_is_as_wide_as_the_way_from_rest_to_threshold(cls):
    node, u = cls.example(), np.linspace(-1, 1, 21)
    assert np.asarray(node.v_threshold) - node.begin() == pytest.approx(cls.scale, rel=0.15)
    by_default = cls.scale * node.surrogate_function.derivative(cls.scale * u)
    np.testing.assert_allclose(by_default, snn.relusigmoid().derivative(u), rtol=1e-12)


# Spikes of either sign


@with_each_reset([cls for cls in FIRING if fires_below(cls)])
def test_spikes_of_either_sign_are_mirrored(cls, reset):
    """Adaptation and the like go by how many there are."""
    node = cls.example(firing=snn.Ternary(), **resets(cls)[reset] | ({"v_reset": 0.0} if reset == "hard" else {}))
    above = about_to_fire(node, [-0.4, -0.1, 0.1, 0.5])
    below = with_membrane(above, -tree.leaves(above)[0])
    (spike, after), (mirrored, after_below) = node.discharge(above), node.discharge(below)
    assert (np.sign(spike.asnumpy()) == [[0, 0, 1, 1]]).all()
    np.testing.assert_array_equal(mirrored, -spike)
    (v, *others), (v_below, *others_below) = tree.leaves(after), tree.leaves(after_below)
    np.testing.assert_array_equal(v_below, -v)
    for other, other_below in zip(others, others_below, strict=True):
        np.testing.assert_array_equal(other_below, other)


def test_a_negative_spike_resets_a_clif_neuron_towards_0_by_as_much_as_a_positive_one():
    node = snn.CLIFNode(firing=snn.Ternary())
    state = node.State(*(Tensor(np.array([values])) for values in ([1.5, -1.5], [0.0, 0.0])))
    _, after = node.discharge(state)
    left = 1.5 - 1 - 1 / (1 + np.exp(-1))
    np.testing.assert_allclose(after.v, [[left, -left]], rtol=1e-12)
    np.testing.assert_array_equal(after.m, [[1, 1]])
