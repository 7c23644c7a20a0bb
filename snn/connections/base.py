"""The interface of connections; each other file of this folder has one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from autograd import Cell, Tensor, ops
from autograd.dtypes import DType

from ..engine import tuning
from ..engine.backends import BackEnd

__all__ = ["Connection", "Direct", "Joined", "Way"]

Array = np.ndarray[Any, np.dtype[Any]]


class Joined(Cell):
    """Two layers, one after the other, which are one connection."""

    per_sample = True

    def __init__(self, first: Cell, second: Cell) -> None:
        super().__init__()
        self.first, self.second = first, second

    def construct(self, x: Any) -> Any:
        """Apply both."""
        return self.second(self.first(x))

    def __repr__(self) -> str:
        return f"{self.first!r}, {self.second!r}"


class Way:
    """One way from an input ``[T, N, ...]`` to currents and back, in one run.

    The currents are those of all its steps, made some steps at a time: in order forward, from the last to the first back.

    Attributes
    ----------
    kind, why : str
        Its name and the reason for it, as :func:`snn.explain` prints them.
    x : Tensor
        The input.
    chunk : int or None
        Time steps whose gradients are summed at once: the same in every run of one shape, so that the bits are. None if
        nothing is summed.
    flat : bool
        Whether the currents come element by element, so that all samples may be one row; otherwise a loop works on rows.
    weighted : bool
        Whether there are weights, so that currents are made and gradients by weights are summed.
    listed : bool
        Whether the loop sums the currents itself, from ``events``: see :class:`snn.connections.dense.Listed`.
    constant : bool
        Whether the input is the same at every step: its gradient by weights is made once, by :meth:`of_sum`.
    few : bool
        Whether the gradient by the input stays a product of ``gradient`` and a matrix ``weight`` with ``n_out`` rows, for the
        loop before to multiply.
    finite : bool
        Whether the gradient by the input may be made only where it is needed.
    """

    kind: str
    chunk: int | None = None
    events: Any = None
    flat: ClassVar[bool] = False
    weighted: ClassVar[bool] = True
    listed: ClassVar[bool] = False
    constant: ClassVar[bool] = False
    few: bool = False
    finite: bool = False

    def __init__(self, x: Tensor, why: str) -> None:
        self.x, self.why = x, why

    @property
    def in_chunks(self) -> bool:
        """Whether the currents are made chunk by chunk, before the loop runs on each."""
        return self.weighted and not self.listed and not self.constant

    @property
    def sampled_below(self) -> float:
        """Share of the input up to which its gradient is made only where it is needed."""
        return tuning.now().sampled_density

    @property
    def work_bytes(self) -> int:
        """Bytes of the currents of one step, while a chunk of them waits for the loop."""
        return 0

    @property
    def kept_bytes(self) -> int:
        """Bytes that the way back needs, beside the input and the weights."""
        return 0

    def current(self, t0: int, t1: int) -> Array:
        """Return the currents ``[t1 - t0, N, ...]`` of some steps; with a time stride of 0 where they are the same."""
        raise NotImplementedError

    def of_sum(self, total: Array) -> Array:
        """Return the gradient by the weights of a ``constant`` way, from that by the currents summed over time."""
        raise NotImplementedError

    def by_events(self, rows: int, known: dict[int, Any]) -> Any:
        """Return the gradient by the weights of a ``listed`` way, to be summed over so many rows at once.

        ``known`` has what those of one pass back share.
        """
        raise NotImplementedError

    def products(self) -> dict[str, str]:
        """Return, for each product with a matrix that the way makes, which one is used and why: for :func:`snn.explain`."""
        return {}

    def forget(self) -> None:
        """Drop what is quickly made again, at the end of a run."""

    def rows_of(self, flags: Array) -> Array:
        """Return bytes ``[T, N, ...]`` that say where the gradient by the input is needed, in the rows of ``places``."""
        return flags

    def laid(self, gradient: Array) -> Any:
        """Return the gradient by some steps' currents, ``[rows, pitch]``, as ``add`` and ``back`` take it: once for both."""
        return gradient

    def back(self, gradient: Any, t0: int, t1: int, out: Array, places: Any) -> None:
        """Write the gradient by the input of some steps to ``out[t0:t1]``, from that by their currents.

        Where ``places`` are given, only there is it needed.
        """
        raise NotImplementedError

    def add(self, t0: int, t1: int, gradient: Any, total: Any) -> Any:
        """Return ``total``, at first None, with what some steps bring to the gradient by the weights.

        ``gradient`` is that by their currents. The sum is the caller's: a pass back that is broken off, or
        one beside it in another thread, leaves nothing here.
        """
        raise NotImplementedError

    def weight_gradient(self, total: Any) -> Array:
        """Return what was added up, in the shape of the weights; zeros if that is None."""
        raise NotImplementedError


class Direct(Way):
    """The input is the current."""

    kind = "current"
    weighted = False

    def __init__(self, x: Tensor, why: str = "there are no weights before the neuron") -> None:
        super().__init__(x, why)

    def current(self, t0: int, t1: int) -> Array:
        """Return the input of some steps."""
        return self.x.array[t0:t1]


@dataclass(frozen=True, eq=False)
class Connection:
    """A layer of weights in one run; a subclass for each kind.

    Attributes
    ----------
    cell : Cell
        The layer.
    weight : Tensor
        In the dtype of the currents. It stands in the graph, so that gradients reach what it was made from.
    bias : Tensor or None
        What is added to the currents of each step: one value, or one for each output; in the same dtype.
    stored : dtype
        That of the weights before they were brought to the dtype of the currents.
    """

    cell: Cell
    weight: Tensor
    bias: Tensor | None
    stored: DType
    matrix: ClassVar[bool] = False
    """Whether ``weight`` is a matrix ``[n_out, n_in]``, with which neurons of a group may feed each other inside a loop."""

    @classmethod
    def of(cls, cell: Cell, x: Tensor) -> Connection | None:
        """Return a layer without state as such a connection for an input ``[T, N, ...]``; None if it is another kind."""
        raise NotImplementedError

    @classmethod
    def joins(cls, first: Cell, second: Cell) -> bool:
        """Tell whether two layers, one after the other, are one connection of this kind: :class:`Joined`."""
        return False

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the currents ``[T, N, ...]`` without the bias, made by operations that can be differentiated again."""
        return ops.matmul(x, ops.transpose(weight))

    def way(self, x: Tensor, backend: BackEnd) -> Way:
        """Choose a way for an input by its density, its size and the tuning."""
        raise NotImplementedError
