"""Spikes behave like the Tensor that they represent, and are counted without conversion to numbers."""

import copy
import pickle

import numpy as np
import pytest

import snn
from autograd import Parameter, Tensor, grad, nn, ops
from snn.engine.backends import back_end
from snn.spikes import Spikes, as_spikes

SHAPE = (6, 4, 3)
AMPLITUDES = {"one": 1.0, "a number": 0.5, "a neuron each": np.array([0.5, 1.0, 2.0]), "a row": np.array([[0.5, 1.0, 2.0]])}


def spikes(amplitude=1.0, dtype=np.float32):
    flags = (np.random.default_rng(0).random(SHAPE) < 0.4).astype(np.uint8)
    found = Spikes(flags, np.asarray(amplitude, dtype), backend=back_end("python"))
    return found, Tensor(flags.astype(dtype) * np.asarray(amplitude, dtype))


@pytest.fixture(params=AMPLITUDES)
def both(request):
    return spikes(AMPLITUDES[request.param])


def assert_same(found, expected):
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(found, expected)


def test_a_compiled_run_gives_spikes():
    out = snn.run(snn.IFNode(0.5), np.full(SHAPE, 0.3, np.float32), mode="python")[0]
    assert type(out) is Spikes
    assert out.flags.dtype == np.uint8
    assert type(snn.run(snn.LeakyReadout(beta=0.5), np.ones(SHAPE, np.float32), mode="python")[0]) is Tensor


def test_they_look_like_a_tensor(both):
    found, expected = both
    assert isinstance(found, Tensor)
    assert (found.shape, found.ndim, found.size, found.dtype, len(found)) == (SHAPE, 3, 72, np.float32, 6)
    assert found._values is None
    assert repr(found) == repr(expected)
    assert str(found) == str(expected)
    np.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())
    np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize(
    "fn",
    [
        lambda s: s + 1,
        lambda s: 2 - s,
        lambda s: s * s,
        lambda s: s > 0,
        lambda s: s[1:3],
        lambda s: s[:, 0],
        lambda s: s[-1],
        lambda s: s.reshape(6, 12),
        lambda s: ops.transpose(s, (1, 0, 2)),
        lambda s: s.astype(np.float64),
        lambda s: s.mean(0),
        lambda s: s.max(),
        lambda s: ops.stack([s, s]),
        lambda s: ops.where(s > 0, s, -1.0),
        lambda s: ops.matmul(s, np.ones((3, 2), np.float32)),
    ],
)
def test_operations_take_them(fn, both):
    assert_same(fn(both[0]), fn(both[1]))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_are_tensors_of_the_same_values(again, both):
    assert type(again(both[0])) is Tensor
    assert_same(again(both[0]), both[1])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -3, (0, 1), [1, 0], (0, 1, 2), (-1, 0, 1), 2, (0, 2), ()], ids=str)
def test_sums_are_those_of_the_values(axis, keepdims, both):
    found, expected = both
    assert_same(found.sum(axis, keepdims=keepdims), expected.sum(axis, keepdims=keepdims))


@pytest.mark.parametrize("axis", [None, 0, (0, 1), (0, 1, 2)], ids=str)
def test_a_sum_over_time_or_of_one_amplitude_does_not_make_the_values(axis):
    found, _ = spikes(0.5)
    found.sum(axis)
    assert found._values is None
    each, _ = spikes(AMPLITUDES["a neuron each"])
    each.sum((0, 1))
    assert each._values is None


@pytest.mark.parametrize("axis", [3, -4, (0, 3), (0, 0), (0, -3)], ids=str)
def test_a_sum_over_an_axis_that_is_not_there_or_twice_is_the_error_it_is_for_a_tensor(axis, both):
    errors = []
    for s in both:
        with pytest.raises((ValueError, IndexError)) as error:
            s.sum(axis)
        errors.append(error.type)
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    "fn",
    [
        lambda s: s.sum(),
        lambda s: (s.sum(0) ** 2).sum(),
        lambda s: (s * s + 3 * s).sum(),
        lambda s: s.mean((0, 1)).sum() + s[2:].sum(),
        lambda s: (s.sum((0, 1), keepdims=True) * s).sum(),
    ],
)
@pytest.mark.parametrize("amplitude", ["one", "a neuron each"])
def test_gradients_pass_through_them(fn, amplitude):
    threshold = Parameter(np.broadcast_to(AMPLITUDES[amplitude], 3).astype(np.float32))
    node = snn.LIFNode(threshold, beta=0.9)
    x = Tensor(np.random.default_rng(1).random(SHAPE).astype(np.float32))
    found = [grad(lambda x, m=mode: fn(snn.run(node, x, mode=m)[0]), 0, [threshold])(x) for mode in ("eager", "python")]
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[1][1][0], found[0][1][0], rtol=1e-5, atol=1e-5)
    assert found[0][0].array.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, bool, np.int64])
def test_an_array_of_one_value_beside_zero_is_taken_for_spikes(dtype):
    array = np.zeros(SHAPE, dtype)
    array[1, 2], array[4, 0, 1] = 1, 1
    found = as_spikes(Tensor(array), backend=back_end("python"))
    assert found.events.index.tolist() == [0, 1, 2, 1]
    assert_same(found, Tensor(array))


@pytest.mark.parametrize(
    "array",
    [np.zeros(SHAPE, np.float32), np.arange(72.0).reshape(SHAPE), np.full(SHAPE, np.nan), np.full(SHAPE, np.inf), np.ones(3)],
    ids=["zeros", "many values", "nan", "infinity", "no rows"],
)
def test_other_arrays_are_not(array):
    assert as_spikes(Tensor(array), backend=back_end("python")) is None


@pytest.mark.parametrize("axis", [None, 0, [0, 1]], ids=str)
def test_an_array_that_is_taken_for_spikes_is_summed_by_its_values(axis):
    array = np.where(np.arange(24).reshape(4, 3, 2) % 3, np.float32(0.5), np.float32(0))
    found = as_spikes(Tensor(array), backend=back_end("python"))
    np.testing.assert_array_equal(found.sum(axis).asnumpy(), array.sum(tuple(axis) if isinstance(axis, list) else axis))


@pytest.mark.parametrize("share", [lambda spikes: spikes.asnumpy(), np.asarray], ids=["asnumpy", "asarray"])
def test_values_that_were_written_to_count(share, tune):
    tune(little_work=0)
    net = nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.LeakyReadout(beta=0.5))
    found, _ = spikes()
    total = float(found.sum().item())
    share(found)[:] = 7.0
    written = Tensor(np.full(SHAPE, 7.0, np.float32))
    assert float(found.sum().item()) == 7.0 * found.size != total
    assert_same(found.sum(0), written.sum(0))
    for mode in ("eager", "python"):
        np.testing.assert_allclose(snn.run(net, found, mode=mode)[0], snn.run(net, written, mode=mode)[0], rtol=1e-6)


def test_bytes_do_not_stand_for_spikes_whose_values_were_written_to():
    spikes = Spikes(np.ones((2, 3, 4), np.uint8), np.float32(1), backend=back_end("python"))
    assert spikes.ones(slice(1)) is not None
    spikes.asnumpy()[0] = 0.5
    assert spikes.ones(slice(1)) is None
