"""Our matrix product against plain loops, compiled and as plain Python, with the tiles of all kinds of processors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn.engine import tuning
from snn.engine.backends import back_end, modes
from snn.engine.operands import bits, flags, gathered, numbers, patches
from snn.engine.product import PROCESSORS, multiply, processor
from tests.reference import product as naive
from tests.snn.helpers.each import each

backends = pytest.mark.parametrize("backend", modes().values(), ids=modes())
HERE = processor()


def whole(shape, dtype, seed=1):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def normal(shape, dtype=np.float32, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@st.composite
def matrices(draw, rows, columns, dtype):
    """Whole numbers with any strides, in either order, at any address, and read-only or not."""
    steps = [draw(st.sampled_from([1, 1, 2, -1, -3])) for _ in range(2)]
    order = draw(st.sampled_from("CF"))
    shape = [n * abs(step) for n, step in zip((rows, columns), steps, strict=True)]
    memory = np.zeros(shape[0] * shape[1] * np.dtype(dtype).itemsize + 64, np.uint8)
    offset = draw(st.sampled_from([0, 0, 4, 8, 1]))
    array = memory[offset : memory.size - 64 + offset].view(dtype).reshape(shape, order=order)[:: steps[0], :: steps[1]]
    array[...] = whole((rows, columns), dtype, draw(st.integers(0, 99)))
    array.flags.writeable = draw(st.booleans())
    return array


sizes = st.one_of(st.integers(1, 8), st.integers(9, 70))


@given(st.data(), sizes, sizes, sizes, st.sampled_from([np.float32, np.float64]), st.booleans())
def test_products_of_any_shape_strides_and_address(data, m, n, k, dtype, small):
    a, b = data.draw(matrices(m, k, dtype)), data.draw(matrices(k, n, dtype))
    room = whole((m, n + 3), dtype, 5)
    out = room[:, 1 : 1 + n]
    made_for = HERE._replace(depth=8, tall=13) if small else HERE
    multiply(numbers(a), numbers(b), out, made_for=made_for)
    np.testing.assert_array_equal(out, naive.product(a, b))
    np.testing.assert_array_equal(
        np.delete(room, np.s_[1 : 1 + n], 1), np.delete(whole((m, n + 3), dtype, 5), np.s_[1 : 1 + n], 1)
    )


@given(st.data(), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.sampled_from(list(PROCESSORS)))
def test_plain_products_of_any_shape_strides_and_address(data, m, n, k, name):
    a, b = data.draw(matrices(m, k, np.float32)), data.draw(matrices(k, n, np.float32))
    out = np.full((m, n), np.nan, np.float32)
    multiply(numbers(a), numbers(b), out, backend=back_end("python"), made_for=PROCESSORS[name]._replace(depth=8, tall=13))
    np.testing.assert_array_equal(out, naive.product(a, b))


@pytest.mark.parametrize("name", PROCESSORS)
def test_tiles_of_every_processor(name):
    for m, n, k in ((1, 1, 1), (8, 33, 40), (25, 64, 9), (8, 1024, 5)):
        a, b, out = whole((m, k), np.float32), whole((k, n), np.float32, 2), np.empty((m, n), np.float32)
        multiply(numbers(a), numbers(b), out, made_for=PROCESSORS[name])
        np.testing.assert_array_equal(out, naive.product(a, b))


@backends
@each(first=[True, False], amplitude=[0.5, 2.0], columns=[1, 7, 70])
def test_bytes_and_bits_of_spikes_are_an_amplitude(backend, first, amplitude, columns):
    spikes = np.random.default_rng(0).random((20, columns)) < 0.3
    amplitude = np.float32(amplitude)
    for operand in (
        flags(spikes, amplitude),
        flags(spikes.view(np.uint8), amplitude),
        bits(naive.bits(spikes), columns, amplitude),
    ):
        values = spikes * amplitude
        other = whole((columns, 33) if first else (5, 20), np.float32)
        out = np.empty((20, 33) if first else (5, columns), np.float32)
        pair = (operand, numbers(other)) if first else (numbers(other), operand)
        expected = naive.product(values, other) if first else naive.product(other, values)
        np.testing.assert_array_equal(multiply(*pair, out, backend=backend), expected)
        turned = np.empty(out.shape[::-1], np.float32)
        np.testing.assert_array_equal(multiply(pair[1].T, pair[0].T, turned, backend=backend), expected.T)


@backends
def test_rows_are_gathered(backend):
    a, b, index = whole((9, 21), np.float32), whole((21, 20), np.float32, 2), np.array([8, 0, 0, 3, 5, 5, 1])
    out = np.empty((7, 20), np.float32)
    multiply(gathered(numbers(a), index), numbers(b), out, backend=backend)
    np.testing.assert_array_equal(out, naive.product(a[index], b))
    out = np.empty((20, 7), np.float32)
    multiply(numbers(b).T, gathered(numbers(a), index).T, out, backend=backend)
    np.testing.assert_array_equal(out, naive.product(a[index], b).T)


@backends
@each(images=[(3, 2, 6, 7), (1, 1, 3, 2)], size=[(3, 2), (1, 1)], step=[1, 2], spikes=[False, True])
def test_rows_are_patches_of_images(backend, images, size, step, spikes):
    given = np.abs(whole(images, np.float32)) > 2 if spikes else whole(images, np.float32)[:, :, ::-1]
    operand = patches(given, *size, step, amplitude=np.float32(2)) if spikes else patches(given, *size, step)
    expected = naive.patches(given * np.float32(2) if spikes else given, *size, step)
    b = whole((expected.shape[1], 5), np.float32, 2)
    out = np.empty((len(expected), 5), np.float32)
    np.testing.assert_array_equal(multiply(operand, numbers(b), out, backend=backend), naive.product(expected, b))


@backends
@each(shape=[(3, 5, 20), (30, 40, 9)], depth=[8, 512])
def test_a_product_is_added_to_what_is_there_or_to_a_bias(backend, shape, depth):
    m, n, k = shape
    a, b, made_for = whole((m, k), np.float64), whole((k, n), np.float64, 2), HERE._replace(depth=depth)
    before, bias = whole((m, n), np.float64, 3), whole(n, np.float64, 4)
    bias.flags.writeable = False
    out = before.copy()
    multiply(numbers(a), numbers(b), out, adds=True, backend=backend, made_for=made_for)
    np.testing.assert_array_equal(out, naive.product(a, b, before))
    multiply(numbers(a), numbers(b), out, bias=bias, backend=backend, made_for=made_for)
    np.testing.assert_array_equal(out, naive.product(a, b, np.broadcast_to(bias, (m, n))))


@each(m=[0, 3], n=[0, 2], k=[0, 4], bias=[None, [3.0, 4.0]], adds=[False, True])
def test_what_is_empty(m, n, k, bias, adds):
    bias = None if bias is None or adds else np.array(bias[:n], np.float32)
    out = np.full((m, n), 7, np.float32)
    a, b = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
    multiply(numbers(a), numbers(b), out, bias=bias, adds=adds, backend=back_end("python"))
    np.testing.assert_array_equal(out, np.full((m, n), float(k)) + (7 if adds else 0 if bias is None else bias))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_where_numpy_has_it(value):
    for m, n, k in ((1, 1, 1), (7, 17, 5), (60, 70, 40)):
        a, b = normal((m, k)), normal((k, n))
        a[m // 2, k // 2] = b[k // 3, n // 2] = value
        b[k // 2, 0] = 0  # times infinity
        with np.errstate(invalid="ignore"):
            expected = a.astype(np.float64) @ b.astype(np.float64)
        out = multiply(numbers(a), numbers(b), np.empty((m, n), np.float32))
        for kind in (np.isnan, np.isposinf, np.isneginf):
            np.testing.assert_array_equal(kind(out), kind(expected))


def test_the_bits_are_the_same_for_any_number_of_threads_and_any_cut(monkeypatch, tune):
    tune(shared_elements=0, shared_product=0)
    spikes = np.random.default_rng(0).random((400, 1200)) < 0.2
    a, b = normal((130, 1200)), normal((1200, 700))
    found = set()
    for threads in (1, 2, 4):
        monkeypatch.setenv("SPIKECELL_THREADS", str(threads))
        out = multiply(numbers(a), numbers(b), np.empty((130, 700), np.float32))
        both = multiply(numbers(a), flags(spikes, np.float32(0.3)).T, np.empty((130, 400), np.float32))
        found.add((out.tobytes(), both.tobytes()))
    assert len(found) == 1
    part = multiply(numbers(a[7:60]), numbers(b[:, 33:90]), np.empty((53, 57), np.float32))
    np.testing.assert_array_equal(part, out[7:60, 33:90])
    np.testing.assert_array_equal(both, multiply(numbers(a), numbers(spikes.T * np.float32(0.3)), np.empty_like(both)))
    with tuning.using(product_bytes=1):
        np.testing.assert_array_equal(multiply(numbers(a), numbers(b), np.empty_like(out)), out)


@backends
def test_a_thread_packs_what_others_have_taken_and_do_not_finish(backend):
    b, columns = numbers(whole((40, 70), np.float32)), HERE.tile[1] * HERE.tile[2] // 4
    kernels, one = backend.products(HERE.tile, 4), np.float32(1)
    found = []
    for taken in (np.zeros(3, np.uint64), np.array([99, 0, 0], np.uint64)):
        out = np.full(-(-70 // columns) * columns * 40, np.nan, np.float32)
        depth, beside = (np.uint64(0), np.uint64(40), np.uint64(20)), (np.bool_(True), np.bool_(False))
        kernels.packed(np.uint64(0), np.uint64(1), b.elements, b.columns, b.rows, *depth, one, *beside, out, taken)
        found.append(out)
    np.testing.assert_array_equal(*found)
    assert not np.isnan(found[1]).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_products_are_exact_to_rounding(dtype):
    a, b = normal((300, 1100), dtype), normal((1100, 257), dtype)
    out = multiply(numbers(a), numbers(b), np.empty((300, 257), dtype))
    exact = a.astype(np.longdouble) @ b.astype(np.longdouble)
    assert abs(out - exact).max() < 1100 * np.finfo(dtype).eps


def test_no_compiled_function_is_made_by_another_one():
    """Their names in the cache would depend on the order in which a process meets them."""
    compiled = back_end()
    for source in (compiled.kernels(), compiled.blocks(HERE.tile, 4)):
        found = [f.py_func.__qualname__ for f in vars(compiled.load(source)).values() if hasattr(f, "py_func")]
        assert len(found) > 3
        assert not [name for name in found if "<locals>" in name]
