"""Spikes as lists of positions, and their products with weights: work for the spikes only."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.state import quietly

from . import tuning
from .backends import BackEnd
from .buffers import Buffer, empty
from .threads import launch

__all__ = [
    "LANES",
    "Events",
    "Packed",
    "all_finite",
    "as_numbers",
    "find_events",
    "joined",
    "marks",
    "padded",
    "sampled_product",
]

Array = np.ndarray[Any, np.dtype[Any]]
LANES = 64
_STRIP = 16
_u = np.uint64


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
            launch(self.backend.kernel("listed"), rows, [words, _u(len(words) // max(1, rows)), self.start, index], words.size)
            self._index, self._words = index, None
        return self._index

    def columns_rooms(self, chunk: int) -> tuple[Buffer, Buffer]:
        """Describe the arrays of :meth:`by_column`."""
        chunks = -(-(len(self.start) - 1) // chunk)
        return Buffer((chunks, self.columns + 1), np.uint64, False), Buffer((self.count,), np.uint32, False)

    def by_column(self, chunk: int) -> tuple[Array, Array]:
        """Return, for each chunk of rows, the rows of each column's events, counted from the chunk's first row."""
        column_start, row_index = [room.empty() for room in self.columns_rooms(chunk)]
        arguments = [
            self.start, self.index, _u(len(self.start) - 1), _u(chunk), _u(self.columns), column_start.reshape(-1), row_index,
        ]  # fmt: skip
        launch(self.backend.kernel("transposed"), len(column_start), arguments, 8 * self.count)
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
    spike, only = flat.dtype.type(value or 0), np.bool_(value is not None)
    arguments = [flat, _u(columns), spike, only, words, _u(per_row), start[1:], wrong]
    launch(backend.kernel("mark"), rows, arguments, flat.size)
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
        arguments = [found.start, found.index, other.start, other.index, start, index]
        launch(found.backend.kernel("join"), len(start) - 1, arguments, len(index))
        found = Events(start, found.columns, found.backend, index, repeats=found.repeats + other.repeats)
    return found


def as_numbers(flags: Array, amplitude: Any, backend: BackEnd) -> Array:
    """Return bytes that are 0 or 1 as 0 or an amplitude, in the amplitude's dtype."""
    if flags.size < tuning.now().shared_elements >> 4:
        made: Array = np.multiply(flags, amplitude, dtype=amplitude.dtype)
        return made
    out = empty(flags.shape, amplitude.dtype)
    flat, share = flags.reshape(-1), 1 << 14
    arguments = [_u(share), flat, amplitude.dtype.type(amplitude), out.reshape(-1)]
    launch(backend.kernel("numbers"), -(-flat.size // share), arguments, flat.size)
    return out


def all_finite(array: Array, backend: BackEnd) -> bool:
    """Return whether no element of a large array is infinite or NaN: finite numbers never have all exponent bits set."""
    word, mask = (np.uint32, 0x7F800000) if array.itemsize == 4 else (np.uint64, 0x7FF0000000000000)
    share = 1 << 16
    found = np.zeros(-(-array.size // share), word)
    launch(backend.kernel("largest"), len(found), [_u(share), array.reshape(-1).view(word), word(mask), found], array.size)
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
        source, target = (packed, weight.reshape(-1)) if name == "unpack" else (weight.reshape(-1), packed)
        arguments = [source, _u(self.n_out), _u(self.n_in), self.amplitude, _u(self.lanes), target]
        launch(self.backend.kernel(name), jobs, arguments, weight.size)

    @staticmethod
    def finite(weight: Array) -> bool:
        """Return whether all weights are finite: 0 times NaN or infinity is NaN, and sums over events omit such terms."""
        return quietly(lambda: bool(np.isfinite(weight.sum()) or np.isfinite(weight).all()))

    def currents(self, events: Events) -> Array:
        """Return the currents ``[rows, n_out]`` of events."""
        rows = len(events.start) - 1
        out = np.empty((rows, self.n_out), self.weight.dtype)
        arguments = [events.start, events.index, self.array, _u(self.n_in), _u(self.n_out), _u(self.lanes), out.reshape(-1)]
        launch(self.backend.kernel("spread"), rows, arguments, out.size)
        return out

    def add_gradient(self, total: Array | None, gradient: Array, column_start: Array, row_index: Array) -> Array:
        """Add, for each event of a chunk, its row of ``gradient``, ``[blocks, rows, width]``, to a total ``[n_out, n_in]``.

        Returns the total, or a new one if it is None.
        """
        _, rows, width = gradient.shape
        made = empty((self.n_out, self.n_in), self.weight.dtype) if total is None else total
        arguments = [
            _u(self.n_out), _u(self.n_in), _u(self.lanes), _u(width), _u(rows), gradient.reshape(-1), column_start, row_index,
            self.amplitude, np.bool_(total is not None), made.reshape(-1),
        ]  # fmt: skip
        work = max(made.size, int(column_start[-1] - column_start[0]) * self.n_out)
        launch(self.backend.kernel("gather"), self.blocks * -(-self.n_in // LANES), arguments, work)
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
    arguments = [np.ascontiguousarray(weight).reshape(-1), _u(n_out), _u(n_in), _u(result.shape[1]), result.reshape(-1)]
    launch(backend.kernel("turn"), -(-n_in // _STRIP), arguments, result.size)
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
    share = 64
    strip = max(8, tuning.now().cache // (pitch * gradient.itemsize))
    arguments = [
        _u(share), _u(rows), places.start, places.index, gradient.reshape(-1), _u(pitch), weights.reshape(-1), _u(strip),
        _u(len(weights)), out.reshape(-1),
    ]  # fmt: skip
    launch(places.backend.kernel("sampled"), -(-rows // share), arguments, out.size)
