"""Whole models: the numbers of Parameters in their papers, and a step of training in the compiled mode."""

import numpy as np
import pytest

import snn
from autograd import nn, optim, value_and_grad
from autograd.errors import ArgumentError, DTypeError
from snn import models

LABELS = np.array([0, 1])


def trained(net):
    return sum(parameter.size for parameter in net.get_parameters() if parameter.requires_grad)


def test_parameters_of_the_convolutional_network():
    assert trained(models.convnet(rng=0)) == (25 * 12 + 12) + (12 * 25 * 64 + 64) + (64 * 16 * 10 + 10) == 29_826


def test_parameters_of_vgg9():
    kernels = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
    count = 9 * sum(a * b for a, b in kernels) + 256 * 16 * 1024 + 1024 * 10
    assert trained(models.vgg9(norm=None, rng=0)) == count == 5_938_880
    assert trained(models.vgg9(rng=0)) == count + 2 * sum(b for _, b in kernels)


def test_parameters_of_vgg11_are_those_of_torchvision():
    small = trained(models.vgg11(norm=None, rng=0))
    assert small == 28_144_010
    # With images of 224 x 224 the first dense layer sees 7 x 7 places for one, and there are 1,000 classes.
    assert small + (49 - 1) * 512 * 4096 + 990 * 4097 == 132_863_336


def test_parameters_of_sew_resnet18_are_those_of_torchvision():
    net = models.sew_resnet18(rng=0)
    assert trained(net) == 11_689_512
    stage, before = 0, 64
    for width in (64, 128, 256, 512):
        stage += 9 * (before * width + 3 * width * width) + 8 * width
        stage += (before * width + 2 * width) * (before != width)
        before = width
    assert trained(net) == 3 * 49 * 64 + 2 * 64 + stage + 512 * 1000 + 1000
    assert net["stage2_1"].shortcut is not None
    assert net["stage1_1"].shortcut is None


def test_parameters_of_sew_resnet20():
    net = models.sew_resnet20(rng=0)
    assert trained(net) == 272_474
    names = {parameter.name for parameter in net.trainable_params()}
    assert {"stage1_1.branch.conv1.weight", "stage2_1.branch.norm2.gamma", "stage2_1.shortcut.conv.weight"} <= names


def test_parameters_of_spikformer():
    convolutions = 9 * (3 * 48 + 48 * 96 + 96 * 192 + 192 * 384 + 384 * 384) + 2 * (48 + 96 + 192 + 384 + 384)
    block = 4 * (384 * 385) + 4 * 768 + (384 + 1) * 1536 + 2 * 1536 + (1536 + 1) * 384 + 2 * 384
    count = trained(models.spikformer(rng=0))
    assert count == convolutions + 4 * block + 385 * 10
    assert round(count / 1e6, 2) == 9.32


def test_parameters_of_the_recurrent_network():
    assert trained(models.shd_recurrent(rng=0)) == 700 * 128 + 128 * 128 + 128 * 20


def test_parameters_of_the_network_with_delays():
    net = models.shd_delayed(rng=0)
    weights = 140 * 256 + 256 * 256 + 256 * 20
    assert trained(net) == 2 * weights + 4 * 256 == 214_016
    assert {net[name].steps for name in ("delays1", "delays2", "outputs")} == {24}


def test_parameters_of_the_networks_that_learn_time_constants():
    """Two or five convolutions with norms, two dense layers, and a constant for each layer of neurons (Fang et al., 2021)."""
    layer = 9 * 128 * 128 + 2 * 128 + 1
    mnist = 9 * 128 + 2 * 128 + 1 + layer + 128 * 7 * 7 * 2048 + 1 + 2048 * 100 + 1
    assert trained(models.plif_net(rng=0)) == mnist == 13_198_980
    gesture = models.plif_net(11, image=(2, 128, 128), blocks=5, hidden=512, rng=0)
    assert trained(gesture) == 2 * 9 * 128 + 2 * 128 + 1 + 4 * layer + 128 * 4 * 4 * 512 + 1 + 512 * 110 + 1


def images(*shape):
    return np.random.default_rng(0).random((3, 2, *shape)).astype(np.float32)


def words():
    return (np.random.default_rng(0).random((12, 2, 700)) < 0.1).astype(np.float32)


def squared(out):
    return snn.losses.rate_mse(out, LABELS)


def score(out):
    return snn.losses.cross_entropy(out, LABELS)


def largest(out):
    return snn.losses.max_membrane_cross_entropy(out, LABELS)


def ready():
    """Make a neuron that fires often, as attention among few tokens needs it."""
    return snn.IFNode(0.5, spike_value="unit", v_reset=0.0, surrogate_function=snn.surrogate.atan())


def awake(net):
    """Give the dense layers of a ``plif_net`` weights by which their neurons fire from the start."""
    for layer in ("dense1", "dense2"):
        net[layer].weight.set_data(12 * net[layer].weight.asnumpy())
    return net


SMALL = {
    "convnet": (lambda: models.convnet(channels=(4, 8), gains=(3, 6, 9), rng=0), images(1, 28, 28), score),
    "vgg9": (lambda: models.vgg9(image=(3, 16, 16), width=1 / 8, neuron=ready, rng=0), images(3, 16, 16), score),
    "vgg11": (lambda: models.vgg11(width=1 / 16, head=(512, 512), neuron=ready, rng=0), 2 * images(3, 32, 32), score),
    "sew_resnet, large": (
        lambda: models.sew_resnet((1, 1), (4, 8), 10, large=True, connect="iand", rng=0), images(3, 32, 32), score,
    ),
    "sew_resnet": (lambda: models.sew_resnet((1, 1, 1), (4, 8, 8), 10, rng=0), images(3, 8, 8), score),
    "shd_recurrent": (lambda: models.shd_recurrent(32, dt=4.0, rng=0), 3 * words(), largest),
    "shd_delayed": (
        lambda: models.shd_delayed(24, channels=700, max_delay=4, dropout=0.0, rng=0), words(), score,
    ),
    "plif_net": (
        lambda: awake(models.plif_net(channels=8, hidden=40, image=(2, 12, 12), dropout=0.0, rng=0)),
        images(2, 12, 12), squared,
    ),
    "spikformer": (
        lambda: models.spikformer(image=(3, 16, 16), depth=1, dim=32, heads=2, neuron=ready, rng=0), images(3, 16, 16), score,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_step_of_training_in_the_compiled_mode(name):
    make, x, loss = SMALL[name]
    net = make().set_train()
    rates = {layer.name: layer.rate for layer in snn.summary(net, x).layers if layer.rate is not None}
    assert all(rates.values()), rates
    parameters = net.trainable_params()

    def step(mode):
        def forward():
            out = snn.run(net, x, mode=mode).out
            return loss(out), out

        return value_and_grad(forward, None, parameters, has_aux=True)()

    (value, out), gradients = step("compiled")
    assert np.isfinite(value.asnumpy())
    assert out.asnumpy().any()
    np.testing.assert_allclose(out.asnumpy(), step("eager")[0][1].asnumpy(), rtol=1e-4, atol=1e-5)
    assert [p.name for p, g in zip(parameters, gradients, strict=True) if not np.any(g.asnumpy())] == []
    before = [p.asnumpy().copy() for p in parameters]
    optim.Adam(parameters, 1e-3)(gradients)
    assert all(np.any(p.asnumpy() != b) for p, b in zip(parameters, before, strict=True))


@pytest.mark.parametrize(("join", "joined"), [("add", lambda a, s: a + s), ("and", lambda a, s: a * s),
                                              ("iand", lambda a, s: (1 - a) * s)])  # fmt: skip
def test_a_block_joins_its_spikes_with_its_input(join, joined):
    block = models.sew_block(2, 2, connect=join, rng=0).set_train()
    x = (np.random.default_rng(1).random((4, 3, 2, 5, 5)) < 0.5).astype(np.float32)
    branch = snn.run(block["branch"], x).out.asnumpy()
    assert branch.any()
    np.testing.assert_array_equal(snn.run(block, x).out.asnumpy(), joined(branch, x))


def test_attention_is_what_its_formula_says():
    block = models.SpikingAttention(8, 2, neuron=ready, rng=0).set_train()
    x = (np.random.default_rng(1).random((1, 3, 5, 8)) < 0.5).astype(np.float32) * 4
    q, k, v = (snn.run(part, x).out.asnumpy()[0] for part in (block.q, block.k, block.v))
    assert q.any()
    mixed = np.zeros((3, 5, 8))
    for n, i, j, c in np.ndindex(3, 5, 5, 8):
        head = slice(c // 4 * 4, c // 4 * 4 + 4)
        mixed[n, i, c] += 0.125 * (q[n, i, head] @ k[n, j, head]) * v[n, j, c]
    seen = snn.run(block, x, record=["x"], mode="eager").record["attended.x"].asnumpy()[0]
    assert seen.any()
    np.testing.assert_allclose(seen, mixed, rtol=1e-6)


def test_norms_and_neurons_are_ones_own():
    net = models.vgg9(image=(3, 8, 8), width=1 / 16, norm=lambda n: nn.GroupNorm(1, n), neuron=lambda: snn.IFNode(), rng=0)
    kinds = {type(cell).__name__ for cell in net}
    assert {"GroupNorm", "IFNode"} <= kinds
    assert not {"BatchNorm2d", "LIFNode"} & kinds


def test_the_same_seed_makes_the_same_weights():
    first, second = (models.sew_resnet((1, 1), (4, 8), 3, rng=1) for _ in range(2))
    for a, b in zip(first.get_parameters(), second.get_parameters(), strict=True):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


def test_mistakes():
    with pytest.raises(
        ArgumentError, match=r"models\.vgg11: expected an image of at least 32 rows and columns, got \[3, 16, 16\]"
    ):
        models.vgg11(image=(3, 16, 16))
    with pytest.raises(ArgumentError, match="expected connect among 'add', 'and', 'iand', got 'or'"):
        models.sew_block(2, 2, connect="or")
    with pytest.raises(ArgumentError, match="a width for each stage"):
        models.sew_resnet((1, 1), (4,), 10)
    with pytest.raises(ArgumentError, match="dim to be a multiple of heads"):
        models.SpikingAttention(8, 3)
    with pytest.raises(ArgumentError, match="dim as a multiple of 8"):
        models.spikformer(dim=12)
    for dt in (0, -1.0, True, "1 ms", float("inf")):
        with pytest.raises(ArgumentError, match="dt above 0, in milliseconds"):
            models.shd_recurrent(dt=dt)
    for make in (models.vgg9, models.vgg11):
        for width in (0, -3, -0.5, float("nan"), float("inf"), True, "1", None):
            with pytest.raises(ArgumentError, match=rf"models\.{make.__name__}: expected width as a number above 0"):
                make(width=width)
    for make in (models.vgg9, models.vgg11, models.spikformer):
        for image in ((32, 32), 32, (3, 0, 32), (3, 32.0, 32)):
            with pytest.raises(ArgumentError, match="image as three positive ints"):
                make(image=image)
    for options in ({"depth": 0}, {"depth": 1.5}, {"dim": -8}, {"dim": "a"}, {"heads": 0}):
        with pytest.raises(ArgumentError, match=f"models\\.spikformer: expected {next(iter(options))} to be a positive int"):
            models.spikformer(**options)
    for blocks, widths in (((0,), (4,)), ((1,), (-4,))):
        with pytest.raises(ArgumentError, match=r"models\.sew_resnet: expected (blocks|widths) as a tuple of positive ints"):
            models.sew_resnet(blocks, widths, 10)


@pytest.mark.parametrize(
    "make",
    [
        models.convnet, models.vgg9, models.vgg11, models.sew_resnet20, models.spikformer,
        lambda **given: models.sew_block(2, 2, **given), lambda **given: models.SpikingAttention(8, 2, **given),
        lambda **given: models.SpikformerBlock(8, 2, **given),
    ],
)  # fmt: skip
def test_a_layer_for_a_function_that_makes_one_is_refused(make):
    for neuron in (snn.LIFNode(beta=0.9), "lif", 0, False):
        with pytest.raises(DTypeError, match=r"expected neuron as a function that makes a layer, got.*neuron=lambda: \.\.\."):
            make(neuron=neuron)
    if make not in (models.convnet, models.spikformer):
        with pytest.raises(DTypeError, match=r"expected norm as a function.*got.*norm=lambda channels: \.\.\."):
            make(norm=nn.BatchNorm2d(4))


def test_a_narrow_net_keeps_a_channel():
    net = models.vgg9(image=(1, 8, 8), width=1 / 1000, neuron=snn.IFNode, rng=0)
    assert {cell.weight.shape[0] for cell in net if isinstance(cell, nn.Conv2d)} == {1}
    assert net["dense1"].weight.shape == (1, 1)


def test_votes_are_the_means_of_neighbours():
    x = np.random.default_rng(0).random((2, 6)).astype(np.float32)
    np.testing.assert_allclose(models.Voting(3)(x).asnumpy(), [[row[:3].mean(), row[3:].mean()] for row in x], rtol=1e-6)


def test_an_image_that_is_too_small_for_the_pooling_is_refused():
    with pytest.raises(
        ArgumentError, match=r"models\.plif_net: expected an image of at least 32 rows and columns, got \(2, 31, 64\)"
    ):
        models.plif_net(image=(2, 31, 64), blocks=5)


@pytest.mark.parametrize("name", [name for name in models.__all__ if name[0].islower()])
def test_arguments_of_other_packages_are_answered(name):
    begin = {"sew_block": (2, 2), "sew_resnet": ((1,), (2,), 10)}.get(name, ())
    with pytest.raises(ArgumentError, match=r"models\.\w+: expected arguments named .*, got seed\. seed= is called rng= here"):
        getattr(models, name)(*begin, seed=0)


def test_how_spikes_are_joined_has_one_name():
    for call in (lambda: models.sew_block(2, 2, join="and"), lambda: models.sew_resnet20(join="and")):
        with pytest.raises(ArgumentError, match=r"got join\. join= is called connect= here\."):
            call()
