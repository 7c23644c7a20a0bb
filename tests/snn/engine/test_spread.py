"""Convolutions inside loops against plain loops, in every direction, compiled and as plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd.windows import Windows
from snn.engine.backends import modes
from snn.engine.images import dense_kernels_of, is_dense, kernels_of

PYTHON = modes()["python"]
SOURCES = [
    "def spikes(out, to, fired, a, b, work, w, sizes, row_start, rows, starts, runs):\n"
    "    spread_spikes(out, to, fired, a, b, work, w, sizes, row_start, rows, starts, runs)\n",
    "def numbers(out, to, x, at, n, work, w, sizes, row_start, rows, starts, runs):\n"
    "    spread_numbers(out, to, x, at, n, work, w, sizes, row_start, rows, starts, runs)\n",
    "def where(out, to, g, a, n, flags, b, work, w, sizes, row_start, rows, starts, runs):\n"
    "    spread_where(out, to, g, a, n, flags, b, work, w, sizes, row_start, rows, starts, runs)\n",
    "def whole(out, to, x, at, image, work, w, sizes, inner, rows):\n"
    "    convolve(out, to, x, at, image, work, w, sizes, inner, rows)\n",
]
u = np.uint64


@st.composite
def convolutions(draw):
    """Draw windows, groups, channels of input and output per group, and a size that has at least one output."""
    axes = draw(st.integers(1, 3))
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(axes))  # noqa: E731
    kernel, dilation, stride = each(1, 3), each(1, 2), each(1, 2) if draw(st.booleans()) else (1,) * axes
    pads = tuple(zip(each(0, 2), each(0, 2), strict=True))
    windows = Windows(kernel, stride, dilation, pads)
    least = [max(1, span - sum(pad)) for span, pad in zip(windows.spans, pads, strict=True)]
    size = tuple(n + draw(st.integers(0, 3)) for n in least)
    return windows, draw(st.sampled_from([1, 1, 2])), draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 17])), size


def drawn(case, dtype, seed=0):
    windows, groups, each, outputs, size = case
    rng = np.random.default_rng(seed)
    return (
        rng.integers(-3, 4, (outputs * groups, each, *windows.kernel)).astype(dtype),
        (rng.integers(-2, 3, (each * groups, *size)) * (rng.random((each * groups, *size)) < 0.6)).astype(dtype),
        rng.integers(-2, 3, (outputs * groups, *windows.counts(size))).astype(dtype),
    )  # fmt: skip


def naive(case, weight, x, g):
    """Return the convolution of ``x``, and the gradient of the input from ``g``, from the definition."""
    windows, _, each, outputs, size = case
    out, by_input = np.zeros_like(g), np.zeros_like(x)
    for o, *place in np.ndindex(g.shape):
        for c, *inside in np.ndindex(weight.shape[1:]):
            steps = zip(place, windows.stride, windows.pads, inside, windows.dilation, strict=True)
            there = [p * s - pad[0] + i * d for p, s, pad, i, d in steps]
            if all(0 <= t < n for t, n in zip(there, size, strict=True)):
                at = (o // outputs * each + c, *there)
                out[(o, *place)] += weight[(o, c, *inside)] * x[at]
                by_input[at] += weight[(o, c, *inside)] * g[(o, *place)]
    return out, by_input


def check(case, dtype, backend):
    windows, groups, _, _, size = case
    weight, x, g = drawn(case, dtype)
    helpers, fixed, behind = backend.load(backend.module(SOURCES)), (weight, windows, groups, size), 3
    forward, back = naive(case, weight, x, g)
    fired = np.flatnonzero(x).astype(np.uint32)
    of_spikes, _ = naive(case, weight, (x != 0).astype(dtype), g)
    flags = np.random.default_rng(2).random(x.size) < 0.5

    def compare(function, expected, *arguments):
        out = np.arange(expected.size + behind, dtype=dtype)  # it adds to what is there
        function(out, u(behind), *arguments)
        wanted = np.arange(expected.size + behind, dtype=dtype)
        wanted[behind:] += expected.reshape(-1)
        np.testing.assert_array_equal(out, wanted)

    *tables, room = kernels_of(*fixed, 2).values()
    compare(helpers.spikes, 2 * of_spikes, fired, u(0), u(len(fired)), np.empty(int(room), dtype), *tables)
    compare(helpers.spikes, 0 * of_spikes, fired, u(0), u(0), np.empty(int(room), dtype), *tables)
    *tables, room = kernels_of(*fixed).values()
    compare(helpers.numbers, forward, x.reshape(-1), u(0), u(x.size), np.empty(int(room), dtype), *tables)
    *tables, room = kernels_of(*fixed, back=True).values()
    compare(helpers.numbers, back, g.reshape(-1), u(0), u(g.size), np.empty(int(room), dtype), *tables)
    *tables, room = kernels_of(*fixed, aligned=False).values()
    places = np.where(flags.reshape(x.shape), back, 0)
    work = np.empty(int(room), dtype)
    compare(helpers.where, places, g.reshape(-1), u(0), u(x.size), flags.view(np.uint8), u(0), work, *tables)
    if is_dense(windows, groups):
        for given_, expected, direction in ((x, forward, False), (g, back, True)):
            *tables, room, image = dense_kernels_of(*fixed, back=direction).values()
            work = np.zeros(int(image), dtype), np.empty(int(room), dtype)
            for _ in range(2):  # the padding stays zero
                compare(helpers.whole, expected, given_.reshape(-1), u(0), *work, *tables)
    return [bool(a.any()) for a in (of_spikes, forward, back)]


@given(convolutions(), st.sampled_from([np.float32, np.float64]))
def test_a_convolution_in_a_loop_is_that_of_its_definition(case, dtype):
    check(case, dtype, PYTHON)


@pytest.mark.parametrize("backend", modes().values(), ids=modes())
@pytest.mark.parametrize(
    ("windows", "groups", "size"),
    [
        (Windows((3,), (1,), (1,), ((1, 1),)), 1, (40,)), (Windows((3, 5), (1, 1), (1, 1), ((1, 1), (2, 2))), 1, (7, 19)),
        (Windows((3, 3), (2, 2), (1, 1), ((1, 1), (0, 1))), 1, (9, 8)),
        (Windows((3, 3), (1, 1), (2, 2), ((2, 2), (2, 2))), 2, (6, 7)),
        (Windows((2, 2, 3), (1, 1, 1), (1, 1, 2), ((0, 1), (1, 0), (2, 2))), 1, (3, 4, 6)),
    ],
)  # fmt: skip
def test_each_back_end_convolves_in_loops(backend, windows, groups, size):
    for dtype in (np.float32, np.float64):
        assert all(check((windows, groups, 3, 5, size), dtype, backend))
