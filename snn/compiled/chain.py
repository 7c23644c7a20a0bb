"""Short runs of small nets whose stages are all replays: a single lookup finds the whole run again."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import count, islice
from typing import Any

from autograd import Cell, Tensor, tree
from autograd.errors import CompileError
from autograd.graph import Node, reverse
from autograd.state import state as thread

from ..common.structure import generators, is_stateful
from ..engine import tuning
from ..engine.blas import one_thread_each
from ..graphs.graph import Edge
from ..graphs.stages import Schedule
from ..tracing.guard import Dependencies
from ..tracing.reads import Reads
from .back_replay import BackReplay, product_of
from .gradient_masks import makers
from .plan import keep
from .replay import Replay, Replayed
from .stage import END, Maker, Saved, Steps
from .starts import starts_of

__all__ = ["Chain", "keep_chain", "run_again"]

_KEPT = 4


def keep_chain(
    net: Cell, x: Tensor, state: Any, mode: str, schedule: Schedule, reads: Reads, replays: Sequence[Replay]
) -> None:
    """Keep a run that consisted of replays, if its outputs are theirs, for :func:`run_again`."""
    made = {edge for stage in schedule.stages for core in stage.cores for edge in core.outs}
    if all(isinstance(edge, Edge) and edge in made for edge in tree.leaves(schedule.graph.out)):
        known = net.kept().setdefault("chains", {})
        before: Chain | None = known.get(_key(x, state, mode))
        most = tuning.now().missed_runs  # the net may change before each run
        if before is not None and not before.used and before.missed < most:
            before.missed += 1
            return
        keep(known, _key(x, state, mode), Chain(net, schedule, reads, replays), _KEPT)


def _key(x: Tensor, state: Any, mode: str) -> Any:
    return mode, x.shape, x.dtype, state is None


def run_again(net: Cell, x: Tensor, state: Any, mode: str) -> tuple[Any, Any, str] | None:
    """Return the output, the final state and the mode of a run of a net with chains; None if none of them fits."""
    chain: Chain | None = net.kept()["chains"].get(_key(x, state, mode))
    found = None if chain is None else chain.run(net, x, state)
    return None if chain is None or found is None else (*found, chain.mode)


class Chain:
    """A run of a net, made of the replays of its stages in order, as one operation in the autograd graph.

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

    Attributes
    ----------
    inputs : list of list of (int, int) or None
        The inputs of each stage: the stage and position of an earlier result, or None for the input of the net.
    states : list of list of int
        The nodes of the states of each stage.
    results : list of (int, int)
        Stage and position of each result of the run.
    leaves : list of int
        The result in each leaf of the output, then of the state.
    sources : list of list of (int, int) or int
        Where the parents of each stage come from: an earlier result, or a parent of the chain. The parents of the last stage
        come first, since gradients are added in this order, as if each stage were an operation.
    backs : dict
        For the gradients that are given and wanted: the backward pass of each stage, None for a stage without one.
    """

    def __init__(self, net: Cell, schedule: Schedule, reads: Reads, replays: Sequence[Replay]) -> None:
        self.graph, self.replays = schedule.graph, replays
        self.used, self.missed = False, 0
        self.cells = [cell for _, cell in net.cells_and_names()]
        plans = [part for replay in replays for part in replay.plan.dependencies]
        self.watched = [Dependencies(net, Reads.joined([reads, *(part.reads for part in plans)]), "snn.run", net=True)]
        here = {id(cell) for cell in self.cells if is_stateful(cell)}
        self.watched += [part for part in plans if id(part.owner) not in here]
        self.drawn = [rng.bit_generator for begin in self.graph.starts for rng in generators(begin.cell)]
        self.inputs, self.states = list[list[Any]](), list[list[int]]()
        places = dict[Any, tuple[int, int]]()
        for k, stage in enumerate(schedule.stages):
            core = stage.cores[0]
            edges = [stage.dense[edge].inputs[0] if edge in stage.dense else edge for edge in core.inputs]
            self.inputs.append([places.get(edge) for edge in edges])
            self.states.append([node.number for node in core.states])
            places |= {place: (k, i) for i, place in enumerate((*core.outs, *self.states[k]))}
        self.sources, numbers = list[list[Any]](), count()
        for inputs, states, replay in zip(self.inputs[::-1], self.states[::-1], replays[::-1], strict=True):
            beside = sum(each is not None for each in replay.connections) + len(states) + len(replay.plan.parameters)
            self.sources.insert(0, [*(place or next(numbers) for place in inputs), *islice(numbers, beside)])
        after = tree.leaves(self.graph.state_parts) if self.graph.starts else []
        found = [places[place] for place in (*tree.leaves(self.graph.out), *after)]
        self.results = [*dict.fromkeys(found)]
        self.leaves = [self.results.index(place) for place in found]
        self.backs: dict[Any, list[BackReplay | None]] = {}

    @property
    def allowed(self) -> bool:
        """Whether the thresholds and the number of threads are those of the first run."""
        return self.replays[0].allowed

    @property
    def mode(self) -> str:
        """The mode of the run."""
        return self.replays[0].options.backend.mode

    def run(self, net: Cell, x: Tensor, state: Any) -> tuple[Any, Any] | None:
        """Return the output and the final state of a run; None if anything but values differs from the earlier runs."""
        if not self.allowed or any(cell.hooked for cell in self.cells):
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
        graph = self.graph
        begun = [[starts[number] for number in numbers] for numbers in self.states]
        now, parents = [], list[Node | None]()
        for replay, inputs, start in zip(self.replays, self.inputs, begun, strict=True):
            read = replay.now()
            if read is None:
                return None
            now.append(read)
            if thread.recording:
                parents[:0] = replay.nodes([x] * inputs.count(None), start, read)
        record, runs = any(node is not None for node in parents), list[Replayed]()
        for replay, inputs, start, read in zip(self.replays, self.inputs, begun, now, strict=True):
            xs = [x if place is None else runs[place[0]].outs[place[1]] for place in inputs]
            if not replay.takes(xs):
                return None
            runs.append(replay.run(xs, start, read, record))
        found = [runs[k].outs[i] for k, i in self.results]
        if record:
            found = Chained(self, runs).linked(found, parents, Saved(None, []))
        several = iter([found[i] for i in self.leaves])
        out = tree.unflatten(graph.out, several)
        return out, tree.unflatten(graph.state, several) if graph.starts else graph.state


class Chained(Steps):
    """A run of a chain, and the rule for its backward pass."""

    def __init__(self, chain: Chain, runs: list[Replayed]) -> None:
        self.chain, self.runs = chain, runs

    def maker(self, saved: Saved, position: int) -> Maker | None:
        """See :class:`snn.compiled.stage.Steps`."""
        k, i = self.chain.results[position]
        return self.runs[k].maker(self.runs[k].saved, i)

    def pull(self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        """Run the backward pass of each stage; of a stage that never ran backward in this way, by its own rule."""
        chain = self.chain
        if thread.recording or not chain.allowed or self._sampled(node, wanted):
            return self._by_stage(node, g, wanted)[0]
        key = tuple(g), tuple(map(product_of, g.values())), tuple(wanted)
        backs = chain.backs.get(key)
        if backs is not None:
            return one_thread_each(lambda: self._pull(backs, g, len(wanted)))
        found, runs = self._by_stage(node, g, wanted)
        if all(run.used is not None or not run.pulled for run in runs):
            keep(chain.backs, key, [run.used for run in runs], _KEPT)
        return found

    def _sampled(self, node: Node, wanted: Sequence[bool]) -> bool:
        """Return whether the gradient of the net's input may be needed at some places only."""
        for sources, inputs in zip(self.chain.sources, self.chain.inputs, strict=True):
            for place, source in zip(inputs, sources, strict=False):
                if place is None and wanted[source] and makers(node.parents[source]) is not None:
                    return True
        return False

    def _pull(self, backs: list[BackReplay | None], g: dict[int, Tensor], parents: int) -> list[Tensor | None]:
        found = list[Tensor | None]([None]) * parents
        arrived: list[dict[int, Tensor]] = [{} for _ in self.runs]

        def add(place: tuple[int, int], gradient: Tensor) -> None:
            k, i = place
            before = arrived[k].get(i)
            arrived[k][i] = gradient if before is None else before + gradient

        for i, gradient in g.items():
            add(self.chain.results[i], gradient)
        for k in range(len(backs) - 1, -1, -1):
            back = backs[k]
            for source, made in zip(self.chain.sources[k], back.run(self.runs[k], arrived[k]), strict=True) if back else ():
                if made is not None and isinstance(source, int):
                    found[source] = made
                elif made is not None:
                    add(source, made)
        return found

    def _by_stage(
        self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]
    ) -> tuple[list[Tensor | None], list[Replayed]]:  # fmt: skip
        """Return the wanted gradients by the rules of the stages, and the runs, which know how they ran backward."""
        ends = [None if parent is None else Node(END, (parent,), parent.shape, parent.dtype) for parent in node.parents]
        runs = [copy.copy(run) for run in self.runs]  # other threads may use them
        placed: list[list[Tensor]] = []
        for run, inputs, sources in zip(runs, self.chain.inputs, self.chain.sources, strict=True):
            run.xs = [x if place is None else placed[place[0]][place[1]] for x, place in zip(run.xs, inputs, strict=True)]
            places = [ends[source] if isinstance(source, int) else placed[source[0]][source[1]].node for source in sources]
            placed.append(run.placed(places))
        seeds = [(placed[k][j].node, g[i]) for i, (k, j) in enumerate(self.chain.results) if i in g]
        asked = [end for end, want in zip(ends, wanted, strict=True) if end is not None and want]
        found: dict[Any, Tensor | None] = dict(zip(asked, reverse(seeds, asked, False), strict=True))  # type: ignore[arg-type]
        return [found.get(end) for end in ends], runs
