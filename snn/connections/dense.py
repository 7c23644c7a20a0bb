"""Dense layers, and their ways: by the whole product, once, or by sums over events."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Cell, Tensor, nn, ops
from autograd.dtypes import Array, DType, promote

from ..common.structure import is_repeated
from ..engine import tuning
from ..engine.backends import BackEnd
from ..engine.buffers import Buffer, empty
from ..engine.events import LANES, Events, Packed, find_events, sampled_product, turned
from ..engine.operands import Matrix, flags
from ..engine.which import choice, product
from ..spikes import Spikes
from ..sums import Sum, spikes_in
from .base import Connection, Constant, Way, Wire
from .products import factors_of

__all__ = ["Dense", "GradientByEvents", "Listed", "Once", "Product", "Rows"]


@dataclass(frozen=True, eq=False)
class Dense(Connection):
    """``x @ weight.T + bias``, with weights ``[n_out, n_in]`` and a bias ``[n_out]`` or of one value."""

    row_axes = 1

    @classmethod
    def of_matrix(cls, given: DType, weight: Tensor) -> Dense:
        """Return ``x @ weight.T`` without a layer as a connection, for an ``x`` of this dtype."""
        dtype = promote(given, weight.dtype) if given.kind == "f" else weight.dtype
        return cls(_PRODUCT, weight if weight.dtype == dtype else ops.cast(weight, dtype), None, weight.dtype)

    @classmethod
    def of(cls, cell: Cell, x: Tensor) -> Dense | None:
        """Return a Cell of any class whose output is its input times a matrix, plus a bias, as a connection."""
        found = factors_of(cell, x)
        return None if isinstance(found, str) else cls(cell, *found)

    @property
    def by_attributes(self) -> bool:
        """See :class:`snn.connections.base.Connection`."""
        cell = self.cell
        return type(cell) is nn.Dense and self.weight is cell.weight and self.bias is cell.bias

    def shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """See :class:`snn.connections.base.Connection`."""
        return *given[:-1], len(self.weight)

    def way(self, x: Tensor, backend: BackEnd) -> Way:
        """Choose a way; ``why`` of the result has the reason."""
        weight, limits = self.weight.array, tuning.now()
        n_out, n_in = weight.shape
        samples = math.prod(x.shape[1:-1])
        if not isinstance(x, (Spikes, Sum)) and is_repeated(x.array):
            return Once(x, weight, "the input is the same at every step", backend)
        if len(x) * samples * n_in * n_out < limits.little_work:
            return Product(x, weight, "the product is small", backend)
        if not Packed.finite(weight):
            return Product(x, weight, "some weights are infinite or NaN", backend)
        spikes, share = spikes_in(x, backend)
        if spikes is None:
            return Product(x, weight, share, backend)
        if spikes.events.density > limits.dense_density:
            given = x if isinstance(x, Sum) else spikes
            most = f"{100 * limits.dense_density:g}{' %' * (given is spikes)}"
            return Product(given, weight, f"{share}, more than {most}", backend)
        return Listed(spikes, weight, share, backend)

    def wire(self, shape: tuple[int, ...], amplitude: Any, backend: BackEnd) -> Wire:
        """See :class:`snn.connections.base.Connection`."""
        return Rows(self.weight.array, amplitude, backend)


_PRODUCT = Cell()


class Rows(Wire):
    """Weights ``[n_out, n_in]`` inside the loop of a group."""

    kinds = "events", "product", "product", "sampled"
    listed = True

    def __init__(self, weight: Array, amplitude: Any, backend: BackEnd) -> None:
        self.weight, self.backend = weight, backend
        each = np.ones(weight.shape[1], weight.dtype)
        if amplitude is not None:
            each *= np.asarray(amplitude, weight.dtype).reshape(-1)
        self.packed = Packed(weight, each, backend, narrow=False)

    @property
    def kept(self) -> Buffer:
        """Describes the packed weights."""
        return self.packed.room

    def steps_at_once(self, samples: int) -> int:
        """Return the length of a chunk."""
        return max(1, tuning.now().event_rows // max(1, samples))

    def forward(self) -> dict[str, Any]:
        """Return the packed weights."""
        return {"weights": self.packed.array}

    def back(self, sampled: bool) -> dict[str, Any]:
        """Return the weights transposed, or packed as a second factor."""
        if sampled:
            return {"weights": turned(self.weight, self.backend).reshape(-1)}
        return {"weights": Packed.of_factor(self.weight, self.backend).array}

    def first(self, before: Array, fired: bool) -> Array:
        """Return the currents of values before the first step."""
        if fired:
            events = find_events((before != 0).view(np.uint8), 1, self.backend)
            return self.packed.currents(events)  # type: ignore[arg-type]
        if before.any() or not Packed.finite(self.weight):
            made: Array = before @ self.weight.T
            return made
        return np.zeros((len(before), len(self.weight)), self.weight.dtype)

    def by_events(self, events: Events, rows: int, known: dict[int, Any]) -> GradientByEvents:
        """Return the weight gradient as a sum over events, this many rows at a time."""
        return GradientByEvents(self.packed, events, rows, known)

    def add(self, values: Array, gradient: Array, total: Array | None) -> Array:
        """Return a total plus the weight gradient of some rows."""
        made: Array = gradient.T @ values
        return made if total is None else total + made


class _Weighted(Way):
    """A product with weights ``[n_out, n_in]``."""

    chunk: int

    def __init__(self, x: Tensor, weight: Array, why: str, backend: BackEnd) -> None:
        super().__init__(x, why)
        self.weight, self.backend = weight, backend
        self.samples = math.prod(x.shape[1:-1])
        self.n_out, self.n_in = weight.shape
        self.chunk = max(1, self.rows_at_once() // max(1, self.samples))
        self.few = bool(self.n_out <= tuning.now().few_outputs)
        self._turned: Array | None = None

    def rows_at_once(self) -> int:
        """Return the rows of a chunk."""
        limits = tuning.now()
        return min(limits.most_dense_rows, max(limits.dense_rows, int(self.n_out)))

    @functools.cached_property
    def finite(self) -> bool:  # type: ignore[override]
        """Whether all weights are finite, so that products may leave out zeros."""
        return Packed.finite(self.weight)

    def values(self, t0: int, t1: int) -> Array:
        """Return the input of some steps as rows ``[(t1 - t0) * samples, n_in]``."""
        steps = slice(t0, t1)
        many = isinstance(self.x, Spikes) and self.x.size >= tuning.now().kept_spikes
        array = self.x.values(steps) if many else self.x.array[steps]  # type: ignore[attr-defined]
        return array.reshape(-1, self.n_in).astype(self.weight.dtype, copy=False)

    def operand(self, t0: int, t1: int, m: int, n: int, k: int, first: bool) -> Array | Matrix:
        """Return the same rows as the first or second operand of a product, as spikes if the product takes them."""
        ones = self.x.ones(slice(t0, t1)) if isinstance(self.x, Spikes) else None
        if ones is None or choice(m, n, k, first, self.backend).name == "blas":
            return self.values(t0, t1)
        return flags(ones.reshape(-1, self.n_in), self.weight.dtype.type(self.x.amplitude.flat[0]))  # type: ignore[attr-defined]

    def rooms(self, steps: int) -> list[Buffer]:
        """Describe the currents of some steps."""
        return [Buffer((steps * self.samples, self.n_out), self.weight.dtype)]

    def products(self) -> dict[str, str]:
        """Return the products that a whole chunk uses, with the reason."""
        rows = self.samples * (1 if self.constant else min(self.chunk, len(self.x)))
        spikes = isinstance(self.x, Spikes) and self.x.ones(slice(0)) is not None
        shapes = {"currents": (rows, self.n_out, self.n_in, spikes)} if not self.listed else {}
        if not self.constant:
            shapes["input gradient"] = rows, self.n_in, self.n_out, False
        if not self.listed:
            shapes["weight gradient"] = self.n_out, self.n_in, rows, False
        found = {name: choice(*shape, self.backend) for name, shape in shapes.items()}
        names = {"ours": "our own kernel", "blas": "the BLAS"}
        return {name: f"{names[made.name]} ({made.why})" for name, made in found.items()}

    def back(self, gradient: Array, t0: int, t1: int, out: Array, places: Events | None) -> None:
        """Write the input gradient of some steps, from their current gradient, ``[rows, pitch]``.

        With ``places``, only there.
        """
        target = out[t0:t1].reshape(-1, self.n_in)
        if places is None:
            product(gradient[:, : self.n_out], self.weight, target, self.backend)
            return
        first, last = t0 * self.samples, t1 * self.samples
        part = Events(places.start[first : last + 1], places.columns, places.backend, places.index)
        if self._turned is None:
            self._turned = turned(self.weight, places.backend)
        sampled_product(gradient, self._turned, part, target)

    def add(self, t0: int, t1: int, gradient: Array, total: Array | None) -> Array:
        """Return a total plus the weight gradient of some steps."""
        x = self.operand(t0, t1, self.n_out, self.n_in, len(gradient), False)
        made = product(gradient[:, : self.n_out].T, x, empty(self.weight.shape, self.weight.dtype), self.backend)
        return made if total is None else np.add(total, made, out=total)


class Product(_Weighted):
    """The whole input times the weights, chunk by chunk, so that the currents stay in the cache."""

    kind = "dense"

    @property
    def by_shape(self) -> bool:  # type: ignore[override]
        """See :class:`snn.connections.base.Way`."""
        limits, x = tuning.now(), self.x
        work = x.size * self.n_out // (len(x) if self.constant else 1)
        if x.size >= limits.kept_spikes or x.dtype != self.weight.dtype:
            return False
        return work < min(limits.own_product, limits.product_part) and (self.constant or work < limits.little_work)

    def current(self, t0: int, t1: int) -> Array:
        """Return the currents of some steps; ``t0`` is the start of a chunk."""
        made = self.rooms(t1 - t0)[0].empty()
        x = self.operand(t0, t1, len(made), self.n_out, self.n_in, True)
        return product(x, self.weight.T, made, self.backend).reshape(t1 - t0, *self.x.shape[1:-1], self.n_out)


class Once(Constant, Product):
    """The product of an input that is the same at every step."""

    def of_sum(self, total: Array) -> Array:
        """Return the weight gradient, from the current gradient summed over time."""
        return product(total.reshape(-1, self.n_out).T, self.values(0, 1), np.empty_like(self.weight), self.backend)


def _columns_in_cache(size: int) -> int:
    """Return how many columns of this many bytes fit in the cache together."""
    limits = tuning.now()
    return min(limits.block, max(LANES, limits.cache // max(1, size) // LANES * LANES))


class GradientByEvents:
    """The weight gradient, summed over events chunk by chunk.

    Parameters
    ----------
    packed : Packed
        The weights.
    events : Events
        Events of all rows.
    rows : int
        Rows in a chunk.
    known : dict
        Lists by column that several gradients from the same events share in one backward pass.
    """

    def __init__(self, packed: Packed, events: Events, rows: int, known: dict[int, tuple[Array, Array]]) -> None:
        self.packed, self.events, self.rows, self.known = packed, events, rows, known
        self._total: Array | None = None
        self._lost: Array | None = None

    @property
    def width(self) -> int:
        """Columns of the current gradient that fit in the cache together."""
        return _columns_in_cache(self.rows * self.packed.weight.itemsize)

    def add(self, chunk: int, gradient: Array, finite: bool) -> None:
        """Add the share of a chunk, from its current gradient ``[blocks, rows, width]``; ``finite`` if that is finite."""
        if not gradient.size:
            return
        key = id(self.events)
        if key not in self.known:
            self.known[key] = self.events.by_column(self.rows)
        column_start, row_index = self.known[key]
        self._total = self.packed.add_gradient(self._total, gradient, column_start[chunk], row_index)
        if not finite:
            self._lose(chunk, gradient)

    def _lose(self, chunk: int, gradient: Array) -> None:
        """Record the weights whose gradient is NaN: a silent input times an infinite or NaN gradient."""
        rows = gradient.shape[1]
        wrong = ~np.isfinite(gradient).transpose(1, 0, 2).reshape(rows, -1)[:, : self.packed.n_out]
        at = np.flatnonzero(wrong.any(1))
        at = at[chunk * self.rows + at < len(self.events.start) - 1]
        silent = np.ones((len(at), self.packed.n_in), np.float32)
        for row, r in zip(silent, at, strict=True):
            first, last = self.events.start[chunk * self.rows + r : chunk * self.rows + r + 2]
            row[self.events.index[first:last]] = 0
        lost = wrong[at].T.astype(np.float32) @ silent > 0
        self._lost = lost if self._lost is None else self._lost | lost

    def result(self) -> Array:
        """Return the total as ``[n_out, n_in]``."""
        total, self._total = self._total, None
        made = np.zeros_like(self.packed.weight) if total is None else total
        if self._lost is not None:
            made[self._lost], self._lost = np.nan, None
        return made


class Listed(_Weighted):
    """Sums over the events of the input."""

    kind = "events"
    listed = True
    x: Spikes

    def __init__(self, x: Spikes, weight: Array, why: str, backend: BackEnd) -> None:
        self.events: Events = x.events
        super().__init__(x, weight, why, backend)
        self.packed = Packed(weight, x.amplitudes().astype(weight.dtype, copy=False), self.events.backend)

    def rows_at_once(self) -> int:
        """Return the rows of a chunk. Each chunk adds to all weights, so it has several events per input if these are few."""
        limits = tuning.now()
        few = int(limits.shared_events / self.events.density) if self.events.count else limits.shared_events * self.n_in
        return max(limits.event_rows, min(few, 2 * int(self.n_in)))

    @property
    def width(self) -> int:
        """Columns of the weights that fit in the cache together; more where a row has few events."""
        limits = tuning.now()
        few = self.events.density * self.n_in < limits.few_events
        return limits.block if few else _columns_in_cache(self.n_in * self.weight.itemsize)

    @property
    def kept(self) -> list[Buffer]:
        """Describes the packed weights."""
        return [self.packed.room]

    def by_events(self, rows: int, known: dict[int, Any]) -> GradientByEvents:
        """Return the weight gradient as a sum over events, this many rows at a time."""
        return GradientByEvents(self.packed, self.events, rows, known)

    def arguments(self, t0: int) -> list[Any]:
        """Return the arguments with which a loop sums over the events from a step on."""
        events = self.events
        start = events.start[t0 * self.samples :]
        return [self.packed.array, np.uint64(self.packed.lanes), np.uint64(self.n_in), start, events.index]
