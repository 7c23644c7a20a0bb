"""Neurons and options that NIR cannot express are refused by name on export, with what to do."""

from contextlib import nullcontext

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, nn, no_grad, ops
from autograd.errors import ArgumentError, DTypeError, ShapeError

nir = pytest.importorskip("nir", reason="comes with the extra 'nir'")
ours = snn.interop.nir

F = 4


def hard(**options):
    return snn.LIFNode(beta=0.9, v_reset=0.0, **options)


class OwnCharge(snn.LIFNode):
    def charge(self, x, v):
        return super().charge(x * x, v)


class Net(Cell):
    """One neuron in a net of one's own; a subclass says what is done beside."""

    def __init__(self):
        super().__init__()
        self.lif = hard()

    def initial_state(self, x):
        return {"v": ops.zeros(x.shape, x.dtype), "z": ops.zeros(x.shape, x.dtype)}

    def before(self, x, state):
        return x

    def construct(self, x, state):
        z, v = self.lif(self.before(x, state), self.held(state["v"]))
        return z, {"v": v, "z": z}

    def held(self, v):
        return v


class Constant(Net):
    def before(self, x, state):
        return x + 1.0


class Product(Net):
    def before(self, x, state):
        return x * state["z"]


class Exponential(Net):
    def before(self, x, state):
        return ops.exp(x)


class Leaking(Net):
    def held(self, v):
        return 0.5 * v


class Started(Net):
    def initial_state(self, x):
        return {"v": ops.ones(x.shape, x.dtype), "z": ops.zeros(x.shape, x.dtype)}


class Echo(Net):
    def initial_state(self, x):
        return {"v": ops.zeros(x.shape, x.dtype), "z": ops.ones(x.shape, x.dtype)}

    def before(self, x, state):
        return x + state["z"]


class Backwards(Cell):
    """Two neurons, each of which gets what the other sent a step ago: by default one way would be within the step."""

    def __init__(self):
        super().__init__()
        self.a, self.b = hard(), hard()

    def initial_state(self, x):
        zeros = ops.zeros(x.shape, x.dtype)
        return {"a": zeros, "b": zeros, "za": zeros, "zb": zeros}

    def construct(self, x, state):
        za, a = self.a(x + state["zb"], state["a"])
        zb, b = self.b(x + state["za"], state["b"])
        return za + zb, {"a": a, "b": b, "za": za, "zb": zb}


def masked():
    layer = nn.Dense(F, F, rng=0)
    layer.weight_transform = snn.Quantiser(4)
    return layer


def chain(*layers):
    return lambda: nn.SequentialCell(*[layer() if isinstance(layer, type) else layer for layer in layers])


REFUSED = {
    "adaptation": (chain(snn.ALIFNode(beta=0.9)), r"layer '0' \(ALIFNode\): expected a layer with a node in NIR"),
    "a charge of one's own": (chain(OwnCharge(beta=0.9, v_reset=0.0)), r"\(OwnCharge\)"),
    "another package's": (chain(snn.LIFNode.dialect("snntorch", beta=0.9)), r"\(LateResetLIFNode\)"),
    "synapse": (chain(snn.synapses.Alpha(tau_syn=3.0)), r"\(Alpha\)"),
    "synapse a step late": (chain(snn.synapses.Exponential(alpha=0.5, current_first=False)), r"snn\.Delay\(1\) after"),
    "firing": (chain(snn.IFNode(firing=snn.MultiSpike())), "one spike at the threshold"),
    "no leak": (chain(snn.LIFNode(beta=1.0, v_reset=0.0)), r"beta below 1.*snn\.IFNode"),
    "transform": (lambda: nn.SequentialCell(masked()), "weight_transform = None"),
    "activation": (chain(nn.Dense(F, F, activation="relu", rng=0)), "a layer without activation"),
    "rectifier": (chain(nn.ReLU()), r"\(ReLU\)"),
    "dropout": (chain(nn.Dropout(0.5, rng=0)), "does nothing outside of training"),
    "axes": (chain(nn.Flatten(0)), "keeps the batch axis"),
    "block": (lambda: nn.SequentialCell(snn.Recurrent(snn.ALIFNode(beta=0.9), F, rng=0)), "ALIFNode"),
    "constant": (Constant, "operation 'add'"),
    "product": (Product, "operation 'mul'"),
    "exponential": (Exponential, r"got ops\.exp"),
    "state": (Leaking, "continues from its own state"),
    "start": (Started, "begins with its own initial state"),
    "echo": (Echo, "feedback that starts at 0"),
    "feedback": (Backwards, r"the net: expected feedback that is one step late.*beyond=\['feedback'\]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nir_cannot_say_is_refused_by_name(name):
    make, match = REFUSED[name]
    with pytest.raises(ArgumentError, match=match):
        ours.to_nir(make(), (F,), dt=1e-3)


IMAGES = {
    "max": (nn.MaxPool2d(2, 2), r"nn\.SumPool2d"),
    "uneven": (nn.Conv2d(2, 2, 3, 2, rng=0), r"\[\(0, 1\), \(0, 1\)\] of pad_mode='same'"),
    "sides": (nn.Conv2d(2, 2, 3, 1, "pad", (0, 1, 0, 0), rng=0), "as much padding before"),
    "ceil": (nn.AvgPool2d(2, 2, ceil_mode=True), "ceil_mode"),
    "divisor": (nn.AvgPool2d(2, 2, divisor_override=3), "divisor_override"),
    "count": (nn.AvgPool2d(2, 2, "pad", 1, count_include_pad=False), "count_include_pad=False"),
    "norm": (nn.BatchNorm2d(2), "Fold it"),
    "dense": (nn.Dense(6, 3, rng=0), r"nn\.Flatten\(\) before it"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_layers_of_images_that_nir_cannot_say_are_refused(name):
    layer, match = IMAGES[name]
    with pytest.raises(ArgumentError, match=match):
        ours.to_nir(nn.SequentialCell(layer), (2, 6, 6), dt=1e-3)


@pytest.mark.parametrize(
    ("node", "word"),
    [
        (snn.LIFNode(beta=0.9), "reset"),
        (snn.LIFNode(beta=0.9, v_reset="never"), "reset"),
        (hard(fire_at_threshold=True), "comparator"),
        (hard(surrogate_function=lambda u: (u > 0).astype(u.dtype)), "surrogate"),
        (snn.IFNode(v_reset=-0.5), "start"),
        (snn.CurrentLIFNode(v_reset=0.0, current_first=False), "order"),
    ],
)
def test_what_would_be_another_neuron_to_others_must_be_allowed(node, word):
    net = nn.SequentialCell(node)
    with pytest.raises(ArgumentError, match=rf"layer '0' \({type(node).__name__}\).*beyond=\['{word}'\]"):
        ours.to_nir(net, (F,), dt=1e-3)
    graph = ours.to_nir(net, (F,), dt=1e-3, beyond=[word])
    x = np.random.default_rng(0).normal(0.5, 1, (30, 2, F)).astype(np.float32)
    out = snn.run(net, x, mode="eager").out.asnumpy()
    np.testing.assert_array_equal(snn.run(ours.from_nir(graph), x, mode="eager").out.asnumpy(), out)
    assert 0 < out.mean() < 1


def test_feedback_elsewhere_comes_back_as_ours():
    net = Backwards()
    found = ours.from_nir(ours.to_nir(net, (F,), dt=1e-3, beyond=["feedback"]))
    x = np.random.default_rng(0).normal(0.2, 0.6, (30, 2, F)).astype(np.float32)
    out = snn.run(net, x, mode="eager").out.asnumpy()
    np.testing.assert_array_equal(snn.run(found, x, mode="eager").out.asnumpy(), out)
    assert 0 < out.mean() < 1


def test_a_surrogate_of_ones_own_is_put_in_again():
    net = nn.SequentialCell(hard(surrogate_function=lambda u: (u > 0).astype(u.dtype)))
    graph = ours.to_nir(net, (F,), dt=1e-3, beyond=["surrogate"])
    assert repr(ours.from_nir(graph, surrogate_function=snn.surrogate.atan(3.0))[0].surrogate_function) == "atan(alpha=3)"


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"beyond": "reset"}, ArgumentError, "beyond as a list"),
        ({"beyond": ["resets"]}, ArgumentError, "beyond as a list"),
        ({"dt": 0.0}, ArgumentError, "a number above 0"),
        ({"net": "net"}, DTypeError, "a Cell as the net"),
        ({"x": np.ones((3, 2))}, ShapeError, r"\[T, N, features\]"),
        ({"x": ()}, ShapeError, r"such as x|For example x"),
    ],
)
def test_arguments_are_checked(arguments, error, match):
    given = {"net": nn.SequentialCell(hard()), "x": (F,), "dt": 1e-3} | arguments
    with pytest.raises(error, match=match):
        ours.to_nir(given.pop("net"), given.pop("x"), **given)


class Stopped(Cell):
    """Gradients stop at a value, at a weight, or nowhere."""

    def __init__(self, value=False, weight=False):
        super().__init__()
        self.dense, self.lif, self.value, self.weight = nn.Dense(F, F, has_bias=False, rng=0), hard(), value, weight
        self.factor = Parameter(np.full((F, F), 0.25, np.float32))

    def initial_state(self, x):
        return self.lif.initial_state(x)

    def construct(self, x, state):
        factor = ops.stop_gradient(self.factor) if self.weight else self.factor
        with no_grad() if self.value == "no_grad" else nullcontext():
            h = self.dense(x)
        return self.lif((ops.stop_gradient(h) if self.value is True else h) @ factor, state)


@pytest.mark.parametrize("value", [True, "no_grad"])
def test_where_gradients_stop_is_not_left_out_silently(value):
    net = Stopped(value=value)
    with pytest.raises(
        ArgumentError, match=r"passes its gradient on.*got stop_gradient.*beyond=\['stop_gradient'\]: then the gr"
    ):
        ours.to_nir(net, (F,), dt=1e-3)
    graph = ours.to_nir(net, (F,), dt=1e-3, beyond=["stop_gradient"])
    x = np.random.default_rng(0).normal(0.5, 2, (9, 2, F)).astype(np.float32)
    np.testing.assert_array_equal(snn.run(ours.from_nir(graph), x, mode="eager").out, snn.run(net, x, mode="eager").out)


@pytest.mark.parametrize("weight", [True, False])
def test_a_weight_whose_gradient_stops_comes_back_untrained(weight):
    found = ours.from_nir(ours.to_nir(Stopped(weight=weight), (F,), dt=1e-3))
    trained = [p.requires_grad for p in found.get_parameters() if np.all(np.asarray(p) == np.float32(0.25))]
    assert trained == [not weight]
