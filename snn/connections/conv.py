"""Convolution, and its ways: over whole images, once, or spike by spike."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from autograd import Cell, Tensor, nn, ops
from autograd.dtypes import Array
from autograd.errors import CompileError
from autograd.ops.conv import _conv
from autograd.spatial import per_axis, windows_on
from autograd.windows import Windows, convolve, input_gradient, weight_gradient

from ..common.structure import is_repeated
from ..engine import tuning
from ..engine.backends import BackEnd
from ..engine.blas import in_parts
from ..engine.buffers import Buffer
from ..engine.events import Events, Packed
from ..engine.gradients import Images
from ..engine.images import SpikeConvolution, dense_kernels_of, is_dense, kernels_of, spread_few
from ..engine.windows import places_inside
from ..spikes import Spikes
from ..sums import Sum, spikes_in
from .base import Connection, Constant, Way, Wire
from .products import NotDenseError, typed

__all__ = ["Convolution", "Convolved", "ConvolvedEvents", "ConvolvedImages", "ConvolvedOnce", "Kernels"]


@dataclass(frozen=True, eq=False)
class Convolution(Connection):
    """A convolution along one, two or three axes: weights ``[out, in / groups, *kernel]``, a bias ``[out, 1, ...]``."""

    windows: Windows
    groups: int

    @property
    def row_axes(self) -> int:  # type: ignore[override]
        """See :class:`snn.connections.base.Connection`."""
        return 1 + len(self.windows.kernel)

    @classmethod
    def of(cls, cell: Cell, x: Tensor) -> Convolution | None:
        """Return a layer of exactly these classes as a connection; None for another class or an unfit input."""
        if type(cell) not in (nn.Conv1d, nn.Conv2d, nn.Conv3d) or cell.hooked or "construct" in vars(cell):
            return None
        layer: Any = cell
        size = x.shape[3:]
        if len(size) != layer.axes or x.shape[2] != layer.in_channels:
            return None
        try:
            weight, bias, stored = typed(x, layer.effective_weight(), layer.bias)
        except NotDenseError:
            return None
        name = type(cell).__name__
        stride, dilation = (per_axis(name, what, getattr(layer, what), layer.axes) for what in ("stride", "dilation"))
        windows = windows_on(name, size, weight.shape[2:], stride, dilation, layer.pad_mode, layer.padding)
        if min(windows.counts(size)) < 1:
            return None
        bias = None if bias is None else ops.reshape(bias, (-1, *(1,) * layer.axes))
        return cls(cell, weight, bias, stored, windows, layer.group)

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """See :class:`snn.connections.base.Connection`."""
        made = _conv(ops.reshape(x, (-1, *x.shape[2:])), weight, windows=self.windows, groups=self.groups)
        return ops.reshape(made, (*x.shape[:2], *made.shape[1:]))

    def way(self, x: Tensor, backend: BackEnd) -> Way:
        """Choose a way for an input by its density."""
        if not isinstance(x, (Spikes, Sum)) and is_repeated(x.array):
            return ConvolvedOnce(self, x, "the input is the same at every step", backend)
        weight, limits = self.weight.array, tuning.now()
        if len(self.windows.kernel) != 2:
            return ConvolvedImages(self, x, "sums over spikes exist for two axes only", backend)
        if not Packed.finite(weight):
            return ConvolvedImages(self, x, "some weights are infinite or NaN", backend)
        spikes, share = spikes_in(x, backend, (len(x), x.shape[1] * x.shape[2], math.prod(x.shape[3:])))
        if spikes is None:
            return ConvolvedImages(self, x, share, backend)
        if spikes.events.density > limits.convolved_density:
            return ConvolvedImages(self, x, f"{share}, more than {100 * limits.convolved_density:g} %", backend)
        return ConvolvedEvents(self, x, spikes, share, backend)

    def wire(self, shape: tuple[int, ...], amplitude: Any, backend: BackEnd) -> Wire:
        """See :class:`snn.connections.base.Connection`."""
        if not Packed.finite(self.weight.array):
            raise CompileError(
                f"{self.cell!r} in feedback", "finite weights", "infinite or NaN weights",
                "Lower the learning rate, or run it with mode='eager'.",
            )  # fmt: skip
        return Kernels(self, shape, amplitude, backend)


class Kernels(Wire):
    """A convolution inside the loop of a group, from images ``[N, C, ...]``: each spike adds its kernels to its outputs."""

    def __init__(self, connection: Convolution, shape: tuple[int, ...], amplitude: Any, backend: BackEnd) -> None:
        self.connection, self.shape, self.amplitude, self.backend = connection, shape, amplitude, backend
        self.weight = connection.weight.array
        self.fixed = self.weight, connection.windows, connection.groups, shape[2:]
        self.out = len(self.weight), *connection.windows.counts(shape[2:])
        self.dense = is_dense(connection.windows, connection.groups)
        whole = "convolve" if self.dense else "spread_numbers"
        self.kinds = "spread", whole, whole, "spread_where"

    @property
    def sampled_below(self) -> float:
        """See :class:`snn.connections.base.Way`."""
        return tuning.now().sampled_kernels if self.dense else tuning.now().sampled_in_group

    def steps_at_once(self, samples: int) -> int:
        """Return the length of a chunk."""
        return max(1, tuning.now().convolved_elements // max(1, samples * math.prod(self.out)))

    def forward(self) -> dict[str, Any]:
        """Return the kernels and the places that each position reaches."""
        return self._forward

    @functools.cached_property
    def _forward(self) -> dict[str, Any]:
        if self.amplitude is None and self.dense:
            return dense_kernels_of(*self.fixed)
        return kernels_of(*self.fixed, 1 if self.amplitude is None else np.asarray(self.amplitude).reshape(()))

    def back(self, sampled: bool) -> dict[str, Any]:
        """Return the same for gradients."""
        if self.dense and not sampled:
            return dense_kernels_of(*self.fixed, back=True)
        return kernels_of(*self.fixed, back=not sampled, aligned=not sampled)

    def first(self, before: Array, fired: bool) -> Array:
        """Return the currents of values before the first step."""
        images = before.reshape(self.shape).astype(self.weight.dtype, copy=False)
        return convolve(images, *self.fixed[:3]).reshape(len(images), -1)

    def add(self, values: Array, gradient: Array, total: Any) -> Any:
        """Return totals of spikes and of numbers plus the weight gradient of some rows."""
        way, found = self._way(values), dict(total or {})
        name = type(way)
        sums = found[name][1] if name in found else None
        found[name] = way, way.add(0, 1, way.laid(np.ascontiguousarray(gradient)), sums)
        return found

    def _way(self, values: Array) -> Way:
        """Return a way for rows of values, as one step."""
        x = values.reshape(1, -1, *self.shape[1:])
        if values.dtype != np.uint8:
            return ConvolvedImages(self.connection, Tensor.wrap(x), "numbers", self.backend)
        amplitude = np.asarray(self.amplitude, self.weight.dtype)
        return self.connection.way(Spikes(x, amplitude, self.backend), self.backend)

    def weight_gradient(self, total: Any) -> Array:
        """Return the sum of the totals."""
        made = [way.weight_gradient(sums) for way, sums in (total or {}).values()]
        return functools.reduce(np.add, made, np.zeros_like(self.weight))


class Convolved(Way):
    """Currents ``[T, N, out, ...]``."""

    flat: ClassVar[bool] = True
    chunk: int

    def __init__(self, connection: Convolution, x: Tensor, why: str, backend: BackEnd) -> None:
        super().__init__(x, why)
        self.backend = backend
        self.weight, self.windows, self.groups = connection.weight.array, connection.windows, connection.groups
        self.samples = x.shape[1]
        self.out = self.weight.shape[0], *self.windows.counts(x.shape[3:])
        self.chunk = max(1, tuning.now().convolved_elements // max(1, self.samples * math.prod(self.out)))
        self._sampled: SpikeConvolution | None = None

    def rooms(self, steps: int) -> list[Buffer]:
        """Describe the currents of some steps."""
        return [Buffer((steps * self.samples, *self.out), self.weight.dtype)]

    @property
    def sampled_below(self) -> float:
        """See :class:`snn.connections.base.Way`."""
        return tuning.now().sampled_convolved

    def values(self, t0: int, t1: int) -> Array:
        """Return the input of some steps as images ``[(t1 - t0) * N, C, ...]``."""
        steps = slice(t0, t1)
        array = self.x.values(steps) if isinstance(self.x, Spikes) else self.x.array[steps]
        return array.reshape(-1, *self.x.shape[2:]).astype(self.weight.dtype, copy=False)

    def images(self, gradient: Array) -> Array:
        """Return a current gradient as images ``[rows, out, ...]``."""
        return gradient.reshape(-1, *self.out)

    def current(self, t0: int, t1: int) -> Array:
        """Return the currents of some steps, ``[t1 - t0, N, out, ...]``."""
        made = self.rooms(t1 - t0)[0].empty()
        self.write(t0, t1, made)
        return made.reshape(t1 - t0, self.samples, *self.out)

    def write(self, t0: int, t1: int, out: Array) -> None:
        """Write the currents of some steps as images ``[rows, out, ...]``."""
        x = self.values(t0, t1)
        in_parts(len(x), lambda part: np.copyto(out[part], convolve(x[part], self.weight, self.windows, self.groups)))

    @functools.cached_property
    def finite(self) -> bool:  # type: ignore[override]
        """Whether all weights are finite, and kernels for places exist."""
        return len(self.windows.kernel) == 2 and Packed.finite(self.weight)

    def rows_of(self, flags: Array) -> Array:
        """Return bytes about the input, with a row for each image and channel."""
        return flags.reshape(-1, math.prod(flags.shape[3:]))

    def laid(self, gradient: Array) -> Images:
        """Return the gradient as images, which are transposed once for the weight and input gradients."""
        return Images(self.images(gradient), self.groups, self.backend)

    def can_pool(self, windows: Windows) -> bool:
        """Return whether :meth:`pool` pools the currents while it computes them."""
        return False

    def pool(self, t0: int, windows: Windows, bias: Array | None, chosen: Array, out: Array) -> None:
        """Write the largest currents of windows, and their positions, of images from step ``t0`` on."""
        raise NotImplementedError

    def back(self, gradient: Images, t0: int, t1: int, out: Array, places: Events | None) -> None:
        """Write the input gradient of some steps; with ``places``, only there."""
        target, size, limits = out[t0:t1].reshape(-1, *out.shape[2:]), out.shape[3:], tuning.now()
        elements = math.prod(gradient.shape)
        few = gradient.nonzero if self.finite else elements
        if places is not None:
            rows = self.samples * out.shape[2]
            needed = float(places.start[t1 * rows] - places.start[t0 * rows]) / max(1, target.size)
            if few * limits.scattered_cost >= needed * elements:
                if self._sampled is None:
                    self._sampled = SpikeConvolution(self.weight, np.ones(()), self.windows, self.groups, size, places)
                self._sampled.sample(t0 * self.samples, gradient, target)
                return
        if few <= limits.scattered_density * elements:
            spread_few(self.weight, self.windows, self.groups, size, gradient, target, self.backend)
            return
        g = gradient.array

        def some(part: slice) -> None:
            target[part] = input_gradient(g[part], self.weight, self.windows, self.groups, size)

        in_parts(len(g), some)

    def by_weight(self, x: Array, g: Array) -> Array:
        """Return the weight gradient, summed over the parts of a chunk in their order."""
        found: dict[int, Array] = {}

        def some(part: slice) -> None:
            found[part.start] = weight_gradient(x[part], g[part], self.windows, self.groups)

        in_parts(len(g), some)
        return functools.reduce(np.add, [found[start] for start in sorted(found)])

    def add(self, t0: int, t1: int, gradient: Images, total: Any) -> Any:
        """Return a total plus the weight gradient of some steps."""
        made = self.by_weight(self.values(t0, t1), gradient.array)
        return made if total is None else np.add(total, made, out=total)


class ConvolvedImages(Convolved):
    """The whole input, some steps at a time."""

    kind = "convolution"


class ConvolvedOnce(Constant, Convolved):
    """The convolution of an input that is the same at every step."""

    def of_sum(self, total: Array) -> Array:
        """Return the weight gradient, from the current gradient summed over time."""
        return self.by_weight(self.values(0, 1), self.images(total))


class ConvolvedEvents(Convolved):
    """Each output sums the weights of the spikes in its reach."""

    kind = "events"

    def __init__(self, connection: Convolution, x: Tensor, spikes: Spikes, why: str, backend: BackEnd) -> None:
        super().__init__(connection, x, why, backend)
        self.spikes = SpikeConvolution(self.weight, spikes.amplitude, self.windows, self.groups, x.shape[3:], spikes.events)

    def write(self, t0: int, t1: int, out: Array) -> None:
        """Write the currents of some steps, spike by spike."""
        self.spikes.spread(t0 * self.samples, out)

    def can_pool(self, windows: Windows) -> bool:
        """Return whether no window reaches beyond an image."""
        return places_inside(windows, self.out[1:]) is not None

    def pool(self, t0: int, windows: Windows, bias: Array | None, chosen: Array, out: Array) -> None:
        """Write the largest currents of windows, and their positions, of images from step ``t0`` on."""
        self.spikes.pool(t0 * self.samples, windows, bias, chosen, out)

    def add(self, t0: int, t1: int, gradient: Images, total: Any) -> Any:
        """Return two totals, at spikes and over whole images, with the weight gradient of some steps added."""
        gathered, whole = (None, None) if total is None else total
        if gradient.finite:
            return self.spikes.gather(t0 * self.samples, gradient, gathered), whole
        return gathered, super().add(t0, t1, gradient, whole)  # 0 times infinity is NaN

    def weight_gradient(self, total: Any) -> Array:
        """Return the sum of both totals."""
        gathered, whole = (None, None) if total is None else total
        found = self.spikes.gathered(gathered)
        return found if whole is None else found + whole
