"""The way back through a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.graph import Node

from ..connections.dense import GradientByEvents
from ..engine import tuning
from ..engine.buffers import empty
from ..engine.events import Events, Packed, all_finite, find_events, padded, turned
from ..engine.loop import Body, Link, Loop
from .factored import Factored
from .layout import Stream
from .matters import makers, rarely
from .pooled import Pooled
from .stage import Cable, Running, Saved
from .streams import Work

__all__ = ["Back"]

Array = np.ndarray[Any, np.dtype[Any]]


class Back:
    """One pass back through a stage, chunk by chunk from the last time step to the first.

    Parameters
    ----------
    running : Running
        The forward.
    node : Node
        Its node in the graph.
    g : dict of int to Tensor
        Cotangents of its outputs, by position.
    wanted : sequence of bool
        Which gradients are asked for, as in ``running.inputs``.
    """

    def __init__(self, running: Running, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> None:
        self.running, self.node, self.saved = running, node, node.saved
        left, parents, position = list(wanted), list(node.parents), 0
        self.events: dict[Any, Events] = {}  # of what is sent, by source, number and whether it arrives in the next step
        self.by_column: dict[int, Any] = {}
        self.parts: list[_Part] = []
        for n, part in enumerate(running.parts):
            outs = len(part.plan.outs) + len(part.plan.records) + len(part.starts)
            cotangents = {i - position: t for i, t in g.items() if position <= i < position + outs}
            position += outs
            k = sum(item.x is not None for item in part.given)
            m = sum(item.x is not None and item.weights is not None for item in part.given)
            count = k + m + len(part.starts) + len(part.parameters)
            self.parts.append(_Part(running, n, node.saved, cotangents, left[:count], parents[:k], self.by_column))
            del left[:count], parents[:count]
        self.cables = [
            _Back(running, cable, left.pop(0) if cable.weights is not None else False, self) for cable in running.cables
        ]
        for way in self.parts:
            way.settle([back for back in self.cables if back.cable.target == way.n])

    def run(self) -> list[Tensor | None]:
        """Pass back; return the gradients that are wanted, in the order of ``running.inputs``."""
        running, parts = self.running, self.parts
        states = [part.ends() for part in parts]
        received = [self._none_received(part) for part in parts]
        several = any(part.rows or part.packed for part in parts)
        for s0, s1, saved in self._segments():
            for a, b in reversed(running.pieces(s0, s1)) if several else [(s0, s1)]:
                works, bodies = [], []
                for part in reversed(parts):
                    got = received[part.n]
                    work = part.work(saved[part.n], s0, a, b, states[part.n], got, self._sent(part), self._arriving(part))
                    works.append(work)
                    bodies.append(work.body)
                loop = Loop("backward", tuple(bodies), tuple(self._links()), True)
                used = [back for back in self.cables if back.cotangent >= 0]
                order = [part.n for part in reversed(parts)]
                running.launch(loop, order, works, a, b, [back.weights for back in used], [back.places for back in used])
                for part, work in zip(reversed(parts), works, strict=True):
                    states[part.n], received[part.n] = work.ends, work.lasts
                for part in parts:
                    part.add(a, b)
                for back in self.cables:
                    back.add(a, b)
        return self._result(states, received)

    # Links, from the inputs of parts back to what was sent

    def _sent(self, part: _Part) -> list[int]:
        """Return the gradients that a part sends back: those by its inputs from the group."""
        found = [
            part.d_inputs[back.cable.input] for back in self.cables if back.cable.target == part.n and back.cotangent >= 0
        ]
        return list(dict.fromkeys(found))

    def _arriving(self, part: _Part) -> list[int]:
        """Return the numbers to which is added what comes back to a part."""
        found = [back.cotangent for back in self.cables if back.cable.source == part.n and back.cotangent >= 0]
        return list(dict.fromkeys(found))

    def _links(self) -> Iterator[Link]:
        last = len(self.parts) - 1
        for back in self.cables:
            if back.cotangent >= 0:
                cable = back.cable
                sent = self._sent(self.parts[cable.target]).index(self.parts[cable.target].d_inputs[cable.input])
                received = self._arriving(self.parts[cable.source]).index(back.cotangent)
                kind = "copy" if cable.weights is None else "product" if back.places is None else "sampled"
                yield Link(last - cable.target, sent, last - cable.source, received, kind, cable.late)

    def _none_received(self, part: _Part) -> list[Array]:
        program = part.part.plan.program
        shape = (self.running.samples, padded(part.part.layout.columns))
        return [np.zeros(shape, program.instructions[i].dtype) for i in self._arriving(part)]

    def _segments(self) -> Iterator[tuple[int, int, list[dict[int, Array]]]]:
        """Iterate over segments from the last to the first, with what their forward saves, made again if need be."""
        running, boundaries = self.running, self.saved.boundaries
        for k, (t0, t1) in reversed(list(enumerate(running.segments()))):
            if boundaries is None:
                yield t0, t1, self.saved.values
                continue
            values = []
            for n, part in enumerate(running.parts):
                values.append({i: empty((t1 - t0, *part.shape), part.dtype(i)) for i in running.saved(n)})
            states, received = boundaries[k]
            if any(values):
                running.run(t0, t1, states, received, values)
            yield t0, t1, values

    def _result(self, states: list[list[Array]], received: list[list[Array]]) -> list[Tensor | None]:
        found: list[Tensor | None] = []
        for part in self.parts:
            ends = list(states[part.n])
            for number, array in zip(self._arriving(part), received[part.n], strict=True):
                for k, d in enumerate(part.part.plan.d_after):
                    if d == number:  # what was sent before the first step
                        ends[k] = ends[k] + array[:, : part.part.layout.columns].reshape(-1)
            found += part.result(ends)
        for back in self.cables:
            if back.cable.weights is not None:
                total = back.result()
                found.append(None if total is None else Tensor.wrap(total))
        return found


class _Part:
    """What comes back through a part."""

    def __init__(
        self, running: Running, n: int, saved: Saved, g: dict[int, Tensor], wanted: Sequence[bool], parents: Sequence[Any],
        by_column: dict[int, Any],
    ) -> None:  # fmt: skip
        self.running, self.n, self.part, self.g = running, n, running.parts[n], g
        part, plan = self.part, running.parts[n].plan
        zero = None
        self.d_inputs: list[int] = []
        for i, d in zip(plan.inputs, plan.d_inputs, strict=True):
            if d is None:
                dtype = plan.program.instructions[i].dtype
                zero = plan.program.constant(0, dtype if dtype.kind == "f" else np.dtype(np.float32))
            self.d_inputs.append(zero if d is None else d)  # type: ignore[arg-type]
        outside = [k for k, item in enumerate(part.given) if item.x is not None]
        weighted = [k for k in outside if part.given[k].weights is not None]
        left = list(wanted)
        self.wants = dict(zip(outside, left[: len(outside)], strict=True))
        left = left[len(outside) :]
        self.wants_weight = dict.fromkeys(outside, False) | dict(zip(weighted, left[: len(weighted)], strict=True))
        left = left[len(weighted) :]
        self.wants_starts, wants_parameters = left[: len(part.starts)], left[len(part.starts) :]
        self.parameters = [
            plan.d_parameters[id(p)] if asked else None for p, asked in zip(plan.parameters, wants_parameters, strict=True)
        ]
        self.weighted = weighted
        self.by_events: dict[int, GradientByEvents] = {}
        self.summed: list[int] = []
        self.direct: list[int] = []
        self.few: list[int] = []
        self.places: dict[int, Events | None] = {}
        for k, parent in zip(outside, parents, strict=True):
            current: Any = part.currents[k]
            if not current.weighted:
                self.direct += [k] if self.wants[k] else []
                continue
            if self.wants_weight[k]:
                if current.listed:
                    self.by_events[k] = current.by_events((running.chunk or 0) * part.layout.samples, by_column)
                elif current.constant:
                    self.summed.append(k)
            before = makers(parent) if self.wants[k] else None
            if before is not None and current.few and len(before) == 1:
                self.few.append(k)
            elif before is not None and current.finite:
                self.places[k] = rarely([stage.what_matters(m, held, matters) for stage, held, m, matters in before], part.jit)
        self.arrived = self._arrived()
        self.rows: dict[int, Array] = {}
        self.packed: dict[int, Array] = {}
        self.totals: dict[int, Array] = {}
        self.by_input: dict[int, Array] = {}
        self.turned: dict[int, Array] = {}

    def _arrived(self) -> tuple[Array, Packed] | None:
        """Return the factors of the gradient by the output, if it comes as a product that the loop can make itself."""
        g, part = self.g.get(0), self.part
        if (
            len(part.plan.outs) != 1
            or not isinstance(g, Factored)
            or len(g.factors) != self.running.steps * part.layout.samples
        ):
            return None
        weights = np.ascontiguousarray(g.weight.T)
        return g.factors, Packed(weights, np.ones(len(g.weight), g.dtype), part.jit, narrow=False)

    def settle(self, cables: list[_Back]) -> None:
        """Make room, once it is known which gradients the weights of cables need."""
        part, running = self.part, self.running
        layout = part.layout
        widths = [by.width for by in self.by_events.values()]
        widths += [back.by_events.width for back in cables if back.by_events is not None]
        self.layout = replace(layout, width=min(padded(layout.columns), *widths)) if widths else layout
        whole = {self.d_inputs[k] for k in self.few}
        rows = {self.d_inputs[k] for k in self.weighted if self.wants[k]}
        rows |= {
            self.d_inputs[k]
            for k in self.weighted
            if self.wants_weight[k] and k not in self.by_events and k not in self.summed
        }
        rows |= {self.d_inputs[back.cable.input] for back in cables if back.needs_rows}
        packed = {self.d_inputs[k] for k in self.by_events}
        packed |= {self.d_inputs[back.cable.input] for back in cables if back.by_events is not None}
        sampled = {self.d_inputs[k] for k, found in self.places.items() if found is not None}
        chunk = running.chunk or running.steps
        self.pitch = {d: padded(layout.columns) if d in sampled else layout.columns for d in rows}
        self.whole = whole
        for d in sorted(rows):
            n = (running.steps if d in whole else chunk) * layout.samples
            self.rows[d] = empty((n, self.pitch[d]), part.dtype(d))
            self.rows[d][:, layout.columns :] = 0
        for d in sorted(packed):
            made = empty((self.layout.blocks, chunk * layout.samples, self.layout.width), part.dtype(d))
            made[-1, :, layout.columns - self.layout.width * (self.layout.blocks - 1) :] = 0
            self.packed[d] = made
        sums = [d for d in self.parameters if d is not None] + [self.d_inputs[k] for k in self.summed]
        self.totals = {d: np.zeros(part.shape, part.dtype(d)).reshape(-1) for d in sums}
        for k in self.wants:
            current = part.currents[k]
            if self.wants[k] and k not in self.few and current is not None:
                dtype = part.dtype(self.d_inputs[k])
                self.by_input[k] = empty(current.x.shape, dtype)
        for k, found in self.places.items():
            if found is not None:
                self.turned[k] = turned(part.currents[k].weight, part.jit)  # type: ignore[union-attr]

    def ends(self) -> list[Array]:
        """Return the cotangents of the states after the last step."""
        part = self.part
        n = len(part.plan.outs) + len(part.plan.records)
        return [
            np.zeros(s.shape, s.dtype).reshape(-1) if (given := self.g.get(n + i)) is None
            else np.ascontiguousarray(given.array).reshape(-1) for i, s in enumerate(part.starts)
        ]  # fmt: skip

    def work(
        self, saved: dict[int, Array], s0: int, a: int, b: int, states: list[Array], received: list[Array], sent: list[int],
        arriving: list[int],
    ) -> Work:  # fmt: skip
        """Return the part of a loop over some steps."""
        part, plan, layout = self.part, self.part.plan, self.layout
        cotangents = {d: i for i, d in enumerate((*plan.d_outs, *plan.d_records)) if d >= 0}
        if self.arrived:
            cotangents.pop(plan.d_outs[0])
        # What nobody asks for is no stream: it is nothing, or comes from the group alone.
        given = {d: i for d, i in cotangents.items() if i in self.g or d not in arriving}
        kept = tuple(i for i in plan.saved if i != plan.mask)
        mask_rows, mask_streams = part.masks()
        streams = [part.stream(self.g[i].array[a:b] if i in self.g else self._nothing(b - a, d)) for d, i in given.items()]
        for i in kept:
            array = saved[i][a - s0 : b - s0] if i in saved else part.direct(i).array[a:b]  # type: ignore[union-attr]
            streams.append(part.stream(array))
        streams += [part.mask_stream(a, b) for _ in mask_streams]
        streams = [(flat, (*strides[:2], layout.width)) for flat, strides in streams]
        direct = tuple(dict.fromkeys(self.d_inputs[k] for k in self.direct))
        shared = {d: next(k for k in self.direct if self.d_inputs[k] == d) for d in direct}
        self.shared = shared
        written: list[Stream] = [(self.by_input[k][a:b].reshape(-1), layout.rows()) for k in shared.values()]
        for d, rows in self.rows.items():
            first = a * layout.samples if d in self.whole else 0
            written.append((rows[first:].reshape(-1), layout.rows(self.pitch[d])))
        written += [(packed.reshape(-1), layout.packed(packed.shape[1])) for packed in self.packed.values()]
        numbers = (*direct, *self.rows, *self.packed)
        carried = tuple(zip(self._d_after(), plan.d_before, strict=True))
        body = Body(
            (*given, *kept, *mask_streams), mask_rows, (), tuple(arriving), tuple((d, False) for d in sent), carried,
            part.scalars, part.per_column, numbers, tuple(self.totals), plan.d_outs[0] if self.arrived else None,
        )  # fmt: skip
        arrived: list[Any] = []
        if self.arrived is not None:
            factors, packed_weights = self.arrived
            arrived = [factors[a * layout.samples :].reshape(-1), np.uint64(factors.shape[1]), packed_weights.array]
        ends, lasts = [np.empty_like(s) for s in states], [np.empty_like(r) for r in received]
        sums = list(self.totals.values())
        return Work(body, layout, streams, states, ends, written, sums, received, lasts, arrived)

    def _d_after(self) -> list[int]:
        """Return the cotangents of the states; that of one that is no float is nothing."""
        plan = self.part.plan
        return [d if d >= 0 else self._stand_in(k) for k, d in enumerate(plan.d_after)]

    def _stand_in(self, k: int) -> int:
        program = self.part.plan.program
        return program.input(f"nothing{k}", program.instructions[self.part.plan.d_before[k]].dtype).index

    def _nothing(self, steps: int, d: int) -> Array:
        return np.broadcast_to(np.zeros((), self.part.dtype(d)), (steps, *self.part.shape))

    def made(self, d: int, a: int, b: int) -> Array:
        """Return the gradient by currents of a chunk as rows."""
        part, samples = self.part, self.part.layout.samples
        chosen = slice(a * samples, b * samples) if d in self.whole else slice((b - a) * samples)
        rows = self.rows[d][chosen]
        if part.layout.columns > part.shape[-1]:  # all samples were one row
            rows = rows.reshape(-1, part.shape[-1])
        return rows

    def add(self, a: int, b: int) -> None:
        """Add what a chunk brings to the gradients by weights, and write that by inputs."""
        chunk = a // (self.running.chunk or 1)
        self.finite = {d: all_finite(array, self.part.jit) for d, array in self.packed.items()}
        for k, by_events in self.by_events.items():
            by_events.add(chunk, self.packed[self.d_inputs[k]], self.finite[self.d_inputs[k]])
        for k in self.direct:
            first = self.shared[self.d_inputs[k]]
            if first != k:
                self.by_input[k][a:b] = self.by_input[first][a:b]
        for k in self.weighted:
            current: Any = self.part.currents[k]
            d = self.d_inputs[k]
            if self.wants_weight[k] and k not in self.by_events and k not in self.summed:
                current.add(a, b, self.made(d, a, b))
            if k in self.by_input:
                current.back(self.made(d, a, b), a, b, self.by_input[k], self.places.get(k), self.turned.get(k))

    def result(self, states: list[Array]) -> list[Tensor | None]:
        """Return the gradients by inputs, weights, states and Parameters."""
        part = self.part
        found: list[Tensor | None] = []
        for k in self.wants:
            current: Any = part.currents[k]
            if k in self.few:
                rows = self.rows[self.d_inputs[k]].reshape(-1, current.n_out)
                found.append(Factored(rows, current.weight, current.x.shape))
            else:
                made = self.by_input.get(k)
                floating = current.x.dtype.kind == "f"
                found.append(None if made is None or not floating else Pooled(made))
        for k in self.weighted:
            current = part.currents[k]
            gradient = None
            if k in self.summed:
                gradient = current.of_sum(self.totals[self.d_inputs[k]])
            elif self.wants_weight[k]:
                gradient = self.by_events[k].result() if k in self.by_events else current.weight_gradient()
            found.append(None if gradient is None else Tensor.wrap(gradient))
        found += [
            Tensor.wrap(s.reshape(part.shape)) if asked else None for s, asked in zip(states, self.wants_starts, strict=True)
        ]
        return found + [None if d is None else Tensor.wrap(self.totals[d].reshape(part.shape)) for d in self.parameters]


class _Back:
    """The way back along a cable."""

    def __init__(self, running: Running, cable: Cable, wanted: bool, whole: Back) -> None:
        self.running, self.cable, self.wanted, self.whole = running, cable, wanted, whole
        self.cotangent = cable.sent.cotangent
        self.source, self.target = whole.parts[cable.source], whole.parts[cable.target]
        self.start = None if cable.sent.start is None or not cable.late else self.source.part.starts[cable.sent.start]
        self.by_events = self._by_events() if wanted and cable.amplitude is not None else None
        given = self.start is not None and bool(self.start.array.any())
        self.needs_rows = wanted and cable.weights is not None and (self.by_events is None or given)
        self.total: Array | None = None
        self.places = self._places()
        self.weights = self._weights()

    def _fed(self) -> Array:
        values: dict[int, Array] = self.whole.saved.values[self.cable.source]
        return values[self.cable.fed]

    def _by_events(self) -> GradientByEvents:
        """Return the sum over events: where they arrive in the next step, a row's events are those of the step before."""
        assert self.cable.packed is not None
        samples, known = self.running.samples, self.whole.events
        key = self.cable.source, self.cable.fed, self.cable.late
        if key not in known:
            events = find_events(self._fed(), None, self.source.part.jit)
            assert events is not None
            known[key] = events.later(samples) if self.cable.late else events
        rows = (self.running.chunk or 0) * samples
        return GradientByEvents(self.cable.packed, known[key], rows, self.whole.by_column)

    def _places(self) -> Array | None:
        """Return bytes that say where what comes back is needed, if that is not nearly everywhere."""
        cable = self.cable
        if cable.weights is None or self.cotangent < 0 or not Packed.finite(cable.weights.weight.array):
            return None
        if cable.late and cable.sent.start is not None and self.source.wants_starts[cable.sent.start]:
            return None
        flags = self.running.what_matters(cable.source, self.whole.saved, self.running.matters(cable))
        if flags is None or np.count_nonzero(flags) >= tuning.now().sampled_in_group * flags.size:
            return None
        return flags

    def _weights(self) -> Any:
        if self.cable.weights is None:
            return None
        weight, jit = self.cable.weights.weight.array, self.source.part.jit
        if self.places is not None:
            return turned(weight, jit)
        weights = np.ascontiguousarray(weight.T)
        return Packed(weights, np.ones(len(weights.T), weights.dtype), jit, narrow=False)

    def add(self, a: int, b: int) -> None:
        """Add what a chunk brings to the gradient by the weights."""
        if not self.wanted:
            return
        d = self.target.d_inputs[self.cable.input]
        if self.by_events is not None:
            self.by_events.add(a // (self.running.chunk or 1), self.target.packed[d], self.target.finite[d])
        if not self.needs_rows:
            return
        columns, samples = self.source.part.layout.columns, self.running.samples
        rows = self.target.rows[d][: (b - a) * samples, : self.target.part.layout.columns]
        values: list[Array] = []
        if self.start is not None and a == 0:
            values.append(self.start.array.reshape(-1, columns))
        if self.by_events is None:
            fed = self._fed()
            late = self.cable.late
            values.append(fed[max(a - 1, 0) if late else a : b - late].reshape(-1, columns))
        elif a > 0:
            return
        stacked = np.concatenate(values)
        if len(stacked):
            product = rows[: len(stacked)].T @ stacked
            self.total = product if self.total is None else self.total + product

    def result(self) -> Array | None:
        """Return the gradient by the weights."""
        if not self.wanted:
            return None
        found = None if self.by_events is None else self.by_events.result()
        if self.total is not None:
            found = self.total if found is None else found + self.total
        if found is None and self.cable.weights is not None:
            found = np.zeros_like(self.cable.weights.weight.array)
        return found
