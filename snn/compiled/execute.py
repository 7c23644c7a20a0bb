"""Run the schedule of a net on all time steps of its input."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakSet

from autograd import Cell, Tensor, ops, tree
from autograd.errors import CompileError
from autograd.state import state as thread

from ..common.structure import (
    is_over_time,
    label,
    steps_in_loops,
    zeros_of,
)
from ..connections import Connection, Joined, connection_of, of_matrix
from ..connections.products import why_not
from ..eager.stepwise import AllSteps
from ..eager.watch import check_output, not_once
from ..engine.blas import one_thread_each
from ..graphs.graph import Edge, Node
from ..graphs.stages import Core, Projection, Schedule, Stage
from ..spikes import Spikes
from ..sums import Sum
from .again import pull_eagerly
from .back import Back
from .chain import keep_chain
from .hoist import at_once, each_step, hoisted, is_constant, padded, with_state
from .known import schedule_for
from .layout import Options
from .part import Given, Part
from .replay import Replay, replay_of
from .stage import Cable, Running, run_stage
from .starts import starts_of

__all__ = ["Execution", "begin", "run_graph"]


def run_graph(
    net: Cell, x: Tensor, state: Any, names: Sequence[str], mask: Any, check: bool, options: Options
) -> tuple[Any, Any, dict[str, Tensor]]:
    """Run a net; arguments and results are those of :func:`snn.run`, already checked.

    Raises
    ------
    CompileError
        If a step cannot be traced, or feedback passes through a layer that cannot step inside a loop.
    """
    run = begin(net, x, state, names, mask, check, options)
    try:
        result = run.result()
    except _ChangedError:  # a layer's code has read something else than when the net was traced
        run = begin(net, x, state, names, mask, check, options, anew=True)
        result = run.result()
    if run.mixed is not None and net not in _warned:
        _warned.add(net)
        where, weights, given = run.mixed
        warnings.warn(
            f"snn.run: {where} has weights of {weights} and an input of {given}. The net runs in float64, as it does step by "
            f"step, in about twice the time and memory of float32. Convert the input, x.astype(np.{weights}), or make the "
            f"layer with dtype=np.{given}.", stacklevel=5,
        )  # fmt: skip
    if options.mode is not None and len(run.replays) == len(run.schedule.stages):
        keep_chain(net, x, state, options.mode, run.schedule, run.kept["reads"], run.replays)
    return result


_warned: WeakSet[Cell] = WeakSet()


def begin(
    net: Cell, x: Tensor, state: Any, names: Sequence[str], mask: Any, check: bool, options: Options, anew: bool = False
) -> Execution:  # fmt: skip
    """Return a run before its first stage; arguments and errors are those of :func:`run_graph`.

    With ``anew``, the net is traced although it seems unchanged.
    """
    schedule, kept = schedule_for(net, x, state, anew)
    starts = starts_of(schedule.graph, net, x, state)
    if starts is None:  # its states at the start have changed in kind
        schedule, kept = schedule_for(net, x, state, True)
        starts = starts_of(schedule.graph, net, x, state)
    return Execution(schedule, kept, x, starts or {}, state is None, names, mask, check, options, anew)


class Execution(AllSteps):
    """One run of a schedule."""

    def __init__(
        self, schedule: Schedule, kept: dict[Any, Any], x: Tensor, starts: dict[int, Tensor], fresh: bool,
        names: Sequence[str], mask: Any, check: bool, options: Options, anew: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(fresh, names, mask, check)
        self.anew = anew
        self.schedule, self.graph, self.kept, self.options = schedule, schedule.graph, kept, options
        self.x, self.starts = x, starts
        self.mixed: tuple[str, Any, Any] | None = None
        self.values: dict[Edge, Tensor] = {}
        self.after: dict[int, Tensor] = {}
        self.replays: list[Replay] = []

    def result(self) -> tuple[Any, Any, dict[str, Tensor]]:
        """Run all stages; return the results of :func:`snn.run`."""
        for _ in self.stages():
            pass
        return self.outcome()

    def outcome(self) -> tuple[Any, Any, dict[str, Tensor]]:
        """Return the results of :func:`snn.run`, once all stages have run."""
        graph, self.masked = self.graph, False
        out = tree.map_leaves(self._finished, graph.out)
        after = graph.state if not graph.starts else tree.unflatten(graph.state, iter([self.after[i] for i in self.starts]))
        return out, after, self.records

    def stages(self) -> Iterator[Stage]:
        """Run the stages in order; yield each after it has run."""
        for node in self.graph.nodes:
            if node.kind == "input":
                self.values[Edge(node.number)] = self.x
        for stage, done in zip(self.schedule.stages, self.schedule.done, strict=True):
            if stage.node is not None:
                self._apply(stage.node)
            elif stage.whole is None or not self._whole(stage.whole, stage.cores[0]):
                self._cores(stage)
            for edge in done:
                self.values.pop(edge, None)
            yield stage

    def _finished(self, edge: Edge) -> Any:
        value = self.value(edge)
        if isinstance(value, Sum):
            value = Tensor.wrap(value.array, value.node)
        return self.finish(value if self._varies(edge) else self._spread(edge))

    def _varies(self, edge: Edge) -> bool:
        return self.graph.nodes[edge.node].varies

    def _spread(self, edge: Edge) -> Tensor:
        value = self.value(edge)
        return ops.broadcast_to(value, (len(self.x), *value.shape))

    def value(self, item: Any) -> Any:
        """Return a value, ``[T, N, ...]`` if it depends on the step."""
        if not isinstance(item, Edge):
            return item
        node = self.graph.nodes[item.node]
        if node.kind == "parameter":
            return node.what
        if node.kind == "constant":
            return Tensor.wrap(node.what)
        return self.values[item]

    # Stages without a loop over time

    def _apply(self, node: Node) -> None:
        if isinstance(node.what, Joined):
            outs = [self._both(node, node.what)]
        elif node.kind == "layer":
            outs = self._layer(node)
        else:
            outs = hoisted(self.graph, node, [self.value(item) for item in node.inputs], len(self.x))
        for k, out in enumerate(outs):
            if node.kind == "layer":
                _check_output(node, k, out.shape[1:] if node.varies else out.shape, out.dtype)
            self.values[Edge(node.number, k)] = out
            if self.check and node.kind == "layer":
                check_output(node.path, node.what, out)

    def _both(self, node: Node, cell: Joined) -> Tensor:
        """Run two layers one after the other, as a checked run does, and check the values between them."""
        between = at_once(cell.first, self.value(node.inputs[0]))
        check_output(node.path, cell.first, between)
        return at_once(cell.second, between)

    def _note(self, node: Node, weights: Connection, x: Tensor) -> None:
        """Record the first layer whose weights and input have different floating dtypes."""
        if self.mixed is None and weights.stored != x.dtype and x.dtype.kind == "f":
            self.mixed = (
                label(node.name, node.owner or node.what) if node.kind == "layer" else node.name,
                weights.stored,
                x.dtype,
            )

    def _layer(self, node: Node) -> list[Tensor]:
        inputs = tree.unflatten(node.given, iter([self.value(item) for item in node.inputs]))
        if is_over_time(node.what):
            return [self.over_time(node.what, inputs[0], node.path)]
        if not node.varies:
            out = Cell.__call__(node.what, *inputs)
        elif len(inputs) == len(node.outputs) == 1 and isinstance(inputs[0], Tensor):
            loop = self.alone(node)
            if loop is not None:
                return self._run(loop)
            out = at_once(node.what, inputs[0])
        else:
            leaves, varies = tree.leaves(inputs), [self._input_varies(item) for item in node.inputs]
            return each_step(
                lambda *given: Cell.__call__(node.what, *tree.unflatten(inputs, iter(given))), leaves, varies, len(self.x)
            )
        return tree.leaves(out)

    def all_steps(self, name: str, cell: Cell, x: Tensor) -> Tensor:
        """Run a layer over all time steps."""
        return Cell.__call__(cell, x)  # type: ignore[no-any-return]

    def _input_varies(self, item: Any) -> bool:
        return isinstance(item, Edge) and self._varies(item)

    def _whole(self, node: Node, core: Core) -> bool:
        """Run a layer with a state on all time steps at once; return whether that is possible."""
        beside = core.recordable.intersection(self.names) - {"x"}
        if (self.mask is not None or beside) and steps_in_loops(node.what):
            return False
        x = self.value(node.inputs[0])
        x = x if self._varies(node.edges[0]) else self._spread(node.edges[0])
        before = tree.unflatten(node.before, iter([self.starts[edge.node] for edge in node.states]))
        found: dict[str, Tensor] = {}
        if self.mask is not None or beside:
            out, after, found = with_state(node.what, x, before, self.names, self.mask)
        else:
            if self.options.whole is not None:
                self.options.whole(node.what, x)
            out, after = node.what.all_steps(x, before)
        if self.check:
            check_output(node.path, node.what, out)
        self.values[Edge(node.number)] = out
        self.after |= zip((edge.node for edge in node.states), tree.leaves(after), strict=True)
        self.available |= core.recordable
        found |= {"x": x} if "x" in self.names and not found else {}
        if found:
            self.check_one_layer(node.owner, node.path)  # type: ignore[arg-type]
            self.keep(node.path, {name: found[name] for name in self.names if name in found})
        return True

    # Loops over time

    def alone(self, node: Node) -> Stage | None:
        """Return a loop for a dense layer that does not feed exactly one population; None for any other node."""
        if node.kind != "layer" or not node.varies or len(node.inputs) != 1 or self.check:
            return None
        x = self.value(node.inputs[0])
        if is_constant(node.what, x) or connection_of(node.what, x) is None:
            return None
        edge = Edge(node.number)
        core = self.kept.setdefault(
            ("alone", node.number), Core([], node.outputs[0].shape, [edge], outs=[edge], layer=node.name)
        )
        return Stage("cores", cores=[core], dense={edge: node})

    def _run(self, stage: Stage) -> list[Tensor]:
        return run_stage(self.running(stage))

    def _cores(self, stage: Stage) -> None:
        found = self._replayed(stage)
        if found is None:
            running = self.running(stage)
            found = run_stage(running)
            self._keep_replay(stage, running)
        position = 0
        for core in stage.cores:
            for edge in core.outs:
                self.values[edge] = found[position]
                position += 1
            for name, what in self.kept["records", id(core), self.names]:
                key = f"{name}.{what}" if name else what
                cell: Any = next(node.owner for node in core.nodes if node.path == name and node.kind == "population")
                self.check_one_layer(cell, name)
                if key in self.records:
                    raise not_once(name, cell, 2, 1)
                self.records[key] = found[position]
                position += 1
            for node in core.states:
                self.after[node.number] = found[position]
                position += 1

    def _replayed(self, stage: Stage) -> list[Tensor] | None:
        """Run a stage as it ran before, if only values differ."""
        replay: Replay | None = self.kept.get(self._replay_key(stage))
        if replay is None or self.names or self.check or self.mask is not None or self.options.seen is not None:
            return None
        core = stage.cores[0]
        xs = [self.value(stage.dense[edge].inputs[0] if edge in stage.dense else edge) for edge in core.inputs]
        self.available |= core.recordable
        if not (replay.allowed and replay.fits(xs)):
            return None
        starts = [self.starts[node.number] for node in core.states]
        now = replay.now()
        if now is None:
            return None
        parents = replay.nodes(xs, starts, now) if thread.recording else []
        record = any(node is not None for node in parents)
        run = one_thread_each(lambda: replay.run(xs, starts, now, record))
        self.replays.append(replay)
        return run.placed(parents) if record else run.outs

    def _keep_replay(self, stage: Stage, running: Running) -> None:
        made = None if self.names else replay_of(running)
        if made is not None and all(edge in stage.dense or self.value(edge) is item.x for edge, item in zip(
            stage.cores[0].inputs, running.parts[0].given, strict=True
        )):  # fmt: skip
            self.kept[self._replay_key(stage)] = made

    def _replay_key(self, stage: Stage) -> Any:
        return "replay", id(stage), self.options.backend, self.options.checkpoint, len(self.x)

    def running(self, stage: Stage) -> Running:
        """Return a run of a stage whose inputs are known."""
        weights = {id(p): self._link(stage, p) for p in stage.projections if p.node is not None}
        parts = []
        for n, core in enumerate(stage.cores):
            given = []
            for edge, inside in zip(core.inputs, stage.inside[n], strict=True):
                given.append(Given(None, weights.get(id(inside))) if inside is not None else self._given(stage, core, edge))
            starts = [self.starts[node.number] for node in core.states]
            part = Part(
                self.graph, core, given, starts, stage.late[n], self.names, self.mask, self.options.backend, stage.row_axes,
                self.kept, len(self.x),
            )  # fmt: skip
            self._keep_spikes(stage, part)
            self.kept["records", id(core), self.names] = part.records
            self.available |= core.recordable
            parts.append(part)
        cables = [self._cable(stage, parts, p, weights.get(id(p))) for p in stage.projections]
        return Running(parts, cables, self.options, self.kept, Back, pull_eagerly)

    def _keep_spikes(self, stage: Stage, part: Part) -> None:
        """Keep the spikes found in a layer's input for the next layer that reads the same input."""
        for edge, item, way in zip(part.core.inputs, part.given, part.currents, strict=True):
            node = stage.dense.get(edge)
            if node is not None and way is not None and type(item.x) is Tensor and isinstance(way.x, Spikes):
                self.values[node.inputs[0]] = way.x

    def _cable(self, stage: Stage, parts: list[Part], p: Projection, weights: Connection | None) -> Cable:
        source, core = parts[p.source], stage.cores[p.source]
        plan = source.plan
        value_sent = plan.late[core.place(p.value.node)] if p.late else plan.values_sent[core.outs.index(p.value)]
        shape = source.shape if p.node is None else self._output(p.node.inputs[0])[0]
        return Cable(p.source, p.target, stage.cores[p.target].inputs.index(p.edge), value_sent, weights, p.late, shape)

    def _link(self, stage: Stage, p: Projection) -> Connection:
        """Return the connection of a projection, with a bias in the shape of its target's samples."""
        assert p.node is not None
        found, shape = self._weights(p.node), stage.cores[p.target].shape
        if found.bias is None or found.bias.size == 1 or p.node.outputs[0].shape == shape:
            return found
        bias = ops.broadcast_to(found.bias, p.node.outputs[0].shape[1:])
        return replace(found, bias=ops.reshape(bias, shape[1:]))

    def _given(self, stage: Stage, core: Core, edge: Edge) -> Given:
        """Return an input of a core from outside its stage."""
        node = stage.dense.get(edge)
        if node is not None and not self.check:
            x = self.value(node.inputs[0])
            weights = self._weights(node, x)
            self._note(node, weights, x)
            return Given(x, weights)
        if node is not None:
            self._apply(node)
        value = self.value(edge)
        if not self._varies(edge):
            value = ops.broadcast_to(value, (len(self.x), *core.shape))
        elif value.shape[1:] != core.shape:
            value = ops.broadcast_to(padded(value, len(core.shape)), (len(self.x), *core.shape))
        return Given(value, None)

    def _weights(self, node: Node, x: Tensor | None = None) -> Connection:
        """Return the connection of a dense layer or of a product."""
        if x is None:
            shape, dtype = self._output(node.inputs[0])
            x = zeros_of((1, *shape), dtype)
        if node.kind == "layer":
            found = connection_of(node.what, x)
            if found is None and not self.anew:
                raise _ChangedError
            if found is None:
                raise CompileError(
                    label(node.name, node.what), "a dense layer", why_not(node.what, x) or "another layer",
                    "Run it with mode='eager'.",
                )  # fmt: skip
            if (shape := found.shape(x.shape[1:])) is not None:
                _check_output(node, 0, shape, found.weight.dtype)
            return found
        return of_matrix(x.dtype, ops.transpose(self.value(node.inputs[1])))

    def _output(self, edge: Edge) -> tuple[Any, Any]:
        output = self.graph.nodes[edge.node].outputs[edge.output]
        return output.shape, output.dtype


class _ChangedError(Exception):
    """A layer is not what it was in the trace."""


def _check_output(node: Node, k: int, shape: tuple[int, ...], dtype: Any) -> None:
    """Raise if an output of a layer is not that of the trace."""
    if (shape, dtype) != (node.outputs[k].shape, node.outputs[k].dtype):
        raise _ChangedError
