"""Habits of users of other packages: each is an error that says what to write."""

import numpy as np
import pytest

import snn
from autograd import errors, nn

X = np.ones((4, 2, 3), np.float32)


def net():
    return nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.LIFNode(beta=0.9))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: snn.run(net(), X, record=True),
            errors.ArgumentError,
            r"record: .*got bool True\. For example record=\['spike'",
        ),
        (lambda: snn.run(net(), X, record=[1]), errors.ArgumentError, r"snn\.run, record: expected names"),
        (lambda: snn.run(net(), X, record=None), errors.ArgumentError, r"snn\.run, record: expected names"),
        (lambda: snn.metrics.accuracy(X, [0, 1], "max"), errors.DTypeError, r"accuracy, mask: .*readout='max'"),
        (lambda: snn.losses.cross_entropy(X, [0, 1], "last"), errors.DTypeError, r"cross_entropy, mask: .*readout='last'"),
        (lambda: snn.health(X, net()), errors.DTypeError, r"snn\.health: expected a Cell as the net.*The net comes first"),
        (lambda: snn.equations(net()), errors.DTypeError, r"snn\.equations: expected a neuron.*snn\.explain\(net\)"),
        (lambda: snn.equations(snn.LIFNode), errors.DTypeError, r"snn\.equations: expected a neuron, got type"),
        (lambda: snn.LIFNode(0.9), errors.ArgumentError, r"got neither\. .*Name it: LIFNode\(beta=0\.9\)"),
        (
            lambda: snn.IFNode(v_threshold=True),
            errors.DTypeError,
            r"expected v_threshold to be a number.*got bool True",
        ),
        (lambda: snn.LIFNode(beta=True), errors.DTypeError, r"LIFNode: expected beta to be a number"),
        (lambda: snn.IFNode(v_reset=False), errors.DTypeError, r"IFNode: expected v_reset to be a number"),
        (lambda: snn.surrogate.fast_sigmoid(slope=25), errors.ArgumentError, r"slope= is called alpha= here"),
        (lambda: snn.synapses.Exponential(tau=5.0), errors.ArgumentError, r"Exponential: .*got tau\. Did you mean tau_"),
        (lambda: snn.Recurrent(snn.IFNode(), num=3), errors.ArgumentError, r"Recurrent: expected arguments named node, n,"),
        (lambda: snn.Refractory(snn.IFNode(), step=3), errors.ArgumentError, r"Did you mean steps\?"),
        (lambda: nn.SequentialCell(nn.Dense(3, 2), snn.LIFNode), errors.CellError, r"Pass an object: LIFNode\(\.\.\.\)"),
        (lambda: snn.Recurrent(snn.IFNode(), 3, rng=np.random), errors.DTypeError, r"Recurrent: expected rng"),
        (lambda: snn.Stochastic(snn.IFNode(), rng="x"), errors.DTypeError, r"Stochastic: expected rng"),
        (lambda: snn.PSN(4, rng=np.random), errors.DTypeError, r"PSN: expected rng"),
    ],
)
def test_a_habit_is_answered(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    "use",
    [
        lambda result: snn.losses.count_cross_entropy(result, [0, 1]),
        lambda result: snn.losses.rate_mse(result, [0, 1]),
        lambda result: snn.losses.stepwise_cross_entropy(result, [0, 1]),
        lambda result: snn.metrics.accuracy(result, [0, 1]),
        lambda result: snn.metrics.firing_rate(result),
        lambda result: snn.plot.raster(result),
        lambda result: snn.run(net(), result),
        lambda result: snn.encode.direct(result, 3),
    ],
    ids=["count", "rate", "stepwise", "accuracy", "firing_rate", "raster", "run", "direct"],
)
def test_all_that_a_run_returns_is_not_taken_for_its_output(use):
    with pytest.raises(errors.DTypeError, match=r"got RunResult of .*Take one of its parts, as in out, state, record ="):
        use(snn.run(net(), X))


class NoCharge(snn.Neuron):
    pass


class Nameless(snn.Neuron):
    def charge(self, x, state):
        return state + x, x


@pytest.mark.parametrize("mode", ["eager", "python"])
@pytest.mark.parametrize(
    ("node", "error", "text"),
    [
        (NoCharge, errors.CellError, r"NoCharge: expected a method charge\(self, x, state\)"),
        (Nameless, errors.StateError, r"Nameless\.charge: expected the membrane, or a State with v, got tuple of "),
        (
            lambda: snn.IFNode(surrogate_function=lambda u: None),
            errors.DTypeError,
            r"IFNode, surrogate_function: expected numbers",
        ),
    ],
)
def test_a_neuron_of_ones_own_says_what_is_missing(node, error, text, mode):
    with pytest.raises(error, match=text):
        snn.run(node(), X, mode=mode)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("step_mode", r"got step_mode\. Leave it out: snn\.run\(net, x\) takes"),
        ("learn_beta", r"beta=autograd\.Parameter"),
        ("learn_threshold", r"v_threshold=autograd\.Parameter\(np\.float32\(1\.0\)\)"),
        ("init_hidden", r"snn\.run passes the state from step to step"),
        ("threshold", r"Did you mean v_threshold\?"),
    ],
)
def test_arguments_of_neurons_in_other_packages_are_answered(name, text):
    with pytest.raises(errors.ArgumentError, match=text):
        snn.LIFNode(beta=0.9, **{name: 1})
    with pytest.raises(errors.ArgumentError, match=r"Leave step_mode out: snn\.run always runs all time steps\."):
        snn.LIFNode.dialect("spikingjelly", step_mode="m")


@pytest.mark.parametrize(
    ("module", "name", "text"),
    [
        (snn, "PoissonGroup", r"rate \* dt / 1000"),
        (snn, "ce_count_loss", r"snn\.losses\.count_cross_entropy"),
        (snn, "functional", r"snn\.losses, .*nothing to reset"),
        (snn.data, "integrate_events_by_fixed_frames_number", r"FixedFrames\(T\).*EventFrames\(number\)"),
    ],
)
def test_names_of_other_packages_are_answered(module, name, text):
    with pytest.raises(errors.UnknownNameError, match=text):
        getattr(module, name)
