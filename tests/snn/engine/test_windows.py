"""Pooling by compiled loops: the same bits as in numpy, for any windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import grad, nn, ops, windows
from autograd.windows import Windows
from snn.engine import tuning
from snn.engine.backends import back_end
from snn.engine.windows import Pools

NAMES = {"largest", "first_largest", "put_back", "summed", "spread"}


@pytest.fixture(autouse=True)
def in_numpy(monkeypatch):
    monkeypatch.setattr(windows, "compiled", None)


def assert_bits(found, expected):
    """Assert that two arrays are the same, and NaN where the other is."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert np.array_equal(np.nan_to_num(found, nan=7.5).view(np.uint8), np.nan_to_num(expected, nan=7.5).view(np.uint8))


@st.composite
def pooled(draw):
    axes = draw(st.integers(1, 2))
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(axes))  # noqa: E731
    kernel, stride, dilation, more = each(1, 3), each(1, 3), each(1, 2), each(0, 4)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = tuple((draw(st.integers(0, span // 2)), draw(st.integers(0, span // 2))) for span in spans)
    size = tuple(span + n for span, n in zip(spans, more, strict=True))
    return Windows(kernel, stride, dilation, pads), size, draw(st.integers(0, 1000))


def numbers(shape, seed, dtype):
    """Return numbers of which many are equal, and some infinite or not a number."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, shape) + rng.choice([0.0, 0.1], shape)
    return np.where(rng.random(shape) < 0.05, rng.choice([np.nan, np.inf, -np.inf], shape), x).astype(dtype)


@settings(max_examples=60, deadline=None)
@given(pooled(), st.sampled_from([np.float32, np.float64]), st.booleans())
def test_loops_give_the_bits_of_numpy(case, dtype, plain):
    layout, size, seed = case
    loops = Pools(back_end("python" if plain else "compiled"))
    x = numbers((2, 3, *size), seed, dtype)
    top = windows.largest(x, layout)
    assert_bits(loops.largest(x, layout), top)
    chosen = windows.first_largest(x, top, layout)
    assert np.array_equal(loops.first_largest(x, top, layout), chosen)
    with np.errstate(invalid="ignore"):
        assert_bits(loops.summed(x, layout), windows.summed(x, layout))
        g = numbers(top.shape, seed + 1, dtype)
        assert_bits(loops.put_back(g, chosen, layout, size), windows.put_back(g, chosen, layout, size))
        assert_bits(loops.spread(g, layout, size), windows.spread(g, layout, size))


def test_a_layer_uses_them_for_large_arrays_of_floats_alone(monkeypatch):
    loops, calls = Pools(back_end()), set()
    for name in NAMES:
        made = getattr(loops, name)
        monkeypatch.setattr(loops, name, lambda *args, name=name, made=made: calls.add(name) or made(*args))
    x = np.random.default_rng(0).random((4, 8, 6, 6), np.float32)

    def gradients(x):
        layers = nn.MaxPool2d(2, 2), nn.AvgPool2d(3, 2)
        return [grad(lambda x, layer=layer: (layer(x) * layer(x)).sum())(ops.cast(x, x.dtype)).asnumpy() for layer in layers]

    expected = gradients(x)
    assert all(g.any() for g in expected)
    monkeypatch.setattr(windows, "compiled", loops)
    for found, wanted in zip(gradients(x), expected, strict=True):
        assert_bits(found, wanted)
    assert not calls  # a little work stays with numpy
    with tuning.using(pooled_elements=0):
        for found, wanted in zip(gradients(x), expected, strict=True):
            assert_bits(found, wanted)
        assert calls == NAMES
        calls.clear()
        nn.MaxPool2d(2, 2)((x * 10).astype(np.int32))
        assert not calls
