"""Loops over time: a core alone, or a group whose cores step together, as one operation in the autograd graph."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array, bool_, describe
from autograd.errors import CompileError
from autograd.graph import SELECT, Node
from autograd.state import state as thread

from ..connections import Connection, Wire
from ..eager.watch import check_gradient, check_steps
from ..engine.blas import one_thread_each
from ..engine.events import padded
from ..engine.threads import launch, thread_count
from ..spikes import Spikes
from .form import CableForm, Ready, form_for
from .layout import Options
from .part import Part
from .plan import SentValue
from .work import Work, arguments, link_arguments, order_of

__all__ = ["END", "Cable", "Maker", "Running", "Saved", "Steps", "run_stage"]

_u = np.uint64


@dataclass(eq=False)
class Cable:
    """A projection in one run.

    Attributes
    ----------
    source, target, input : int
        Positions of the parts, and the input of the target that the cable feeds.
    value_sent : SentValue
        The value that is sent.
    weights : Connection or None
        The layer on the way; None for a copy.
    late : bool
        Whether the value arrives in the next step.
    shape : tuple of int
        Shape of the input of ``weights``, with the same samples as the value that is sent.
    amplitude : array or None
        Amplitude of the spikes that are sent; None for numbers.
    wire : Wire or None
        The layer inside the loop.
    """

    source: int
    target: int
    input: int
    value_sent: SentValue
    weights: Connection | None
    late: bool
    shape: tuple[int, ...]
    amplitude: Any = None
    wire: Wire | None = None

    @property
    def form(self) -> CableForm:
        """The form that all runs share in which the cable sends the same."""
        as_spikes, kinds = self.amplitude is not None, None if self.wire is None else self.wire.kinds
        return CableForm(self.source, self.target, self.input, self.value_sent, kinds, self.late, as_spikes)


@dataclass
class Saved:
    """Values of the forward pass that the backward pass needs.

    Attributes
    ----------
    boundaries : list or None
        With checkpoints: states and sent values at the start of each segment.
    values : list of dict
        The saved values of each part, ``[T, N, ...]``; with checkpoints only the sent values, and the bools of
        gradients that matter.
    flags : dict
        By part and number: the bools that mark where a gradient has an effect, once computed.
    """

    boundaries: list[Any] | None
    values: list[dict[int, Array]]
    flags: dict[tuple[int, int], Array] = field(default_factory=dict)


def run_stage(running: Running) -> list[Tensor]:
    """Run a stage; return the outputs, records and states of each part."""
    if running.options.seen is not None:
        running.options.seen(running)
    return one_thread_each(running.forward)


class Steps:
    """The rule for the backward pass of a run of a stage."""

    parts: list[Part]

    def maker(self, saved: Any, position: int) -> Maker | None:
        """Return the maker of the result at a position; None if it is a record or a state."""
        for n, part in enumerate(self.parts):
            if position < len(part.plan.outs):
                return self, saved, n, part.plan.gradient_masks[position]
            position -= len(part.plan.outs) + len(part.plan.records) + len(part.starts)
            if position < 0:
                return None
        return None

    def linked(self, outs: list[Tensor], parents: Sequence[Node | None], saved: Saved) -> list[Tensor]:
        """Return the results of the run, each with its own place in the autograd graph, even if one appears twice."""
        node = Node(self, tuple(parents), (), bool_, saved)
        nodes = [Node(SELECT, (node,), o.shape, o.dtype, attrs=i) for i, o in enumerate(outs)]
        return [
            o.linked(n) if isinstance(o, Spikes) else Tensor.wrap(o.array, n) for o, n in zip(outs, nodes, strict=True)
        ]  # fmt: skip

    def pull(self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        """Return the cotangents of the wanted parents."""
        raise NotImplementedError

    def gradient_mask_bytes(self, n: int, saved: Saved, gradient_mask: int | None) -> Array | None:
        """Return the bytes that mark, at all steps, where the gradient of an output has an effect; None for everywhere."""
        raise NotImplementedError


Maker = tuple[Steps, Saved, int, int | None]
"""A stage, its saved values, a part, and the bool that marks where the gradient of one of its outputs has an effect."""


class _End:
    """The rule of an END."""

    def pull(self, node: Node, g: Any, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """Pass the cotangent on."""
        return (g,)


END = _End()
"""A parent of a stage as the stage sees it, for a reverse pass through some stages that ends there."""


class Running(Steps):
    """One run of a stage, and the rule for its backward pass."""

    def __init__(
        self, parts: list[Part], cables: list[Cable], options: Options, kept: dict[Any, Any], back: Any, again: Any
    ) -> None:
        self.parts, self.cables, self.options = parts, cables, options
        self.kept, self.back, self.again = kept, back, again  # the backward pass and its derivative import this class
        self.steps, self.threads = parts[0].steps, thread_count()
        self.samples = parts[0].layout.samples
        if cables and len({part.layout.samples for part in parts}) > 1:
            raise CompileError(
                ", ".join(part.core.name for part in parts), "the same number of samples in populations that feed each other",
                str([list(part.shape) for part in parts]), "Run it with mode='eager'.",
            )  # fmt: skip
        for cable in cables:
            self._prepare(cable)
        self.form = form_for(
            kept, tuple([part.form for part in parts]), tuple([cable.form for cable in cables]), options.backend,
            options.checkpoint is not None, options.check,
        )  # fmt: skip
        lengths = [c.chunk for part in parts for c in part.currents if c is not None and c.chunk is not None]
        lengths += [cable.wire.steps_at_once(self.samples) for cable in cables if cable.wire is not None]
        self.chunk: int | None = min(lengths, default=None)
        self.dense = any(c is not None and c.in_chunks for part in parts for c in part.currents)

    def _prepare(self, cable: Cable) -> None:
        if cable.weights is None:
            return
        weight, source = cable.weights.weight, self.parts[cable.source]
        beside = [c for c in self.cables if c.source == cable.source and c.value_sent is cable.value_sent]
        same = [c.weights for c in beside if c.weights is not None]
        cable.amplitude = source.spike_amplitude(cable.value_sent, same)
        dtype = source.plan.program.instructions[cable.value_sent.value].dtype
        if cable.amplitude is None and dtype != weight.dtype:
            raise CompileError(
                source.core.name, f"weights in the dtype of its output, {dtype}", describe(weight),
                "Make the layer with dtype=, or run it with mode='eager'.",
            )  # fmt: skip
        cable.wire = cable.weights.wire(cable.shape, cable.amplitude, source.backend)

    @functools.cached_property
    def inputs(self) -> list[Tensor]:
        """All Tensors with gradients: inputs, weights, states and Parameters of each part, then weights of cables."""
        found: list[Tensor] = []
        for part in self.parts:
            found += [item.x for item in part.given if item.x is not None]
            found += [item.weights.weight for item in part.given if item.x is not None and item.weights is not None]
            found += [*part.starts, *part.parameters]
        return found + [cable.weights.weight for cable in self.cables if cable.weights is not None]

    # Segments of time: without checkpoints, one; with them, each starts at the boundary of a chunk whose gradients are summed

    def segments(self) -> list[tuple[int, int]]:
        """Return the first step of each segment, and the step after its last."""
        length = self.options.checkpoint
        if length is None:
            return [(0, self.steps)]
        length = -(-length // (self.chunk or 1)) * (self.chunk or 1)
        return [(t, min(t + length, self.steps)) for t in range(0, self.steps, length)]

    def pieces(self, t0: int, t1: int) -> list[tuple[int, int]]:
        """Return the first step of each chunk of a segment, and the step after its last."""
        chunk = self.chunk or t1 - t0
        return [(t, min(t + chunk, t1)) for t in range(t0, t1, chunk)]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compute."""
        return not all(math.prod(part.shape) for part in self.parts)

    # Forward

    def forward(self) -> list[Tensor]:
        """Run the forward loops."""
        record = self.recorded
        ways = [way for part in self.parts for way in part.currents if way is not None]
        for way in ways:
            way.taped = record
        written = [part.empty(now, self.steps) for part, now in zip(self.parts, self.form.written[record], strict=True)]
        states = [[np.ascontiguousarray(s.array).reshape(-1) for s in part.starts] for part in self.parts]
        received = self._first_received()
        boundaries = []
        for t0, t1 in () if self.empty else self.segments():
            boundaries.append((states, received))
            now = written if t1 - t0 == self.steps else [{i: a[t0:t1] for i, a in w.items()} for w in written]
            states, received = self.run(t0, t1, states, received, now)
        self._check(written)
        for way in ways:
            way.forget()
        return self.results(written, states, record, boundaries)

    @property
    def recorded(self) -> bool:
        """Whether its results belong to an autograd graph."""
        return thread.recording and any(node is not None for node in self.parents)

    @functools.cached_property
    def parents(self) -> list[Node | None]:
        """The places of its inputs in the autograd graph."""
        return [t.node for t in self.inputs]

    def results(
        self, written: list[dict[int, Array]], states: list[list[Array]], record: bool, boundaries: list[Any]
    ) -> list[Tensor]:
        """Return outputs, records and states of each part from the arrays that the loops have written."""
        outs = [t for part, w, s in zip(self.parts, written, states, strict=True) for t in part.results(w, s)]
        if not record:
            return outs
        kept = [{i: w[i] for i in numbers} for numbers, w in zip(self.form.kept, written, strict=True)]
        saved = Saved(None if self.options.checkpoint is None else boundaries, kept)
        return self.linked(outs, self.parents, saved)

    def _check(self, written: list[dict[int, Array]]) -> None:
        """Look for NaN and infinity, if requested."""
        for n, (part, w) in enumerate(zip(self.parts, written, strict=True)) if self.options.check else ():
            node = part.core.population
            if node is not None:
                numbers = *self.form.given_out[n][: len(part.plan.outs)], *self.form.looked_at[n]
                check_steps(node.path, node.owner or node.what, [w[i] for i in numbers])

    def received_by(self, target: int) -> list[Cable]:
        """Return the cables to a part."""
        return [self.cables[k] for k in self.form.receives[target]]

    def _first_received(self) -> list[list[Array]]:
        """Return the values that arrive at each part in the first step, ``[samples, columns, then zeros]``."""
        found = []
        for n, part in enumerate(self.parts):
            arrays = []
            for cable in self.received_by(n):
                dtype = part.plan.program.instructions[part.plan.inputs[cable.input]].dtype
                made = np.zeros((self.samples, padded(part.layout.columns)), dtype)
                if cable.late and not self.empty:
                    self._first(cable, made[:, : part.layout.columns])
                arrays.append(made)
            found.append(arrays)
        return found

    def _first(self, cable: Cable, out: Array) -> None:
        source = self.parts[cable.source]
        assert cable.value_sent.start is not None
        before = source.starts[cable.value_sent.start].array.reshape(-1, source.layout.columns)
        fired = cable.amplitude is not None and source.spiked(cable.value_sent, cable.amplitude)
        out[...] = before if cable.wire is None else cable.wire.first(before, fired)

    def run(
        self, t0: int, t1: int, states: list[list[Array]], received: list[list[Array]], written: list[dict[int, Array]]
    ) -> tuple[list[list[Array]], list[list[Array]]]:
        """Run some steps forward and write the requested values; return states and sent values after them."""
        written = [dict(w) for w in written] if self.cables else written
        for n, w in enumerate(written if self.cables else ()):
            w |= self.parts[n].empty(self.form.sent(n, w), t1 - t0)
        ready = self.form.forward(tuple([tuple(w) for w in written]))
        for a, b in self.pieces(t0, t1) if self.dense else [(t0, t1)]:
            works = []
            for n, (part, w) in enumerate(zip(self.parts, written, strict=True)):
                streams = [part.stream(c.current(a, b)) for c in part.currents if c is not None and not c.listed]
                streams += [part.mask_stream(a, b) for _ in part.form.mask_streams]
                rows = part.layout.strides
                targets = [(array[a - t0 : b - t0].reshape(-1), rows) for array in w.values()]
                ends, lasts = [np.empty_like(s) for s in states[n]], [np.empty_like(r) for r in received[n]]
                body = ready.loop.bodies[n]
                works.append(Work(body, part.layout, streams, states[n], ends, targets, [], received[n], lasts))
            self.launch(ready, works, a, b, [{} if c.wire is None else c.wire.forward() for c in self.cables])
            states, received = [work.ends for work in works], [work.lasts for work in works]
        return states, received

    # Backward

    def pull(self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        """Run the backward loops; if an outer transform is watching, differentiate the eager run instead."""
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

    def gradient_mask(self, cable: Cable) -> int | None:
        """Return the number of the bool that marks where the gradient of a cable's value has an effect, if there is one."""
        plan, value_sent = self.parts[cable.source].plan, cable.value_sent
        if any(c is not cable and c.weights is None and c.source == cable.source for c in self.cables):
            return None
        if cable.late:
            return plan.late_gradient_masks.get(value_sent.start)  # type: ignore[arg-type]
        return plan.gradient_masks[plan.d_outs.index(value_sent.cotangent)]

    def gradient_mask_bytes(self, n: int, saved: Saved, gradient_mask: int | None) -> Array | None:
        """Return the bytes that mark, at all steps, where the gradient with this bool has an effect; None for everywhere."""
        part = self.parts[n]
        plan, values = part.plan, saved.values[n]
        if gradient_mask is None or plan.mask is not None:
            return None
        if gradient_mask in values:
            return values[gradient_mask]
        if (n, gradient_mask) not in saved.flags:
            needs = [i for i in plan.program.needed([gradient_mask], frozenset(plan.saved)) if i in plan.saved]
            inputs = {i: part.direct(i) for i in needs if i not in values}
            if any(x is None for x in inputs.values()):
                return None
            flags = part.empty([gradient_mask], self.steps)[gradient_mask]
            ready = self.form.gradient_mask_loop(n, tuple(needs), gradient_mask)
            streams = [part.stream(values[i] if i in values else inputs[i].array) for i in needs]  # type: ignore[union-attr]
            work = Work(ready.loop.bodies[0], part.layout, streams, [], [], [(flags.reshape(-1), part.layout.strides)])
            self.launch(ready, [work], 0, self.steps, [])
            saved.flags[n, gradient_mask] = flags
        return saved.flags[n, gradient_mask]

    def launch(
        self, ready: Ready, works: list[Work], t0: int, t1: int, weights: Sequence[dict[str, Any]],
        places: Sequence[Array | None] = (),
    ) -> None:  # fmt: skip
        """Run a loop over some steps; ``weights`` and ``places`` belong to its links."""
        loop, samples = ready.loop, works[0].layout.samples
        first = {"samples": _u(samples), "order": order_of(t1 - t0, loop.backward)}
        if loop.links:
            group = max(1, -(-samples // thread_count()))
            jobs = -(-samples // group)
            first["group"] = _u(group)
        else:
            span, members, jobs = works[0].layout.jobs(bool(loop.bodies[0].events), self.threads)
            first |= {"span": _u(span), "members": _u(members)}
        given: list[Any] = [first[name] for name in loop.head]
        for n, work in zip(ready.order, works, strict=True):
            part = self.parts[n]
            given += arguments(part, part.listed, work, t0, t1)
        for k, link in enumerate(loop.links):
            given += link_arguments(link, weights[k], places[k] if places else None, t0)
        size = sum([work.layout.columns for work in works])
        launch(ready.function, jobs, given + ready.always, ready.work((t1 - t0) * samples * size))
