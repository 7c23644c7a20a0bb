"""Convolutions in the compiled mode: over images, for a constant input, and spike by spike, forward and backward."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snn
from autograd import Tensor, grad, nn
from snn import surrogate
from snn.connections import connection_of
from snn.engine import tuning
from snn.engine.backends import back_end
from snn.engine.blas import one_thread_each
from snn.engine.events import find_events
from tests.snn.helpers.compare import assert_as_eager, assert_close, everything


def whole(layer, seed=0):
    """Give a layer weights in quarters, whose sums are exact in any order."""
    rng = np.random.default_rng(seed)
    for p in layer.get_parameters():
        p.set_data((rng.integers(-3, 6, p.shape) / 4).astype(p.dtype))
    return layer


def neuron(**options):
    return snn.LIFNode(beta=0.5, surrogate_function=surrogate.triangle(), **options)


def spikes(shape, density=0.2, dtype=np.float32, seed=1):
    return (np.random.default_rng(seed).random(shape) < density).astype(dtype)


def net(dtype=np.float32):
    """Return convolutions with strides, groups, paddings of all kinds, pooling and a dense layer."""
    return nn.SequentialCell(
        whole(nn.Conv2d(2, 6, 3, has_bias=True, dtype=dtype)), neuron(),
        whole(nn.Conv2d(6, 4, (3, 2), stride=2, pad_mode="pad", padding=1, dtype=dtype), 1), neuron(),
        whole(nn.Conv2d(4, 4, 2, group=2, pad_mode="valid", dtype=dtype), 2), neuron(),
        nn.MaxPool2d(2, 1), nn.Flatten(), whole(nn.Dense(4 * 3 * 3, 3, dtype=dtype), 3), neuron(),
    )  # fmt: skip


WAYS = {"images": {"convolved_density": 0.0, "scattered_density": 0.0},
        "few gradients": {"convolved_density": 0.0, "scattered_density": 1.0},
        "events": {"convolved_density": 1.0, "sampled_convolved": 0.0},
        "sampled": {"convolved_density": 1.0, "sampled_convolved": 1.1}}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", WAYS)
def test_a_net_agrees_with_the_eager_mode_in_each_way(way, dtype, tune):
    tune(**WAYS[way])
    x = spikes((6, 3, 2, 9, 8), dtype=dtype)
    found = assert_as_eager(net(dtype), x, record=["spike"])
    assert all(r.asnumpy().mean() > 0.01 for r in found[2].values())
    gradients = everything(net(dtype), x, "compiled")[1]
    assert all(np.abs(g.asnumpy()).max() > 0 for g in gradients)


@pytest.mark.parametrize("density", [0.0, 1.0])
def test_plain_python_agrees_too(density, tune):
    tune(scattered_density=density)
    assert_as_eager(nn.SequentialCell(whole(nn.Conv2d(1, 2, 2)), neuron()), spikes((3, 1, 1, 3, 4)), "python")


def test_a_mask_a_state_and_checkpoints_go_with_convolutions():
    x = spikes((7, 3, 2, 9, 8))
    mask = np.random.default_rng(0).random((7, 3)) < 0.8
    assert_as_eager(net(), x, mask=mask)
    assert_as_eager(net(), x, checkpoint=2)
    state = snn.run(net(), x, mode="eager")[1]
    assert_as_eager(net(), x, state=state)


@st.composite
def cases(draw):
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    each, out = draw(st.integers(1, 3)), draw(st.integers(1, 20))
    kernel, stride, dilation = (draw(st.tuples(st.integers(1, n), st.integers(1, n))) for n in (4, 3, 2))
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    padding = draw(st.sampled_from(["same", "valid", (0, 0, 0, 0), (1, 1, 1, 1), (2, 0, 1, 3)]))
    mode = {"pad_mode": padding} if isinstance(padding, str) else {"pad_mode": "pad", "padding": padding}
    layer = nn.Conv2d(
        groups * each, groups * out, kernel, stride=stride, dilation=dilation, group=groups, has_bias=draw(st.booleans()),
        dtype=draw(st.sampled_from([np.float32, np.float64])), **mode,
    )  # fmt: skip
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 3)), groups * each, *size
    return layer, shape, draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))


def all_of(way, seed, places):
    """Return the currents of a way, and its gradients by weights and input, step by step."""

    def run():
        steps = range(len(way.x))
        current = np.concatenate([way.current(t, t + 1) for t in steps])
        gradient = np.random.default_rng(seed).integers(-4, 5, current.shape).astype(current.dtype)
        total, back = None, np.full(way.x.shape, 7, current.dtype)
        for t in reversed(steps):
            laid = way.laid(gradient[t : t + 1])
            total = way.add(t, t + 1, laid, total)
            way.back(laid, t, t + 1, back, places)
        return [current, way.weight_gradient(total), back]

    return one_thread_each(run)


@given(case=cases(), amplitude=st.sampled_from([1.0, 0.5]), seed=st.integers(0, 9))
def test_spike_by_spike_is_the_convolution_of_the_images_to_the_bit(case, amplitude, seed):
    layer, shape, density = case
    x = Tensor(spikes(shape, density, layer.weight.dtype, seed) * layer.weight.dtype.type(amplitude))
    found = connection_of(whole(layer, seed), x)
    if found is None:  # the kernel is larger than the image
        with pytest.raises(Exception, match="expected an input of at least"):
            layer(x[0])
        return
    needed = spikes(x.shape, 0.3, np.uint8, seed)
    with tuning.using(convolved_density=0.0):
        images = found.way(x, back_end())
    with tuning.using(convolved_density=1.0):
        events = found.way(x, back_end())
    assert images.kind == "convolution"
    assert events.kind == ("events" if x.array.any() else "convolution")
    with tuning.using(scattered_density=0.0):
        expected = all_of(images, seed, None)
    with tuning.using(scattered_density=1.0):
        for a, b in zip(all_of(images, seed, None), expected, strict=True):
            np.testing.assert_array_equal(a, b)
    expected[2] *= needed
    for a, b in zip(all_of(events, seed, find_events(events.rows_of(needed), None, back_end())), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    eager = np.stack([layer(step).asnumpy() for step in x])
    bias = 0 if found.bias is None else found.bias.array
    np.testing.assert_array_equal(expected[0] + bias, eager)


def test_the_bits_do_not_depend_on_the_number_of_threads(monkeypatch):
    x = np.random.default_rng(0).normal(size=(5, 4, 2, 9, 8)).astype(np.float32)
    found = []
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("SPIKECELL_THREADS", threads)
        values, gradients = everything(net(), x, "compiled")
        found.append([values[0].asnumpy().tobytes(), *(g.asnumpy().tobytes() for g in gradients)])
    assert found[0] == found[1] == found[2]


def test_a_constant_input_is_convolved_once(capsys):
    layers = nn.SequentialCell(whole(nn.Conv2d(1, 3, 3, has_bias=True)), neuron())
    image = np.random.default_rng(0).random((2, 1, 5, 6)).astype(np.float32)
    x = snn.encode.direct(image, 5)
    snn.explain(layers, x)
    assert "currents: once: the input is the same at every step" in capsys.readouterr().out
    (found, by), (expected, by_eagerly) = (everything(layers, x, mode) for mode in ("compiled", "eager"))
    assert found[0].asnumpy().mean() > 0.05
    assert_close(by, by_eagerly)
    assert_close(found[0], expected[0])


def test_one_and_three_axes_go_over_images():
    for layer, shape in ((nn.Conv1d(2, 4, 3, has_bias=True), (5, 3, 2, 9)), (nn.Conv3d(1, 2, 2), (4, 2, 1, 3, 4, 5))):
        found = assert_as_eager(nn.SequentialCell(whole(layer), neuron()), spikes(shape))
        assert found[0].asnumpy().mean() > 0.05


@pytest.mark.parametrize("density", [0.0, 1.0])
def test_what_is_not_finite_spreads_as_in_the_eager_mode(density, tune):
    tune(convolved_density=1.0, scattered_density=density)
    layers = nn.SequentialCell(whole(nn.Conv2d(1, 2, 2)), snn.LIFNode(beta=0.5, fire=False))
    x = spikes((3, 2, 1, 4, 4))

    def gradients(mode):
        def loss(x):
            out = snn.run(layers, x, mode=mode)[0]
            weights = np.ones(out.shape, np.float32)
            weights[1, 0, 0, 1, 1] = np.inf
            return (out * weights).sum()

        with np.errstate(invalid="ignore"):
            by_input, by_weights = grad(loss, 0, layers.trainable_params())(Tensor(x))
            return by_input.asnumpy(), by_weights[0].asnumpy()

    found, expected = gradients("compiled"), gradients("eager")
    assert np.isnan(expected[1]).any()
    for a, b in zip(found, expected, strict=True):
        assert not np.isfinite(b).all()
        np.testing.assert_array_equal(a, b)


def test_explain_and_the_estimate_of_memory_say_the_way(capsys):
    snn.explain(net(), spikes((6, 3, 2, 9, 8), 0.1))
    text = capsys.readouterr().out
    assert re.search(r"currents: events: [\d.]+ % of the input are spikes", text)
    assert re.search(r"currents: convolution: [\d.]+ % of the input are spikes, more than 25 %", text)
    estimate = snn.memory_estimate(net(), 6, 3, features=(2, 9, 8))
    ways = [layer.currents for layer in estimate.layers[:3]]
    assert ways[0] == "convolution"
    assert {*ways} <= {"convolution", "events"}


@pytest.mark.parametrize("change", ["hook", "subclass"])
def test_layers_that_do_more_are_left_to_themselves(change):
    class Own(nn.Conv2d):
        def construct(self, x):
            return super().construct(x) * 2

    layer = whole(Own(1, 2, 3) if change == "subclass" else nn.Conv2d(1, 2, 3))
    if change == "hook":
        layer.register_forward_hook(lambda *_: None)
    x = spikes((4, 2, 1, 5, 5))
    assert connection_of(layer, Tensor(x)) is None
    assert_as_eager(nn.SequentialCell(layer, neuron()), x)


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.Conv2d(1, 2, 2), nn.MaxPool2d(2, 2)], ids=["relu", "convolution", "pooling"])
@pytest.mark.parametrize("constant", ["an array without steps of its own", "an image that is repeated"])
def test_the_gradient_by_an_input_that_is_the_same_at_every_step(layer, constant):
    layers = nn.SequentialCell(layer, snn.LIFNode(beta=0.5, v_threshold=0.25))
    image = np.random.default_rng(0).random((2, 1, 4, 4)).astype(np.float32) * 2
    given = np.broadcast_to(image, (4, *image.shape)) if constant.startswith("an array") else image

    def loss(x, mode):
        x = x if constant.startswith("an array") else snn.encode.direct(x, 4)
        out = snn.run(layers, x, mode=mode)[0]
        return (out * np.arange(out.size, dtype=np.float32).reshape(out.shape)).sum()

    found, expected = (grad(lambda x, mode=mode: loss(x, mode))(given) for mode in ("compiled", "eager"))
    assert np.abs(expected.asnumpy()).max() > 0
    assert_close(found, expected)
