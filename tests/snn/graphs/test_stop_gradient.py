"""A gradient that stops between layers stops in the compiled mode too."""

import numpy as np
import pytest

import autograd as ms
import snn
from autograd import Parameter, Tensor, nn, ops
from snn.compiled.execute import run_graph
from snn.compiled.layout import Options
from snn.graphs.trace import trace_step
from tests.snn.helpers.wired import Wired

X = Tensor(np.random.default_rng(0).normal(0.3, 0.5, (20, 2, 6)).astype(np.float32))


class Between(Wired):
    """Two layers; a subclass says what is between them."""

    widths = (6, 6)

    def __init__(self):
        super().__init__()
        self.first, self.weights, self.second = snn.LIFNode(beta=0.9), nn.Dense(6, 6, rng=0), snn.LIFNode(beta=0.9)
        self.gain = Parameter(np.full(6, 0.5, np.float32))

    def construct(self, x, state):
        spikes, v = self.first(x, state[0])
        out, w = self.second(self.between(spikes, x), state[1])
        return out, (v, w)


def spikes(self, s, x):
    return self.weights(ops.stop_gradient(s)) + x


def current(self, s, x):
    return ms.stop_gradient(self.weights(s)) + x


def structure(self, s, x):
    stopped = ms.stop_gradient({"s": s, "rest": (x,)})
    return self.weights(stopped["s"]) + stopped["rest"][0]


def parameter(self, s, x):
    return self.weights(s) * ms.stop_gradient(self.gain) + x


def weights(self, s, x):
    return ops.matmul(s, ops.transpose(ms.stop_gradient(self.weights.weight))) + x


def straight_through(self, s, x):
    return self.weights(s * 0.5 + ms.stop_gradient(ops.sign(s) - s * 0.5)) + x


def with_value(self, s, x):
    return self.weights(nn.ForwardValueAndGrad(lambda s: s * s)(s)[0]) + x


def without_recording(self, s, x):
    with ms.no_grad():
        y = self.weights(s)
    return y + x


class Back(Wired):
    """A layer that feeds itself; the gradient stops at the place."""

    widths = (6, 6)

    def __init__(self, place):
        super().__init__()
        self.place, self.weights, self.node = place, nn.Dense(6, 6, rng=0), snn.LIFNode(beta=0.9)

    def construct(self, x, state):
        stop = {self.place: ops.stop_gradient}
        keep = lambda y: y  # noqa: E731
        current = stop.get("current", keep)(self.weights(stop.get("before", keep)(state[1])))
        spikes, v = self.node(x + current, state[0])
        return spikes, (v, stop.get("after", keep)(spikes))


def gradients(net, mode):
    loss = lambda x: (snn.run(net, x, mode=mode).out * np.arange(240).reshape(X.shape).astype(np.float32)).sum()  # noqa: E731
    by_x, by_weights = ms.grad(loss, 0, net.trainable_params(), allow_unused=True)(X)
    return [by_x.asnumpy(), *(g.asnumpy() for g in by_weights)]


def assert_alike(net, other):
    found, expected = gradients(net, "compiled"), gradients(net, "eager")
    assert any(g.any() for g in expected)
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-2)
    passing = gradients(other, "eager")
    assert any(np.abs(a - b).max() > 0.1 for a, b in zip(expected, passing, strict=True))


@pytest.mark.parametrize(
    "between", [spikes, current, structure, parameter, weights, straight_through, with_value, without_recording]
)
def test_between_layers(between):
    net = type("Net", (Between,), {"between": between})()
    plain = {parameter: lambda self, s, x: self.weights(s) * self.gain + x}.get(
        between, lambda self, s, x: self.weights(s) + x
    )
    assert_alike(net, type("Plain", (Between,), {"between": plain})())


@pytest.mark.parametrize("place", ["before", "current", "after"])
def test_in_feedback(place):
    assert_alike(Back(place), Back("nowhere"))


def test_neurons_inside_no_grad():
    class Inside(Back):
        def construct(self, x, state):
            with ms.no_grad():
                spikes, v = self.node(x, state[0])
            return self.weights(spikes) + x, (v, spikes)

    class Plain(Back):
        def construct(self, x, state):
            spikes, v = self.node(x, state[0])
            return self.weights(spikes) + x, (v, spikes)

    assert_alike(Inside(""), Plain(""))


def test_a_run_inside_no_grad_leaves_no_stops_in_the_step():
    net = Back("nowhere")
    with ms.no_grad():
        run_graph(net, X, None, (), None, False, Options())
        assert not any("stop_gradient" in str(node.name) for node in trace_step(net, X[0]).nodes)
    for got, want in zip(gradients(net, "compiled"), gradients(Back("nowhere"), "compiled"), strict=True):
        np.testing.assert_array_equal(got, want)
        assert want.any()


def test_what_is_stopped_is_still_spikes():
    running = []
    net = Back("after")
    run_graph(net, X, None, (), None, False, Options(seen=running.append))
    assert [cable.form.kind for cable in running[0].cables] == ["events"]
