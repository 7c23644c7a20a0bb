"""Cells that hold Cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from ..cell import Cell
from ..dtypes import describe
from ..errors import CellError, PositionError

__all__ = ["CellList", "SequentialCell"]


class _Numbered(Cell):
    """Cells under the names "0", "1", ..., or under given ones; they can be replaced, added and taken out as in a list."""

    def __init__(self, *cells: Any) -> None:
        super().__init__()
        items: Any = cells[0] if len(cells) == 1 and isinstance(cells[0], (list, tuple, Mapping)) else cells
        for name, cell in items.items() if isinstance(items, Mapping) else enumerate(items):
            self._add(str(name), cell)

    def _add(self, name: str, cell: Any) -> None:
        self._check(name, cell)
        if hasattr(type(self), name) or name in vars(self):
            raise CellError(type(self).__name__, "a free name for a Cell", repr(name), "Choose another name.")
        setattr(self, name, cell)

    def _check(self, name: str, cell: Any) -> None:
        if not isinstance(cell, Cell):
            raise CellError(type(self).__name__, "Cells", f"{describe(cell)} as {name!r}", "Wrap a function in a Cell.")

    def _hold(self, items: Iterable[tuple[str | None, Any]]) -> Self:
        """Hold these Cells instead, or raise and change nothing. What has a number for a name, or none, is counted anew."""
        new = [(str(i) if name is None or name.isdigit() else name, cell) for i, (name, cell) in enumerate(items)]
        for name, cell in new:
            self._check(name, cell)
        old = self._children()
        same = 0  # how many keep name and place: the Parameters keep their order too
        while same < min(len(old), len(new)) and old[same][0] == new[same][0]:
            same += 1
        for name, _ in old[same:]:
            delattr(self, name)
        for name, cell in new:
            setattr(self, name, cell)
        return self

    def append(self, cell: Cell) -> Self:
        """Add a Cell at the end."""
        return self.extend([cell])

    def extend(self, cells: Iterable[Cell]) -> Self:
        """Add Cells at the end."""
        return self._hold([*self._children(), *((None, cell) for cell in cells)])

    def insert(self, index: int, cell: Cell) -> Self:
        """Add a Cell before the one at ``index``, which may be negative; those that follow count one further."""
        items: list[tuple[str | None, Any]] = [*self._children()]
        items.insert(index, (None, cell))
        return self._hold(items)

    def named(self) -> list[tuple[str, Cell]]:
        """Return (name, Cell) in order."""
        return self._children()

    def _place(self, index: Any) -> int:
        """Return the position that a number, from the end if it is negative, or a name means."""
        names = [name for name, _ in self._children()]
        if isinstance(index, str) and index in names:
            return names.index(index)
        if not hasattr(index, "__index__") or not -len(names) <= index.__index__() < len(names):
            raise PositionError(
                type(self).__name__, f"a position in the {len(names)} Cells, a slice or a name", repr(index),
                f"Its Cells are {', '.join(names) or 'none'}.",
            )  # fmt: skip
        return range(len(names))[int(index)]

    def __len__(self) -> int:
        return len(self._children())

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells())

    @overload
    def __getitem__(self, index: int | str) -> Cell: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | str | slice) -> Cell | Self:
        """Return a Cell by position or name, or a container of those in a slice, where they keep their names."""
        if not isinstance(index, slice):
            return self.cells()[self._place(index)]
        part: Self = self._empty()
        for name, cell in self._children()[index]:
            setattr(part, name, cell)
        return part

    def _empty(self) -> Any:
        part = next(kind for kind in type(self).__mro__ if kind.__module__ == __name__)()
        part._auto_prefix = False  # the Cells belong to this container, and are named by it
        return part

    def __setitem__(self, index: int | str | slice, value: Any) -> None:
        items: list[tuple[str | None, Any]] = [*self._children()]
        if isinstance(index, slice):
            items[index] = [(None, cell) for cell in value]
        else:
            place = self._place(index)
            items[place] = (items[place][0], value)
        self._hold(items)

    def __delitem__(self, index: int | str | slice) -> None:
        items = self._children()
        del items[index if isinstance(index, slice) else self._place(index)]
        self._hold(items)


class SequentialCell(_Numbered):
    """Cells run one after the other.

    Parameters
    ----------
    *cells : Cell
        The layers, or one list of them, or one mapping from names to them.

    Examples
    --------
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(2, 2), nn.ReLU())
    >>> net[1] = nn.Tanh()
    >>> net
    SequentialCell(
      (0): Dense(in_channels=2, out_channels=2, has_bias=True)
      (1): Tanh()
    )
    """

    def construct(self, x: Any) -> Any:
        """Pass ``x`` through all layers. Layers with a state over time are run by ``snn.run``."""
        for cell in self:
            x = cell(x)
        return x


class CellList(_Numbered):
    """A list of Cells that is seen by the Cell it belongs to; it is not called itself.

    Parameters
    ----------
    cells : iterable of Cell
        Its items.
    """

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        super().__init__(list(cells))
