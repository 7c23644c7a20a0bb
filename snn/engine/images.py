"""Convolution of spikes: each output sums the weights of the spikes in its reach, so that the work is for spikes only."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.windows import Windows

from . import tuning
from .backends import BackEnd
from .buffers import aligned
from .events import Events
from .gradients import Images, whole
from .loop import DENSE_KERNELS, KERNELS
from .reach import padded_rows, reach, runs_of
from .windows import places_inside

__all__ = ["SpikeConvolution", "dense_kernels_of", "is_dense", "kernels_of", "spread_few"]

_u = np.uint64


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
        self.weight, self.events, self.run = weight, events, functools.partial(events.backend.run, file="images")
        self.amplitude = amplitude.astype(weight.dtype).reshape(())[()]
        self.out_channels, self.each, kh, kw = weight.shape
        self.channels, self.groups = self.each * groups, groups
        self.counts = windows.counts(size)
        self.lanes = whole(self.out_channels // groups)
        self.fixed = windows, size, groups == 1
        self.sizes = self.channels, self.each, self.out_channels // groups
        self.kernel_sizes = size[1], kh, kw, *self.counts

    @functools.cached_property
    def packed(self) -> Array:
        """The reversed weights times the amplitude, ``[C, kh, kw, lanes]``, flat; see :func:`~snn.engine.reach.runs_of`."""
        apart = self.weight.reshape(self.groups, -1, *self.weight.shape[1:])
        found = np.moveaxis(apart, 1, -1).reshape(self.channels, *self.weight.shape[2:], -1)
        return _padded(found[:, ::-1, ::-1] * self.amplitude, self.lanes)

    def spread(self, first: int, out: Array) -> None:
        """Write the currents ``[rows, out, H', W']`` of the images from ``first`` on."""
        nothing = np.empty(0, self.weight.dtype)
        self._spread(first, out, 0, 0, np.empty(0, np.uint64), nothing, np.empty(0, np.uint8))

    def pool(self, first: int, windows: Windows, bias: Array | None, chosen: Array, out: Array) -> None:
        """Write the largest currents of windows, and their positions; see :meth:`snn.engine.windows.Pools.first_largest`.

        No window may reach beyond the image; see :func:`~snn.engine.windows.places_inside`.
        """
        each, outputs = self.out_channels // self.groups, math.prod(windows.counts(self.counts))
        padded = np.zeros((self.groups, self.lanes), self.weight.dtype)
        padded[:, :each] = 0 if bias is None else bias.reshape(self.groups, each)
        places, positions = places_inside(windows, self.counts), math.prod(windows.kernel)
        self._spread(first, out, outputs, positions, places, padded, chosen)

    def _spread(self, first: int, out: Array, *pooled: Any) -> None:
        windows, size, _ = self.fixed
        self.run(
            "convolve_spikes", len(out), len(out) * self.out_channels * math.prod(self.counts), *self._listed(first),
            self.events.repeats, *self.sizes, self.lanes, size[0], *self.kernel_sizes, *reach(windows, size), self.packed,
            *pooled, out,
        )  # fmt: skip

    def _listed(self, first: int) -> tuple[Array, Array]:
        """Return the events of the images from ``first`` on."""
        return self.events.start[first * self.channels :], self.events.index

    def gather(self, first: int, gradient: Images, total: Array | None) -> Array:
        """Return ``total`` plus the weight gradient of the images from ``first`` on, from the gradient of their currents."""
        kh, kw = self.weight.shape[2:]
        if total is None:
            total = aligned(self.channels * kh * kw * self.lanes, self.weight.dtype)
            total[:] = 0
        limits = tuning.now()
        parts = 1 if self.channels >= limits.gathered_channels else kh
        few = max(1, limits.gathered_elements // max(1, math.prod(self.counts) * gradient.pitch))
        self.run(
            "gather_spikes", self.channels * parts, math.prod(gradient.shape), parts, few, *self._listed(first),
            self.events.repeats, gradient.shape[0], *self.sizes, gradient.pitch, self.lanes, *self.kernel_sizes,
            *runs_of(*self.fixed), gradient.channels_last, total,
        )  # fmt: skip
        return total

    def sample(self, first: int, gradient: Images, out: Array) -> None:
        """Write the gradient of images from ``first`` on, ``[rows, C, H, W]``, from that of their currents; 0 elsewhere."""
        self.run(
            "sample_convolved", len(out), out.size, *self._listed(first), *self.sizes, gradient.pitch, self.lanes,
            *self.kernel_sizes, *runs_of(*self.fixed), self.packed, gradient.channels_last, math.prod(out.shape[2:]), out,
        )  # fmt: skip

    def gathered(self, total: Array | None) -> Array:
        """Return the summed gradient as ``[out, C / groups, kh, kw]``."""
        if total is None:
            return np.zeros_like(self.weight)
        kh, kw = self.weight.shape[2:]
        found = total.reshape(self.groups, self.each, kh, kw, -1)[:, :, ::-1, ::-1, : self.out_channels // self.groups]
        made: Array = np.moveaxis(found, -1, 1).reshape(self.weight.shape) * self.amplitude
        return made


def spread_few(
    weight: Array, windows: Windows, groups: int, size: tuple[int, ...], gradient: Images, out: Array, backend: BackEnd
) -> None:
    """Write the gradient of images ``[rows, C, H, W]`` from that of their currents; only its nonzero elements cost time."""
    n_out, each, kh, kw = weight.shape
    apart = weight.reshape(groups, n_out // groups, each, kh, kw)
    lanes = whole(each)
    backend.run(
        "convolve_few", len(out), out.size, gradient.values, *gradient.places, n_out, n_out // groups, each, lanes,
        math.prod(gradient.shape[2:]), gradient.shape[3], kh, kw, *size, *runs_of(windows, size, True, back=True),
        _padded(np.moveaxis(apart, 2, -1).reshape(n_out, kh, kw, each), lanes), out, file="images",
    )  # fmt: skip


def _padded(packed: Array, lanes: int) -> Array:
    """Return weights ``[C, kh, kw, outputs]``, flat, with zeros after the outputs."""
    shape = *packed.shape[:-1], lanes
    flat = aligned(math.prod(shape), packed.dtype)
    found = flat.reshape(shape)
    found[..., : packed.shape[-1]], found[..., packed.shape[-1] :] = packed, 0
    return flat


def kernels_of(
    weight: Array, windows: Windows, groups: int, size: tuple[int, ...], amplitude: Any = 1, back: bool = False,
    aligned: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Return the arguments with which a loop convolves images, by their names in :data:`snn.engine.loop.LINKS`.

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
        Whether the outputs of each place may be padded to whole vectors. Then a vector that one input has written can be
        read whole for the next input.
    """
    (n_out, each), counts = weight.shape[:2], windows.counts(size)
    apart = (weight * weight.dtype.type(amplitude)).reshape(groups, n_out // groups, each, -1, weight.shape[-1])
    source, target = (counts, size) if back else (size, counts)
    packed = np.moveaxis(apart, 2 if back else 1, -1)
    packed = packed.reshape(-1, *packed.shape[2:])
    if not back:
        packed = packed[:, ::-1, ::-1]
    outputs = packed.shape[-1]
    lanes = whole(outputs) if aligned and groups == 1 else outputs
    sizes = [
        math.prod(source), len(packed) // groups, lanes, outputs * groups, lanes * groups, source[-1], *packed.shape[1:3],
        math.prod(target[:-1]), target[-1],
    ]  # fmt: skip
    tables = runs_of(windows, size, groups == 1, back)
    made = _padded(packed, lanes), np.array(sizes, np.uint64), *tables, _u(math.prod(target) * lanes * groups)
    return dict(zip(KERNELS, made, strict=True))


def is_dense(windows: Windows, groups: int) -> bool:
    """Return whether a loop convolves whole images, in both directions, by products with rows of the kernel."""
    pads = zip(windows.pads, windows.spans, strict=True)
    return groups == 1 and set(windows.stride) == {1} and all(max(pad) < span for pad, span in pads)


def dense_kernels_of(
    weight: Array, windows: Windows, groups: int, size: tuple[int, ...], back: bool = False
) -> dict[str, Any]:  # fmt: skip
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
    made = (
        np.ascontiguousarray(packed).reshape(-1), np.array(sizes, np.uint64), *padded_rows(windows, size),
        _u(math.prod(places) * pitch), _u(math.prod(rows) * channels),
    )  # fmt: skip
    return dict(zip(DENSE_KERNELS, made, strict=True))
