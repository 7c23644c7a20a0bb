"""Spikes as lists of positions, and their products with weights: work for the spikes only."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.dtypes import Array
from autograd.state import quietly

from . import tuning
from .backends import BackEnd
from .buffers import Buffer, empty

__all__ = [
    "LANES", "Events", "Packed", "all_finite", "as_numbers", "find_events", "joined", "marks", "padded", "sampled_product",
]  # fmt: skip

LANES = 64
_STRIP = 16


def padded(n: int) -> int:
    """Return the smallest multiple of LANES that is at least n."""
    return -(-n // LANES) * LANES


class Events:
    """Positions of the spikes in rows ``[rows, columns]``.

    Attributes
    ----------
    start : array of uint64
        ``[rows + 1]``: the events of row r are ``index[start[r]:start[r + 1]]``.
    index : array of uint32
        Column of each event; computed on first access.
    columns : int
        Length of a row.
    density : float
        Share of elements that are spikes.
    repeats : int
        How often a column may appear in a row.
    """

    def __init__(
        self, start: Array, columns: int, backend: BackEnd, index: Array | None = None, words: Array | None = None,
        repeats: int = 1,
    ) -> None:  # fmt: skip
        self.start, self.columns, self.backend, self.repeats = start, columns, backend, repeats
        self._index, self._words = index, words
        self.density = self.count / max(1, (len(start) - 1) * columns)

    @property
    def count(self) -> int:
        """Number of events."""
        return int(self.start[-1]) if self._index is None else len(self._index)

    @property
    def index(self) -> Array:
        """Column of each event."""
        if self._index is None:
            index, words, rows = np.empty(self.count, np.uint32), self._words, len(self.start) - 1
            assert words is not None
            self.backend.run("listed", rows, words.size, words, len(words) // max(1, rows), self.start, index)
            self._index, self._words = index, None
        return self._index

    def columns_rooms(self, chunk: int) -> tuple[Buffer, Buffer]:
        """Describe the arrays of :meth:`by_column`."""
        chunks = -(-(len(self.start) - 1) // chunk)
        return Buffer((chunks, self.columns + 1), np.uint64, False), Buffer((self.count,), np.uint32, False)

    def by_column(self, chunk: int) -> tuple[Array, Array]:
        """Return, for each chunk of rows, the rows of each column's events, counted from the chunk's first row."""
        column_start, row_index = [room.empty() for room in self.columns_rooms(chunk)]
        arguments = self.start, self.index, len(self.start) - 1, chunk, self.columns, column_start, row_index
        self.backend.run("transposed", len(column_start), 8 * self.count, *arguments)
        return column_start, row_index

    def later(self, rows: int) -> Events:
        """Return the events this many rows later, as seen in the next time step; the first rows have none."""
        start = np.concatenate([np.zeros(rows, np.uint64), self.start[: len(self.start) - rows]])
        return Events(start, self.columns, self.backend, self.index[: int(start[-1])])


def marks(rows: int, columns: int) -> tuple[Buffer, Buffer]:
    """Describe what :func:`find_events` needs besides the lists: a bit for each element, and a bool for each row."""
    return Buffer((rows * -(-columns // LANES),), np.uint64, False), Buffer((rows,), np.bool_, False)


def find_events(array: Array, value: Any, backend: BackEnd) -> Events | None:
    """Return the positions of ``value`` in rows ``[..., columns]``, or None if some element is neither ``value`` nor 0.

    For bytes ``value`` may be None: every byte other than 0 counts.
    """
    columns = array.shape[-1]
    rows, per_row = array.size // columns, -(-columns // LANES)
    words, wrong = [room.empty() for room in marks(rows, columns)]
    start, wrong[...] = np.zeros(rows + 1, np.uint64), False
    flat = array.reshape(-1)
    flat = flat.view(np.uint8) if array.dtype == np.bool_ else flat
    spike, only = flat.dtype.type(value or 0), value is not None
    backend.run("mark", rows, flat.size, flat, columns, spike, only, words, per_row, start[1:], wrong)
    if wrong.any():
        return None
    np.cumsum(start, out=start)
    return Events(start, columns, backend, words=words)


def joined(several: Sequence[Events]) -> Events:
    """Return the events of several lists, row by row; an event in two lists appears twice."""
    found = several[0]
    for other in several[1:]:
        start = found.start + other.start
        index = np.empty(int(start[-1]), np.uint32)
        arguments = found.start, found.index, other.start, other.index, start, index
        found.backend.run("join", len(start) - 1, len(index), *arguments)
        found = Events(start, found.columns, found.backend, index, repeats=found.repeats + other.repeats)
    return found


def as_numbers(flags: Array, amplitude: Any, backend: BackEnd) -> Array:
    """Return bytes that are 0 or 1 as 0 or an amplitude, in the amplitude's dtype."""
    limits = tuning.now()
    if flags.size < limits.converted_elements:
        made: Array = np.multiply(flags, amplitude, dtype=amplitude.dtype)
        return made
    out = empty(flags.shape, amplitude.dtype)
    share, amount = limits.job_elements, amplitude.dtype.type(amplitude)
    backend.run("numbers", -(-flags.size // share), flags.size, share, flags, amount, out)
    return out


def all_finite(array: Array, backend: BackEnd) -> bool:
    """Return whether no element of a large array is infinite or NaN: finite numbers never have all exponent bits set."""
    word, mask = (np.uint32, 0x7F800000) if array.itemsize == 4 else (np.uint64, 0x7FF0000000000000)
    share = tuning.now().job_elements
    found = np.zeros(-(-array.size // share), word)
    backend.run("largest", len(found), array.size, share, array.reshape(-1).view(word), word(mask), found)
    return not found.size or int(found.max()) < mask


class Packed:
    """Weights ``[n_out, n_in]`` laid out for sums over events, each input's column times its amplitude.

    Attributes
    ----------
    lanes : int
        Outputs in a block: 16, 32 or 64.
    """

    def __init__(self, weight: Array, amplitude: Array, backend: BackEnd, narrow: bool = True) -> None:
        self.weight, self.amplitude, self.backend = weight, amplitude, backend
        self.n_out, self.n_in = weight.shape
        self.lanes = next((lanes for lanes in (16, 32) if self.n_out <= lanes and narrow), LANES)

    @classmethod
    def of_factor(cls, weight: Array, backend: BackEnd) -> Packed:
        """Return a second factor ``[k, n]`` in the layout of loops that multiply by it."""
        made = cls(weight.T, np.ones(len(weight), weight.dtype), backend, narrow=False)
        if made.n_out % LANES == 0:
            blocks = weight.reshape(len(weight), -1, LANES).transpose(1, 0, 2)
            made.array = np.ascontiguousarray(blocks).reshape(-1)
        return made

    @functools.cached_property
    def array(self) -> Array:
        """``[blocks, n_in, lanes]``, flat; computed on first access."""
        packed = self.room.empty()
        self._move("pack", np.ascontiguousarray(self.weight), packed)
        return packed

    @property
    def room(self) -> Buffer:
        """Describes the array."""
        return Buffer((self.blocks * self.lanes * int(self.n_in),), self.weight.dtype)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-int(self.n_out) // self.lanes)

    def _move(self, name: str, weight: Array, packed: Array) -> None:
        jobs = self.blocks * -(-self.n_in // _STRIP)
        source, target = (packed, weight) if name == "unpack" else (weight, packed)
        self.backend.run(name, jobs, weight.size, source, self.n_out, self.n_in, self.amplitude, self.lanes, target)

    @staticmethod
    def finite(weight: Array) -> bool:
        """Return whether all weights are finite: 0 times NaN or infinity is NaN, and sums over events omit such terms."""
        return quietly(lambda: bool(np.isfinite(weight.sum()) or np.isfinite(weight).all()))

    def currents(self, events: Events) -> Array:
        """Return the currents ``[rows, n_out]`` of events."""
        rows = len(events.start) - 1
        out = np.empty((rows, self.n_out), self.weight.dtype)
        arguments = events.start, events.index, self.array, self.n_in, self.n_out, self.lanes, out
        self.backend.run("spread", rows, out.size, *arguments)
        return out

    def add_gradient(self, total: Array | None, gradient: Array, column_start: Array, row_index: Array) -> Array:
        """Add, for each event of a chunk, its row of ``gradient``, ``[blocks, rows, width]``, to a total ``[n_out, n_in]``.

        Returns the total, or a new one if it is None.
        """
        _, rows, width = gradient.shape
        made = empty((self.n_out, self.n_in), self.weight.dtype) if total is None else total
        jobs, work = self.blocks * -(-self.n_in // LANES), max(made.size, int(column_start[-1] - column_start[0]) * self.n_out)
        self.backend.run(
            "gather", jobs, work, self.n_out, self.n_in, self.lanes, width, rows, gradient, column_start, row_index,
            self.amplitude, total is not None, made,
        )  # fmt: skip
        return made

    def unpacked(self, total: Array) -> Array:
        """Return a packed total as ``[n_out, n_in]``."""
        weight = empty((self.n_out, self.n_in), self.weight.dtype)
        self._move("unpack", weight, total)
        return weight


def turned(weight: Array, backend: BackEnd) -> Array:
    """Return weights ``[n_out, n_in]`` transposed, ``[n_in, n_out padded with zeros to a multiple of LANES]``."""
    n_out, n_in = weight.shape
    result = np.empty((n_in, padded(n_out)), weight.dtype)
    source = np.ascontiguousarray(weight)
    backend.run("turn", -(-n_in // _STRIP), result.size, source, n_out, n_in, result.shape[1], result)
    return result


def sampled_product(gradient: Array, weights: Array, places: Events, out: Array) -> None:
    """Write ``gradient @ weights.T`` at the listed places and 0 elsewhere.

    Parameters
    ----------
    gradient : array
        ``[rows, pitch]``, padded with zeros.
    weights : array
        ``[n_in, pitch]``, from :func:`turned`.
    places : Events
        Positions in ``out``: rows, and columns that are inputs.
    out : array
        ``[rows, n_in]``.
    """
    rows, pitch = gradient.shape
    limits = tuning.now()
    share, strip = limits.sampled_rows, max(1, limits.cache // (pitch * gradient.itemsize))
    places.backend.run(
        "sampled", -(-rows // share), out.size, share, rows, places.start, places.index, gradient, pitch, weights, strip,
        len(weights), out,
    )  # fmt: skip
