"""A small stage replays its first run to the same bits, and runs in full if more than values differ."""

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, grad, nn, optim, tree, value_and_grad
from autograd.errors import ShapeError
from snn.compiled import replay
from snn.engine import tuning

CONSTANT = np.random.default_rng(5).random((7, 6)).astype(np.float32)


@pytest.fixture
def replays(monkeypatch):
    """Return what each call of a replay gave: whether it ran."""
    found, run = [], replay.Replay.run

    def counted(self, *arguments):
        made = run(self, *arguments)
        found.append(made is not None)
        return made

    monkeypatch.setattr(replay.Replay, "run", counted)
    return found


def chain(*neurons, dtype=np.float32, bias=True):
    """Return a chain 6-8-4, strong enough that neurons fire."""
    layers = [nn.Dense(6, 8, rng=0, dtype=dtype, has_bias=bias), neurons[0], nn.Dense(8, 4, rng=1, dtype=dtype), neurons[1]]
    for layer in layers[::2]:
        layer.weight.set_data(layer.weight * 3)
    return nn.SequentialCell(*layers)


NETS = {
    "LIF": lambda: chain(snn.LIFNode(beta=0.8), snn.LIFNode(beta=0.8)),
    "IF, amplitude": lambda: chain(snn.IFNode(v_threshold=0.5), snn.IFNode(v_threshold=0.5)),
    "no bias": lambda: chain(snn.LIFNode(beta=0.8), snn.LIFNode(beta=0.8), bias=False),
    "float64": lambda: chain(snn.LIFNode(beta=0.8), snn.LIFNode(beta=0.8), dtype=np.float64),
    "learnable": lambda: chain(snn.PLIFNode(v_threshold=0.3), snn.PLIFNode(v_threshold=0.3)),
    "readout": lambda: chain(snn.LIFNode(beta=0.8), snn.LeakyReadout(beta=0.9)),
    "neuron alone": lambda: snn.LIFNode(beta=0.8),
    "two neurons": lambda: nn.SequentialCell(snn.LIFNode(beta=0.8), snn.IFNode()),
    "skip": lambda: Skip(),
}


class Skip(nn.SequentialCell):
    """Two layers, whose spikes are added."""

    def __init__(self):
        super().__init__(nn.Dense(6, 6, rng=0), snn.LIFNode(beta=0.7), nn.Dense(6, 6, rng=1), snn.LIFNode(beta=0.7))
        for layer in (self[0], self[2]):
            layer.weight.set_data(layer.weight * 6)

    def construct(self, x, state):
        """Run a step."""
        first, a = self[1](self[0](x), state[0])
        second, b = self[3](self[2](first), state[1])
        return first + second, [a, b]

    def initial_state(self, x):
        """Start at rest."""
        return [self[1].initial_state(self[0](x)), self[3].initial_state(self[2](x))]


def spikes(seed, dtype=np.float32):
    return Tensor((np.random.default_rng(seed).random((5, 7, 6)) < 0.5).astype(dtype))


def numbers(seed, dtype=np.float32):
    return Tensor(np.random.default_rng(seed).normal(0.6, 1, (5, 7, 6)).astype(dtype))


def constant(seed, dtype=np.float32):
    return Tensor(np.broadcast_to((CONSTANT * (1 + 0.1 * seed)).astype(dtype), (5, 7, 6)))


def train(make, inputs, replayed, given_state=False, mode="compiled"):
    """Return what four steps of training give: losses, outs, states, gradients."""
    net = make()
    dtype = np.float64 if any(p.dtype == np.float64 for p in net.get_parameters()) else np.float32
    weights = net.trainable_params()
    optimizer = optim.SGD(weights, 0.05) if weights else None
    found, state = [], None

    def loss(x, before):
        out, after, _ = snn.run(net, x, state=before, mode=mode)
        leaves = tree.leaves(after)
        total = (out * np.arange(1, 1 + out.shape[-1], dtype=dtype)).sum()
        return total + sum((leaf * leaf).sum() for leaf in leaves) * 0.1, out, after

    with tuning.using(replayed=replayed):
        for seed in range(3):
            x = inputs(seed, dtype)
            run = value_and_grad(loss, 0, weights or None, has_aux=True)
            (value, out, after), gradients = run(x, state)
            by_x, by_weights = gradients if weights else (gradients, ())
            if optimizer:
                optimizer(by_weights)
            state = _detached(after) if given_state else None
            leaves = tree.leaves(after)
            found.append([t.asnumpy().copy() for t in (value, out, by_x, *by_weights, *leaves)])
    return found


def _detached(state):

    return tree.map_leaves(lambda leaf: Tensor(leaf.asnumpy().copy()), state)


@pytest.mark.parametrize(
    ("inputs", "given_state"), [(spikes, False), (numbers, True), (constant, False)], ids=["spikes", "carried", "constant"]
)
@pytest.mark.parametrize("name", NETS)
def test_training_gives_the_same_bits(name, inputs, given_state, replays):
    long = train(NETS[name], inputs, 0, given_state)
    assert not any(replays)
    again = train(NETS[name], inputs, 1 << 20, given_state)
    assert any(replays)
    eager = train(NETS[name], inputs, 0, given_state, mode="eager")
    assert long[0][1].any(), "nothing fires"
    assert len(long[0]) == 3 or any(np.abs(gradient).max() > 0 for gradient in long[-1][3:])
    for one, other, slow in zip(long, again, eager, strict=True):
        for a, b, c in zip(one, other, slow, strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_allclose(a, c, rtol=2e-3, atol=2e-4)


def outs(net, x, **options):
    return snn.run(net, x, mode="compiled", **options)[0].asnumpy().copy()


def long_way(net, x, **options):
    with tuning.using(replayed=0):
        return outs(net, x, **options)


CHANGES = {
    "attribute": lambda net: setattr(net[1], "beta", 0.2),
    "threshold": lambda net: setattr(net[3], "v_threshold", 0.3),
    "weight's values": lambda net: net[0].weight.set_data(net[0].weight * 0.5),
    "another weight": lambda net: setattr(net[2], "weight", Parameter(np.ones((4, 8), np.float32))),
    "another layer": lambda net: net.__setitem__(2, nn.Dense(8, 4, rng=9)),
    "no bias": lambda net: setattr(net[0], "bias", None),
    "activation": lambda net: setattr(net[0], "activation", nn.ReLU()),
    "hook": lambda net: net[0].register_forward_hook(lambda cell, inputs, out: out * 2),
    "construct": lambda net: setattr(net[0], "construct", lambda x: x[..., :1] * np.ones(8, np.float32)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_between_runs_counts(name, replays):
    net, x = NETS["LIF"](), spikes(0)
    first = [outs(net, x) for _ in range(3)][-1]
    assert replays[-1]
    CHANGES[name](net)
    found = [outs(net, x) for _ in range(3)]
    expected = long_way(net, x)
    np.testing.assert_array_equal(found, [expected] * 3)
    assert (expected != first).any()


def test_other_shapes_and_dtypes_go_their_own_way(replays):
    net = NETS["LIF"]()
    for x in (
        spikes(0),
        spikes(1),
        Tensor(spikes(2).asnumpy()[:3]),
        Tensor(spikes(3).asnumpy()[:, :2]),
        constant(1),
        numbers(4),
    ):
        for _ in range(2):
            np.testing.assert_array_equal(outs(net, x), long_way(net, x))
    assert replays.count(True) > 5
    with pytest.raises(ShapeError):
        outs(net, Tensor(np.ones((5, 7, 9), np.float32)))


def test_a_mask_a_record_and_a_check_go_the_long_way(replays):
    net, x = NETS["LIF"](), spikes(0)
    outs(net, x), outs(net, x)
    count = len(replays)
    mask = np.arange(5)[:, None] < np.arange(7)
    for options in ({"mask": mask}, {"record": ["v"]}, {"check": True}, {"checkpoint": 2}):
        np.testing.assert_array_equal(outs(net, x, **options), long_way(net, x, **options))
        record = snn.run(net, x, mode="compiled", **options).record
        assert ("1.v" in record) == ("record" in options)
    assert not any(replays[count:])


def test_weights_may_change_before_the_way_back(replays):
    found = []
    for replayed in (0, 1 << 20):
        with tuning.using(replayed=replayed):
            net, x = NETS["LIF"](), numbers(0)
            outs(net, x)
            for _ in range(2):  # the first way back is the long one
                values = [p.asnumpy().copy() for p in net.get_parameters()]

                def changed(x, net=net):
                    out = snn.run(net, x, mode="compiled")[0]
                    for p in net.get_parameters():
                        p.set_data(p * 0)
                    return (out * out).sum()

                gradients = grad(changed, 0, net.trainable_params())(x)
                for p, value in zip(net.get_parameters(), values, strict=True):
                    p.set_data(value)
            found.append([gradients[0].asnumpy(), *[g.asnumpy() for g in gradients[1]]])
    assert any(replays)
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(found[0][0]).max() > 0


def test_second_order_through_a_replay(replays):
    net, x = NETS["two neurons"](), numbers(0, np.float64)

    def penalty(x):
        return (grad(lambda x: (snn.run(net, x, mode="compiled")[0] * x).sum())(x) ** 2).sum()

    def eager(x):
        return (grad(lambda x: (snn.run(net, x, mode="eager")[0] * x).sum())(x) ** 2).sum()

    found = [grad(penalty)(x).asnumpy() for _ in range(3)]
    assert any(replays)
    expected = grad(eager)(x).asnumpy()
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, [expected] * 3, rtol=1e-6)


def test_a_product_asked_for_by_name_goes_the_long_way(replays, monkeypatch):
    net, x = NETS["LIF"](), spikes(0)
    outs(net, x), outs(net, x)
    assert replays[-1]
    monkeypatch.setenv("SPIKECELL_PRODUCT", "blas")
    count = len(replays)
    outs(net, x)
    assert not any(replays[count:])
