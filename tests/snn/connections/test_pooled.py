"""A convolution and the max-pooling after it are one connection: the same values, without all currents in memory."""

import io

import numpy as np
import pytest

import snn
from autograd import Tensor, grad, nn
from autograd.errors import NonFiniteError
from autograd.windows import Windows
from snn import surrogate
from snn.compiled.execute import schedule_for
from snn.connections import Joined
from snn.engine.backends import back_end
from snn.engine.windows import Pools
from tests.snn.helpers.compare import assert_as_eager
from tests.snn.helpers.wired import Wired

POOLS = {
    "side by side": nn.MaxPool2d(2, 2),
    "overlapping": nn.MaxPool2d(3, 2, "pad", 1),
    "apart": nn.MaxPool2d((2, 1), (3, 2)),
    "spread": nn.MaxPool2d(2, 1, dilation=2),
}
WAYS = {"events": {"convolved_density": 1.0}, "convolution": {"convolved_density": 0.0},
        "scattered": {"convolved_density": 1.0, "scattered_density": 1.0, "scattered_cost": 0.0, "sampled_convolved": 1.1},
        "sampled": {"convolved_density": 1.0, "scattered_cost": 100.0, "sampled_convolved": 1.1}}  # fmt: skip


def whole(layer, seed=0):
    """Give a layer weights in quarters, whose sums are exact in any order."""
    rng = np.random.default_rng(seed)
    for p in layer.get_parameters():
        p.set_data((rng.integers(-3, 6, p.shape) / 4).astype(p.dtype))
    return layer


def neuron():
    return snn.LIFNode(beta=0.5, surrogate_function=surrogate.triangle())


def net(pool):
    return nn.SequentialCell(
        whole(nn.Conv2d(2, 5, 3, has_bias=True, rng=0)), pool, neuron(), whole(nn.Conv2d(5, 3, 2, rng=0), 1), pool, neuron()
    )


def spikes(shape=(6, 3, 2, 9, 8), density=0.2):
    return (np.random.default_rng(1).random(shape) < density).astype(np.float32)


def joined(net, x):
    """Return the nodes of a net's schedule that are two layers."""
    stages = schedule_for(net, Tensor(x), None)[0].stages
    return [node for stage in stages for node in stage.dense.values() if isinstance(node.what, Joined)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pool", POOLS)
def test_a_net_agrees_with_the_eager_mode(pool, way, tune):
    tune(**WAYS[way])
    made = net(POOLS[pool])
    found = assert_as_eager(made, spikes(), record=["spike"])
    assert all(r.asnumpy().mean() > 0.01 for r in found[2].values())
    assert len(joined(made, spikes())) == 2


@pytest.mark.parametrize("options", [{"checkpoint": 2}, {"mask": np.arange(18).reshape(6, 3) % 4 > 0}])
def test_checkpoints_and_masks_go_with_it(options):
    assert_as_eager(net(POOLS["side by side"]), spikes(), **options)


def test_plain_python_agrees_too():
    assert_as_eager(nn.SequentialCell(*net(POOLS["overlapping"])[:3]), spikes((3, 1, 2, 5, 4)), "python")


@pytest.mark.parametrize("learns", [False, True])
def test_an_image_that_is_the_same_at_every_step_is_convolved_and_pooled_once(learns, capsys):
    made = nn.SequentialCell(*net(POOLS["side by side"])[:3])
    image = Tensor(np.random.default_rng(0).random((3, 2, 8, 8)).astype(np.float32) * 2)
    snn.explain(made, snn.encode.direct(image, 5))
    assert "currents: once: the input is the same at every step" in capsys.readouterr().out
    weights = None if learns else made.trainable_params()

    def gradients(mode):
        def loss(image):
            out = snn.run(made, snn.encode.direct(image, 5), mode=mode)[0]
            return (out * np.arange(out.size, dtype=np.float32).reshape(out.shape)).sum()

        found = grad(loss, 0 if learns else None, weights)(image)
        return [g.asnumpy() for g in (found if isinstance(found, tuple) else (found,))]

    for got, want in zip(gradients("compiled"), gradients("eager"), strict=True):
        assert np.abs(want).max() > 1
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("layers", [2, 3])
def test_second_order_goes_through_convolutions(layers):
    made = nn.SequentialCell(
        whole(nn.Conv2d(2, 3, 2)), *[nn.MaxPool2d(2, 2)][: layers - 2],
        snn.LIFNode(beta=0.5, surrogate_function=surrogate.sigmoid()),
    )  # fmt: skip

    def gradients(mode):
        def loss(x):
            out = snn.run(made, x, mode=mode)[0]
            return (out * np.arange(out.size, dtype=np.float32).reshape(out.shape)).sum()

        first = grad(loss)
        return grad(lambda x: (first(x) * first(x)).sum())(Tensor(spikes((4, 2, 2, 4, 4), 0.4))).asnumpy()

    expected = gradients("eager")
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(gradients("compiled"), expected, rtol=1e-4)


class Read(Wired):
    """The currents before the pooling are read by another neuron too."""

    widths = ((3, 2, 2), (3, 4, 4))

    def __init__(self):
        super().__init__()
        self.conv, self.pool, self.first, self.second = whole(nn.Conv2d(2, 3, 2)), nn.MaxPool2d(2, 2), neuron(), neuron()

    def construct(self, x, state):
        current = self.conv(x)
        a, v = self.first(self.pool(current), state[0])
        b, w = self.second(current, state[1])
        return (a, b), (v, w)


@pytest.mark.parametrize("why", ["hook on the convolution", "hook on the pooling", "own construct", "read elsewhere", "float"])
def test_what_cannot_be_joined_runs_apart(why):
    x = spikes((4, 2, 2, 4, 4))
    layer, pool = whole(nn.Conv2d(2, 3, 2)), nn.MaxPool2d(2, 2)
    if why == "read elsewhere":
        assert not joined(Read(), x)
        return
    if why == "own construct":
        pool = type("Own", (nn.MaxPool2d,), {})(2, 2)
    if why.startswith("hook"):
        (layer if why.endswith("convolution") else pool).register_forward_hook(lambda *_: None)
    made = nn.SequentialCell(layer, *[nn.ReLU()][: why == "float"], pool, neuron())
    assert not joined(made, x)
    assert_as_eager(made, x)


def test_explain_names_both_layers_and_the_estimate_has_what_is_kept(capsys):
    made = net(POOLS["side by side"])
    snn.explain(made, spikes())
    assert "layers 0, 1, 2: Conv2d(" in capsys.readouterr().out
    estimate = snn.memory_estimate(made, 6, 3, features=(2, 9, 8))
    assert "0 Conv2d, 1 MaxPool2d, 2 LIFNode" in [layer.name for layer in estimate.layers]


def test_check_names_the_convolution_whose_currents_are_not_finite():
    made = net(POOLS["side by side"])
    made[0].weight.set_data(np.full(made[0].weight.shape, np.nan, np.float32))
    with pytest.raises(NonFiniteError, match=r"0 \(Conv2d\)|Conv2d 0|Conv2d"):
        snn.run(made, spikes(), check=True, mode="compiled")


def test_parameters_keep_their_names():
    made = net(POOLS["side by side"])
    names = [p.name for p in made.trainable_params()]
    snn.run(made, spikes(), mode="compiled")
    snn.explain(made, spikes(), file=io.StringIO())
    snn.memory_estimate(made, 6, 3, features=(2, 9, 8))
    assert [p.name for p in made.trainable_params()] == names
    assert len({*names}) == 3


def test_check_finds_what_the_pooling_hides():
    made = nn.SequentialCell(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2, 2), neuron())
    made[0].weight.set_data(np.full((1, 1, 1, 1), 3e38, np.float32))
    x = np.zeros((2, 1, 1, 4, 4), np.float32)
    x[0, 0, 0, 0, 0] = -5
    with np.errstate(over="ignore"), pytest.raises(NonFiniteError, match=r"Conv2d.*-inf"):
        snn.run(made, x, check=True, mode="compiled")


def test_where_the_bias_makes_sums_equal_the_first_gets_the_gradient():
    made = nn.SequentialCell(nn.Conv2d(1, 1, 1, has_bias=True), nn.MaxPool2d(2, 2), snn.LeakyReadout(beta=0.5))
    made[0].weight.set_data(np.ones((1, 1, 1, 1), np.float32))
    made[0].bias.set_data(np.ones(1, np.float32))
    x = (np.random.default_rng(0).random((2, 1, 1, 8, 8)) * 1e-7).astype(np.float32)
    found, expected = (
        grad(lambda x, m=m: snn.run(made, x, mode=m).out.sum())(Tensor(x)).asnumpy() for m in ("compiled", "eager")
    )  # fmt: skip
    assert expected.max() > 1
    np.testing.assert_array_equal(found, expected)


def test_without_gradients_nothing_is_kept_for_them(monkeypatch):
    calls = []
    first = Pools.first_largest
    monkeypatch.setattr(Pools, "first_largest", lambda *args: calls.append(1) or first(*args))
    snn.run(net(POOLS["side by side"]), spikes(), mode="compiled")
    assert not calls


def test_large_windows_stay_with_numpy(tune):
    tune(pooled_elements=0)
    loops, x = Pools(back_end()), np.zeros((1, 1, 40, 40), np.float32)
    assert loops.takes(x, Windows((3, 3), (2, 2), (1, 1), ((1, 1), (1, 1))))
    assert not loops.takes(x, Windows((4, 4), (1, 1), (1, 1), ((0, 0), (0, 0))))
    assert not loops.takes(np.zeros((1, 1, 400, 400), np.float32), Windows((2, 2), (1, 1), (1, 1), ((0, 0), (0, 0))))
    assert not joined(nn.SequentialCell(nn.Conv2d(2, 3, 2), nn.MaxPool2d(4, 4), neuron()), spikes())
