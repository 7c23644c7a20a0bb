"""The schedule of a net, reused until the net changes."""

from __future__ import annotations

from operator import is_
from typing import Any

from autograd import Cell, Tensor, as_tensor, nn, tree

from ..common.structure import holds_neurons, is_stateful, passes_straight
from ..graphs import trace_step
from ..graphs.schedule import make_schedule
from ..graphs.stages import Schedule
from ..layers.recurrent import RecurrentThrough
from ..recurrent import Recurrent
from ..tracing.guard import Dependencies
from ..tracing.reads import Reads, watching

__all__ = ["Wiring", "schedule_for"]

_KEPT = 4


def schedule_for(net: Cell, x: Tensor, state: Any, anew: bool = False) -> tuple[Schedule, dict[Any, Any]]:
    """Return the schedule of a net, traced anew only if the net has changed, and a dict for facts about its parts.

    ``"reads"`` in the dict is what the code of the net may have read.
    """
    key: Any = "schedule", x.shape[1:], x.dtype
    if state is not None:
        leaves = [as_tensor(leaf, "snn.run, state") for leaf in tree.leaves(state)]
        key = *key, str(tree.map_leaves(lambda _: 0, state)), tuple((leaf.shape, leaf.dtype) for leaf in leaves)
    known = net.kept().setdefault(key, [])
    for wiring, schedule, kept in () if anew else known:
        if wiring.unchanged(net):
            return schedule, kept
    shapes: dict[Any, Any] = {}
    where = f"{type(net).__name__}.construct"
    trace_step(net, x[0], state, shapes, len(x))
    reads = Reads()
    with watching(reads, where):
        graph = trace_step(net, x[0], state, shapes, len(x))
    schedule, kept = make_schedule(graph), {"reads": reads}
    known.insert(0, (Wiring(net, reads, where), schedule, kept))
    del known[_KEPT:]
    return schedule, kept


class Wiring:
    """Everything that the graph of a net depends on: the layers of chains, and all that the code that was traced can read.

    The graph of a layer without state depends on the shape and dtype of its output only; a run compares these.
    """

    def __init__(self, net: Cell, reads: Reads, where: str) -> None:
        self.layers = _layers(net)
        self.dependencies = [Dependencies(cell, reads, where) for cell, _, _ in self.layers if _is_entered(cell)]

    def unchanged(self, net: Cell) -> bool:
        """Return whether nothing of it has changed."""
        now, before = _layers(net), self.layers
        return len(now) == len(before) and all(map(_same, now, before)) and all(part.unchanged() for part in self.dependencies)


_Layer = tuple[Cell, Any, list[Any]]
"""A layer, what is equal while it is unchanged, and objects that stay the same."""


def _same(now: _Layer, before: _Layer) -> bool:
    return now[0] is before[0] and now[1] == before[1] and len(now[2]) == len(before[2]) and all(map(is_, now[2], before[2]))


def _is_entered(cell: Cell) -> bool:
    """Return whether a trace runs the code of a Cell, and does not only record it."""
    if isinstance(cell, nn.SequentialCell):
        return not passes_straight(cell)
    return is_stateful(cell) and (holds_neurons(cell) or isinstance(cell, (Recurrent, RecurrentThrough)))


def _layers(net: Cell, name: str = "") -> list[_Layer]:
    """Return the layers of a chain with their names, and the attributes of the stateless ones.

    A chain with a ``construct`` of its own counts too, with its attributes.
    """
    if isinstance(net, nn.SequentialCell):
        found = [layer for key, cell in net.named() for layer in _layers(cell, f"{name}.{key}")]
        if passes_straight(net):
            return [(net, name, []), *found] if net.hooked else found
        return [(net, name, [*vars(net).values()]), *found]
    if is_stateful(net):
        return [(net, (name, net.hooked), [])]
    held: list[Any] = []
    for _, part in net.cells_and_names():
        held.append(type(part))
        held += vars(part).values()
    return [(net, name, held)]
