"""Connections: the ways from an input to currents, and back for gradients, one kind per file.

A file exports a subclass of :class:`~snn.connections.base.Connection`. Adding a file is enough to run, explain and
differentiate layers of its kind in their own ways.
"""

from __future__ import annotations

import functools
from importlib import import_module
from pkgutil import iter_modules

from autograd import Cell, Tensor

from ..common.structure import is_over_time, is_stateful
from .base import Connection, Direct, Joined, Way, Wire
from .dense import Dense

__all__ = ["Connection", "Direct", "Joined", "Way", "Wire", "connection_of", "joined", "of_matrix"]

of_matrix = Dense.of_matrix


@functools.cache
def _kinds() -> list[type[Connection]]:
    files = [import_module(f"{__name__}.{file.name}") for file in iter_modules(__path__)]
    found = {value: None for file in files for value in (getattr(file, name) for name in file.__all__)}
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, Connection) and kind is not Connection]


def connection_of(cell: Cell, x: Tensor) -> Connection | None:
    """Return a stateless layer as a connection for an input ``[T, N, ...]``; None if no kind fits.

    Values that depend on the layer's Parameters only are computed here, once, and recorded.
    """
    if is_stateful(cell) or is_over_time(cell):
        return None
    return next((found for kind in _kinds() if (found := kind.of(cell, x)) is not None), None)


def joined(first: Cell, second: Cell) -> Joined | None:
    """Return two layers, one after the other, as one connection; None if no kind of connection joins them."""
    return Joined(first, second) if any(kind.joins(first, second) for kind in _kinds()) else None
