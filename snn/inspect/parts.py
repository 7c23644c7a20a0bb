"""Memory in use during a run of a schedule and its backward pass, from shapes: for :func:`snn.memory_estimate`."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, ops, tree
from autograd.graph import LEAF
from autograd.graph import Node as Leaf
from autograd.state import quietly, scope

from ..common.structure import is_over_time, zeros_of
from ..compiled.execute import Execution
from ..compiled.known import schedule_for
from ..compiled.layout import Options
from ..compiled.part import Part
from ..compiled.stage import Running
from ..engine.backends import back_end
from ..engine.events import LANES, Events, padded
from ..graphs.graph import Edge, Node
from ..graphs.stages import Stage
from ..spikes import Spikes, in_each_row
from .footprint import Block, Heap
from .listing import layers_before, name_of

__all__ = ["Walk"]

Array = np.ndarray[Any, np.dtype[Any]]
Row = Counter[str]
Found = list[tuple[Edge, Block]]
FIRING = 0.05  # share of the neurons that fire in a step
GIVEN = 0.02  # share of nonzero elements in an input of events
ACTIVE = 0.10  # share of the derivatives of a surrogate with compact support that are not zero
WHOLE = 4  # arrays of the size of its output that a layer over time allocates in the backward pass, besides the one it keeps
PASSING = {"add", "_concat", "_reshape", "_stack", "expand_dims", "squeeze", "transpose"}  # they pass the gradient on


class Walk:
    """Visits the stages of a net forward and backward; the arguments are those of :func:`snn.memory_estimate`.

    ``heap`` has the peak; ``rows`` has, for each part, its name, the way of its currents, and the bytes of its arrays.
    """

    def __init__(
        self, net: Cell, shape: tuple[int, ...], dtype: Any, checkpoint: int | None, training: bool, input_gradient: bool,
        currents: str,
    ) -> None:  # fmt: skip
        self.steps, self.heap = shape[0], Heap()
        self.rows: list[tuple[str, str, Row]] = []
        self.work: list[Block] = []  # freed with the stage
        self.held: dict[Edge, dict[str, Block]] = {}  # freed with a value
        self.makers: dict[Edge, tuple[Running, int, int | None]] = {}  # stage, part, bool where a gradient matters
        self.taped: list[tuple[Callable[..., Found], list[Edge], list[Block]]] = []  # waits for the backward pass
        self.gradients: list[Block] = []
        learnt = [p for p in net.get_parameters() if p.requires_grad and training]
        with scope(recording=training, watched={id(p): Leaf(LEAF, (), p.shape, p.dtype, attrs=p) for p in learnt}):
            schedule, kept = schedule_for(net, zeros_of(shape, dtype), None)
            self.graph = schedule.graph
            begin = {node.number: node.outputs[0] for node in self.graph.nodes if node.kind == "state"}
            starts = {number: zeros_of(output.shape, output.dtype) for number, output in begin.items()}
            x = _tensor(shape, dtype, training and input_gradient, currents)
            self.run = Execution(schedule, kept, x, starts, True, (), None, False, Options(checkpoint=checkpoint))
            given = next(Edge(node.number) for node in self.graph.nodes if node.kind == "input")
            self.run.values[given], self.held[given] = x, {"numbers": self.heap.array(0)}
            for stage, done in zip(schedule.stages, schedule.done, strict=True):
                self.taped += self._stage(stage)
                self.work.clear()
                for edge in done:
                    self.held.pop(edge, None)
            self.held.clear()
            self.arrived = {edge: self.heap.array(0) for edge in tree.leaves(self.graph.out)}  # from a loss that is summed
            while self.taped:
                self._back(*self.taped.pop())

    def _stage(self, stage: Stage) -> list[Any]:
        if stage.whole is not None:
            return self._sequence(stage.whole)
        loops = stage if stage.node is None else self.run.alone(stage.node)
        return self._whole(stage.node) if loops is None and stage.node else self._loops(loops or stage)

    def _back(self, back: Callable[..., Found], outs: list[Edge], kept: list[Block]) -> None:
        arrived = [self.arrived.pop(edge, None) for edge in outs]
        found = back(arrived) if any(arrived) else []
        self.work.clear()
        for edge, block in found:
            before = self.arrived.pop(edge, None)
            self.arrived[edge] = self.heap.array(self._bytes(edge)) if before else block

    # Values

    def _bytes(self, edge: Edge) -> int:
        return _bytes(self.run.value(edge))

    def _make(self, edge: Edge, taped: bool, amplitude: Array | None = None) -> None:
        node = self.graph.nodes[edge.node]
        output = node.outputs[edge.output]
        shape = (self.steps, *output.shape) if node.varies else output.shape
        kind = "spikes" if amplitude is not None else "dense" if node.varies else "once"
        self.run.values[edge] = _tensor(shape, output.dtype, taped, kind, amplitude)

    # Counts for the part in the last row, or in the backward pass

    def _row(self, name: str, currents: Iterable[str] = ()) -> Row:
        self.row: Row = Counter(saved=0, output=0, buffers=0, gradients=0)
        self.rows.append((name, ", ".join(dict.fromkeys(currents)), self.row))
        return self.row

    def _take(self, column: str, size: int, again: bool = True) -> Block:
        self.row[column] += size
        return self.heap.array(size, again)

    def _use(self, size: int, again: bool = True) -> None:
        """Count an array that is freed with the stage."""
        self.work.append(self._take("buffers", size, again))

    def _lists(self, events: Events) -> Block:
        """Count event lists; while they are made, there is also a bit for each element."""
        marks = self.heap.array((len(events.start) - 1) * (8 * -(-events.columns // LANES) + 1))
        lists = self._take("buffers", events.start.nbytes + events.index.nbytes, False)
        del marks
        return lists

    # Loops over time

    def _loops(self, stage: Stage) -> list[Any]:
        """Visit a stage of loops."""
        running = self.run.running(stage)
        taped = any(t.node is not None for t in running.inputs)
        kept: list[Block] = []
        rows = []
        t0, t1 = running.segments()[0]
        for n, part in enumerate(running.parts):
            inputs = [(_source(stage, e), c) for e, c in zip(part.core.inputs, part.currents, strict=True) if c is not None]
            rows.append(self._row(_name(part), (current.kind for _, current in inputs)))
            neurons = math.prod(part.shape)
            for source, current in inputs:
                if current.listed and "lists" not in self.held[source]:
                    self.held[source]["lists"] = self._lists(current.events)
                current.taped = taped
                if current.kept_bytes:
                    kept.append(self._take("buffers", current.kept_bytes, False))
                self._chunk(running, current)
                kept += self.held[source].values()
            outs, saved = running.form.given_out[n], running.form.kept[n] if taped else set()
            made = {}
            for i in sorted({*outs, *saved}):
                made[i] = self._take("output" if i in outs else "saved", self.steps * neurons * part.dtype(i).itemsize)
            kept += [made[i] for i in saved]
            for k, (edge, i) in enumerate(zip(part.core.outs, outs, strict=True)):
                self.held[edge], self.makers[edge] = {"out": made[i]}, (running, n, part.plan.matters[k])
                self._make(edge, taped, None if part.flags[k] is None else part.out_amplitudes[k])
            for i, fires in running.form.sends[n]:
                self._use((t1 - t0) * neurons * (fires and i not in made))
            wires = [cable.wire for cable in running.received_by(n) if cable.wire is not None]
            kept += [self._take("buffers", wire.kept_bytes, False) for wire in wires]
            state = sum(map(_bytes, part.starts))
            self.work.append(self.heap.array(state))
            kept.append(self.heap.array(state))
            if taped and running.options.checkpoint is not None:
                kept.append(self._take("saved", state * len(running.segments()), False))
        edges = [edge for core in stage.cores for edge in core.outs]
        return [(partial(self._loops_back, stage, running, rows), edges, kept)] if taped else []

    def _chunk(self, running: Running, current: Any) -> None:
        """Count the currents of a chunk, which stay until the next ones are computed."""
        if current is not None and current.work_bytes:
            for a, b in running.pieces(0, self.steps)[:2]:
                self._use((b - a) * current.work_bytes)

    def _loops_back(self, stage: Stage, running: Running, rows: list[Row], _: Any) -> Found:
        """Visit it backward; return the gradients of its inputs."""
        found: Found = []
        t0, t1 = running.segments()[0]
        length = running.chunk or t1
        for n, (part, self.row) in enumerate(zip(running.parts, rows, strict=True)):
            neurons, columns = math.prod(part.shape), part.layout.columns
            chunks: dict[tuple[Any, bool], int] = {}  # current gradients, and whether they are laid out for events
            cables = {cable.input: cable for cable in running.received_by(n)}
            for k, (edge, given, current) in enumerate(zip(part.core.inputs, part.given, part.currents, strict=True)):
                source, cable = _source(stage, edge), cables.get(k)
                passes = given.x is not None and given.x.node is not None
                sender = self.makers.get(source) if passes else None
                weight = None if given.weights is None else given.weights.weight.array
                few = current if sender and current is not None and current.few else None
                if passes:
                    # With few outputs it stays a product of two matrices.
                    size = self.steps * neurons * weight.itemsize if few and weight is not None else self._bytes(source)
                    found.append((source, self._take("gradients", size)))
                if given.weights is None or weight is None:
                    continue
                d, events = part.plan.d_inputs[k], None if current is None else current.events
                if cable is not None:
                    sender = running, cable.source, running.matters(cable)
                    fires, shape = cable.amplitude is not None, running.parts[cable.source].shape
                    listed = fires and cable.wire is not None and cable.wire.listed
                    events = _events((self.steps, *shape), FIRING) if listed else None
                    self._use(2 * weight.nbytes, False)
                if passes and not few:
                    chunks[d, False] = weight.itemsize
                if sender is not None and not few:
                    self._places(*sender, weight)
                if given.weights.weight.node is None:
                    continue
                self.gradients.append(self._take("gradients", weight.nbytes))
                if events is None:
                    self.work.append(self.heap.array(weight.nbytes, True))
                if current is not None and current.constant:
                    self._use(neurons * weight.itemsize, False)
                else:
                    chunks[d, events is not None] = weight.itemsize
                if events is not None:
                    self._use(events.index.nbytes + 8 * -(-self.steps // length) * (events.columns + 1), False)  # by columns
                    self.work += [self._lists(events)] if cable else []
            for (_, laid_out), size in chunks.items():
                self._use(min(length, t1) * part.layout.samples * (padded(columns) if laid_out else columns) * size)
            learnt = [p for p in part.parameters if p.node is not None]
            self.work += [self._take("gradients", neurons * p.dtype.itemsize, False) for p in learnt]
            if running.options.checkpoint is not None:  # a segment stays until the next one is recomputed
                for i in running.form.saved[n] * 2:
                    self._use((t1 - t0) * neurons * part.dtype(i).itemsize)
                for current in part.currents:
                    self._chunk(running, current)
        return found

    def _places(self, running: Running, n: int, matters: int | None, weight: Array) -> None:
        """Count the places at which the gradient of a part's sent value is needed, and the weights laid out for them."""
        if matters is not None:
            shape = self.steps, *running.parts[n].shape
            self.heap.array(0 if matters in running.form.kept[n] else math.prod(shape), True)  # bools, then idle
            self.work.append(self._lists(_events(shape, ACTIVE)))
            self._use(padded(weight.shape[0]) * weight.shape[1] * weight.itemsize, False)

    # Nodes that run on all steps at once

    def _whole(self, node: Node) -> list[Any]:
        """Visit another layer or an operation, measured on one step."""
        cell = node.what if isinstance(node.what, Cell) else None
        row = self._row(node.name if cell is None else f"{node.name} {type(cell).__name__}".strip())
        if not node.varies:
            self.rows.pop()
        inputs = [edge for edge in dict.fromkeys(node.edges) if edge in self.held]  # without Parameters and constants
        outs = [Edge(node.number, k) for k in range(len(node.outputs))]
        learnt = [] if cell is None else [p for p in cell.get_parameters() if p.node is not None]
        taped = bool(learnt) or any(self.run.value(edge).node is not None for edge in node.edges)
        wanted = [edge for edge in inputs if self.run.value(edge).node is not None]
        if (amplitude := self._summed(node)) is not None:  # the layer after it needs the lists alone
            for edge in inputs:
                if "lists" not in self.held[edge]:
                    self.held[edge]["lists"] = self._lists(self.run.value(edge).events)
            self._make(outs[0], taped, amplitude)
            self.held[outs[0]] = {}
            return [(partial(self._whole_back, row, wanted, True, 0, 0), outs, [])] if taped else []
        for edge in outs:
            self._make(edge, taped)
        over_time = sum(map(self._bytes, outs)) if cell is not None and is_over_time(cell) else 0
        saved, views, needed = (over_time, {}, set(inputs)) if over_time else self._tried(node)
        for edge in inputs:
            if isinstance(self.run.value(edge), Spikes) and "numbers" not in self.held[edge]:
                self.held[edge]["numbers"] = self._take("saved" if taped and edge in needed else "buffers", self._bytes(edge))
        for edge in outs:
            view = self.held.get(views.get(edge, edge))
            self.held[edge] = view or {"out": self._take("output", self._bytes(edge), False)}
        self._use(over_time, False)
        if not taped:
            return []
        kept = [block for edge in (*inputs, *outs) if edge in needed for block in self.held[edge].values()]
        kept.append(self._take("saved", saved, False))
        passing = cell is None and node.what.__name__ in PASSING
        return [(partial(self._whole_back, row, wanted, passing, sum(map(_bytes, learnt)), over_time), outs, kept)]

    def _sequence(self, node: Node) -> list[Any]:
        """Visit a layer with a state that runs on all time steps at once."""
        row, source, out = self._row(f"{node.name} {type(node.what).__name__}"), node.edges[0], Edge(node.number)
        x = self.run.value(source)
        learnt = [p for p in node.what.get_parameters() if p.node is not None]
        taped = bool(learnt) or x.node is not None
        amplitude = x.amplitude if isinstance(x, Spikes) and node.what.keeps_spikes else None
        if amplitude is not None and amplitude.size > 1 and node.outputs[0].shape != x.shape[1:]:
            amplitude = None  # pooled as numbers
        listed = hasattr(node.what, "way") and node.what.way(x)[0] is not None
        if isinstance(x, Spikes) and amplitude is None and not listed and "numbers" not in self.held[source]:
            self.held[source]["numbers"] = self._take("saved" if taped and learnt else "buffers", self._bytes(source))
        self._make(out, taped, amplitude)
        self.held[out] = {"out": self._take("output", self._bytes(out) if amplitude is None else x.size, False)}
        if not taped:
            return []
        kept = [*self.held[source].values()] if learnt else []
        wanted = [source] if x.node is not None else []
        return [(partial(self._whole_back, row, wanted, False, sum(map(_bytes, learnt)), 0), [out], kept)]

    def _summed(self, node: Node) -> Array | None:
        """Return the amplitude of the spikes that an operation sums, if only layers after it need the sum."""
        if node.what is not ops.add or Edge(node.number) in tree.leaves(self.graph.out):
            return None
        terms = [self.run.value(item) for item in node.inputs]
        if not all(isinstance(x, Spikes) and x.shape == terms[0].shape and x.dtype == terms[0].dtype for x in terms):
            return None
        first, *others = [in_each_row(x.amplitude, x.shape[-1:]) for x in terms]
        return first if first is not None and all(o is not None and np.array_equal(first, o) for o in others) else None

    def _whole_back(self, row: Row, wanted: list[Edge], passing: bool, learnt: int, size: int, arrived: list[Block]) -> Found:
        self.row = row
        self.gradients.append(self._take("gradients", learnt, False))
        for _ in range(WHOLE):
            self._use(size, False)
        return [(edge, arrived[0] if passing else self._take("gradients", self._bytes(edge), False)) for edge in wanted]

    def _tried(self, node: Node) -> tuple[int, dict[Edge, Edge], set[Edge]]:
        """Run a step on zeros; return the bytes that it saves in all, the views by value, and the values that it keeps."""

        def stand_in(item: Any) -> Any:
            if not isinstance(item, Edge) or item not in self.held:
                return self.run.value(item)
            output = self.graph.nodes[item.node].outputs[item.output]
            return Tensor.wrap(np.zeros(output.shape, output.dtype), Leaf(LEAF, (), output.shape, output.dtype))

        given = list(map(stand_in, node.inputs))
        with scope(recording=True, watched={}):
            if node.kind == "operation":
                out = quietly(lambda: node.what(*given, **node.attrs))
            else:  # a copy, because it may count or draw random numbers
                out = quietly(lambda: copy.deepcopy(node.what)(*tree.unflatten(node.given, iter(given))))
        outs = {Edge(node.number, k): leaf for k, leaf in enumerate(tree.leaves(out))}
        there = {id(_base(leaf.array)): edge for edge, leaf in zip(node.inputs, given, strict=True) if edge in self.held}
        views = {edge: there[id(_base(leaf.array))] for edge, leaf in outs.items() if id(_base(leaf.array)) in there}
        there |= {id(_base(leaf.array)): edge for edge, leaf in outs.items() if edge not in views}
        kept = _kept_by([leaf.node for leaf in outs.values() if leaf.node is not None])
        own = sum(size for key, size in kept.items() if key not in there)
        return own * (self.steps if node.varies else 1), views, {there[key] for key in kept if key in there}


# Values that take no memory


def _same(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return zeros that are the same at every step."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def _series(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return zeros that count as different at every step."""
    base = np.zeros(shape[0], dtype)
    return np.lib.stride_tricks.as_strided(base, shape, (base.itemsize, *[0] * (len(shape) - 1)), writeable=False)


def _events(shape: tuple[int, ...], density: float) -> Events:
    size, rows = math.prod(shape), math.prod(shape[:-1])
    return Events(_same((rows + 1,), np.uint64), shape[-1], back_end(), _same((int(density * size),), np.uint32))


def _tensor(shape: tuple[int, ...], dtype: Any, taped: bool, kind: str, amplitude: Array | None = None) -> Tensor:
    """Return a value that selects a way of currents, or represents the spikes of a neuron."""
    leaf = Leaf(LEAF, (), shape, dtype) if taped and dtype.kind == "f" else None
    if kind not in ("events", "spikes"):
        return Tensor.wrap((_same if kind == "once" else _series)(shape, dtype), leaf)
    spikes = Spikes(_same(shape, np.uint8), np.ones((), dtype) if amplitude is None else amplitude, back_end(), leaf)
    spikes._values, spikes._lists = _series(shape, dtype), [_events(shape, GIVEN if kind == "events" else FIRING)]
    return spikes


def _bytes(value: Tensor) -> int:
    return math.prod(value.shape) * int(value.dtype.itemsize)


def _source(stage: Stage, edge: Edge) -> Edge:
    """Return the value from which an input of a core is computed."""
    node = stage.dense.get(edge)
    return edge if node is None else node.inputs[0]


def _name(part: Part) -> str:
    """Name a core after the layers before it and its neurons."""
    cells = [(name_of(node), node.owner) for node in (*layers_before(part), *part.core.nodes) if node.owner is not None]
    return ", ".join(dict.fromkeys(f"{name} {type(cell).__name__}".strip() for name, cell in cells)) or part.core.name


def _base(array: Array) -> Any:
    return array if array.base is None else array.base


def _kept_by(nodes: list[Leaf]) -> dict[int, int]:
    """Return the bytes that the nodes before results keep, by array, without Parameters."""
    found: dict[int, int] = {}
    while nodes:
        node = nodes.pop()
        for value in (*(node.saved if isinstance(node.saved, (list, tuple)) else ()), node.out):
            array = value.array if isinstance(value, Tensor) and not isinstance(value, Parameter) else value
            if isinstance(array, np.ndarray):
                found[id(_base(array))] = array.nbytes
        nodes += [parent for parent in node.parents if parent is not None]
    return found
