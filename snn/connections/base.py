"""The interface of connections; each other file of this folder has one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from autograd import Cell, Tensor, ops
from autograd.dtypes import Array, DType

from ..engine import tuning
from ..engine.backends import BackEnd
from ..engine.buffers import Buffer

__all__ = ["Connection", "Constant", "Direct", "Joined", "Way", "Wire"]


class Joined(Cell):
    """Two layers, one after the other, which are one connection."""

    per_sample = True

    def __init__(self, first: Cell, second: Cell) -> None:
        super().__init__(auto_prefix=False)  # the Parameters keep their names
        self.first, self.second = first, second

    def construct(self, x: Any) -> Any:
        """Apply both."""
        return self.second(self.first(x))

    def __repr__(self) -> str:
        return f"{self.first!r}, {self.second!r}"


class Way:
    """One way from an input ``[T, N, ...]`` to currents and back, in one run.

    It computes the currents of all steps, some steps at a time: in order forward, from last to first backward.

    Attributes
    ----------
    kind, why : str
        Its name and the reason for it, as :func:`snn.explain` prints them.
    x : Tensor
        The input.
    weight : array
        The weights, if there are any.
    chunk : int or None
        Time steps whose gradients are summed at once. It depends on the shape alone, so that the bits do too. None if nothing
        is summed.
    flat : bool
        Whether currents are computed element by element, so that all samples can form one row; otherwise loops work on rows.
    weighted : bool
        Whether there are weights, so that currents are computed and weight gradients summed.
    listed : bool
        Whether the loop computes the currents from ``events``: see :class:`snn.connections.dense.Listed`.
    constant : bool
        Whether the input is the same at every step: the weight gradient is computed once, by :meth:`of_sum`.
    few : bool
        Whether the input gradient stays a product of ``gradient`` and a matrix ``weight`` with ``n_out`` rows, which the loop
        of the previous layer computes.
    taped : bool
        Whether gradients may be requested after the run, so that it keeps the arrays they need.
    finite : bool
        Whether it suffices to compute the input gradient where it is needed.
    by_shape : bool
        Whether shapes and dtypes alone lead to this way, and the currents are the input or one product of the BLAS: then later
        runs may repeat it.
    """

    kind: str
    weight: Array
    chunk: int | None = None
    events: Any = None
    flat: ClassVar[bool] = False
    weighted: ClassVar[bool] = True
    listed: ClassVar[bool] = False
    constant: ClassVar[bool] = False
    few: bool = False
    taped: bool = True
    finite: bool = False
    by_shape: bool = False

    def __init__(self, x: Tensor, why: str) -> None:
        self.x, self.why = x, why

    @property
    def in_chunks(self) -> bool:
        """Whether the currents are computed chunk by chunk, before the loop runs on each chunk."""
        return self.weighted and not self.listed and not self.constant

    @property
    def sampled_below(self) -> float:
        """Share of needed elements below which the input gradient is computed at these only."""
        return tuning.now().sampled_density

    # The arrays that it makes

    def rooms(self, steps: int) -> list[Buffer]:
        """Describe the currents of some steps, then arrays to compute them."""
        raise NotImplementedError

    @property
    def kept(self) -> list[Buffer]:
        """Describes what stays until the backward pass, besides input and weights."""
        return []

    def sums(self, chunks: int) -> list[Buffer]:
        """Describe the weight gradient, and a chunk's share that is added to it."""
        return min(chunks, 2) * [Buffer(self.weight.shape, self.weight.dtype)]

    def current(self, t0: int, t1: int) -> Array:
        """Return the currents ``[t1 - t0, N, ...]`` of some steps; the stride over time is 0 if they are equal."""
        raise NotImplementedError

    def of_sum(self, total: Array) -> Array:
        """Return the weight gradient of a ``constant`` way, from the current gradient summed over time."""
        raise NotImplementedError

    def by_events(self, rows: int, known: dict[int, Any]) -> Any:
        """Return the weight gradient of a ``listed`` way as a sum over events, this many rows at a time.

        ``known`` has lists that the sums of one backward pass share.
        """
        raise NotImplementedError

    def products(self) -> dict[str, str]:
        """Return the matrix products of the way by name, with the choice and its reason: for :func:`snn.explain`."""
        return {}

    def forget(self) -> None:
        """At the end of a run, drop arrays that are quickly recomputed."""

    def rows_of(self, flags: Array) -> Array:
        """Return bytes ``[T, N, ...]`` that mark where the input gradient is needed, in the rows of ``places``."""
        return flags

    def laid(self, gradient: Array) -> Any:
        """Return the current gradient of some steps, ``[rows, pitch]``, laid out once for both ``add`` and ``back``."""
        return gradient

    def back(self, gradient: Any, t0: int, t1: int, out: Array, places: Any) -> None:
        """Write the input gradient of some steps to ``out[t0:t1]``, from their current gradient.

        With ``places``, it is needed only there.
        """
        raise NotImplementedError

    def add(self, t0: int, t1: int, gradient: Any, total: Any) -> Any:
        """Return ``total``, at first None, plus the weight gradient of some steps.

        ``gradient`` is their current gradient. The caller owns the sum: a backward pass that is interrupted, or runs in
        another thread, leaves nothing here.
        """
        raise NotImplementedError

    def weight_gradient(self, total: Any) -> Array:
        """Return the total in the shape of the weights; zeros if it is None."""
        return np.zeros_like(self.weight) if total is None else total


class Constant(Way):
    """The input is the same at every step, and so is the current, which the next base class computes."""

    kind = "once"
    constant = True
    _held: Array | None = None

    def current(self, t0: int, t1: int) -> Array:
        """Return the current, with a stride of 0 over time."""
        if self._held is None:
            self._held = super().current(0, 1)[0]
        return np.broadcast_to(self._held, (t1 - t0, *self._held.shape))

    def forget(self) -> None:
        """Drop the current, which is quickly recomputed."""
        self._held = None


class Direct(Way):
    """The input is the current."""

    kind = "current"
    weighted = False
    by_shape = True

    def __init__(self, x: Tensor, why: str = "there are no weights before the neuron") -> None:
        super().__init__(x, why)

    def current(self, t0: int, t1: int) -> Array:
        """Return the input of some steps."""
        return self.x.array[t0:t1]


class Wire:
    """A connection inside the loop of a group: the arguments of its links, and the sums of its weight gradient.

    Attributes
    ----------
    weight : array
        The weights.
    kinds : tuple of str
        Kinds of its links, as in :class:`snn.engine.loop.Link`: for spikes, for numbers, for gradients, and for gradients that
        are needed at some places only.
    listed : bool
        Whether the weight gradient of spikes is a sum over events; see :meth:`by_events`.
    """

    weight: Array
    kinds: tuple[str, str, str, str]
    listed: ClassVar[bool] = False

    @property
    def sampled_below(self) -> float:
        """Share of needed elements below which the input gradient is computed at these only."""
        return tuning.now().sampled_in_group

    @property
    def kept(self) -> Buffer:
        """Describes the weights in the layout of the loop."""
        return Buffer(self.weight.shape, self.weight.dtype, False)

    def steps_at_once(self, samples: int) -> int:
        """Return the number of steps whose gradients are summed at once. It depends on the shape alone."""
        raise NotImplementedError

    def forward(self) -> dict[str, Any]:
        """Return the arguments of the link forward, by their names in :data:`snn.engine.loop.LINKS`."""
        raise NotImplementedError

    def back(self, sampled: bool) -> dict[str, Any]:
        """Return those of the link backward, without flags; ``sampled`` if its kind is the last."""
        raise NotImplementedError

    def first(self, before: Array, fired: bool) -> Array:
        """Return the currents ``[samples, columns]`` of values before the first step; ``fired`` if they are spikes."""
        raise NotImplementedError

    def by_events(self, events: Any, rows: int, known: dict[int, Any]) -> Any:
        """Return the weight gradient as a sum over events, this many rows at a time, as :meth:`Way.by_events` does."""
        raise NotImplementedError

    def add(self, values: Array, gradient: Array, total: Any) -> Any:
        """Return ``total``, at first None, plus the weight gradient of rows of values and of the current gradient.

        Values in bytes are flags of spikes.
        """
        raise NotImplementedError

    def weight_gradient(self, total: Any) -> Array:
        """Return the total in the shape of the weights; zeros if it is None."""
        return np.zeros_like(self.weight) if total is None else total


@dataclass(frozen=True, eq=False)
class Connection:
    """A layer of weights in one run; each kind is a subclass.

    Attributes
    ----------
    cell : Cell
        The layer.
    weight : Tensor
        In the dtype of the currents. It belongs to the autograd graph, so that gradients reach its sources.
    bias : Tensor or None
        Added to the currents of each step: one value, or one for each output, in the same dtype.
    stored : dtype
        Dtype of the weights before their conversion to the dtype of the currents.
    """

    cell: Cell
    weight: Tensor
    bias: Tensor | None
    stored: DType
    row_axes: ClassVar[int] = 0
    """The last axes of an input that make one row: 1 for features, all but the first for images.

    If not 0, neurons of a group can feed each other through the connection inside a loop: it has a :meth:`wire`.
    """

    @classmethod
    def of(cls, cell: Cell, x: Tensor) -> Connection | None:
        """Return a stateless layer as such a connection for an input ``[T, N, ...]``; None if it is of another kind."""
        raise NotImplementedError

    @property
    def by_attributes(self) -> bool:
        """Whether weight and bias are Parameters of the layer, in every run until an attribute of the layer changes."""
        return False

    def shape(self, given: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the shape of one step's currents for an input of this shape; None if only a run shows it."""
        return None

    @classmethod
    def joins(cls, first: Cell, second: Cell) -> bool:
        """Return whether two layers, one after the other, are one connection of this kind: :class:`Joined`."""
        return False

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the currents ``[T, N, ...]`` without the bias, made by operations that can be differentiated again."""
        return ops.matmul(x, ops.transpose(weight))

    def way(self, x: Tensor, backend: BackEnd) -> Way:
        """Choose a way for an input by its density, its size and the tuning."""
        raise NotImplementedError

    def wire(self, shape: tuple[int, ...], amplitude: Any, backend: BackEnd) -> Wire:
        """Return the connection inside the loop of a group, from values ``[N, ...]`` of this shape.

        ``amplitude`` is that of the spikes sent; None for numbers.

        Raises
        ------
        CompileError
            If its weights cannot be used there.
        """
        raise NotImplementedError
