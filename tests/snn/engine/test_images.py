"""Convolutions of listed spikes against the definition, compiled and as plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd.windows import Windows
from snn.engine.backends import modes
from snn.engine.events import find_events, joined
from snn.engine.gradients import Images, PooledImages
from snn.engine.images import SpikeConvolution, spread_few
from snn.engine.windows import Pools, places_inside

PYTHON = modes()["python"]


@st.composite
def convolutions(draw):
    """Draw windows over two axes, groups, channels of input and output per group, and a size that has at least one output."""
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(2))  # noqa: E731
    kernel, dilation, stride = each(1, 3), each(1, 2), each(1, 2)
    pads = tuple(zip(each(0, 2), each(0, 2), strict=True))
    windows = Windows(kernel, stride, dilation, pads)
    least = [max(1, span - sum(pad)) for span, pad in zip(windows.spans, pads, strict=True)]
    size = tuple(n + draw(st.integers(0, 4)) for n in least)
    return windows, draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 17])), size


def naive(case, weight, x, g):
    """Return the convolution of images, and the gradients of the weights and of the images, from the definition."""
    windows, groups, each, outputs, size = case
    out, by_weight, by_input = np.zeros_like(g), np.zeros_like(weight), np.zeros_like(x)
    for place in np.ndindex(g.shape[2:]):
        for inside in np.ndindex(weight.shape[2:]):
            steps = zip(place, windows.stride, windows.pads, inside, windows.dilation, strict=True)
            at = tuple(p * s - pad[0] + i * d for p, s, pad, i, d in steps)
            if all(0 <= t < n for t, n in zip(at, size, strict=True)):
                for group in range(groups):
                    a, b = slice(group * each, (group + 1) * each), slice(group * outputs, (group + 1) * outputs)
                    w = weight[(b, slice(None), *inside)]
                    out[(slice(None), b, *place)] += x[(slice(None), a, *at)] @ w.T
                    by_weight[(b, slice(None), *inside)] += g[(slice(None), b, *place)].T @ x[(slice(None), a, *at)]
                    by_input[(slice(None), a, *at)] += g[(slice(None), b, *place)] @ w
    return out, by_weight, by_input


def check(case, dtype, backend, density, terms):
    windows, groups, each, outputs, size = case
    rng, images = np.random.default_rng(0), 2
    weight = rng.integers(-3, 4, (outputs * groups, each, *windows.kernel)).astype(dtype)
    several = [(rng.random((images, each * groups, *size)) < density).astype(np.uint8) for _ in range(terms)]
    shape = images, outputs * groups, *windows.counts(size)
    g = (rng.integers(-2, 3, shape) * (rng.random(shape) < 0.5)).astype(dtype)
    places = rng.random((images, each * groups, *size)) < 0.4
    x = 2 * np.sum(several, 0).astype(dtype)
    expected, by_weight, by_input = naive(case, weight, x, g)

    def events(flags):
        return find_events(flags.reshape(-1, size[0] * size[1]).view(np.uint8), None, backend)

    convolution = SpikeConvolution(weight, np.asarray(2.0), windows, groups, size, joined([events(s) for s in several]))
    out = np.full(shape, np.nan, dtype)
    convolution.spread(0, out)
    np.testing.assert_array_equal(out, expected)
    later = np.full((images - 1, *shape[1:]), np.nan, dtype)
    convolution.spread(1, later)
    np.testing.assert_array_equal(later, expected[1:])
    bias = rng.integers(-3, 4, shape[1]).astype(dtype)
    for pool in (Windows((2, 2), (2, 2), (1, 1), ((0, 0), (0, 0))), Windows((2, 3), (1, 2), (1, 1), ((0, 0), (0, 0)))):
        counts = pool.counts(shape[2:])
        if min(counts) < 1:
            continue
        top, chosen = (np.empty((*shape[:2], *counts), kind) for kind in (dtype, np.uint8))
        for added in (None, bias):
            convolution.pool(0, pool, added, chosen, top)
            expected_top = Pools(backend).largest(expected, pool)
            np.testing.assert_array_equal(top, expected_top)
            np.testing.assert_array_equal(chosen, Pools(backend).first_largest(expected, expected_top, pool, None, added))
        if PooledImages.can(pool, shape[2:]):
            pooled = PooledImages(rng.integers(-2, 3, top.shape).astype(dtype), chosen, pool, shape[2:], groups, backend)
            dense = Images(pooled.array, groups, backend)
            np.testing.assert_array_equal(pooled.channels_last, dense.channels_last)
            assert (pooled.nonzero, pooled.finite, pooled.shape) == (dense.nonzero, dense.finite, dense.shape)
            found = np.full((2, *x.shape), np.nan, dtype)
            for each_way, out_of_it in zip((pooled, dense), found, strict=True):
                spread_few(weight, windows, groups, size, each_way, out_of_it, backend)
            np.testing.assert_array_equal(*found)
    gradient = Images(g, groups, backend)
    total = convolution.gather(0, gradient, None)
    np.testing.assert_array_equal(convolution.gathered(total), by_weight)
    np.testing.assert_array_equal(convolution.gathered(convolution.gather(0, gradient, total)), 2 * by_weight)

    sampling = SpikeConvolution(weight, np.ones(()), windows, groups, size, events(places))
    sampled = np.full(x.shape, np.nan, dtype)
    sampling.sample(0, gradient, sampled)
    np.testing.assert_array_equal(sampled, np.where(places, by_input, 0))
    spread = np.full(x.shape, np.nan, dtype)
    spread_few(weight, windows, groups, size, gradient, spread, backend)
    np.testing.assert_array_equal(spread, by_input)
    return [bool(a.any()) for a in (expected, by_weight, by_input)]


@given(convolutions(), st.sampled_from([np.float32, np.float64]), st.sampled_from([0.0, 0.2, 1.0]), st.integers(1, 3))
def test_sums_over_spikes_are_the_convolution_of_the_definition(case, dtype, density, terms):
    check(case, dtype, PYTHON, density, terms)


def test_windows_that_reach_beyond_an_image_are_pooled_afterwards():
    assert places_inside(Windows((2, 2), (2, 2), (1, 1), ((0, 1), (0, 0))), (5, 4)) is None
    assert places_inside(Windows((2, 2), (2, 2), (1, 1), ((0, 1), (0, 0))), (4, 4)) is not None  # the padding is not used


@pytest.mark.parametrize("backend", modes().values(), ids=modes())
@pytest.mark.parametrize(
    ("windows", "groups", "each", "outputs", "size"),
    [
        (Windows((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1))), 1, 2, 64, (7, 7)),  # more places than a tile has, and some left
        (Windows((5, 5), (1, 1), (1, 1), ((0, 0), (0, 0))), 1, 16, 3, (9, 8)),  # rows of 80 outputs backward
        (Windows((3, 3), (1, 1), (1, 1), ((2, 0), (1, 1))), 1, 12, 70, (6, 5)),
        (Windows((2, 3), (2, 1), (1, 2), ((1, 1), (0, 1))), 3, 2, 5, (6, 9)),
        (Windows((3, 2), (1, 2), (2, 1), ((2, 2), (1, 0))), 2, 1, 1, (8, 6)),
    ],
)  # fmt: skip
def test_each_back_end_sums_over_spikes(backend, windows, groups, each, outputs, size):
    for dtype, density, terms in ((np.float32, 0.2, 1), (np.float64, 1.0, 3)):
        assert all(check((windows, groups, each, outputs, size), dtype, backend, density, terms))
