"""A chain is one operation in the autograd graph; its gradients are those of the stages one by one, to the bit."""

import threading

import numpy as np
import pytest

import snn
from autograd import Cell, Parameter, Tensor, grad, nn, ops, tree, value_and_grad, vjp
from snn.compiled import chain
from snn.engine import tuning


@pytest.fixture
def passes(monkeypatch):
    """Return, for each backward pass of a chain, whether it took the short way."""
    found, pull, by_stage = [], chain.Chained.pull, chain.Chained._by_stage

    def counted(self, *arguments):
        found.append(True)
        return pull(self, *arguments)

    def slow(self, *arguments):
        found[-1] = False
        return by_stage(self, *arguments)

    monkeypatch.setattr(chain.Chained, "pull", counted)
    monkeypatch.setattr(chain.Chained, "_by_stage", slow)
    return found


class Graph(Cell):
    """Layers with a skip connection, a layer used twice, and two outputs."""

    def __init__(self):
        super().__init__()
        self.first, self.shared = nn.Dense(4, 5, rng=0), nn.Dense(5, 5, rng=1)
        self.a, self.b, self.c = (snn.LIFNode(beta=beta) for beta in (0.5, 0.75, 0.9))
        for layer in (self.first, self.shared):
            layer.weight.set_data(layer.weight * 4)

    def initial_state(self, x):
        """Start at rest."""
        return tuple(ops.zeros((len(x), 5), x.dtype) for _ in range(3))

    def construct(self, x, state):
        """Run a step."""
        a, v = self.a(self.first(x), state[0])
        b, w = self.b(self.shared(a), state[1])
        c, u = self.c(self.shared(b) + a, state[2])
        return {"last": c, "middle": b}, (v, w, u)


def layers(surrogate=None):
    net = nn.SequentialCell(
        nn.Dense(4, 6, rng=0), snn.LIFNode(beta=0.8, surrogate_function=surrogate or snn.surrogate.atan()),
        nn.Dense(6, 5, rng=1, has_bias=False), snn.PLIFNode(tau=2.0), nn.Dense(5, 3, rng=2), snn.LeakyReadout(beta=0.9),
    )  # fmt: skip
    for layer in net[::2]:
        layer.weight.set_data(layer.weight * 4)
    return net


def numbers(seed=0, dtype=np.float32):
    return Tensor(np.random.default_rng(seed).normal(0.7, 1, (6, 3, 4)).astype(dtype))


def double(net):
    for p in net.get_parameters():
        p.array = p.stored.astype(np.float64)
    return net


NETS = {
    "layers": layers, "compact": lambda: layers(snn.surrogate.triangle()), "graph": Graph,
    "double": lambda: double(layers()),
}  # fmt: skip


def loss(net, x, state=None):
    out, after, _ = snn.run(net, x, state, mode="compiled")
    leaves = [*tree.leaves(out), *tree.leaves(after)]
    return sum(((leaf * leaf + leaf) * (k + 1)).sum() for k, leaf in enumerate(leaves))


def given(name):
    return NETS[name](), numbers(dtype=np.float64 if name == "double" else np.float32)


def equal(found, other):
    found, other = tree.leaves(found), tree.leaves(other)
    assert len(found) == len(other)
    for one, two in zip(found, other, strict=True):
        np.testing.assert_array_equal(one.asnumpy(), two.asnumpy())


def fires(found):
    assert any(np.abs(leaf.asnumpy()).max() > 0 for leaf in tree.leaves(found))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("position", [None, 0])
def test_gradients_of_outputs_and_states(name, position, passes):
    net, x = given(name)
    step = value_and_grad(lambda x: loss(net, x), position, net.trainable_params())
    for seed in range(5):
        x = numbers(seed, x.dtype)
        found = step(x)
        with tuning.using(replayed=0):
            other = step(x)
        fires(found[1])
        equal(found, other)
    assert passes[-1]
    assert False in passes


@pytest.mark.parametrize("name", NETS)
def test_gradients_of_some_weights_and_some_outputs(name, passes):
    net, x = given(name)
    weights = net.trainable_params()
    ways = [(weights[:1], True), (weights[-1:], True), (weights, False), (weights[1:], False)]
    for _ in range(4):
        for some, both in ways:

            def value(x, both=both):
                out, after, _ = snn.run(net, x, mode="compiled")
                return tree.leaves(out if both else after)[0].sum()

            step = grad(value, None, some, allow_unused=True)
            found = step(x)
            with tuning.using(replayed=0):
                equal(found, step(x))
    assert passes[-4:] == [True] * 4


def test_gradients_by_a_start_state(passes):
    net, x = given("graph")
    state = tuple(Tensor(np.full((3, 5), 0.25 * (k + 1), np.float32)) for k in range(3))
    step = grad(lambda state: loss(net, x, state))
    found = [step(state) for _ in range(4)][-1]
    assert passes[-1]
    fires(found)
    with tuning.using(replayed=0):
        equal(found, step(state))


@pytest.mark.parametrize("name", NETS)
def test_a_pullback_can_run_twice_after_the_weights_have_changed(name, passes):
    net, x = given(name)
    weights = net.trainable_params()
    for _ in range(4):
        value, pullback = vjp(lambda x: loss(net, x), x, weights=weights)
        before = [p.asnumpy().copy() for p in weights]
        for p in weights:
            p.set_data(-p)
        found = [pullback(Tensor(np.asarray(seed, value.dtype))) for seed in (1, 1, 2)]
        for p, old in zip(weights, before, strict=True):
            p.set_data(old)
        equal(found[0], found[1])
        equal(tree.map_leaves(lambda leaf: leaf * 2, found[0]), found[2])
    assert passes[-1]
    with tuning.using(replayed=0):
        _, pullback = vjp(lambda x: loss(net, x), x, weights=weights)
        equal(found[0], pullback(Tensor(np.asarray(1, value.dtype))))


@pytest.mark.parametrize("name", ["layers", "graph"])
def test_second_derivatives(name, passes):
    net, x = given(name)
    for _ in range(4):
        loss(net, x)

    def slope(x):
        return (grad(lambda x: loss(net, x))(x) * numbers(7)).sum()

    found = grad(slope)(x)
    fires(found)
    with tuning.using(replayed=0):
        other = grad(slope)(x)
    np.testing.assert_allclose(found.asnumpy(), other.asnumpy(), rtol=1e-4, atol=1e-4)
    assert not passes[-1]


def spiking():
    net = nn.SequentialCell(nn.Dense(4, 6, rng=0), snn.LIFNode(beta=0.8, surrogate_function=snn.surrogate.triangle()))
    net[0].weight.set_data(net[0].weight * 4)
    return net


@pytest.mark.parametrize(("first", "between", "outputs"), [(layers, 3, 4), (spiking, 6, 3)])
def test_a_net_behind_another(first, between, outputs, passes):
    """The gradient of spikes that another net reads may be kept as a product, or sampled."""
    one, x = first(), numbers()
    two = nn.SequentialCell(nn.Dense(between, outputs, rng=5), snn.LIFNode(beta=0.5))
    two[0].weight.set_data(two[0].weight * 4)

    def value(x):
        out = snn.run(one, x, mode="compiled").out
        return (snn.run(two, out, mode="compiled").out * np.arange(outputs, dtype=np.float32)).sum()

    step = grad(value, 0, [*one.trainable_params(), *two.trainable_params()])
    found = [step(x) for _ in range(5)][-1]
    fires(found)
    with tuning.using(replayed=0):
        equal(found, step(x))


def test_other_thresholds_between_forward_and_backward(passes):
    net, x = given("layers")
    weights = net.trainable_params()
    step = grad(lambda x: loss(net, x), 0, weights)
    found = [step(x) for _ in range(4)][-1]
    assert passes[-1]
    value, pullback = vjp(lambda x: loss(net, x), x, weights=weights)
    with tuning.using(few_outputs=0):
        other = pullback(Tensor(np.ones((), value.dtype)))
    assert not passes[-1]
    for one, two in zip(tree.leaves(found), tree.leaves(other), strict=True):
        np.testing.assert_allclose(one.asnumpy(), two.asnumpy(), rtol=1e-5, atol=1e-5)


class Shared(Cell):
    """Four layers that are scaled by one Parameter; the output may appear twice."""

    def __init__(self, twice):
        super().__init__()
        self.twice, self.gain = twice, Parameter(np.float32(1.3))
        self.layers = nn.CellList([nn.Dense(4, 4, rng=k) for k in range(4)])
        self.nodes = nn.CellList([snn.LIFNode(beta=0.5) for _ in range(4)])
        for layer in self.layers:
            layer.weight.set_data(layer.weight * 3)

    def initial_state(self, x):
        """Start at rest."""
        return tuple(ops.zeros((len(x), 4), x.dtype) for _ in range(4))

    def construct(self, x, state):
        """Run a step."""
        new = []
        for layer, node, before in zip(self.layers, self.nodes, state, strict=True):
            x, after = node(layer(x) * self.gain, before)
            new.append(after)
        return (x, x) if self.twice else x, tuple(new)


@pytest.mark.parametrize("twice", [False, True])
def test_the_first_pass_and_later_ones_have_the_same_bits(twice, passes):
    net = Shared(twice)

    def value(x):
        outs = tree.leaves(snn.run(net, x, mode="compiled").out)
        return sum((out * out * (k + 1.3)).sum() + (out * 0.7).sum() for k, out in enumerate(outs))

    step = value_and_grad(value, None, net.trainable_params())
    for seed in range(20):
        x = numbers(seed)
        for _ in range(1 if seed else 4):
            step(x)
        for kept in net.kept()["chains"].values():
            kept.backs.clear()
        first, later = step(x), step(x)
        assert passes[-2:] == [False, True]
        with tuning.using(replayed=0):
            full = step(x)
        fires(first[1])
        equal(first, later)
        equal(first, full)
    if twice:
        one, other = snn.run(net, x, mode="compiled").out
        assert one is other


def test_threads_may_share_a_pullback(passes):
    net, x = given("layers")
    weights = net.trainable_params()
    for _ in range(3):
        value, pullback = vjp(lambda x: loss(net, x), x, weights=weights)
    one = Tensor(np.ones((), value.dtype))
    expected, errors = pullback(one), []

    def pull():
        try:
            for _ in range(40):
                for kept in net.kept()["chains"].values():
                    kept.backs.clear()
                equal(pullback(one), expected)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
