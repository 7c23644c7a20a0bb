"""Memory in use during a run of a schedule and its backward pass, from shapes: for :func:`snn.memory_estimate`."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, ops, tree
from autograd.dtypes import Array
from autograd.graph import LEAF
from autograd.graph import Node as Leaf
from autograd.state import quietly, scope

from ..common.structure import is_over_time, zeros_of
from ..compiled.back import Back
from ..compiled.back_part import Shared
from ..compiled.execute import Execution
from ..compiled.gradient_masks import makers
from ..compiled.known import schedule_for
from ..compiled.layout import Options
from ..compiled.part import Part
from ..compiled.stage import Running
from ..engine.buffers import Buffer
from ..engine.events import Events, marks
from ..graphs.graph import Edge, Node
from ..graphs.stages import Stage
from ..spikes import Spikes, in_each_row
from .assumed import AssumedLists, assumed, bytes_of, plain, same, series, value_of
from .footprint import Block, Heap
from .listing import layers_before, name_of

__all__ = ["Walk"]

Row = Counter[str]
Found = list[tuple[Edge, Block]]
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
        self.taped: list[tuple[Callable[..., Found], list[Edge], list[Block]]] = []  # waits for the backward pass
        self.gradients: list[Block] = []
        learnt = [p for p in net.get_parameters() if p.requires_grad and training]
        with scope(recording=training, watched={id(p): Leaf(LEAF, (), p.shape, p.dtype, attrs=p) for p in learnt}):
            schedule, kept = schedule_for(net, zeros_of(shape, dtype), None)
            self.graph = schedule.graph
            begin = {node.number: node.outputs[0] for node in self.graph.nodes if node.kind == "state"}
            starts = {number: zeros_of(output.shape, output.dtype) for number, output in begin.items()}
            x = value_of(shape, dtype, Leaf(LEAF, (), shape, dtype) if training and input_gradient else None, currents)
            self.run = Execution(schedule, kept, x, starts, True, (), None, False, Options(checkpoint=checkpoint))
            given = next(Edge(node.number) for node in self.graph.nodes if node.kind == "input")
            self.run.values[given], self.held[given] = x, {"numbers": self.heap.array(plain(0))}
            for stage, done in zip(schedule.stages, schedule.done, strict=True):
                self.taped += self._stage(stage)
                self.work.clear()
                for edge in done:
                    self.held.pop(edge, None)
            self.held.clear()
            # The gradient of a loss that is summed takes no memory.
            self.arrived = {edge: self.heap.array(plain(0)) for edge in tree.leaves(self.graph.out)}
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
            self.arrived[edge] = self.heap.array(self._room(edge)) if before else block

    # Values

    def _room(self, edge: Edge, again: bool = False) -> Buffer:
        return plain(bytes_of(self.run.value(edge)), again)

    def _make(self, edge: Edge, taped: bool, amplitude: Array | None = None) -> None:
        node = self.graph.nodes[edge.node]
        output = node.outputs[edge.output]
        shape = (self.steps, *output.shape) if node.varies else output.shape
        kind = "spikes" if amplitude is not None else "dense" if node.varies else "once"
        leaf = Leaf(LEAF, (), shape, output.dtype) if taped and output.dtype.kind == "f" else None
        self.run.values[edge] = value_of(shape, output.dtype, leaf, kind, amplitude)

    # Counts for the part in the last row, or in the backward pass

    def _row(self, name: str, currents: Iterable[str] = ()) -> Row:
        self.row: Row = Counter(saved=0, output=0, buffers=0, gradients=0)
        self.rows.append((name, ", ".join(dict.fromkeys(currents)), self.row))
        return self.row

    def _take(self, column: str, room: Buffer) -> Block:
        self.row[column] += room.nbytes
        return self.heap.array(room)

    def _use(self, *rooms: Buffer) -> None:
        """Count arrays that are freed with the stage."""
        self.work += [self._take("buffers", room) for room in rooms]

    def _lists(self, events: Events) -> Block:
        """Count event lists, and what finding them takes."""
        finding = [self.heap.array(room) for room in marks(len(events.start) - 1, events.columns)]
        lists = self._take("buffers", plain(events.start.nbytes + events.index.nbytes))
        del finding
        return lists

    # Loops over time

    def _loops(self, stage: Stage) -> list[Any]:
        """Visit a stage of loops."""
        running = self.run.running(stage)
        form, taped, segments = running.form, running.recorded, running.segments()
        kept: list[Block] = []
        rows, written, states = [], [], []
        for n, part in enumerate(running.parts):
            inputs = [(_source(stage, e), c) for e, c in zip(part.core.inputs, part.currents, strict=True) if c is not None]
            rows.append(self._row(_name(part), (current.kind for _, current in inputs)))
            for source, current in inputs:
                if current.listed and "lists" not in self.held[source]:
                    self.held[source]["lists"] = self._lists(current.events)
                current.taped = taped
                kept += [self._take("buffers", room) for room in current.kept] + [*self.held[source].values()]
            self._chunks(running, part)
            outs, rooms = form.given_out[n], part.rooms(form.written[taped][n], self.steps)
            made = {i: self._take("output" if i in outs else "saved", room) for i, room in rooms.items()}
            kept += [made[i] for i in form.kept[n]] if taped else []
            self.held |= {edge: {"out": made[i]} for edge, i in zip(part.core.outs, outs, strict=True)}
            self._use(*part.rooms(form.sent(n, made), segments[0][1]).values())
            kept += [self._take("buffers", cable.wire.kept) for cable in running.received_by(n) if cable.wire is not None]
            state = sum(map(bytes_of, part.starts))
            self.work.append(self.heap.array(plain(state)))
            kept.append(self.heap.array(plain(state)))
            if taped and running.options.checkpoint is not None:
                kept.append(self._take("saved", plain(state * len(segments))))
            written.append({i: (same if i in part.flags else series)(room.shape, room.dtype) for i, room in rooms.items()})
            states.append([same((start.size,), start.dtype) for start in part.starts])
        found = iter(running.results(written, states, taped, []))
        for core in stage.cores:
            self.run.values |= {edge: assumed(next(found)) for edge in core.outs}
            last = [next(found) for _ in core.states] or [self.run.values[core.outs[-1]]]
        edges = [edge for core in stage.cores for edge in core.outs]
        return [(partial(self._loops_back, stage, running, last[0].node, rows), edges, kept)] if taped else []

    def _chunks(self, running: Running, part: Part) -> None:
        """Count the currents of a chunk, which stay until the next ones are computed."""
        for current in (c for c in part.currents if c is not None and c.in_chunks):
            for a, b in running.pieces(0, self.steps)[:2]:
                self._use(*current.rooms(b - a))

    def _loops_back(self, stage: Stage, running: Running, last: Any, rows: list[Row], _: Any) -> Found:
        """Visit it backward; return the gradients of its inputs."""
        node, shared, found = last.parents[0], AssumedLists(), list[tuple[Edge, Block]]()
        for n, part in enumerate(running.parts):
            masks = {*part.plan.gradient_masks, *part.plan.late_gradient_masks.values()} - {None}
            node.saved.flags |= {(n, i): same((self.steps, *part.shape), np.uint8) for i in masks}
        back = Back(running, node, {}, [node is not None for node in running.parents], shared)
        for each, self.row in zip(back.parts, rows, strict=True):
            part, form, rooms = each.part, each.form, each.rooms
            for k, events in each.places.items():
                if events is not None:
                    for maker, saved, m, i in makers(part.given[k].x.node) or ():  # type: ignore[union-attr]
                        self._flags(maker.parts[m], saved.values[m], i)
                    self.work.append(self._lists(events))
                    self._use(*part.currents[k].sums(1))  # type: ignore[union-attr] # the weights in another layout
            made = {d: self._take("gradients", rooms.rows[d]) for d in form.whole}
            found += [(_source(stage, part.core.inputs[k]), made[form.d_inputs[k]]) for k in each.few]
            found += [(_source(stage, part.core.inputs[k]), self._take("gradients", r)) for k, r in rooms.inputs.items()]
            self._use(*(room for d, room in rooms.rows.items() if d not in form.whole), *rooms.packed.values())
            for d, room in rooms.totals.items():
                self.work.append(self._take("gradients" if d in form.parameters else "buffers", room))
            for k in (k for k in each.weighted if each.wants_weight[k]):
                current: Any = part.currents[k]
                pieces = len(running.pieces(0, self.steps)) if current.in_chunks else 1
                self._sums(current.sums(pieces), each.by_events.get(k), shared)
            if running.options.checkpoint is not None:  # a segment stays until the next one is recomputed
                numbers, steps = running.form.saved[each.n], running.segments()[0][1]
                self._use(*2 * [*part.rooms(numbers, steps).values()])
                self._use(*part.rooms(running.form.sent(each.n, numbers), steps).values())
                self._chunks(running, part)
        for cable in back.cables:
            self.row, wire, source = rows[cable.cable.target], cable.cable.wire, cable.cable.source
            if wire is not None:
                weight = Buffer(wire.weight.shape, wire.weight.dtype, False)
                self._use(weight, weight)  # in the layout of the loop, and before
                if cable.places is not None:
                    self._flags(running.parts[source], node.saved.values[source], running.gradient_mask(cable.cable))
                if cable.wanted:
                    self._sums([weight] * (1 + cable.needs_rows), cable.by_events, shared)
        self.work += [self._lists(events) for events in shared.events.values()]
        return found

    def _flags(self, part: Part, saved: dict[int, Array], gradient_mask: int | None) -> None:
        """Count the bools that mark where a gradient has an effect, unless they are saved; then their memory is idle."""
        if gradient_mask is not None and gradient_mask not in saved:
            self.heap.array(part.rooms([gradient_mask], self.steps)[gradient_mask])

    def _sums(self, rooms: list[Buffer], by_events: Any, shared: Shared) -> None:
        """Count a weight gradient, and what it takes to sum it."""
        self.gradients.append(self._take("gradients", rooms[0]))
        self.work += map(self.heap.array, rooms[1:])
        if by_events is not None and id(by_events.events) not in shared.by_column:
            shared.by_column[id(by_events.events)] = by_events.events
            self._use(*by_events.events.columns_rooms(by_events.rows))

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
        over_time = sum(self._room(edge).nbytes for edge in outs) if cell is not None and is_over_time(cell) else 0
        saved, views, needed = (over_time, {}, set(inputs)) if over_time else self._tried(node)
        for edge in inputs:
            if isinstance(self.run.value(edge), Spikes) and "numbers" not in self.held[edge]:
                self.held[edge]["numbers"] = self._take(
                    "saved" if taped and edge in needed else "buffers", self._room(edge, True)
                )
        for edge in outs:
            view = self.held.get(views.get(edge, edge))
            self.held[edge] = view or {"out": self._take("output", self._room(edge))}
        self._use(plain(over_time))
        if not taped:
            return []
        kept = [block for edge in (*inputs, *outs) if edge in needed for block in self.held[edge].values()]
        kept.append(self._take("saved", plain(saved)))
        passing = cell is None and node.what.__name__ in PASSING
        return [(partial(self._whole_back, row, wanted, passing, sum(map(bytes_of, learnt)), over_time), outs, kept)]

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
            self.held[source]["numbers"] = self._take("saved" if taped and learnt else "buffers", self._room(source, True))
        self._make(out, taped, amplitude)
        self.held[out] = {"out": self._take("output", self._room(out) if amplitude is None else plain(x.size))}
        if not taped:
            return []
        kept = [*self.held[source].values()] if learnt else []
        wanted = [source] if x.node is not None else []
        return [(partial(self._whole_back, row, wanted, False, sum(map(bytes_of, learnt)), 0), [out], kept)]

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
        self.gradients.append(self._take("gradients", plain(learnt)))
        self._use(*WHOLE * [plain(size)])
        return [(edge, arrived[0] if passing else self._take("gradients", self._room(edge))) for edge in wanted]

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
        saved = sum(size for key, size in kept.items() if key not in there)
        return saved * (self.steps if node.varies else 1), views, {there[key] for key in kept if key in there}


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
