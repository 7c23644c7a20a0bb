"""Cells that hold Cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..cell import Cell
from ..dtypes import describe
from ..errors import CellError

__all__ = ["CellList", "SequentialCell"]


class _Numbered(Cell):
    """Cells under the names "0", "1", ..., or under given ones."""

    def __init__(self, *cells: Any) -> None:
        super().__init__()
        items: Any = cells[0] if len(cells) == 1 and isinstance(cells[0], (list, tuple, Mapping)) else cells
        for name, cell in items.items() if isinstance(items, Mapping) else enumerate(items):
            self._add(str(name), cell)

    def _add(self, name: str, cell: Any) -> None:
        if not isinstance(cell, Cell):
            raise CellError(type(self).__name__, "Cells", f"{describe(cell)} as {name!r}", "Wrap a function in a Cell.")
        if hasattr(type(self), name) or name in vars(self):
            raise CellError(type(self).__name__, "a free name for a Cell", repr(name), "Choose another name.")
        setattr(self, name, cell)

    def append(self, cell: Cell) -> None:
        """Add a Cell at the end."""
        self._add(str(len(self)), cell)

    def named(self) -> list[tuple[str, Cell]]:
        """Return (name, Cell) in order."""
        return self._children()

    def __len__(self) -> int:
        return len(self._children())

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells())

    def __getitem__(self, index: int) -> Cell:
        return self.cells()[index]


class SequentialCell(_Numbered):
    """Cells run one after the other.

    Parameters
    ----------
    *cells : Cell
        The layers, or one list of them, or one mapping from names to them.

    Examples
    --------
    >>> from autograd import nn
    >>> nn.SequentialCell(nn.Dense(2, 2), nn.ReLU())
    SequentialCell(
      (0): Dense(input_channels=2, output_channels=2, has_bias=True)
      (1): ReLU()
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
