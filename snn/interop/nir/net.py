"""Nets made of a graph: a chain of layers, or Cells that are wired as its edges say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Cell, as_tensor, nn, ops
from autograd.dtypes import float32
from autograd.errors import StateError

from ...common.structure import initial_state, is_stateful

__all__ = ["Part", "Wired", "chain"]


@dataclass
class Part:
    """A Cell of a net: its name, itself or None for a bare sum, its sources, and the shapes of a sample before and after it.

    A source is a name, and whether its output of the previous step is meant.
    """

    name: str
    cell: Cell | None
    sources: list[tuple[str, bool]]
    before: tuple[int, ...]
    after: tuple[int, ...]


def free_name(name: str, taken: set[str]) -> str:
    """Return a name by which a Cell can be held."""
    name = name.replace(".", "_") or "_"
    while name in taken or hasattr(nn.SequentialCell, name) or hasattr(Wired, name) or name in _OWN:
        name += "_"
    taken.add(name)
    return name


_OWN = frozenset(vars(Cell())) | {"_back", "_names", "_outputs", "_shapes", "_sources"}


def chain(parts: list[Part]) -> nn.SequentialCell:
    """Return a chain of parts; a name such as ``block.layer`` puts a layer into an inner chain."""
    return _nested([(part.name.split("."), part.cell) for part in parts if part.cell is not None])


def _nested(items: list[tuple[list[str], Cell]]) -> nn.SequentialCell:
    groups: list[tuple[str, list[tuple[list[str], Cell]]]] = []
    for path, cell in items:
        if groups and len(path) > 1 and groups[-1][0] == path[0] and len(groups[-1][1][0][0]) > 1:
            groups[-1][1].append((path, cell))
        else:
            groups.append((path[0], [(path, cell)]))
    heads = [head for head, _ in groups]
    taken: set[str] = set()
    # An inner chain whose layers are not adjacent cannot be made.
    if len({*heads}) < len(heads) or any(len(path) > 20 for path, _ in items):
        return nn.SequentialCell({free_name(".".join(path), taken): cell for path, cell in items})
    layers: dict[str, Cell] = {}
    for head, inside in groups:
        if len(inside[0][0]) == 1:
            layers[free_name(head, taken)] = inside[0][1]
        else:
            layers[free_name(head, taken)] = _nested([(path[1:], cell) for path, cell in inside])
    return nn.SequentialCell(layers)


class Wired(Cell):
    """Neurons and layers wired like a graph: a part gets the sum of its sources, in the order of the edges.

    The state is a dict: the state of each neuron by its name, and under ``"last"`` the previous outputs of the parts with
    feedback.

    Parameters
    ----------
    parts : list of Part
        In an order in which each follows its sources of the same step.
    outputs : list of str
        The parts that are the output: one Tensor, or a tuple of several.
    """

    def __init__(self, parts: list[Part], outputs: list[str]) -> None:
        super().__init__()
        taken: set[str] = set()
        self._names = {part.name: free_name(part.name, taken) for part in parts}
        for part in parts:
            if part.cell is not None:
                setattr(self, self._names[part.name], part.cell)
        self._sources = [(part.name, part.cell is not None, tuple(part.sources)) for part in parts]
        self._outputs = outputs
        late = {source for part in parts for source, is_late in part.sources if is_late}
        self._back = {part.name: part.after for part in parts if part.name in late}
        self._shapes = {part.name: part.before for part in parts}

    def initial_state(self, x: Any) -> dict[str, Any]:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: that of each neuron, and nothing sent."""
        x = as_tensor(x, "Wired")
        state: dict[str, Any] = {}
        layers = [cell for cell in self.cells() if not is_stateful(cell)]
        kinds = [x.dtype if x.dtype.kind == "f" else float32, *(p.dtype for cell in layers for p in cell.get_parameters())]
        dtype = np.result_type(*kinds)
        for name, _, _ in self._sources:
            cell = getattr(self, self._names[name], None)
            if cell is not None and is_stateful(cell):
                state[self._names[name]] = initial_state(cell, ops.zeros((len(x), *self._shapes[name]), dtype), name)
        last = {self._names[name]: ops.zeros((len(x), *shape), dtype) for name, shape in self._back.items()}
        return state | ({"last": last} if last else {})

    def construct(self, x: Any, state: Any) -> Any:
        """Run one step: ``x``, ``[N, ...]``, and a state give the output, or a tuple of several, and the next state."""
        if not isinstance(state, dict):
            raise StateError("Wired, state", "a dict", type(state).__name__, "Start with net.initial_state(x).")
        values, after = {"": x}, {}
        sums: dict[tuple[tuple[str, bool], ...], Any] = {}  # each is computed once for all parts that it feeds
        for name, has_cell, sources in self._sources:
            total: Any = sums.get(sources)
            for source, late in sources if total is None else ():
                value = state["last"][self._names[source]] if late else values[source]
                total = value if total is None else total + value
            sums[sources] = total
            if has_cell:
                held = self._names[name]
                cell = getattr(self, held)
                if held in state:
                    total, after[held] = cell(total, state[held])
                else:
                    total = cell(total)
            values[name] = total
        if self._back:
            after["last"] = {self._names[name]: values[name] for name in self._back}
        outs = tuple(values[name] for name in self._outputs)
        return (outs[0] if len(outs) == 1 else outs), after
