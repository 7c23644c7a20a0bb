"""The kernels for events against plain loops, compiled and as plain Python."""

import math
from itertools import pairwise

import numpy as np
import pytest

from snn.engine.backends import back_end, modes
from snn.engine.events import LANES, Events, Packed, all_finite, find_events, joined, padded, sampled_product, turned
from snn.engine.threads import launch
from tests.reference import events as naive

backends = pytest.mark.parametrize("backend", modes().values(), ids=modes())
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
shapes = pytest.mark.parametrize("shape", [(5, 1), (7, 64), (9, 100), (1, 130), (0, 70)], ids=str)


def spikes(shape, dtype, value=1, density=0.2):
    """Draw spikes; one row has none, one has nothing else."""
    array = (np.random.default_rng(shape[1]).random(shape) < density).astype(dtype) * dtype(value)
    array[1:2], array[2:3] = 0, value
    return array


def whole(shape, dtype, seed=1):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


@backends
@shapes
@pytest.mark.parametrize(
    ("dtype", "value"), [(np.float32, 0.5), (np.float64, 2.0), (np.uint8, 1), (np.bool_, True), (np.int64, 3)]
)
def test_events_are_where_the_spikes_are(dtype, value, shape, backend):
    array = spikes(shape, dtype, value)
    found = find_events(array, value, backend)
    start, index = naive.find(array, value)
    assert (found.start.tolist(), found.index.tolist(), found.columns) == (start, index, shape[1])
    assert found.density == len(index) / max(1, array.size)


@backends
@pytest.mark.parametrize("place", [(0, 0), (4, 63), (8, 99)], ids=str)
@pytest.mark.parametrize("other", [2.0, -1.0, np.nan, np.inf])
def test_what_is_no_spike_is_found(other, place, backend):
    array = spikes((9, 100), np.float32)
    array[place] = other
    assert naive.find(array, 1.0) is None
    assert find_events(array, 1.0, backend) is None


@backends
@shapes
@pytest.mark.parametrize("chunk", [1, 4, 50])
def test_events_by_column_are_the_rows_of_each_chunk(chunk, shape, backend):
    array = spikes(shape, np.uint8)
    start, rows = find_events(array, 1, backend).by_column(chunk)
    found = [[rows[s:e].tolist() for s, e in pairwise(one)] for one in start]
    assert found == naive.by_column(array, chunk)


@backends
@dtypes
@shapes
@pytest.mark.parametrize("n_out", [1, 20, 64, 90])
def test_currents_are_the_sums_of_the_weights_of_the_events(n_out, shape, dtype, backend):
    array, weight = spikes(shape, np.uint8), whole((n_out, shape[1]), dtype)
    amplitude = (1 + np.arange(shape[1]) % 3).astype(dtype)
    found = Packed(weight, amplitude, backend).currents(find_events(array, 1, backend))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, naive.product(array, weight, amplitude))


@backends
@dtypes
@pytest.mark.parametrize(
    ("n_out", "n_in", "width"), [(1, 3, 64), (20, 70, 64), (90, 70, 64), (90, 200, 128), (70, 33, 512), (150, 20, 128)]
)
@pytest.mark.parametrize("density", [0.2, 0.005])
def test_the_gradient_by_weights_is_gathered_from_the_events(density, n_out, n_in, width, dtype, backend, monkeypatch):
    # The blocks may be wider than what the weights are padded to: nothing beyond may be touched.
    rows, chunk = 10, 4
    array, gradient = spikes((rows, n_in), np.uint8, density=density), whole((rows, n_out), dtype)
    amplitude = (1 + np.arange(n_in) % 3).astype(dtype)
    packed, events = Packed(np.zeros((n_out, n_in), dtype), amplitude, backend), find_events(array, 1, backend)
    start, index = events.by_column(chunk)
    behind, total = 7.0, None
    memory = np.full((n_out + 2 * width, n_in), behind, dtype)
    monkeypatch.setattr("snn.engine.events.empty", lambda shape, dtype: memory[: shape[0]])
    blocks = -(-n_out // width)
    for c, first in reversed([*enumerate(range(0, rows, chunk))]):
        part = np.zeros((chunk, blocks * width), dtype)
        part[: rows - first, :n_out] = gradient[first : first + chunk]
        blocked = np.ascontiguousarray(part.reshape(chunk, blocks, width).transpose(1, 0, 2))
        total = packed.add_gradient(total, blocked, start[c], index)
    assert (memory[n_out:] == behind).all()
    np.testing.assert_array_equal(total, naive.weight_gradient(array, gradient, amplitude))


@backends
@dtypes
@pytest.mark.parametrize(("n_out", "n_in"), [(1, 1), (64, 16), (90, 70), (130, 33)])
def test_turned_weights_are_transposed_and_padded_with_zeros(n_out, n_in, dtype, backend):
    weight = whole((n_out, n_in), dtype)
    expected = np.zeros((n_in, padded(n_out)), dtype)
    expected[:, :n_out] = weight.T
    np.testing.assert_array_equal(turned(weight, backend), expected)


@backends
@dtypes
@pytest.mark.parametrize(("rows", "n_out", "n_in"), [(1, 1, 1), (9, 70, 40), (130, 20, 70)])
@pytest.mark.parametrize("strip", [8, 1 << 19])
def test_a_sampled_product_is_there_at_its_places_only(rows, n_out, n_in, strip, dtype, backend, tune):
    tune(cache=8 * padded(n_out) * np.dtype(dtype).itemsize if strip == 8 else strip)
    places = spikes((rows, n_in), np.uint8, density=0.3)
    weight, gradient = whole((n_out, n_in), dtype), np.zeros((rows, padded(n_out)), dtype)
    gradient[:, :n_out] = whole((rows, n_out), dtype, 2)
    out = np.full((rows, n_in), np.nan, dtype)
    sampled_product(gradient, turned(weight, backend), find_events(places, 1, backend), out)
    np.testing.assert_array_equal(out, naive.sampled(gradient[:, :n_out], weight, places))


def test_kernels_give_the_same_bits_for_any_number_of_threads(monkeypatch, tune):
    tune(shared_elements=0)
    rng = np.random.default_rng(0)
    array, weight = spikes((200, 130), np.uint8), rng.standard_normal((90, 130)).astype(np.float32)
    gradient = rng.standard_normal((200, 128)).astype(np.float32)

    def everything():
        events, packed = find_events(array, 1, back_end()), Packed(weight, np.ones(130, np.float32), back_end())
        total, (start, rows) = None, events.by_column(64)
        for c in range(3):
            total = packed.add_gradient(total, np.ascontiguousarray(gradient[None, 64 * c : 64 * c + 64]), start[c], rows)
        out = np.empty((200, 130), np.float32)
        sampled_product(gradient, turned(weight, back_end()), events, out)
        return [events.start, events.index, packed.currents(events), total, out]

    results = []
    for n in (1, 2, 4):
        monkeypatch.setenv("SPIKECELL_THREADS", str(n))
        results.append([a.tobytes() for a in everything()])
    assert results[0] == results[1] == results[2]


@backends
@shapes
@pytest.mark.parametrize("several", [1, 2, 3])
def test_joined_lists_have_the_events_of_all_row_by_row(several, shape, backend):
    arrays = [np.roll(spikes(shape, np.uint8), k, 1) for k in range(several)]
    found = joined([find_events(array, 1, backend) for array in arrays])
    start, index = naive.joined(arrays)
    assert (found.start.tolist(), found.index.tolist(), found.columns) == (start, index, shape[1])
    assert found.density == pytest.approx(sum(map(np.count_nonzero, arrays)) / max(1, math.prod(shape)))


@backends
@dtypes
@pytest.mark.parametrize("odd", [np.nan, -np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_wherever_it_is(odd, dtype, backend):
    array = np.full((3, 1 << 15), -np.finfo(dtype).max)
    assert all_finite(array, backend)
    for place in ((0, 0), (1, 77), (2, -1)):
        array[place] = odd
        assert not all_finite(array, backend)
        array[place] = -np.finfo(dtype).tiny / 2
    assert all_finite(array, backend)
    assert all_finite(array[:0], backend)


SOURCES = [
    "def rows(dst, at, src, base, pitch, index, p, q):\n    add_rows_of_64(dst, at, src, base, pitch, index, p, q)\n",
    "def dots(out, a, at, src, s0, s1, s2, s3, n):\n    dot_rows(out, a, at, src, s0, s1, s2, s3, n)\n",
    "def nonzero(array, at):\n    return where_nonzero(array, at)\n",
    "def where(out, p, a, q, n, flags, at, columns, w, r, k, chosen, count, four):\n"
    "    add_dots_where(out, p, a, q, n, flags, at, columns, w, r, k, chosen, count, four)\n",
    "def bits(word):\n    return lowest(word), ones(word)\n",
    "def exps(x, f32, f64):\n    for i in range(len(x)):\n        f32[i], f64[i] = exp32(np.float32(x[i])), exp64(x[i])\n",
]


def helpers(backend):
    return backend.load(backend.module(SOURCES))


u = np.uint64


@backends
@dtypes
def test_rows_are_added_in_their_order(dtype, backend):
    rng = np.random.default_rng(0)
    source, index = rng.standard_normal(10 * 100).astype(dtype), np.array([9, 3, 3, 0, 5], np.uint32)
    found = np.arange(200).astype(dtype)
    expected = found.copy()
    helpers(backend).rows(found, u(7), source, u(2), u(100), index, u(1), u(4))
    for p in (1, 2, 3):
        for k in range(LANES):
            expected[7 + k] += source[2 + 100 * index[p] + k]
    np.testing.assert_array_equal(found, expected)
    helpers(backend).rows(found, u(7), source, u(2), u(100), index, u(2), u(2))
    np.testing.assert_array_equal(found, expected)


@backends
@dtypes
@pytest.mark.parametrize(("members", "n_out", "n_in"), [(1, 1, 1), (5, 70, 40), (9, 20, 130), (13, 33, 64)])
def test_products_are_added_where_flags_are_set(members, n_out, n_in, dtype, backend):
    flags, behind = spikes((members + 1, n_in), np.uint8, density=0.4), 3
    weight, gradient = whole((n_out, n_in), dtype), np.zeros((members, padded(n_out)), dtype)
    gradient[:, :n_out] = whole((members, n_out), dtype, 2)
    out = whole((members, n_in + behind), dtype, 1)
    expected = out.copy()
    expected[:, :n_in] = naive.add_where(out[:, :n_in], gradient[:, :n_out], weight, flags[1:])
    pitch, n = padded(n_out), -(-n_out // 16) * 16
    work = np.empty(LANES * members, np.uint64), np.empty(LANES, np.uint64), np.empty(4, dtype)
    helpers(backend).where(
        out.reshape(-1), u(n_in + behind), gradient.reshape(-1), u(pitch), u(members), flags.reshape(-1), u(n_in), u(n_in),
        turned(weight, backend).reshape(-1), u(pitch), u(n), *work,
    )  # fmt: skip
    np.testing.assert_array_equal(out, expected)


@backends
@dtypes
@pytest.mark.parametrize("n", [64, 192])
def test_dots_are_those_of_four_rows(n, dtype, backend):
    a, source, out = whole(400, dtype), whole(1000, dtype, 2), np.zeros(6, dtype)
    at = [3, 800 - n, 3, 111]
    helpers(backend).dots(out, a, u(5), source, *map(u, at), u(n))
    assert out.tolist() == [float((a[5 : 5 + n] * source[s : s + n]).sum()) for s in at] + [0, 0]


@backends
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int64])
def test_a_word_says_where_elements_are_not_zero(dtype, backend):
    array = spikes((1, 200), dtype, value=3)[0]
    word = int(helpers(backend).nonzero(array, u(11)))
    assert [word >> k & 1 for k in range(LANES)] == [int(x != 0) for x in array[11 : 11 + LANES]]


@backends
@pytest.mark.parametrize("word", [1, 0b101000, 1 << 63, (1 << 64) - 1])
def test_bits_are_counted_and_the_lowest_is_found(word, backend):
    assert tuple(map(int, helpers(backend).bits(u(word)))) == ((word & -word).bit_length() - 1, word.bit_count())


@backends
@pytest.mark.parametrize("columns", [1, 63, 64, 130])
def test_flags_are_collected(columns, backend):
    flags, index = spikes((1, 200), np.uint8)[0], np.full(150, 999, np.uint32)
    n = int(helpers(backend).collect(flags, u(9), u(columns), index, u(2)))
    expected = np.flatnonzero(flags[9 : 9 + columns])
    assert index[2 : 2 + n].tolist() == expected.tolist()
    assert index[:2].tolist() == [999, 999]


@backends
@dtypes
@pytest.mark.parametrize("members", [1, 5, 6, 13])
def test_products_with_packed_weights_are_added(members, dtype, backend):
    columns, n_out = 37, 100
    weight, a = whole((n_out, columns), dtype), whole((members, padded(n_out)), dtype, 2)
    packed = Packed(weight, np.ones(columns, dtype), backend, narrow=False).array
    found = np.ones(members * padded(n_out), dtype)
    helpers(backend).add_product(found, u(padded(n_out)), a.reshape(-1), u(padded(n_out)), u(members), u(columns), packed)
    found = found.reshape(members, -1)
    expected = np.ones((members, n_out), dtype)
    for s in range(members):
        for o in range(n_out):
            for i in range(columns):
                expected[s, o] += a[s, i] * weight[o, i]
    np.testing.assert_array_equal(found[:, :n_out], expected)
    assert (found[:, n_out:] == 1).all()


@backends
def test_exponentials_are_those_of_numpy_to_rounding(backend):
    x = np.concatenate([np.linspace(-80, 80, 1001), [0.0, -0.0, 1e-9, 1.0]])
    fast = np.empty(len(x), np.float32), np.empty(len(x))
    helpers(backend).exps(x, *fast)
    np.testing.assert_allclose(fast[0], np.exp(x.astype(np.float32).astype(np.float64)), rtol=3e-7)
    np.testing.assert_allclose(fast[1], np.exp(x), rtol=5e-16)
    assert fast[0][-4:-2].tolist() == fast[1][-4:-2].tolist() == [1, 1]


@backends
def test_exponentials_beyond_the_range_are_zero_and_infinity(backend):
    x = np.array([-np.inf, -1e35, -1e4, 1e4, 1e35, np.inf, np.nan])
    fast = np.empty(len(x), np.float32), np.empty(len(x))
    helpers(backend).exps(x, *fast)
    for values in fast:
        np.testing.assert_array_equal(values, [0, 0, 0, np.inf, np.inf, np.inf, np.nan])


def test_events_of_no_rows_have_no_density():
    assert Events(np.zeros(1, np.uint64), 5, back_end(), np.zeros(0, np.uint32)).density == 0


@backends
@pytest.mark.parametrize(("counts", "dtype"), [(True, np.float32), (True, np.float64), (False, np.uint8)])
def test_events_are_counted_into_frames(counts, dtype, backend):
    rng, (height, width) = np.random.default_rng(0), (3, 5)
    start = np.array([0, 4, 4, 30, 50])
    p, y, x = (rng.integers(0, end, 50).astype(kind) for end, kind in ((2, np.uint8), (height, np.int16), (width, np.int16)))
    expected = naive.binned(start, p, y, x, height, width, 2 * height * width)
    frames = np.zeros(expected.shape, dtype)
    numbers = [np.uint64(n) for n in (height, width, 2 * height * width)]
    arguments = [start.astype(np.uint64), p, y, x, *numbers, np.bool_(counts), frames.reshape(-1)]
    launch(backend.kernel("binned"), len(frames), arguments, 50)
    np.testing.assert_array_equal(frames, expected if counts else expected > 0)
