"""Convolution and the max-pooling after it: the currents of a few steps are pooled while they are in the cache."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from autograd import Cell, Tensor, nn, ops
from autograd.dtypes import Array
from autograd.ops.pool import _max_pool, _windows
from autograd.windows import Windows

from ..common.structure import zeros_of
from ..engine.backends import BackEnd
from ..engine.buffers import Buffer
from ..engine.gradients import Images, PooledImages
from ..engine.windows import Pools
from .base import Connection, Joined, Way
from .conv import Convolution, Convolved

__all__ = ["PooledConvolution"]


@dataclass(frozen=True, eq=False)
class PooledConvolution(Connection):
    """The largest current of each window of a convolution along two axes; the bias is the same for all of a window."""

    convolution: Convolution
    pool: Windows

    @classmethod
    def joins(cls, first: Cell, second: Cell) -> bool:
        """Return whether two layers are a convolution and the pooling of its output."""
        plain = type(second) is nn.MaxPool2d and not second.hooked and "construct" not in vars(second)
        return plain and type(first) is nn.Conv2d

    @classmethod
    def of(cls, cell: Cell, x: Tensor) -> PooledConvolution | None:
        """Return such layers as a connection; None if they are others, or their input does not fit."""
        if not isinstance(cell, Joined) or not cls.joins(cell.first, cell.second):
            return None
        inner, pool = Convolution.of(cell.first, x), cast(nn.MaxPool2d, cell.second)
        if inner is None:
            return None
        images = zeros_of((1, len(inner.weight), *inner.windows.counts(x.shape[3:])), inner.weight.dtype)
        windows = _windows(
            "MaxPool2d", images, 2, pool.kernel_size, pool.stride, pool.pad_mode, pool.padding, pool.ceil_mode, pool.dilation
        )[1]  # fmt: skip
        if not Pools.fits(windows, images.shape[2:]):
            return None
        return cls(cell, inner.weight, inner.bias, inner.stored, inner, windows)

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """See :class:`snn.connections.base.Connection`."""
        images = self.convolution.apply(x, weight)
        made = _max_pool(ops.reshape(images, (-1, *images.shape[2:])), windows=self.pool)
        return ops.reshape(made, (*x.shape[:2], *made.shape[1:]))

    def way(self, x: Tensor, backend: BackEnd) -> Way:
        """Choose the way of the convolution."""
        bias = None if self.bias is None else self.bias.array.reshape(-1)
        return _Pooled(cast(Convolved, self.convolution.way(x, backend)), self.pool, bias, backend)


class _Gradient:
    """The gradient of pooled currents, and that of the currents before the pooling, which is computed on first access."""

    def __init__(self, pooled: Array) -> None:
        self.pooled = pooled
        self.images: Images | None = None


class _Pooled(Way):
    """Pooled currents ``[T, N, out, ...]``; ``at`` has the position of the largest in each window."""

    flat: ClassVar[bool] = True

    def __init__(self, inner: Convolved, windows: Windows, bias: Array | None, backend: BackEnd) -> None:
        super().__init__(inner.x, inner.why)
        self.inner, self.windows, self.pools, self.backend = inner, windows, Pools(backend), backend
        self.bias = bias
        self.kind, self.weight, self.chunk, self.samples = inner.kind, inner.weight, inner.chunk, inner.samples
        self.constant = inner.constant  # type: ignore[misc]
        self.out = inner.out[0], *windows.counts(inner.out[1:])
        self.at: Array | None = None
        self._held: Array | None = None

    @property
    def finite(self) -> bool:  # type: ignore[override]
        """Whether all weights are finite, and kernels for places exist."""
        return self.inner.finite

    @property
    def sampled_below(self) -> float:
        """See :class:`snn.connections.base.Way`."""
        return self.inner.sampled_below

    def rooms(self, steps: int) -> list[Buffer]:
        """Describe the currents of some steps, and those before the pooling unless the convolution pools them."""
        before = [] if self.inner.can_pool(self.windows) else self.inner.rooms(steps)
        return [Buffer((steps * self.samples, *self.out), self.weight.dtype), *before]

    @property
    def kept(self) -> list[Buffer]:
        """Describes the positions of the largest currents."""
        return [self._room((1 if self.constant else len(self.x)) * self.samples)] if self.taped else []

    def _room(self, rows: int) -> Buffer:
        """Describe the positions of some images."""
        return Buffer((rows, *self.out), np.uint8 if math.prod(self.windows.kernel) < 256 else np.int32)

    def rows_of(self, flags: Array) -> Array:
        """See :class:`snn.connections.base.Way`."""
        return self.inner.rows_of(flags)

    def _chosen(self, first: int, rows: int) -> Array:
        """Return the room for the positions of the largest currents of some images."""
        if not self.taped:
            return self._room(rows).empty()
        if self.at is None:
            self.at = self.kept[0].empty()
        return self.at[first : first + rows]

    def _pool(self, images: Array, first: int) -> Array:
        """Pool images ``[rows, out, ...]`` from a row on, and keep the positions of the largest currents."""
        top = self.pools.largest(images, self.windows)
        if self.taped:
            self.pools.first_largest(images, top, self.windows, self._chosen(first, len(images)), self.bias)
        return top

    def current(self, t0: int, t1: int) -> Array:
        """Return the currents of some steps, ``[t1 - t0, N, out, ...]``; the stride over time is 0 if they are equal."""
        if not self.constant:
            if self.inner.can_pool(self.windows):
                rows = (t1 - t0) * self.samples
                top = self.rooms(t1 - t0)[0].empty()
                self.inner.pool(t0, self.windows, self.bias, self._chosen(t0 * self.samples, rows), top)
                return top.reshape(t1 - t0, self.samples, *self.out)
            images = self.inner.current(t0, t1).reshape(-1, *self.inner.out)
            return self._pool(images, t0 * self.samples).reshape(t1 - t0, self.samples, *self.out)
        if self._held is None:
            self._held = self._pool(self.inner.current(0, 1)[0], 0)
        return np.broadcast_to(self._held, (t1 - t0, *self._held.shape))

    def forget(self) -> None:
        """Drop the current, which is quickly recomputed."""
        self._held = None
        self.inner.forget()

    def _put_back(self, gradient: Array, first: int) -> Images:
        """Return the gradient of the currents before the pooling."""
        values, size, groups = np.ascontiguousarray(gradient).reshape(-1, *self.out), self.inner.out[1:], self.inner.groups
        assert self.at is not None
        at = self.at[first : first + len(values)]
        if len(at) < len(values):  # it is the same at every step
            at = np.broadcast_to(at, (len(values) // len(at), *at.shape)).reshape(values.shape)
        if at.dtype == np.uint8 and PooledImages.can(self.windows, size):
            return PooledImages(values, at, self.windows, size, groups, self.backend)
        return Images(self.pools.put_back(values, at, self.windows, size), groups, self.backend)

    def of_sum(self, total: Array) -> Array:
        """Return the weight gradient, from the current gradient summed over time."""
        return self.inner.of_sum(self._put_back(total, 0).array)

    def laid(self, gradient: Array) -> _Gradient:
        """Return the current gradient, with room for that before the pooling, which is computed once."""
        return _Gradient(gradient)

    def _before(self, gradient: _Gradient, t0: int) -> Images:
        if gradient.images is None:
            gradient.images = self._put_back(gradient.pooled, 0 if self.constant else t0 * self.samples)
        return gradient.images

    def back(self, gradient: _Gradient, t0: int, t1: int, out: Array, places: Any) -> None:
        """Write the input gradient of some steps; with ``places``, only there."""
        self.inner.back(self._before(gradient, t0), t0, t1, out, places)

    def add(self, t0: int, t1: int, gradient: _Gradient, total: Any) -> Any:
        """Return a total plus the weight gradient of some steps."""
        return self.inner.add(t0, t1, self._before(gradient, t0), total)

    def weight_gradient(self, total: Any) -> Array:
        """Return the total in the shape of the weights."""
        return self.inner.weight_gradient(total)
