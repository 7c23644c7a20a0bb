"""The way back through a layer of the compiled mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.graph import SELECT, Node

from .currents import Direct, GradientByEvents, Listed, Once
from .engine.buffers import empty
from .engine.events import Events, Packed, find_events, padded, turned
from .engine.loop import Body, Link, Loop
from .factored import Factored
from .layer import Layer
from .layout import Own, Saved, Stream
from .spikes import Spikes

__all__ = ["Backward"]

Array = np.ndarray[Any, np.dtype[Any]]


class Backward:
    """One pass back through a layer, chunk by chunk from the last time step to the first.

    Parameters
    ----------
    layer : Layer
        The forward.
    node : Node
        Its node in the graph.
    g : dict of int to Tensor
        Cotangents of its outputs, by position.
    wanted : sequence of bool
        Which gradients are asked for: of the input, the weights, the state at the start, the Parameters.
    """

    def __init__(self, layer: Layer, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> None:
        self.layer, self.node, self.g = layer, node, g
        self.saved: Saved = node.saved
        plan, currents = layer.plan, layer.currents
        wants_x, *rest = wanted
        by_weight = rest[: len(layer.weights)]
        rest = rest[len(layer.weights) :]
        self.wants_starts, wants_parameters = rest[: len(layer.starts)], rest[len(layer.starts) :]
        self.dx = self._made(plan.dx)
        self.d_own = self._made(plan.d_lateral)
        self.wants_x, self.wants_own = wants_x, layer.own is not None and by_weight[-1]
        self.wants_weight = layer.dense is not None and by_weight[0]
        self.parameters = [
            plan.d_parameters[id(p)] if asked else None for p, asked in zip(plan.parameters, wants_parameters, strict=True)
        ]
        self.by_events = currents.by_events if isinstance(currents, Listed) and self.wants_weight else None
        self.own_events = self._own_events() if self.wants_own and layer.fires else None
        self.direct = wants_x and isinstance(currents, Direct)
        self.summed = self.wants_weight and isinstance(currents, Once)
        before = self._layer_before() if wants_x and not self.direct else None
        self.few = before is not None and currents.few  # type: ignore[union-attr]
        some = before is not None and not self.few and currents.finite  # type: ignore[union-attr]
        self.places = before[0].where_it_matters(before[1], before[0].plan.matters) if before and some else None
        whole = layer.own is None or self.wants_starts[-1] or not layer.own_finite
        self.own_places = None if whole else self._own_places()
        self.arrived = self._arrived()
        columns = layer.layout.columns
        self.pitch = columns if self.places is None else padded(columns)
        packed = self.by_events or self.own_events
        self.layout = layer.layout
        if packed is not None:
            self.layout = replace(layer.layout, width=min(padded(columns), packed.width))
        # The gradients by the currents of a chunk, by number in the program: as rows, and packed by blocks of columns.
        rows = (wants_x and not self.direct) or (self.wants_weight and self.by_events is None and not self.summed)
        own_rows = self.wants_own and (self.own_events is None or layer.starts[-1].array.any())
        self.rows = {d: self._rows() for d, asked in ((self.dx, rows), (self.d_own, own_rows)) if asked}
        self.packed = {d: self._packed() for d, e in ((self.dx, self.by_events), (self.d_own, self.own_events)) if e}
        self.own_total: Array | None = None

    def _made(self, gradient: int | None) -> int:
        """Return the number of a gradient, that of a zero where it is structurally zero."""
        plan = self.layer.plan
        return plan.program.constant(0, self.layer.dtype(plan.d_out)) if gradient is None else gradient

    def _rows(self) -> Array:
        layer = self.layer
        rows = (len(layer.x) if self.few else layer.chunk or 0) * self.layout.samples
        made = empty((rows, self.pitch), layer.dtype(layer.plan.d_out))
        made[:, layer.layout.columns :] = 0
        return made

    def _packed(self) -> Array:
        layer, layout = self.layer, self.layout
        rows = (layer.chunk or 0) * layout.samples
        made = empty((layout.blocks, rows, layout.width), layer.dtype(layer.plan.d_out))
        made[-1, :, layout.columns - layout.width * (layout.blocks - 1) :] = 0
        return made

    def _layer_before(self) -> tuple[Layer, Saved] | None:
        """Return the layer whose output is the input, with what it has saved, if it is one."""
        before = self.node.parents[0]
        if before is None or before.rule is not SELECT or before.attrs != 0:
            return None
        call = before.parents[0]
        assert call is not None
        return (call.rule, call.saved) if isinstance(call.rule, Layer) else None

    def _own_places(self) -> Events | None:
        """Return where what comes back is needed: a row's places are those of the step before."""
        layer = self.layer
        places = layer.where_it_matters(self.saved, layer.plan.own_matters)
        return None if places is None else places.later(layer.layout.samples)

    def _arrived(self) -> tuple[Array, Packed] | None:
        """Return the factors of the gradient by the output, if it comes as a product that the loop can make itself."""
        g, layout = self.g.get(0), self.layer.layout
        if not isinstance(g, Factored) or len(g.factors) != len(self.layer.x) * layout.samples:
            return None
        weights = np.ascontiguousarray(g.weight.T)
        return g.factors, Packed(weights, np.ones(len(g.weight), g.dtype), self.layer.options.jit, narrow=False)

    def _own_events(self) -> GradientByEvents:
        """Return the sum of the gradient by a layer's weights to itself: a row's events are those of the step before."""
        layer = self.layer
        assert layer.chunk is not None
        fed, samples = self.saved.fed, layer.layout.samples
        events = fed.events if isinstance(fed, Spikes) else find_events(fed, None, layer.options.jit)
        assert events is not None
        return GradientByEvents(layer.own_packed(), events.later(samples), layer.chunk * samples)

    def run(self) -> list[Tensor | None]:
        """Pass back; return the gradients that are wanted, in the order of the node's parents."""
        layer = self.layer
        layout, currents, shape = self.layout, layer.currents, layer.shape
        n = 1 + len(layer.names)
        states = [self._cotangent(n + i, s).reshape(-1) for i, s in enumerate(layer.starts)]
        sums = [d for d in self.parameters if d is not None] + ([self.dx] if self.summed else [])
        totals = {d: np.zeros(shape, layer.dtype(d)).reshape(-1) for d in sums}
        by_input = empty(layer.x.shape, layer.dtype(self.dx)) if self.wants_x and not self.few else None
        lateral = None if layer.own is None else np.zeros((layout.samples, padded(layout.columns)), layer.own.dtype)
        back = self._back()
        weights = None if self.places is None else turned(currents.weight, layer.options.jit)  # type: ignore[union-attr]
        for s0, s1, saved in self._segments():
            for a, b in reversed(layer.pieces(s0, s1)) if self.rows or self.packed else [(s0, s1)]:
                written = self._written(by_input, a, b)
                ends, after = [np.empty_like(s) for s in states], None if lateral is None else np.empty_like(lateral)
                loop, streams = self._loop(saved, s0, a, b, tuple(totals))
                own = None
                if back is not None and lateral is not None and after is not None:
                    own = Own(back, lateral, after, self.own_places)
                arrived: list[Any] = []
                if self.arrived is not None:
                    factors, packed = self.arrived
                    arrived = [factors[a * layout.samples :].reshape(-1), np.uint64(factors.shape[1]), packed.array]
                layer.launch(loop, layout, a, b, streams, own, states, written, ends, [*totals.values()], arrived)
                states, lateral = ends, after
                self._add(by_input, a, b, weights)
        return self._result(by_input, states, lateral, totals)

    def _back(self) -> Array | None:
        """Return the weights through which gradients come back from the layer itself."""
        layer = self.layer
        if layer.own is None:
            return None
        if self.own_places is not None:
            return turned(layer.own.array, layer.options.jit)
        weights = np.ascontiguousarray(layer.own.array.T)
        return Packed(weights, np.ones(len(weights), weights.dtype), layer.options.jit, narrow=False).array

    def _cotangent(self, position: int, like: Tensor) -> Array:
        given = self.g.get(position)
        return np.zeros(like.shape, like.dtype) if given is None else np.ascontiguousarray(given.array)

    def _segments(self) -> Any:
        """Iterate over segments from the last to the first, with what their forward saves, made again if need be."""
        layer, boundaries = self.layer, self.saved.boundaries
        segments = list(enumerate(layer.segments()))
        for k, (t0, t1) in reversed(segments):
            if boundaries is None:
                yield t0, t1, self.saved.values
                continue
            numbers = [i for i in layer.plan.saved if not layer.is_there(i)]
            values = {i: empty((t1 - t0, *layer.shape), layer.dtype(i)) for i in numbers}
            states, lateral = boundaries[k]
            if values:
                layer.run(t0, t1, states, lateral, values)
            yield t0, t1, values

    def _loop(self, saved: dict[int, Array], s0: int, a: int, b: int, sums: tuple[int, ...]) -> tuple[Loop, list[Stream]]:
        """Return the loop of some steps and what it reads."""
        layer, plan = self.layer, self.layer.plan
        cotangents = (*(() if self.arrived else (plan.d_out,)), *plan.d_records)
        positions = range(1 if self.arrived else 0, 1 + len(plan.d_records))
        kept = tuple(i for i in plan.saved if i != plan.mask)
        mask_rows, mask_streams = layer.masks()
        streams = [layer.stream(self.g[i].array[a:b] if i in self.g else self._nothing(b - a)) for i in positions]
        streams += [layer.stream(saved[i][a - s0 : b - s0] if i in saved else layer.x.array[a:b]) for i in kept]
        streams += [layer.mask_stream(a, b) for _ in mask_streams]
        streams = [(flat, (*strides[:2], self.layout.width)) for flat, strides in streams]
        own = plan.d_after[-1] if layer.own is not None else None
        written = ((self.dx,) if self.direct else (), tuple(self.rows), tuple(self.packed))
        body = Body(
            (*cotangents, *kept, *mask_streams), mask_rows, (), () if own is None else (own,),
            () if own is None else ((self.d_own, False),), tuple(zip(plan.d_after, plan.d_before, strict=True)),
            layer.scalars, layer.per_column, tuple(d for part in written for d in part), sums,
            plan.d_out if self.arrived else None,
        )  # fmt: skip
        kind = "product" if self.own_places is None else "sampled"
        loop = Loop("backward", (body,), () if own is None else (Link(0, 0, 0, 0, kind, True),), True)
        return loop, streams

    def _nothing(self, steps: int) -> Array:
        layer = self.layer
        return np.broadcast_to(np.zeros((), layer.dtype(layer.plan.d_out)), (steps, *layer.shape))

    def _written(self, by_input: Array | None, a: int, b: int) -> list[Stream]:
        layout = self.layout
        written: list[Stream] = []
        if self.direct and by_input is not None:
            written.append((by_input[a:b].reshape(-1), layout.rows()))
        first = a * layout.samples if self.few else 0
        written += [(rows[first:].reshape(-1), layout.rows(self.pitch)) for rows in self.rows.values()]
        return written + [(packed.reshape(-1), layout.packed(packed.shape[1])) for packed in self.packed.values()]

    def _add(self, by_input: Array | None, a: int, b: int, weights: Array | None) -> None:
        """Add what a chunk brings to the gradients by the weights, and write that by the input."""
        currents, chunk = self.layer.currents, a // (self.layer.chunk or 1)
        samples = self.layout.samples
        chosen = slice(a * samples, b * samples) if self.few else slice((b - a) * samples)
        made = {d: rows[chosen] for d, rows in self.rows.items()}
        if self.layout.columns > self.layer.shape[-1]:  # all samples were one row
            made = {d: rows.reshape(-1, self.layer.shape[-1]) for d, rows in made.items()}
        for gradient, by_events in ((self.dx, self.by_events), (self.d_own, self.own_events)):
            if by_events is not None:
                by_events.add(chunk, self.packed[gradient])
        if not isinstance(currents, Direct):
            if self.wants_weight and self.by_events is None and not self.summed:
                currents.add(a, b, made[self.dx])
            if by_input is not None:
                currents.back(made[self.dx], a, b, by_input, self.places, weights)
        if self.wants_own and self.d_own in self.rows:
            self._add_own(made[self.d_own], a, b)

    def _add_own(self, rows: Array, a: int, b: int) -> None:
        """Add what comes back by products: all of it where it is no spikes, else only what the first step is given."""
        layer = self.layer
        columns, samples = layer.layout.columns, layer.layout.samples
        first = layer.starts[-1].array.reshape(-1, columns)
        parts = [first] if a == 0 else []
        if self.own_events is None:
            fed = self.saved.fed.array if isinstance(self.saved.fed, Tensor) else self.saved.fed
            parts.append(fed[max(a - 1, 0) : b - 1].reshape(-1, columns))
        elif a > 0:
            return
        values = np.concatenate(parts)
        product = rows[: len(values), :columns].T @ values
        self.own_total = product if self.own_total is None else self.own_total + product
        assert len(values) in (samples, len(rows))

    def _result(
        self, by_input: Array | None, states: list[Array], lateral: Array | None, totals: dict[int, Array]
    ) -> list[Tensor | None]:
        layer, currents = self.layer, self.layer.currents
        shape = layer.shape
        if lateral is not None:
            states[-1] = states[-1] + lateral[:, : layer.layout.columns].reshape(-1)
        result: list[Tensor | None] = [None if by_input is None else Tensor.wrap(by_input)]
        if self.few and not isinstance(currents, Direct):
            result = [Factored(self.rows[self.dx].reshape(-1, currents.n_out), currents.weight, layer.x.shape)]
        if layer.dense is not None:
            gradient = None
            if isinstance(currents, Once) and self.summed:
                gradient = currents.of_sum(totals[self.dx])
            elif self.wants_weight:
                gradient = self.by_events.result() if self.by_events else currents.weight_gradient()  # type: ignore[union-attr]
            result.append(None if gradient is None else Tensor.wrap(gradient))
        if layer.own is not None:
            found = None if self.own_events is None else self.own_events.result()
            if self.own_total is not None:
                found = self.own_total if found is None else found + self.own_total
            result.append(None if found is None else Tensor.wrap(found))
        result += [
            Tensor.wrap(s.reshape(shape)) if asked else None for s, asked in zip(states, self.wants_starts, strict=True)
        ]
        return result + [None if d is None else Tensor.wrap(totals[d].reshape(shape)) for d in self.parameters]
