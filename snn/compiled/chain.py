"""Short runs of small nets whose stages are all replays: a single lookup finds the whole run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd import Cell, Tensor, tree
from autograd.errors import CompileError

from ..common.structure import generators, is_stateful
from ..engine.blas import one_thread_each
from ..graphs.graph import Edge, Graph
from ..graphs.stages import Schedule
from ..tracing.guard import Dependencies
from ..tracing.reads import Reads
from .form import keep
from .replay import Replay
from .starts import starts_of

__all__ = ["Chain", "keep_chain", "run_again"]

_KEPT = 4
_PATIENCE = 10  # runs; a chain takes as long to make as several of them


def keep_chain(
    net: Cell, x: Tensor, state: Any, mode: str, schedule: Schedule, reads: Reads, replays: Sequence[Replay]
) -> None:
    """Keep a run that consisted of replays, if its outputs are theirs, for :func:`run_again`."""
    made = {edge for stage in schedule.stages for core in stage.cores for edge in core.outs}
    if all(isinstance(edge, Edge) and edge in made for edge in tree.leaves(schedule.graph.out)):
        known = net.kept().setdefault("chains", {})
        before: Chain | None = known.get(_key(x, state, mode))
        if before is not None and not before.used and before.missed < _PATIENCE:  # the net may change before each run
            before.missed += 1
            return
        keep(known, _key(x, state, mode), Chain(net, schedule, reads, replays), _KEPT)


def _key(x: Tensor, state: Any, mode: str) -> Any:
    return mode, x.shape, x.dtype, state is None


def run_again(net: Cell, x: Tensor, state: Any, mode: str) -> tuple[Any, Any, str] | None:
    """Return the output, the final state and the mode of a run of a net with chains; None if none of them fits."""
    chain: Chain | None = net.kept()["chains"].get(_key(x, state, mode))
    found = None if chain is None else chain.run(net, x, state)
    return None if chain is None or found is None else (*found, chain.limited.options.backend.mode)


class Chain:
    """A run of a net, made of the replays of its stages in order.

    Parameters
    ----------
    net : Cell
        The net. The chain watches what :class:`~snn.tracing.guard.Dependencies` of a net do.
    schedule : Schedule
        Its schedule.
    reads : Reads
        What the code of the net may have read when it was traced.
    replays : sequence of Replay
        The replay of each stage.
    """

    def __init__(self, net: Cell, schedule: Schedule, reads: Reads, replays: Sequence[Replay]) -> None:
        self.graph, self.limited = schedule.graph, replays[0]
        self.used, self.missed = False, 0
        self.cells = [cell for _, cell in net.cells_and_names()]
        plans = [part for replay in replays for part in replay.plan.dependencies]
        self.watched = [Dependencies(net, Reads.joined([reads, *(part.reads for part in plans)]), "snn.run", net=True)]
        here = {id(cell) for cell in self.cells if is_stateful(cell)}
        self.watched += [part for part in plans if id(part.owner) not in here]
        self.drawn = [rng.bit_generator for begin in self.graph.starts for rng in generators(begin.cell)]
        self.sources = [Edge(node.number) for node in self.graph.nodes if node.kind == "input"]
        self.stages: list[tuple[Replay, list[Edge], list[Edge], list[int]]] = []
        for stage, replay in zip(schedule.stages, replays, strict=True):
            core = stage.cores[0]
            inputs = [stage.dense[edge].inputs[0] if edge in stage.dense else edge for edge in core.inputs]
            self.stages.append((replay, inputs, core.outs, [node.number for node in core.states]))

    def run(self, net: Cell, x: Tensor, state: Any) -> tuple[Any, Any] | None:
        """Return the output and the final state of a run; None if anything but values differs from the earlier runs."""
        if not self.limited.allowed or any(cell.hooked for cell in self.cells):
            return None
        if not all(part.unchanged() for part in self.watched):
            return None
        before = [source.state for source in self.drawn]
        try:
            starts = starts_of(self.graph, net, x, state)
            found = None if starts is None else one_thread_each(lambda: self._run(x, starts))
        except CompileError:
            found = None  # the full way raises it, or runs step by step
        if found is None:
            for source, kept in zip(self.drawn, before, strict=True):
                source.state = kept
        self.used |= found is not None
        return found

    def _run(self, x: Tensor, starts: dict[int, Tensor]) -> tuple[Any, Any] | None:
        graph: Graph = self.graph
        values: dict[Any, Tensor] = dict.fromkeys(self.sources, x)
        after: dict[int, Tensor] = {}
        for replay, inputs, outs, states in self.stages:
            xs = [values[edge] for edge in inputs]
            found = replay.run(xs, [starts[number] for number in states]) if replay.takes(xs) else None
            if found is None:
                return None
            values.update(zip(outs, found, strict=False))
            after.update(zip(states, found[len(outs) :], strict=True))
        state = graph.state if not graph.starts else tree.unflatten(graph.state, iter([after[number] for number in starts]))
        return tree.map_leaves(values.__getitem__, graph.out), state
