"""Debugging: which custom bprops ran."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import tree
from .state import scope
from .tensor import Tensor

if TYPE_CHECKING:
    from .cell import Cell

__all__ = ["BpropCall", "trace_bprop"]


@dataclass(frozen=True)
class BpropCall:
    """One run of a custom ``bprop``.

    Attributes
    ----------
    cell : Cell
        The Cell whose ``bprop`` ran.
    dout, returned : tuple
        Shape and Euclidean norm of each Tensor that arrived or was returned, in order; None for other values.
    """

    cell: Cell
    dout: tuple[tuple[tuple[int, ...], float] | None, ...]
    returned: tuple[tuple[tuple[int, ...], float] | None, ...]

    def __str__(self) -> str:
        came, went = (", ".join(_written(item) for item in part) for part in (self.dout, self.returned))
        return f"{type(self.cell).__name__}.bprop: {came} -> {went}"


@contextmanager
def trace_bprop() -> Iterator[list[BpropCall]]:
    """List the runs of custom ``bprop`` methods inside a ``with`` block, in order, in this thread.

    Examples
    --------
    >>> from autograd import Cell, Tensor, grad, trace_bprop
    >>> class Step(Cell):
    ...     def construct(self, x):
    ...         return (x > 0).astype(x.dtype)
    ...
    ...     def bprop(self, x, out, dout):
    ...         return (dout * 0.5,)
    >>> with trace_bprop() as calls:
    ...     gradient = grad(Step())(Tensor([3.0, 4.0, 5.0, 6.0]))
    >>> print(calls[0])
    Step.bprop: [4] norm 2 -> [4] norm 1
    """
    calls: list[BpropCall] = []

    def ran(cell: Cell, dout: Any, returned: Any) -> None:
        calls.append(BpropCall(cell, _measured(dout), _measured(returned)))

    with scope(on_bprop=ran):
        yield calls


def _measured(structure: Any) -> tuple[tuple[tuple[int, ...], float] | None, ...]:
    return tuple(
        (leaf.shape, float(np.linalg.norm(leaf.array.astype(np.float64)))) if isinstance(leaf, Tensor) else None
        for leaf in tree.leaves(structure)
    )


def _written(item: tuple[tuple[int, ...], float] | None) -> str:
    return "None" if item is None else f"{list(item[0])} norm {item[1]:.3g}"
