"""Convolution of spikes: each spike adds its kernels to the outputs in its reach, so that the work is for spikes only."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np

from autograd.windows import Windows

from .backends import BackEnd
from .buffers import empty
from .events import Events
from .threads import launch

__all__ = ["Images", "SpikeConvolution", "dense_kernels_of", "is_dense", "kernels_of", "spread_few"]

Array = np.ndarray[Any, np.dtype[Any]]
_u = np.uint64


class Images:
    """Images ``[rows, C, H, W]``, and a copy with the channels last, made on first access."""

    def __init__(self, array: Array, backend: BackEnd) -> None:
        self.array, self.backend = array, backend

    @functools.cached_property
    def channels_last(self) -> Array:
        """``[rows, H * W, C]``, flat."""
        rows, channels, plane = len(self.array), self.array.shape[1], math.prod(self.array.shape[2:])
        last = empty((rows, plane, channels), self.array.dtype).reshape(-1)
        arguments = [self.array.reshape(-1), _u(channels), _u(plane), last]
        launch(self.backend.kernel("channels_last"), rows, arguments, self.array.size)
        return last


class SpikeConvolution:
    """A two-dimensional convolution of images whose spikes are listed.

    Internally, channels come last: a spike's outputs along a row are contiguous in memory, and so are its weights.

    Parameters
    ----------
    weight : array
        ``[out, C / groups, kh, kw]``.
    amplitude : array
        Amplitude of all spikes.
    windows : Windows
        Stride, dilation and padding.
    groups : int
        Number of groups of channels.
    size : tuple of int
        ``(H, W)`` of the input.
    events : Events
        Events of rows, one for each image and channel, with a column for each pixel.
    """

    def __init__(
        self, weight: Array, amplitude: Array, windows: Windows, groups: int, size: tuple[int, ...], events: Events
    ) -> None:
        self.weight, self.events, self.kernel = weight, events, events.backend.kernel
        self.amplitude = amplitude.astype(weight.dtype).reshape(())[()]
        self.out_channels, self.each, kh, kw = weight.shape
        self.channels, self.groups = self.each * groups, groups
        self.counts = windows.counts(size)
        # Adjacent outputs meet adjacent columns of the reversed kernel: contiguous weights are added to contiguous outputs.
        self.runs = groups == 1 and windows.stride[1] == windows.dilation[1] == 1
        self.sizes = _u(self.channels), _u(self.each)
        self.outputs = _u(self.out_channels // groups), _u(self.out_channels)
        self.tables = [
            _u(size[1]), _u(kh), _u(kw), _u(self.counts[0]), _u(self.counts[1]), *_tables(windows, size, self.runs)
        ]  # fmt: skip

    @functools.cached_property
    def packed(self) -> Array:
        """The weights times the amplitude, ``[C, kh, kw, out / groups]``."""
        apart = self.weight.reshape(self.groups, -1, *self.weight.shape[1:])
        found = np.moveaxis(apart, 1, -1).reshape(self.channels, *self.weight.shape[2:], -1)
        return np.ascontiguousarray((found[:, :, ::-1] if self.runs else found) * self.amplitude)

    @functools.cached_property
    def padded(self) -> tuple[Array, list[Any]]:
        """The same with padded places; see :func:`_padded`."""
        return _padded(self.packed, self.groups)

    def spread(self, first: int, out: Array) -> None:
        """Write the currents ``[rows, out, H', W']`` of the images from ``first`` on."""
        start = self.events.start[first * self.channels :]
        weights, sizes = self.padded
        arguments = [start, self.events.index, *self.sizes, *sizes, *self.tables, weights, out.reshape(-1)]
        launch(self.kernel("convolve_spikes"), len(out), arguments, out.size)

    def gather(self, first: int, gradient: Images, total: Array | None) -> Array:
        """Return ``total`` plus the weight gradient of the images from ``first`` on, from the gradient of their currents."""
        total = np.zeros(self.weight.size, self.weight.dtype) if total is None else total
        start = self.events.start[first * self.channels :]
        last, rows = gradient.channels_last, len(gradient.array)
        arguments = [start, self.events.index, _u(rows), *self.sizes, *self.outputs, *self.tables, last, total]
        launch(self.kernel("gather_spikes"), self.channels * self.weight.shape[2], arguments, gradient.array.size)
        return total

    def sample(self, first: int, gradient: Images, out: Array) -> None:
        """Write the gradient of images from ``first`` on, ``[rows, C, H, W]``, from that of their currents; 0 elsewhere."""
        start = self.events.start[first * self.channels :]
        last = gradient.channels_last
        arguments = [
            start, self.events.index, *self.sizes, *self.outputs, *self.tables, self.packed.reshape(-1), last,
            _u(math.prod(out.shape[2:])), out.reshape(-1),
        ]  # fmt: skip
        launch(self.kernel("sample_convolved"), len(out), arguments, out.size)

    def gathered(self, total: Array | None) -> Array:
        """Return the summed gradient as ``[out, C / groups, kh, kw]``."""
        if total is None:
            return np.zeros_like(self.weight)
        kh, kw = self.weight.shape[2:]
        found = total.reshape(self.groups, self.each, kh, kw, -1)
        found = found[:, :, :, ::-1] if self.runs else found
        made: Array = np.moveaxis(found, -1, 1).reshape(self.weight.shape) * self.amplitude
        return made


def spread_few(
    weight: Array, windows: Windows, groups: int, size: tuple[int, ...], gradient: Array, out: Array, backend: BackEnd
) -> None:
    """Write the gradient of images ``[rows, C, H, W]`` from that of their currents; only its nonzero elements cost time."""
    n_out, each, kh, kw = weight.shape
    apart = weight.reshape(groups, n_out // groups, each, kh, kw)
    weights, sizes = _padded(np.moveaxis(apart, 2, -1).reshape(n_out, kh, kw, each), groups)
    arguments = [
        gradient.reshape(-1), _u(n_out), _u(n_out // groups), *sizes, _u(math.prod(gradient.shape[2:])), _u(gradient.shape[3]),
        _u(kh), _u(kw), _u(size[0]), _u(size[1]), *_tables(windows, size, groups == windows.dilation[1] == 1, True), weights,
        out.reshape(-1),
    ]  # fmt: skip
    launch(backend.kernel("convolve_few"), len(out), arguments, out.size)


def _padded(packed: Array, groups: int) -> tuple[Array, list[Any]]:
    """Return weights ``[C, kh, kw, out / groups]``, flat, and the outputs per group, in all, and per padded place.

    Places aligned to vectors let a vector that one input has written be read whole for the next input.
    """
    each = packed.shape[-1]
    lanes = 64 // packed.itemsize
    pitch = -(-each // lanes) * lanes if groups == 1 else each
    if pitch > each:
        packed = np.pad(packed, ((0, 0), (0, 0), (0, 0), (0, pitch - each)))
    return np.ascontiguousarray(packed).reshape(-1), [_u(pitch), _u(each * groups), _u(pitch * groups)]


def kernels_of(
    weight: Array, windows: Windows, groups: int, size: tuple[int, ...], amplitude: Any = 1, back: bool = False,
    aligned: bool = True,
) -> list[Any]:  # fmt: skip
    """Return the arguments with which a loop convolves images, as :class:`snn.engine.loop.Link` lists them.

    Parameters
    ----------
    weight : array
        ``[out, C / groups, *kernel]``, with any number of axes.
    windows, groups, size : Windows, int, tuple of int
        As in :class:`SpikeConvolution`.
    amplitude : array
        One factor of all weights.
    back : bool
        Whether to go back, from the gradient of the outputs to that of the inputs.
    aligned : bool
        Whether places may be padded; see :func:`_padded`.
    """
    (n_out, each), counts = weight.shape[:2], windows.counts(size)
    apart = (weight * weight.dtype.type(amplitude)).reshape(groups, n_out // groups, each, -1, weight.shape[-1])
    runs = groups == windows.dilation[-1] == 1 and (back or windows.stride[-1] == 1)
    source, target = (counts, size) if back else (size, counts)
    packed = np.moveaxis(apart, 2 if back else 1, -1)
    packed = packed.reshape(-1, *packed.shape[2:])
    if runs and not back:
        packed = packed[:, :, ::-1]
    outputs = packed.shape[-1]
    flat, (group_out, n, pitch) = (
        _padded(packed, groups) if aligned
        else (np.ascontiguousarray(packed).reshape(-1), [_u(outputs), _u(outputs * groups), _u(outputs * groups)])
    )  # fmt: skip
    sizes = [
        _u(math.prod(source)), _u(len(packed) // groups), group_out, n, pitch, _u(source[-1]), _u(packed.shape[1]),
        _u(packed.shape[2]), _u(math.prod(target[:-1])), _u(target[-1]),
    ]  # fmt: skip
    return [flat, np.array(sizes), *_tables(windows, size, runs, back), _u(math.prod(target) * int(pitch))]


def is_dense(windows: Windows, groups: int) -> bool:
    """Return whether a loop convolves whole images, in both directions, by products with rows of the kernel."""
    pads = zip(windows.pads, windows.spans, strict=True)
    return groups == 1 and set(windows.stride) == {1} and all(max(pad) < span for pad, span in pads)


def dense_kernels_of(
    weight: Array, windows: Windows, groups: int, size: tuple[int, ...], back: bool = False
) -> list[Any]:  # fmt: skip
    """Return the arguments of such a convolution; see :func:`kernels_of`."""
    if back:  # the gradient is convolved with the flipped kernel
        pads = tuple((span - 1 - before, span - 1 - after) for span, (before, after) in zip(
            windows.spans, windows.pads, strict=True
        ))  # fmt: skip
        turned = np.flip(weight, tuple(range(2, weight.ndim))).swapaxes(0, 1)
        weight, windows, size = turned, replace(windows, pads=pads), windows.counts(size)
    (n_out, channels), kw = weight.shape[:2], weight.shape[-1]
    packed = np.moveaxis(weight.reshape(n_out, channels, -1, kw), (0, 1), (3, 2))
    packed = np.pad(packed, ((0, 0), (0, 0), (0, 0), (0, -n_out % 16)))
    pitch, kh = packed.shape[-1], len(packed)
    packed = np.moveaxis(packed.reshape(kh, kw, channels, -1, 16), 3, 0)
    rows, places = windows.padded(size), windows.counts(size)
    sizes = [
        channels, math.prod(size[:-1]), size[-1], windows.pads[-1][0], rows[-1], kh, kw, windows.dilation[-1],
        math.prod(places[:-1]), places[-1], n_out, pitch,
    ]  # fmt: skip
    return [
        np.ascontiguousarray(packed).reshape(-1), np.array(sizes, np.uint64), *_rows(windows, size),
        _u(math.prod(places) * pitch), _u(math.prod(rows) * channels),
    ]  # fmt: skip


@functools.lru_cache(64)
def _rows(windows: Windows, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the row of the padded image for each row of the image, and for each row of the output and of the kernel."""
    padded = windows.padded(size)[:-1]

    def row(at: tuple[int, ...]) -> int:
        return functools.reduce(lambda found, each: found * each[1] + each[0], zip(at, padded, strict=True), 0)

    inner = [
        row(tuple(i + before for i, (before, _) in zip(at, windows.pads, strict=False))) for at in np.ndindex(*size[:-1])
    ]  # fmt: skip
    row_of = [
        row(tuple(i + d * k for i, d, k in zip(at, windows.dilation, kernel, strict=False)))
        for at in np.ndindex(*windows.counts(size)[:-1])
        for kernel in np.ndindex(*windows.kernel[:-1])
    ]
    return np.array(inner, np.uint64), np.array(row_of, np.uint64)


@functools.lru_cache(64)
def _tables(windows: Windows, size: tuple[int, ...], in_runs: bool, back: bool = False) -> tuple[Array, Array, Array]:
    """Return which rows and runs each position of an image reaches; kernel ``add_kernels`` defines them.

    All axes but the last are one axis of rows. With ``back``, return the rows and runs of the image for each position of the
    output.
    """
    counts = windows.counts(size)
    source, target = (counts, size) if back else (size, counts)
    *down, along = (_reached(windows, size, axis, back) for axis in range(len(size)))
    rows = math.prod(target[:-1])
    row_of = np.full((math.prod(source[:-1]), math.prod(windows.kernel[:-1])), rows, np.uint64)
    for y, at in enumerate(np.ndindex(*source[:-1])):
        for found in itertools.product(*(axis[i] for axis, i in zip(down, at, strict=True))):
            k = row = 0
            for (each, place), kernel, length in zip(found, windows.kernel[:-1], target[:-1], strict=True):
                k, row = k * kernel + each, row * length + place
            row_of[y, k] = row
    starts, runs = [0], []
    for reached in along:
        if in_runs and reached:
            k, place = reached[0 if back else -1]  # places fall along the kernel, or rise with ``back``
            runs.append((place, k if back else windows.kernel[-1] - 1 - k, len(reached)))
        else:
            runs += [(place, k, 1) for k, place in reached]
        starts.append(len(runs))
    return row_of.reshape(-1), np.array(starts, np.uint64), np.array(runs, np.uint64).reshape(-1)


def _reached(windows: Windows, size: tuple[int, ...], axis: int, back: bool) -> list[list[tuple[int, int]]]:
    """Return, for each position along an axis, pairs of a kernel position and the output reached through it.

    With ``back``, return, for each output, pairs of a kernel position and the input position.
    """
    step, apart, before = windows.stride[axis], windows.dilation[axis], windows.pads[axis][0]
    count, kernel = windows.counts(size)[axis], range(windows.kernel[axis])
    found: list[list[tuple[int, int]]] = [[] for _ in range(count if back else size[axis])]
    for at in range(count):
        for k in kernel:
            i = at * step + k * apart - before
            if 0 <= i < size[axis]:
                found[at if back else i].append((k, i if back else at))
    return [sorted(each) for each in found]
