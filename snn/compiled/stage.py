"""Loops over time: a core alone, or a group whose cores step together, as one operation of the graph of gradients."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import bool_, describe
from autograd.errors import CompileError
from autograd.graph import SELECT, Node
from autograd.state import state as thread

from ..connections import Connection
from ..eager.watch import check_gradient, check_steps
from ..engine import tuning
from ..engine.blas import one_thread_each
from ..engine.buffers import empty
from ..engine.events import Packed, find_events, padded
from ..engine.loop import Body, Link, Loop
from ..engine.threads import launch, thread_count
from ..spikes import Spikes
from ..tracing.traced import Loops
from .layout import Options
from .part import Part
from .plan import Sent
from .streams import Work, arguments, link_arguments, order_of

__all__ = ["Cable", "Running", "Saved", "run_stage"]

Array = np.ndarray[Any, np.dtype[Any]]
_u = np.uint64


@dataclass(eq=False)
class Cable:
    """A projection in one run.

    Attributes
    ----------
    source, target, input : int
        Parts, and the input of the target that it makes.
    sent : Sent
        What is sent.
    weights : Connection or None
        On the way.
    late : bool
        Whether it arrives in the next step.
    amplitude : array or None
        Of the spikes that are sent; None for numbers.
    packed : Packed or None
        The weights as the loop takes them.
    """

    source: int
    target: int
    input: int
    sent: Sent
    weights: Connection | None
    late: bool
    amplitude: Any = None
    packed: Packed | None = None

    @property
    def fed(self) -> int:
        """Number of what is sent in the source's program; the gradient by the weights needs it too."""
        return self.sent.value if self.amplitude is None or self.sent.flag is None else self.sent.flag

    @property
    def kind(self) -> str:
        """As for :class:`snn.engine.loop.Link`."""
        return "copy" if self.weights is None else "product" if self.amplitude is None else "events"


@dataclass
class Saved:
    """What the backward needs of the forward.

    Attributes
    ----------
    boundaries : list or None
        With checkpoints: states and what has been sent at the start of each segment.
    values : list of dict
        The saved values of each part, ``[T, N, ...]``; with checkpoints only where gradients matter, and what was sent.
    flags : dict
        From part and number to the bools that say where a gradient matters, once they have been asked for.
    """

    boundaries: list[Any] | None
    values: list[dict[int, Array]]
    flags: dict[tuple[int, int], Array] = field(default_factory=dict)


def run_stage(running: Running) -> list[Tensor]:
    """Run a stage; return for each part its outs, its records and its states."""
    if running.options.seen is not None:
        running.options.seen(running)
    return one_thread_each(running.forward)


class Running:
    """One run of a stage, and the rule by which cotangents pass back through it."""

    def __init__(
        self, parts: list[Part], cables: list[Cable], options: Options, kept: dict[Any, Any], back: Any, again: Any
    ) -> None:
        self.parts, self.cables, self.options = parts, cables, options
        self.back, self.again = back, again  # the way back, and that of a way back: they know this class
        programs = [part.plan.program for part in parts]
        self.loops: Loops = kept.setdefault(("loops", *map(id, programs)), Loops(programs))
        self.steps = parts[0].steps
        self.samples = parts[0].layout.samples
        if cables and len({part.layout.samples for part in parts}) > 1:
            raise CompileError(
                ", ".join(part.core.name for part in parts), "as many samples in each population that feeds another",
                str([list(part.shape) for part in parts]), "Run it with mode='eager'.",
            )  # fmt: skip
        for cable in cables:
            self._prepare(cable)
        lengths = [c.chunk for part in parts for c in part.currents if c is not None and c.chunk is not None]
        lengths += [max(1, tuning.now().event_rows // max(1, self.samples))] * any(
            cable.weights is not None for cable in cables
        )
        self.chunk: int | None = min(lengths, default=None)
        self.dense = any(c is not None and c.in_chunks for part in parts for c in part.currents)

    def _prepare(self, cable: Cable) -> None:
        if cable.weights is None:
            return
        weight, source = cable.weights.weight, self.parts[cable.source]
        beside = [c for c in self.cables if c.source == cable.source and c.sent is cable.sent]
        same = [c.weights.weight.array for c in beside if c.weights is not None]
        cable.amplitude = source.fires(cable.sent, same)
        dtype = source.plan.program.instructions[cable.sent.value].dtype
        if cable.amplitude is None and dtype != weight.dtype:
            raise CompileError(
                source.core.name, f"weights of what it sends, {dtype}", describe(weight),
                "Make the layer with dtype=, or run it with mode='eager'.",
            )  # fmt: skip
        amplitude = np.ones(source.layout.columns, weight.dtype)
        if cable.amplitude is not None:
            amplitude *= np.asarray(cable.amplitude, weight.dtype).reshape(-1)
        cable.packed = Packed(weight.array, amplitude, source.jit, narrow=False)

    @functools.cached_property
    def inputs(self) -> list[Tensor]:
        """All that gradients may be asked by: of each part inputs, weights, states, Parameters; then weights of cables."""
        found: list[Tensor] = []
        for part in self.parts:
            found += [item.x for item in part.given if item.x is not None]
            found += [item.weights.weight for item in part.given if item.x is not None and item.weights is not None]
            found += [*part.starts, *part.parameters]
        return found + [cable.weights.weight for cable in self.cables if cable.weights is not None]

    # Segments of time: one, or as many as are computed again; they begin where the chunks begin whose gradients are summed

    def segments(self) -> list[tuple[int, int]]:
        """Return the first step and the one after the last of each segment."""
        length = self.options.checkpoint
        if length is None:
            return [(0, self.steps)]
        length = -(-length // (self.chunk or 1)) * (self.chunk or 1)
        return [(t, min(t + length, self.steps)) for t in range(0, self.steps, length)]

    def pieces(self, t0: int, t1: int) -> list[tuple[int, int]]:
        """Return the same of the chunks of a segment."""
        chunk = self.chunk or t1 - t0
        return [(t, min(t + chunk, t1)) for t in range(t0, t1, chunk)]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compute."""
        return not all(math.prod(part.shape) for part in self.parts)

    # Forward

    def forward(self) -> list[Tensor]:
        """Run the forward loops."""
        parents = [t.node for t in self.inputs]
        record = thread.recording and any(parents)
        again = self.options.checkpoint is not None
        written = []
        for n, part in enumerate(self.parts):
            numbers = {*self.given_out(n), *self._looked_at(part)} | (self.kept(n) if record else set())
            written.append({i: empty((self.steps, *part.shape), part.dtype(i)) for i in sorted(numbers)})
        states = [[np.ascontiguousarray(s.array).reshape(-1) for s in part.starts] for part in self.parts]
        received = self._first_received()
        boundaries = []
        for t0, t1 in () if self.empty else self.segments():
            boundaries.append((states, received))
            states, received = self.run(t0, t1, states, received, [{i: a[t0:t1] for i, a in w.items()} for w in written])
        self._check(written)
        outs: list[Tensor] = []
        for part, w, s in zip(self.parts, written, states, strict=True):
            outs += self._outs(part, w) + [Tensor.wrap(a.reshape(part.shape)) for a in s]
            for current in part.currents:
                if current is not None:
                    current.forget()
        if not record:
            return outs
        kept = [{i: w[i] for i in self.kept(n)} for n, w in enumerate(written)]
        node = Node(self, tuple(parents), (), bool_, Saved(boundaries if again else None, kept))
        nodes = [Node(SELECT, (node,), o.shape, o.dtype, attrs=i) for i, o in enumerate(outs)]
        return [
            o.linked(n) if isinstance(o, Spikes) else Tensor.wrap(o.array, n) for o, n in zip(outs, nodes, strict=True)
        ]  # fmt: skip

    def given_out(self, n: int) -> list[int]:
        """Return the numbers of what a part writes for others: outs, the spikes among them as bools, and records."""
        part = self.parts[n]
        return [
            *(i if flag is None else flag for i, flag in zip(part.plan.outs, part.flags, strict=True)), *part.plan.records
        ]  # fmt: skip

    def kept(self, n: int) -> set[int]:
        """Return the numbers of what is kept of a part for the way back."""
        part = self.parts[n]
        plan = part.plan
        found = {cable.fed for cable in self.cables if cable.source == n and cable.weights is not None}
        if self.options.checkpoint is None:
            return found | set(self.saved(n))
        if plan.mask is not None:
            return found
        return found | {i for i in (*plan.matters, *plan.late_matters.values()) if i is not None}

    def saved(self, n: int) -> list[int]:
        """Return the numbers of what the way back needs of a part, but for its inputs and the mask."""
        part = self.parts[n]
        return [i for i in part.plan.saved if i != part.plan.mask and part.direct(i) is None]

    def _looked_at(self, part: Part) -> list[int]:
        """Return the numbers of the states that a step computes, if all steps are to be looked at."""
        steps = part.plan.program.instructions
        computed = [i for i in part.plan.after if steps[i].kind in ("operation", "convert")]
        return computed if self.options.check else []

    def _check(self, written: list[dict[int, Array]]) -> None:
        """Look for NaN and infinity, if asked to."""
        for part, w in zip(self.parts, written, strict=True) if self.options.check else ():
            node = part.core.population
            if node is not None:
                outs = [i if flag is None else flag for i, flag in zip(part.plan.outs, part.flags, strict=True)]
                check_steps(node.path, node.owner or node.what, [w[i] for i in (*outs, *self._looked_at(part))])

    def _outs(self, part: Part, written: dict[int, Array]) -> list[Tensor]:
        plan, made = part.plan, {}
        for i, flag, amplitude in zip(plan.outs, part.flags, part.out_amplitudes, strict=True):
            made[i] = Tensor.wrap(part.seen(i, written)) if flag is None else Spikes(written[flag], amplitude, part.jit)
        return [made[i] if i in made else Tensor.wrap(part.seen(i, written)) for i in (*plan.outs, *plan.records)]

    def received_of(self, target: int) -> list[Cable]:
        """Return the cables to a part."""
        return [cable for cable in self.cables if cable.target == target]

    def sends(self, source: int) -> list[tuple[int, bool]]:
        """Return what a part sends: numbers, and whether as spikes."""
        found = [(c.fed, c.amplitude is not None) for c in self.cables if c.source == source]
        return list(dict.fromkeys(found))

    def _first_received(self) -> list[list[Array]]:
        """Return what arrives in the first step at each part, ``[samples, columns and zeros behind]``."""
        found = []
        for n, part in enumerate(self.parts):
            arrays = []
            for cable in self.received_of(n):
                dtype = part.plan.program.instructions[part.plan.inputs[cable.input]].dtype
                made = np.zeros((self.samples, padded(part.layout.columns)), dtype)
                if cable.late and not self.empty:
                    self._first(cable, made[:, : part.layout.columns])
                arrays.append(made)
            found.append(arrays)
        return found

    def _first(self, cable: Cable, out: Array) -> None:
        source = self.parts[cable.source]
        assert cable.sent.start is not None
        before = source.starts[cable.sent.start].array.reshape(-1, source.layout.columns)
        if cable.weights is None or cable.packed is None:
            out[...] = before
        elif cable.amplitude is not None and source.spiked(cable.sent, cable.amplitude):
            events = find_events((before != 0).view(np.uint8), 1, source.jit)
            out[...] = cable.packed.currents(events)  # type: ignore[arg-type]
        elif before.any() or not Packed.finite(cable.weights.weight.array):
            out[...] = before @ cable.weights.weight.array.T

    def run(
        self, t0: int, t1: int, states: list[list[Array]], received: list[list[Array]], written: list[dict[int, Array]]
    ) -> tuple[list[list[Array]], list[list[Array]]]:
        """Run some steps forward, and write what is asked for; return states and what has been sent after them."""
        written = [dict(w) for w in written]
        for n, part in enumerate(self.parts):
            for i, fires in self.sends(n):
                if fires and i not in written[n]:
                    written[n][i] = empty((t1 - t0, *part.shape), np.uint8)
        links, bodies = [], []
        for cable in self.cables:
            sent = self.sends(cable.source).index((cable.fed, cable.amplitude is not None))
            at = self.received_of(cable.target).index(cable)
            links.append(Link(cable.source, sent, cable.target, at, cable.kind, cable.late))
        for n, (part, w) in enumerate(zip(self.parts, written, strict=True)):
            plan = part.plan
            mask_rows, mask_streams = part.masks()
            listed = tuple(i for i, c in zip(plan.inputs, part.currents, strict=True) if c is not None and c.listed)
            read = tuple(i for i, c in zip(plan.inputs, part.currents, strict=True) if c is not None and not c.listed)
            bodies.append(
                Body(
                    (*read, *mask_streams), mask_rows, listed,
                    tuple(plan.inputs[c.input] for c in self.received_of(n)), tuple(self.sends(n)),
                    tuple(zip(plan.before, plan.after, strict=True)), part.scalars, part.per_column, tuple(w),
                )
            )  # fmt: skip
        loop = Loop("forward", tuple(bodies), tuple(links))
        for a, b in self.pieces(t0, t1) if self.dense else [(t0, t1)]:
            works = []
            for n, (part, body, w) in enumerate(zip(self.parts, bodies, written, strict=True)):
                streams = [part.stream(c.current(a, b)) for c in part.currents if c is not None and not c.listed]
                streams += [part.mask_stream(a, b) for _ in part.masks()[1]]
                targets = [(array[a - t0 : b - t0].reshape(-1), part.layout.rows()) for array in w.values()]
                ends, lasts = [np.empty_like(s) for s in states[n]], [np.empty_like(r) for r in received[n]]
                works.append(Work(body, part.layout, streams, states[n], ends, targets, [], received[n], lasts))
            self.launch(loop, list(range(len(self.parts))), works, a, b, [c.packed for c in self.cables])
            states, received = [work.ends for work in works], [work.lasts for work in works]
        return states, received

    # Backward

    def pull(self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        """Run the backward loops; when an outer transform is watching, differentiate the eager run instead."""
        if thread.recording:
            return self.again(self, g, wanted)  # type: ignore[no-any-return]
        if self.empty:
            return [
                Tensor.wrap(np.zeros(t.shape, t.dtype)) if asked else None
                for t, asked in zip(self.inputs, wanted, strict=True)
            ]
        found: list[Tensor | None] = one_thread_each(self.back(self, node, g, wanted).run)
        if self.options.check:
            for part in self.parts:
                named = part.core.population
                if named is not None and len(self.parts) == 1:
                    check_gradient(named.path, named.owner or named.what, g, found)
        return found

    def matters(self, cable: Cable) -> int | None:
        """Return the number of the bool that says where a gradient by what goes along a cable matters, if there is one."""
        plan, sent = self.parts[cable.source].plan, cable.sent
        if any(c is not cable and c.weights is None and c.source == cable.source for c in self.cables):
            return None
        return plan.late_matters.get(sent.start) if cable.late else plan.matters[plan.d_outs.index(sent.cotangent)]  # type: ignore[arg-type]

    def what_matters(self, n: int, saved: Saved, matters: int | None) -> Array | None:
        """Return the bytes that say so at all steps; None if nothing does."""
        part = self.parts[n]
        plan, values = part.plan, saved.values[n]
        if matters is None or plan.mask is not None:
            return None
        if matters in values:
            return values[matters]
        if (n, matters) not in saved.flags:
            needs = [i for i in plan.program.needed([matters], frozenset(plan.saved)) if i in plan.saved]
            inputs = {i: part.direct(i) for i in needs if i not in values}
            if any(x is None for x in inputs.values()):
                return None
            flags = empty((self.steps, *part.shape), np.uint8)
            body = Body(tuple(needs), scalars=part.scalars, parameters=part.per_column, written=(matters,))
            streams = [part.stream(values[i] if i in values else inputs[i].array) for i in needs]  # type: ignore[union-attr]
            work = Work(body, part.layout, streams, [], [], [(flags.reshape(-1), part.layout.rows())])
            self.launch(Loop("matters", (body,)), [n], [work], 0, self.steps, [])
            saved.flags[n, matters] = flags
        return saved.flags[n, matters]

    def launch(
        self, loop: Loop, order: list[int], works: list[Work], t0: int, t1: int, weights: Sequence[Any],
        places: Sequence[Array | None] = (),
    ) -> None:  # fmt: skip
        """Run a loop over some steps; ``order`` has the parts of its bodies, ``weights`` and ``places`` are of its links."""
        parts = [self.parts[n] for n in order]
        function, source, functions = self.loops.function(loop, self.options.jit, order)
        samples = works[0].layout.samples
        given: dict[str, Any] = {"samples": _u(samples), "order": order_of(t1 - t0, loop.backward)}
        if loop.links:
            group = max(1, -(-samples // thread_count()))
            given["group"], jobs = _u(group), -(-samples // group)
        else:
            span, members, jobs = works[0].layout.jobs(bool(loop.bodies[0].events), thread_count())
            given |= {"span": _u(span), "members": _u(members)}
        for k, (part, work) in enumerate(zip(parts, works, strict=True)):
            given |= arguments(loop.prefix(k), part, part.listed, work, t0, t1)
        for k, link in enumerate(loop.links):
            if link.kind != "copy":
                given |= link_arguments(k, weights[k], places[k] if places else None, link.late, t0)
        given |= {name: parts[body].plan.program.instructions[i].what for name, body, i in source.constants}
        given |= zip(source.places, functions, strict=True)
        size = sum(work.layout.columns for work in works)
        launch(function, jobs, [given[name] for name in source.arguments], (t1 - t0) * samples * size)
