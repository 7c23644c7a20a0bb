"""Causes that snn.health names: constants out of range, Parameters that are not finite, a missing surrogate."""

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, nn, ops, stop_gradient
from snn.common.discover import kinds
from snn.synapses import Exponential

X = (np.random.default_rng(0).random((20, 6, 4)) < 0.4).astype(np.float32)
CLIP = "If it is learnt, clip it after each step of the optimizer."


def step(u):
    return (u > 0).astype(u.dtype)


def net(node, last=None):
    return nn.SequentialCell(
        nn.Dense(4, 8, weight_init=0.5, bias_init=0.0), node, nn.Dense(8, 3, rng=1), last or snn.LeakyReadout(beta=0.9)
    )


def moved(node, **values):
    """Return a node whose Parameters learning has moved."""
    for name, value in values.items():
        held = getattr(node, name)
        setattr(node, name, Parameter(np.full(np.shape(held), value, np.float32)))
    return node


CONSTANTS = {
    "beta above 1": (moved(snn.LIFNode(beta=0.9), beta=1.49), "beta in [0, 1], got Parameter [] Float32 of 1.49. beta is the"),
    "beta below 0": (moved(snn.LIFNode(beta=0.9), beta=-0.1), "beta in [0, 1], got Parameter [] Float32 of -0.1. beta is the"),
    "some of many": (
        snn.LIFNode(beta=Parameter(np.full(8, 0.5, np.float32))).set_train(),
        "beta in [0, 1], got Parameter [8] Float32 from 0.5 to 1.2. beta is the",
    ),
    "tau": (
        moved(snn.LIFNode(tau=3.0, decay_input=False), tau=0.5), "tau >= 1, in time steps, got Parameter [] Float32 of 0.5.",
    ),
    "threshold 0": (moved(snn.IFNode(), v_threshold=0.0), "a finite v_threshold > 0, got Parameter [] Float32. Scale"),
    "threshold below 0": (moved(snn.IFNode(), v_threshold=-1.0), "a finite v_threshold > 0, got Parameter [] Float32. Scale"),
    "threshold NaN": (moved(snn.IFNode(), v_threshold=np.nan), "a finite v_threshold > 0, got Parameter [] Float32. Scale"),
    "reset above": (moved(snn.IFNode(v_reset=0.0), v_reset=2.0), "a finite v_reset below v_threshold, got Parameter [] Fl"),
    "current": (moved(snn.CurrentLIFNode(), alpha=1.5), "alpha in [0, 1], got Parameter [] Float32 of 1.5. alpha is the"),
    "learnt NaN": (moved(snn.PLIFNode(), w=np.nan), "a finite w, got Parameter [] Float32 of nan. Pass"),
    "slope": (moved(snn.KLIFNode(), k=-1.0), "a finite k > 0, got Parameter [] Float32 of -1. Use a value"),
    "steepness": (
        snn.IFNode(surrogate_function=moved(snn.surrogate.atan(), alpha=-2.0)),
        "a positive steepness alpha, got Parameter [] Float32 down to -2. A larger alpha is steeper.",
    ),
    "within another": (
        snn.Refractory(moved(snn.LIFNode(beta=0.9), beta=1.2), 2), "beta in [0, 1], got Parameter [] Float32 of 1.2. beta is",
    ),
    "recurrent": (
        snn.Recurrent(moved(snn.LIFNode(beta=0.9), beta=1.2), 8, rng=0), "beta in [0, 1], got Parameter [] Float32 of 1.2. b",
    ),
}  # fmt: skip
CONSTANTS["some of many"][0].beta.set_data(np.array([0.5] * 7 + [1.2], np.float32))


@pytest.mark.parametrize(("node", "text"), CONSTANTS.values(), ids=CONSTANTS)
def test_a_constant_out_of_range_is_the_first_thing_that_is_said(node, text):
    report = snn.health(net(node), X, mode="eager")
    first, last = report.layers
    assert first.problems[0].startswith(f"has a constant out of range: expected {text}")
    assert first.problems[0].endswith(CLIP)
    assert "out of range" not in " ".join(last.problems)
    assert f"1 {type(node).__name__} {first.problems[0]}" in str(report)
    with pytest.warns(snn.DeadLayerWarning, match="1 .* has a constant out of range"):
        report.warn()


@pytest.mark.parametrize("cls", kinds(snn.neurons, snn.Neuron).values(), ids=lambda cls: cls.__name__)
def test_a_constant_of_any_neuron_is_looked_at(cls):
    node = cls.example()
    node.v_threshold = Parameter(np.float32(np.nan))
    layer = snn.health(node, np.full((4, 2, 3), 0.5, np.float32), mode="eager", gradient=False).layers[0]
    assert layer.constants.startswith("expected a finite v_threshold")


def test_constants_are_looked_at_where_the_input_is_all_zero():
    report = snn.health(net(moved(snn.LIFNode(beta=0.9), beta=1.49)), 0 * X, mode="eager")
    assert report.layers[0].problems[0].startswith("has a constant out of range: expected beta in [0, 1]")


def test_a_synapse_is_named_as_a_layer_is():
    whole = nn.SequentialCell(nn.Dense(4, 8, rng=0), moved(Exponential(tau_syn=3.0), tau_syn=-1.0), snn.IFNode())
    assert (
        snn.health(whole, X, mode="eager")
        .layers[0]
        .problems[0]
        .startswith("has a constant out of range: expected tau_syn > 0, in time steps, got Parameter [] Float32 of -1.")
    )


class WithSpare(Cell):
    """A net of ones own with a part that never runs."""

    def __init__(self):
        super().__init__()
        self.dense, self.node = nn.Dense(4, 8, rng=0), snn.IFNode()
        self.spare = moved(Exponential(tau_syn=3.0), tau_syn=-1.0)

    def initial_state(self, x):
        return self.node.initial_state(self.dense(x))

    def construct(self, x, state):
        return self.node(self.dense(x), state)


def test_what_is_wrong_outside_the_layers_is_named():
    whole = WithSpare()
    whole.dense.weight.set_data(np.where(np.arange(32).reshape(8, 4) < 3, np.nan, 0.5))
    report = snn.health(whole, X, mode="eager")
    assert report.elsewhere == (
        "spare Exponential has a constant out of range: expected tau_syn > 0, in time steps, got Parameter [] Float32 of -1. "
        f"exp(-1 / tau_syn) remains after a step. {CLIP}",
        "Parameter dense.weight is not finite in 3 of its 32 values. Go back to a checkpoint; snn.run(..., check=True) finds "
        "where it starts.",
    )
    assert report.problems[:2] == report.elsewhere
    with pytest.warns(snn.DeadLayerWarning, match="Parameter dense.weight is not finite"):
        report.warn()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_found_behind_silent_inputs(value):
    whole = net(snn.IFNode(v_threshold=1e6))
    whole[2].weight.set_data(np.full((3, 8), value, np.float32))
    assert any("2.weight is not finite in 24 of its 24" in text for text in snn.health(whole, X, mode="eager").problems)


# No surrogate


class Own(Cell):
    """A neuron of the user's own, which fires by a step or by a surrogate."""

    def __init__(self, fires):
        super().__init__()
        self.fires = fires

    def construct(self, x, v):
        v = 0.9 * v + x
        z = self.fires(v - 1.0)
        return z, v - z


class Delayed(Own):
    """Its input is seen a step later."""

    def construct(self, x, v):
        z = self.fires(v - 1.0)
        return z, 0.9 * v + x - z


STEPS = {
    "function": lambda: snn.LIFNode(beta=0.9, surrogate_function=step),
    "of numpy": lambda: snn.LIFNode(beta=0.9, surrogate_function=lambda u: Tensor(u.asnumpy() > 0, u.dtype)),
    "stopped": lambda: snn.LIFNode(beta=0.9, surrogate_function=lambda u: stop_gradient(snn.relusigmoid()(u))),
    "hard reset": lambda: snn.LIFNode(beta=0.9, v_reset=0.0, surrogate_function=step),
    "recurrent": lambda: snn.Recurrent(snn.LIFNode(beta=0.9, surrogate_function=step), 8, rng=0),
    "refractory": lambda: snn.Refractory(snn.LIFNode(beta=0.9, surrogate_function=step), 1),
    "own": lambda: Own(step),
    "own, delayed": lambda: Delayed(step),
}


@pytest.mark.parametrize(
    ("make", "mode"),
    [
        pytest.param(make, mode, id=f"{name}-{mode}")
        for name, make in STEPS.items()
        for mode in ("eager", "python")
        if mode == "eager" or name != "of numpy"  # which cannot be traced
    ],
)
def test_a_neuron_without_surrogate_is_named(make, mode):
    report = snn.health(net(make()), X[:, :2], mode=mode)
    first, last = report.layers
    assert first.rate > 0
    assert first.gradient == 0 < last.gradient
    assert first.is_dead
    assert not last.is_dead
    said = [text for text in first.problems if "gradient" in text]
    assert said == [
        "has no surrogate: its spikes have no derivative, so no gradient passes. "
        "Give it a surrogate_function, such as snn.surrogate.atan(), or your own bprop."
    ]
    assert "wider surrogate" not in str(report)


def test_without_a_run_back_a_neuron_of_ours_is_named_too():
    layer = snn.health(net(snn.LIFNode(beta=0.9, surrogate_function=step)), X, mode="eager", gradient=False).layers[0]
    assert "has no surrogate" in layer.problems[0]
    assert layer.differentiable is False


@pytest.mark.parametrize("make", [Own, Delayed])
def test_a_neuron_of_ones_own_with_a_surrogate_is_not_named(make):
    layer = snn.health(net(make(snn.relusigmoid())), X, mode="eager").layers[0]
    assert layer.gradient > 0
    assert not any("gradient of" in text or "surrogate" in text for text in layer.problems)


def cause(whole, **options):
    return [text for text in snn.health(whole, X, mode="eager", **options).layers[0].problems if "no gradient" in text]


def test_a_layer_before_one_without_surrogate_is_told_of_that_one():
    whole = net(snn.LIFNode(beta=0.9), snn.LIFNode(beta=0.9, surrogate_function=step))
    assert cause(whole) == ["gets no gradient from the loss. No gradient passes 3 LIFNode: fix that layer first."]


def test_weights_of_zero_between_two_layers_are_looked_for():
    whole = net(snn.LIFNode(beta=0.9))
    whole[2].weight.set_data(np.zeros((3, 8), np.float32))
    assert cause(whole) == [
        "gets no gradient from the loss. No gradient comes back from 3 LeakyReadout: look between the two for zero weights, "
        "stop_gradient or a bprop."
    ]


def test_a_loss_that_does_not_depend_on_the_output_is_named():
    assert cause(nn.SequentialCell(snn.LIFNode(beta=0.9)), loss=lambda out: ops.square(out * 0.0).sum()) == [
        "gets no gradient from the loss. The loss does not depend on its output, or is flat there: check the loss and "
        "the layers after this one."
    ]
