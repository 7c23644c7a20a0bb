"""Layers for images and sequences: initial values, dtypes, limits, printing."""

import copy

import numpy as np
import pytest

from autograd import Tensor, check_grad, grad, nn, ops, windows

from ..reference import images
from .helpers import f64, plain
from .layer_cases import CASES, WEIGHTED


def rng(seed=0):
    return np.random.default_rng(seed)


def x(*shape, dtype=np.float64, seed=0):
    return Tensor(rng(seed).normal(size=shape).astype(dtype))


# Convolution


def test_the_defaults_of_a_convolution_are_mindspores():
    layer = nn.Conv2d(2, 3, 3, rng=0)
    assert (layer.pad_mode, layer.bias, layer.weight.shape) == ("same", None, (3, 2, 3, 3))
    assert repr(layer) == "Conv2d(in_channels=2, out_channels=3, kernel_size=3)"
    assert layer(x(1, 2, 5, 6)).shape == (1, 3, 5, 6)
    assert nn.Conv2d(2, 3, 3, 2)(x(1, 2, 5, 6)).shape == (1, 3, 3, 3)


def test_convolutions_start_uniform_within_one_over_the_root_of_what_they_sum():
    layer = nn.Conv2d(8, 64, 5, group=2, has_bias=True, rng=0)
    limit = 1 / np.sqrt(4 * 25)
    for parameter in (layer.weight, layer.bias):
        assert 0.9 * limit < np.abs(parameter.array).max() <= limit
    again = nn.Conv2d(8, 64, 5, group=2, has_bias=True, rng=0)
    assert all(np.array_equal(a, b) for a, b in zip(layer.get_parameters(), again.get_parameters(), strict=True))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("chunk", [1, 3000])
def test_a_batch_in_parts_is_the_batch(monkeypatch, groups, chunk):
    w = x(8, 4 // groups, 3, 2)

    def fn(x, w):
        return ops.conv2d(x, w, stride=(2, 1), groups=groups)

    given = x(5, 4, 6, 7)
    whole = fn(given, w), *grad(fn, (0, 1))(given, w)
    monkeypatch.setattr(windows, "CHUNK", chunk)
    for part, want in zip((fn(given, w), *grad(fn, (0, 1))(given, w)), whole, strict=True):
        np.testing.assert_allclose(part.array, want.array, rtol=1e-12, atol=1e-13)


def test_whole_numbers_are_convolved_exactly():
    spikes, w = rng().random((3, 2, 6, 5)) < 0.3, rng(1).integers(-3, 4, (4, 2, 3, 3)).astype(np.float32)
    want = images.conv(spikes.astype(float), w.astype(float), padding=1)
    out = ops.conv2d(spikes, w, pad_mode="pad", padding=1)
    assert out.dtype == np.float32
    assert np.array_equal(out.array, want)


def test_inputs_of_any_memory_layout_and_none_is_changed():
    w, image = x(3, 2, 3, 3), rng().normal(size=(2, 7, 6, 2))
    before = image.copy()
    moved = Tensor.wrap(np.moveaxis(image, -1, 1))
    np.testing.assert_array_equal(ops.conv2d(moved, w).array, ops.conv2d(moved.copy(), w).array)
    np.testing.assert_array_equal(ops.max_pool2d(moved, 2).array, ops.max_pool2d(moved.copy(), 2).array)
    assert np.array_equal(image, before)


def test_convolution_can_be_differentiated_three_times():
    check_grad(lambda x, w: ops.conv2d(x * x, w * w * w, stride=2, groups=2), (x(1, 2, 4, 3), x(2, 1, 2, 2)), order=3)
    check_grad(lambda x: ops.max_pool2d(x * x * x, 2), x(1, 1, 2, 4), order=3)
    check_grad(lambda x: ops.group_norm(x, 2), x(1, 2, 4), order=3, rtol=1e-3, atol=1e-4)


def test_an_empty_batch():
    net = nn.SequentialCell(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2, 2), nn.GroupNorm(2, 4), nn.AvgPool2d(2))
    out = net(np.zeros((0, 2, 6, 6), np.float32))
    assert out.shape == (0, 4, 2, 2)
    gradient = grad(lambda x: net(x).sum(), None, net.trainable_params())(Tensor(np.zeros((0, 2, 6, 6), np.float32)))
    assert all(not np.asarray(g).any() for g in gradient)


# Pooling


def test_the_default_stride_is_mindspores_and_none_is_the_kernel():
    given = x(1, 1, 4, 4)
    assert nn.MaxPool2d(2)(given).shape == nn.AvgPool2d(2)(given).shape == nn.SumPool2d(2)(given).shape == (1, 1, 3, 3)
    assert (
        nn.MaxPool2d(2, None)(given).shape == ops.max_pool2d(given, 2).shape == nn.LPPool2d(2, 2)(given).shape == (1, 1, 2, 2)
    )


def test_spikes_are_pooled_as_they_are():
    spikes = rng().random((1, 2, 4, 4)) < 0.4
    blocks = spikes.reshape(1, 2, 2, 2, 2, 2)
    assert np.array_equal(ops.max_pool2d(spikes, 2).array, blocks.any((3, 5)))
    assert np.array_equal(ops.sum_pool2d(spikes, 2).array, blocks.sum((3, 5)))
    assert ops.avg_pool2d(spikes, 2, 2).dtype == np.float32


def test_the_first_of_several_largest_gets_the_gradient():
    assert plain(grad(lambda x: ops.max_pool2d(x, 2))(f64([[[[1, 1, 0, 2], [1, 1, 2, 2]]]]))) == [
        [[[1, 0, 0, 1], [0, 0, 0, 0]]]
    ]


def test_padding_is_never_the_largest_and_same_counts_no_zeros():
    negative = Tensor(np.full((1, 1, 3, 3), -2.0))
    assert np.unique(ops.max_pool2d(negative, 2, 1, 1).array).tolist() == [-2.0]
    assert np.unique(nn.AvgPool2d(2, 2, pad_mode="same")(negative).array).tolist() == [-2.0]
    assert nn.AvgPool2d(2, 2, pad_mode="pad", padding=1)(negative).array.min() == -2.0
    assert nn.AvgPool2d(2, 2, pad_mode="pad", padding=1)(negative).array.max() == -0.5


def test_the_norm_of_nothing_has_the_gradient_zero():
    gradient = grad(lambda x: ops.lp_pool1d(x, 2, 2))(f64([[[0.0, 0.0, 3.0, 4.0]]]))
    np.testing.assert_allclose(gradient.array, [[[0.0, 0.0, 0.6, 0.8]]])


# Statistics


def test_moving_statistics_are_saved_and_not_trained():
    layer = nn.BatchNorm2d(3).set_train()
    layer(x(4, 3, 2, 2, dtype=np.float32))
    saved = layer.state_dict()
    assert list(saved) == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [p.name for p in layer.trainable_params()] == ["gamma", "beta"]
    other = nn.BatchNorm2d(3)
    other.load_state_dict(saved)
    given = x(4, 3, 2, 2, dtype=np.float32, seed=1)
    assert np.array_equal(other(given).array, layer.set_train(False)(given).array)
    assert np.abs(saved["moving_mean"]).min() > 0


def test_which_statistics_are_used_can_be_fixed():
    given = x(4, 3)
    always, never = (nn.BatchNorm1d(3, use_batch_statistics=flag, dtype="float64") for flag in (True, False))
    np.testing.assert_allclose(always(given).array.mean(0), 0, atol=1e-12)
    before = always.state_dict()["moving_mean"]
    np.testing.assert_allclose(never.set_train()(given).array, given.array / np.sqrt(1 + 1e-5))
    assert not never.moving_mean.array.any()
    assert not before.any()
    assert (always.per_sample, never.per_sample) == (False, True)
    assert [nn.BatchNorm1d(3).set_train(mode).per_sample for mode in (True, False)] == [False, True]


def test_statistics_move_once_for_each_forward_run_whatever_is_differentiated():
    layer = nn.BatchNorm1d(2, momentum=0.5, dtype="float64").set_train()
    given = x(5, 2)
    grad(grad(lambda x: (layer(x) ** 3).sum()))(given)
    np.testing.assert_allclose(layer.moving_mean.array, 0.5 * given.array.mean(0))


# All


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_layer_keeps_the_dtype_and_is_near_that_of_float64(case, dtype):
    layer = case.ours(**({"dtype": dtype} if case in WEIGHTED else {})).set_train()
    exact = case.ours(**({"dtype": "float64"} if case in WEIGHTED else {})).set_train()
    exact.load_state_dict({name: values.astype(float) for name, values in layer.state_dict().items()})
    given = rng().normal(size=case.shape).astype(dtype)
    out, want = layer(given), exact(given.astype(float))
    assert out.dtype == dtype
    np.testing.assert_allclose(out.array, want.array, rtol=1e-2, atol={"float16": 1e-2, "float32": 1e-5, "float64": 0}[dtype])
    gradient = grad(lambda x: (layer(x) ** 2).sum())(Tensor(given))
    assert (gradient.dtype, gradient.shape) == (dtype, given.shape)
    assert np.isfinite(gradient.array).all()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_saved_weights_make_the_same_layer(case):
    layer, other = case.ours(), case.ours()
    for seed, parameter in enumerate(layer.get_parameters()):
        parameter.set_data(rng(seed).uniform(0.5, 1.5, parameter.shape))
    other.load_state_dict(layer.state_dict())
    given = rng().normal(size=case.shape).astype(np.float32)
    assert np.array_equal(layer(given).array, other(given).array)
    assert np.array_equal(copy.deepcopy(layer)(given).array, other(given).array)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_sample_is_by_itself(case):
    layer = case.ours()
    assert layer.per_sample
    given = rng().normal(size=(3, *case.shape[1:])).astype(np.float32)
    one = np.concatenate([layer(given[i : i + 1]).array for i in range(3)])
    np.testing.assert_allclose(layer(given).array, one, rtol=1e-5, atol=1e-6)


def test_embedding_looks_up_rows():
    layer = nn.Embedding(4, 3, padding_idx=1, rng=0)
    assert not layer.embedding_table.array[1].any()
    assert np.array_equal(layer([[0, 3]]).array, layer.embedding_table.array[[0, 3]][None])
    assert layer(np.zeros((2, 0), np.int8)).shape == (2, 0, 3)
    gradient = grad(lambda: layer([3, 3, 1]).sum(), None, layer.embedding_table)()
    assert gradient.array.tolist() == [[0.0] * 3, [0.0] * 3, [0.0] * 3, [2.0] * 3]
