"""The schedule of a net, reused until the net changes."""

from __future__ import annotations

from typing import Any

from autograd import Cell, Tensor, as_tensor, nn, tree

from ..common.structure import holds_neurons, is_stateful, passes_straight
from ..graphs import trace_step
from ..graphs.schedule import make_schedule
from ..graphs.stages import Schedule
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
    """Everything that the graph of a net depends on: the layers of chains, and all that a Cell that wires neurons can read."""

    def __init__(self, net: Cell, reads: Reads, where: str) -> None:
        self.layers = _layers(net)
        self.dependencies = [Dependencies(cell, reads, where) for cell, _ in self.layers if _wires(cell)]

    def unchanged(self, net: Cell) -> bool:
        """Return whether nothing of it has changed."""
        return _layers(net) == self.layers and all(part.unchanged() for part in self.dependencies)


def _wires(cell: Cell) -> bool:
    return is_stateful(cell) and holds_neurons(cell)


def _layers(net: Cell, name: str = "") -> list[tuple[Cell, Any]]:
    """Return the layers of a chain with their names, and the attributes of the stateless ones.

    A chain with a ``construct`` of its own counts too, with its attributes.
    """
    if isinstance(net, nn.SequentialCell):
        found = [layer for key, cell in net.named() for layer in _layers(cell, f"{name}.{key}")]
        if passes_straight(net):
            return [(net, name), *found] if net.hooked else found
        return [(net, [name, *map(id, vars(net).values())]), *found]
    if is_stateful(net):
        return [(net, (name, net.hooked))]
    held: list[Any] = [name]
    for _, part in net.cells_and_names():
        held.append(type(part))
        held += map(id, vars(part).values())
    return [(net, held)]
