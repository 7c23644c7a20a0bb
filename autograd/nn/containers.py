"""Cells that hold Cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self, overload

from ..cell import Cell
from ..dtypes import describe
from ..errors import CellError, PositionError, StateError
from ..tensor import as_tensor
from .stateful import is_stateful, start, untouched

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
            fix = "Wrap a function in a Cell."
            if isinstance(cell, type) and issubclass(cell, Cell):
                fix = f"Pass an object: {cell.__name__}(...), with parentheses."
            raise CellError(type(self).__name__, "Cells", f"{describe(cell)} as {name!r}", fix)
        if "." in name:
            raise CellError(
                type(self).__name__, "names without a dot", repr(name), "A dot separates the names in a path: rename it."
            )

    def _hold(self, items: Iterable[tuple[str | None, Any]]) -> Self:
        """Replace all Cells, or raise and change nothing. A Cell with a number as its name, or none, is renumbered."""
        new = [(str(i) if name is None or name.isdigit() else name, cell) for i, (name, cell) in enumerate(items)]
        for name, cell in new:
            self._check(name, cell)
        old = self._items()
        same = 0  # number of Cells that keep name and place, so that their Parameters keep their order
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
        return self._hold([*self._items(), *((None, cell) for cell in cells)])

    def insert(self, index: int, cell: Cell) -> Self:
        """Insert a Cell before position ``index``, which may be negative; later positions rise by one."""
        items: list[tuple[str | None, Any]] = [*self._items()]
        items.insert(index, (None, cell))
        return self._hold(items)

    def named(self) -> list[tuple[str, Cell]]:
        """Return (name, Cell) in order."""
        return self._children()

    def _items(self) -> list[tuple[str, Cell]]:
        """Return (name, Cell) of the numbered Cells; a subclass may have others besides."""
        return self._children()

    def _place(self, index: Any) -> int:
        """Return the position of a number (from the end if it is negative) or a name."""
        names = [name for name, _ in self._items()]
        if isinstance(index, str) and index in names:
            return names.index(index)
        if not hasattr(index, "__index__") or not -len(names) <= index.__index__() < len(names):
            raise PositionError(
                type(self).__name__, f"a position in the {len(names)} Cells, a slice or a name", repr(index),
                f"Its Cells are {', '.join(names) or 'none'}.",
            )  # fmt: skip
        return range(len(names))[int(index)]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[Cell]:
        return iter([cell for _, cell in self._items()])

    @overload
    def __getitem__(self, index: int | str) -> Cell: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | str | slice) -> Cell | Self:
        """Return a Cell by position or name, or a container of those in a slice, where they keep their names."""
        if not isinstance(index, slice):
            return self._items()[self._place(index)][1]
        part: Self = self._empty()
        for name, cell in self._items()[index]:
            setattr(part, name, cell)
        return part

    def _empty(self) -> Any:
        part = next(kind for kind in type(self).__mro__ if kind.__module__ == __name__)()
        part._auto_prefix = False  # the Cells belong to this container, and are named by it
        return part

    def __setitem__(self, index: int | str | slice, value: Any) -> None:
        items: list[tuple[str | None, Any]] = [*self._items()]
        if isinstance(index, slice):
            items[index] = [(None, cell) for cell in value]
        else:
            place = self._place(index)
            items[place] = (items[place][0], value)
        self._hold(items)

    def __delitem__(self, index: int | str | slice) -> None:
        items = self._items()
        del items[index if isinstance(index, slice) else self._place(index)]
        self._hold(items)


class SequentialCell(_Numbered):
    """Cells that run one after the other. With layers that have a state over time, a call is one step: ``net(x, state)``.

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

    @property
    def has_state(self) -> bool:
        """Whether a layer, or one in a SequentialCell below, has a state over time."""
        return any(_has_state(cell) for cell in self.cells())

    def initial_state(self, x: Any) -> dict[str, Any]:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: a dict with the state of each layer that has one.

        To find the shapes, it runs the layers before the last one with a state, without side effects on them.
        """
        x, states = as_tensor(x, "SequentialCell"), {}
        layers = self.named()
        while layers and not _has_state(layers[-1][1]):
            layers.pop()
        for i, (name, cell) in enumerate(layers):
            if _has_state(cell):
                states[name] = start(cell, x, self._label(name, cell))
            if i + 1 < len(layers):
                with untouched(cell) as twin:
                    x = twin(x, states[name])[0] if name in states else twin(x)
        return states

    def construct(self, x: Any, *state: Any) -> Any:
        """Pass ``x`` through all layers.

        Parameters
        ----------
        x : Tensor
            Input; with a state, ``[N, ...]`` of one time step.
        *state : dict, optional
            The state of each layer that has one over time, by name, as returned by :meth:`initial_state` or the previous step.
            None starts fresh.

        Returns
        -------
        out : Tensor
            The output; it is returned alone if no state was given.
        state : dict
            The state after the step.

        Raises
        ------
        StateError
            If a layer has a state and none is given, or the given state has other layers.
        """
        if state:
            return self._step(x, *state)

        def run(name: str, cell: Cell, x: Any) -> Any:
            if _has_state(cell):
                raise StateError(
                    self._label(name, cell), "a state, since this layer has one over time", "none",
                    "Run the net over time with snn.run(net, x), or a step with out, state = net(x, net.initial_state(x)).",
                )  # fmt: skip
            return cell(x)

        return self.through(x, run)

    def through(
        self,
        x: Any,
        run: Callable[[str, Cell, Any], Any],
        call: Callable[..., Any] = lambda function, *values: function(*values),
    ) -> Any:
        """Pass a value through the layers in order. Every way of running a chain uses this.

        Parameters
        ----------
        x : object
            The input: a Tensor of one step or of all, or a placeholder for one.
        run : callable
            ``run(name, layer, x)`` returns the output of a layer.
        call : callable
            ``call(function, *values)`` returns the result of a function without Parameters.

        Returns
        -------
        out : object
        """
        for name, cell in self._children():
            x = run(name, cell, x)
        return x

    def _step(self, x: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        layers = self._children()
        names = [name for name, cell in layers if _has_state(cell)]
        if state is not None and (not isinstance(state, dict) or sorted(state) != sorted(names)):
            raise StateError(
                f"{type(self).__name__}, state", f"a dict with the layers {names}",
                f"a dict with {list(state)}" if isinstance(state, dict) else describe(state),
                "Pass the state from initial_state(x) or the previous step, or None to start fresh.",
            )  # fmt: skip
        after = {}

        def run(name: str, cell: Cell, x: Any) -> Any:
            if getattr(cell, "over_time", False):
                raise CellError(
                    self._label(name, cell), "layers that run step by step", "one that takes all time steps at once",
                    "Run the whole SequentialCell with snn.run(net, x).",
                )  # fmt: skip
            if name not in names:
                return cell(x)
            before = state[name] if state is not None else start(cell, x, self._label(name, cell))
            result = cell(x, before)
            if not isinstance(result, tuple) or len(result) != 2:
                raise StateError(self._label(name, cell), "construct to return (out, state)", describe(result), "Return both.")
            out, after[name] = result
            return out

        return self.through(as_tensor(x, type(self).__name__), run), after

    def _label(self, name: str, cell: Cell) -> str:
        return f"{type(self).__name__}, layer {name!r} ({type(cell).__name__})"


def _has_state(cell: Cell) -> bool:
    return cell.has_state if isinstance(cell, SequentialCell) else is_stateful(cell)


class CellList(_Numbered):
    """A list of Cells that the enclosing Cell finds; the list itself is not called.

    Parameters
    ----------
    cells : iterable of Cell
        The items.
    """

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        super().__init__(list(cells))
