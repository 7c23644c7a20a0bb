"""A net that changes between runs, in any way that its code can see, runs as a new net would."""

import types

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, nn, ops, value_and_grad

FEATURES, SCALE = 4, 1.0
x = np.random.default_rng(0).random((6, 2, 4)).astype(np.float32) * 2
images = np.random.default_rng(1).random((6, 2, 2, 3, 3)).astype(np.float32) * 2
weights = np.random.default_rng(5).normal(size=(4, 4))


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    monkeypatch.setitem(globals(), "FEATURES", 4)
    monkeypatch.setitem(globals(), "SCALE", 1.0)


def both(net, given):
    """Return the output and all gradients of an eager and of a traced run."""
    found = []
    for mode in ("eager", "python"):
        outs = []

        def loss(given, mode=mode, outs=outs):
            outs.append(snn.run(net, given, mode=mode).out)
            return (outs[-1] * np.float32(1.5)).sum()

        position = 0 if given.dtype.kind == "f" else None
        _, gradients = value_and_grad(loss, position, net.trainable_params())(Tensor(given))
        found.append([outs[0], *(gradients[:1] if position == 0 else ()), *(gradients[1] if position == 0 else gradients)])
    return [[np.asarray(value) for value in values] for values in found]


def check(net, change, given=x):
    """Compare the modes before and after a change; it must make a difference."""
    before, traced = both(net, given)
    compare(before, traced)
    change(net)
    after, traced = both(net, given)
    compare(after, traced)
    assert before[0].shape != after[0].shape or before[0].dtype != after[0].dtype or (before[0] != after[0]).any()


def compare(expected, found):
    for one, other in zip(expected, found, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)


class Half(Cell):
    def construct(self, w):
        return w * 0.25


def lif(**options):
    return snn.LIFNode(beta=0.5, surrogate_function=snn.surrogate.atan(), **options)


def recurrent():
    return snn.Recurrent(lif(), 4, weight_init=weights)


def through():
    return snn.RecurrentThrough(lif(), nn.Dense(4, 4, weight_init=weights))


def convolved():
    return snn.RecurrentThrough(lif(), nn.Conv2d(2, 2, 3, rng=1))


def with_new_weight(layer):
    weight = layer.weight.asnumpy()
    del layer.weight
    layer.weight = Parameter(-weight)


CHANGES = {
    "lateral": (recurrent, lambda layer: setattr(layer, "lateral", "others")),
    "weight_transform": (recurrent, lambda layer: setattr(layer, "weight_transform", Half())),
    "another weight": (recurrent, with_new_weight),
    "another neuron": (recurrent, lambda layer: setattr(layer, "node", lif(v_threshold=0.5))),
    "an attribute of the neuron": (recurrent, lambda layer: setattr(layer.node, "v_threshold", 0.5)),
    "a method of the object": (recurrent, lambda layer: object.__setattr__(layer, "received", lambda spikes: spikes * 0.0)),
    "values of the weight": (recurrent, lambda layer: layer.weight.set_data(-layer.weight.asnumpy())),
    "quantised": (recurrent, lambda layer: snn.quantise(layer, "binary")),
    "another dense layer": (through, lambda layer: setattr(layer, "back", nn.Dense(4, 4, weight_init=-weights))),
    "another weight of the dense layer": (through, lambda layer: with_new_weight(layer.back)),
    "another neuron before it": (through, lambda layer: setattr(layer, "node", lif(v_threshold=0.5))),
    "another convolution": (convolved, lambda layer: setattr(layer, "back", nn.Conv2d(2, 2, 3, rng=7))),
    "another weight of the convolution": (convolved, lambda layer: with_new_weight(layer.back)),
    "a transform of its weight": (convolved, lambda layer: setattr(layer.back, "weight_transform", Half())),
    "its dilation": (convolved, lambda layer: setattr(layer.back, "dilation", 2)),
}


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a chain"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_recurrent_layer_that_changes(change, alone):
    make, apply = CHANGES[change]
    layer = make()
    net = layer if alone else nn.SequentialCell(layer)
    check(net, lambda _: apply(layer), images if make is convolved else x)


class Crop(Cell):
    def __init__(self, k=4):
        super().__init__()
        self.k, self.held, self.options = k, [k], types.SimpleNamespace(k=k)


class ByGlobal(Crop):
    def construct(self, x):
        return x[..., :FEATURES]


class ByList(Crop):
    def construct(self, x):
        return x[..., : self.held[0]]


class ByObject(Crop):
    def construct(self, x):
        return x[..., : self.options.k]


class ByAttribute(Crop):
    def construct(self, x):
        return x[..., : self.k]


CROPS = {
    ByGlobal: lambda layer: globals().__setitem__("FEATURES", 1), ByList: lambda layer: layer.held.__setitem__(0, 1),
    ByObject: lambda layer: setattr(layer.options, "k", 1), ByAttribute: lambda layer: setattr(layer, "k", 1),
}  # fmt: skip


@pytest.mark.parametrize("kind", CROPS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("behind", [0, 1])
def test_a_layer_whose_output_gets_another_shape(kind, behind):
    layer = kind()
    check(nn.SequentialCell(*[nn.Dense(4, 4, rng=0)] * behind, layer, snn.IFNode()), lambda _: CROPS[kind](layer))


class Wired(Cell):
    """Neurons behind a layer that crops."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.node = layer, snn.IFNode()

    def initial_state(self, x):
        return self.node.initial_state(self.layer(x))

    def construct(self, x, v):
        return self.node(self.layer(x), v)


@pytest.mark.parametrize("kind", CROPS, ids=lambda kind: kind.__name__)
def test_such_a_layer_in_a_net_with_wiring(kind):
    layer = kind()
    check(Wired(layer), lambda _: CROPS[kind](layer))


class Cast(Cell):
    def __init__(self):
        super().__init__()
        self.held = [np.float32]

    def construct(self, x):
        return x.astype(self.held[0])


def test_a_layer_whose_output_gets_another_dtype():
    layer = Cast()
    check(nn.SequentialCell(layer, snn.IFNode()), lambda _: layer.held.__setitem__(0, np.float64))


class Making(Cell):
    """Makes layers without state in each step; two of them may get the same address in memory."""

    def __init__(self):
        super().__init__()
        self.node = snn.IFNode()

    def initial_state(self, x):
        return self.node.initial_state(x[..., :1])

    def construct(self, x, v):
        first = ByAttribute(1)(x)
        second = ByAttribute(3)(x).sum(-1, keepdims=True)
        return self.node(first + second, v)


def test_layers_made_in_construct_are_not_taken_for_each_other():
    for _ in range(50):
        compare(*both(Making(), x))


class Scaled(nn.SequentialCell):
    """Adds its input, times a number, to the output of its layers."""

    def __init__(self, kind, *layers):
        super().__init__(*layers)
        self.kind, self.scale, self.held = kind, 1.0, {"scale": 1.0}

    def through(self, x, run, call=lambda function, *values: function(*values)):
        out = x
        for name, layer in self.named():
            out = run(name, layer, out)
        scale = {"attribute": self.scale, "dict": self.held["scale"], "global": SCALE}[self.kind]
        return call(lambda a, b: a + b * scale, out, x)


SCALES = {
    "attribute": lambda chain: setattr(chain, "scale", 0.25), "dict": lambda chain: chain.held.__setitem__("scale", 0.25),
    "global": lambda chain: globals().__setitem__("SCALE", 0.25),
}  # fmt: skip


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("kind", SCALES)
def test_a_chain_with_a_way_of_its_own_through_its_layers(kind, nested):
    chain = Scaled(kind, nn.Dense(4, 4, rng=0), lif())
    check(nn.SequentialCell(chain) if nested else chain, lambda _: SCALES[kind](chain))


class Noisy(Cell):
    """A product with a matrix, with noise from some time on."""

    def __init__(self):
        super().__init__()
        self.weight, self.held, self.rng = Parameter(np.eye(4, dtype=np.float32)), [0.0], np.random.default_rng(0)

    def construct(self, x):
        weight = self.weight
        if self.held[0]:
            weight = weight + Tensor((self.held[0] * self.rng.normal(size=(4, 4))).astype(np.float32))
        return ops.matmul(x, ops.transpose(weight))


def test_a_layer_that_stops_being_a_matrix():
    layer = Noisy()
    net = nn.SequentialCell(layer, snn.LIFNode(beta=0.9, fire=False))
    compare(*both(net, x))
    layer.held[0] = 0.5
    found = []
    for mode in ("eager", "python"):
        layer.rng = np.random.default_rng(1)
        found.append(np.asarray(snn.run(net, x, mode=mode).out))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4)


class Constants(Cell):
    """Arrays and Tensors in the wiring, before a neuron, after it and in its state."""

    def __init__(self, place):
        super().__init__()
        self.place, self.layer, self.node = place, nn.Dense(4, 4, rng=0), lif()
        self.array, self.mask = np.ones(4, np.float32), np.ones(4, bool)
        self.tensor, self.table = Tensor(np.ones(4, np.float32)), [np.ones(4, np.float32)]
        self.layer.weight.set_data(self.layer.weight * 4)

    def initial_state(self, x):
        return self.node.initial_state(x)

    def construct(self, x, state):
        current = self.layer(x)
        if self.place == "before":
            current = current * self.array
        elif self.place == "mask":
            current = ops.where(self.mask, current, 0.0)
        elif self.place == "tensor":
            current = current + self.tensor
        elif self.place == "table":
            current = current * self.table[0] * 2.0
        out, state = self.node(current, state)
        return (out * self.array, state) if self.place == "after" else (out, state * self.array)


CONSTANTS = {
    "before": lambda net: net.array.__setitem__(slice(None), 3), "after": lambda net: net.array.__setitem__(1, 3),
    "state": lambda net: net.array.__setitem__(slice(None), 0.25), "mask": lambda net: net.mask.__setitem__(1, False),
    "tensor": lambda net: net.tensor.asnumpy().fill(3), "table": lambda net: net.table[0].fill(0.25),
}  # fmt: skip


@pytest.mark.parametrize("runs", [1, 4])
@pytest.mark.parametrize("place", CONSTANTS)
def test_constants_of_the_wiring_that_change_in_place(place, runs):
    net = Constants(place)
    for _ in range(runs):
        snn.run(net, x, mode="python")
    check(net, CONSTANTS[place])


def test_a_constant_that_changes_before_each_run_leaves_few_plans():
    net = Constants("before")
    for k in range(40):
        net.array[:] = k / 10
        snn.run(net, x, mode="python")
    assert 1 < len(net.node.kept()["plans"]) <= 32


def test_a_start_state_that_is_patched_counts(monkeypatch):
    net = nn.SequentialCell(nn.Dense(4, 4, rng=0), lif())

    def half(self, x):
        return ops.full(x.shape, 0.5, x.dtype)

    for _ in range(3):
        compare(*both(net, x))
    monkeypatch.setattr(snn.Neuron, "initial_state", half)
    compare(*both(net, x))
    assert (np.asarray(snn.run(net, x[:1] * 0, mode="python").state["1"]) > 0).all()
