"""The backward pass of a part and of its cables."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array

from ..connections import Way
from ..engine.backends import BackEnd
from ..engine.buffers import nothing
from ..engine.events import Events, Packed, all_finite, find_events, padded
from .back_form import Asked, PartBackForm
from .factored import Factored
from .gradient_masks import makers
from .pooled import Pooled
from .stage import Cable, Running, Saved
from .work import Work

__all__ = ["CableBack", "PartBack", "Shared"]


@dataclass
class Shared:
    """Event lists that are made once per backward pass; an estimate of its memory assumes them instead.

    Attributes
    ----------
    events : dict
        Events of sent values, by source, number and whether they arrive in the next step.
    by_column : dict
        Events by column, by the id of the event list.
    """

    events: dict[Any, Events] = field(default_factory=dict)
    by_column: dict[int, Any] = field(default_factory=dict)

    def rarely(self, flags: Sequence[Array | None], below: float, backend: BackEnd) -> Events | None:
        """Return where any of some bytes is not 0, None if that is too often. A None among the bytes means everywhere."""
        if not flags or any(each is None for each in flags):
            return None
        events = find_events(functools.reduce(np.bitwise_or, flags), None, backend)  # type: ignore[arg-type]
        return events if events is not None and events.density < below else None

    def share(self, flags: Array) -> float:
        """Return the share of bytes that are not 0."""
        return np.count_nonzero(flags) / flags.size

    def sent(self, flags: Array, columns: int, late: int, backend: BackEnd) -> Events:
        """Return the events of bytes that are sent, in rows of so many columns, which arrive some rows later."""
        events = find_events(flags.reshape(-1, columns), None, backend)
        assert events is not None
        return events.later(late) if late else events


class PartBack:
    """The backward pass of a part: its arrays, and the sums of its gradients."""

    def __init__(
        self, running: Running, n: int, saved: Saved, g: dict[int, Tensor], wanted: Sequence[bool], parents: Sequence[Any],
        shared: Shared,
    ) -> None:  # fmt: skip
        self.running, self.n, self.part, self.g = running, n, running.parts[n], g
        part = self.part
        outside = [k for k, item in enumerate(part.given) if item.x is not None]
        weighted = [k for k in outside if part.given[k].weights is not None]
        left = list(wanted)
        self.wants = dict(zip(outside, left[: len(outside)], strict=True))
        left = left[len(outside) :]
        self.wants_weight = dict.fromkeys(outside, False) | dict(zip(weighted, left[: len(weighted)], strict=True))
        left = left[len(weighted) :]
        self.wants_starts, self.wants_parameters = left[: len(part.starts)], tuple(left[len(part.starts) :])
        self.weighted = weighted
        self.by_events: dict[int, Any] = {}
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
                    self.by_events[k] = current.by_events((running.chunk or 0) * part.layout.samples, shared.by_column)
                elif current.constant:
                    self.summed.append(k)
            before = makers(parent) if self.wants[k] else None
            if before is not None and current.few and len(before) == 1:
                self.few.append(k)
            elif before is not None and current.finite and (current.flat or part.layout.columns == part.shape[-1]):
                flags = [stage.gradient_mask_bytes(m, held, gradient_mask) for stage, held, m, gradient_mask in before]
                rows = [None if each is None else current.rows_of(each) for each in flags]
                self.places[k] = shared.rarely(rows, current.sampled_below, part.backend)
        self.arrived = self._arrived()
        self.added: dict[int, Any] = {}

    def asked(self) -> Asked:
        """Return the gradients that the part must compute."""
        outs = len(self.part.plan.outs) + len(self.part.plan.records)
        wants, by_weight = self.wants, self.wants_weight
        rows = [k for k in self.weighted if wants[k] or (by_weight[k] and k not in self.by_events and k not in self.summed)]
        sampled = [k for k, found in self.places.items() if found is not None and not cast(Way, self.part.currents[k]).flat]
        return Asked(
            tuple(sorted([i for i in self.g if i < outs])), self.arrived is not None, tuple(self.direct), tuple(rows),
            tuple(self.by_events), tuple(self.few), tuple(sampled), tuple(self.summed), self.wants_parameters,
        )  # fmt: skip

    def _arrived(self) -> tuple[Array, Packed] | None:
        """Return the factors of the output gradient, if it is a product that the loop can compute itself."""
        g, part = self.g.get(0), self.part
        if (
            len(part.plan.outs) != 1
            or not isinstance(g, Factored)
            or len(g.factors) != self.running.steps * part.layout.samples
        ):
            return None
        return g.factors, Packed.of_factor(g.weight, part.backend)

    def settle(self, form: PartBackForm, cables: list[CableBack]) -> None:
        """Describe the arrays, once the needed gradients are known."""
        self.form, part = form, self.part
        layout = part.layout
        widths = [by.width for by in self.by_events.values()]
        widths += [back.by_events.width for back in cables if back.by_events is not None]
        self.layout = replace(layout, width=min(padded(layout.columns), *widths)) if widths else layout
        wanted = [k for k, asked in self.wants.items() if asked and k not in self.few]
        inputs = tuple([(k, cast(Way, part.currents[k]).x.shape) for k in wanted])
        self.rooms = form.rooms(self.layout, min(self.running.chunk or layout.steps, layout.steps), inputs)

    def allocate(self) -> None:
        """Make the arrays."""
        layout = self.layout
        self.rows, self.packed, self.totals, self.by_input = self.rooms.allocate()
        for d in self.form.sampled:
            self.rows[d][:, layout.columns :] = 0
        for packed in self.packed.values():
            packed[-1, :, layout.columns - layout.width * (layout.blocks - 1) :] = 0

    def work(self, saved: dict[int, Array], s0: int, a: int, b: int, states: list[Array], received: list[Array]) -> Work:
        """Return the arrays of the part for some steps of the loop."""
        part, layout, form, g = self.part, self.layout, self.form, self.g
        arrays = [g[i].array[a:b] if i in g else nothing((b - a, *part.shape), part.dtype(d)) for d, i in form.cotangents]
        for i in form.kept:
            arrays.append(saved[i][a - s0 : b - s0] if i in saved else part.direct(i).array[a:b])  # type: ignore[union-attr]
        streams = [part.stream(array) for array in arrays]
        streams += [part.mask_stream(a, b) for _ in form.part.mask_streams]
        if layout.width != part.layout.width:
            streams = [(flat, (*strides[:2], layout.width)) for flat, strides in streams]
        plain, written = layout.strides, []
        for k in form.direct.values():
            written.append((self.by_input[k][a:b].reshape(-1), plain))
        for d, rows in self.rows.items():
            first = a * layout.samples if d in form.whole else 0
            written.append((rows[first:].reshape(-1), layout.rows(rows.shape[1])))
        written += [(packed.reshape(-1), layout.packed(packed.shape[1])) for packed in self.packed.values()]
        arrived: list[Any] = []
        if self.arrived is not None:
            factors, packed_weights = self.arrived
            arrived = [factors[a * layout.samples :].reshape(-1), np.uint64(factors.shape[1]), packed_weights.array]
        ends, lasts = [np.empty_like(s) for s in states], [np.empty_like(r) for r in received]
        sums = list(self.totals.values())
        return Work(form.body, layout, streams, states, ends, written, sums, received, lasts, arrived)

    def made(self, d: int, a: int, b: int) -> Array:
        """Return the gradient of the currents of a chunk as rows."""
        part, samples = self.part, self.part.layout.samples
        chosen = slice(a * samples, b * samples) if d in self.form.whole else slice((b - a) * samples)
        rows = self.rows[d][chosen]
        if part.layout.columns > part.shape[-1]:  # all samples form one row
            rows = rows.reshape(-1, part.shape[-1])
        return rows

    def add(self, a: int, b: int) -> None:
        """Add a chunk's share to the weight gradients, and write its input gradients."""
        chunk, d_inputs = a // (self.running.chunk or 1), self.form.d_inputs
        # A finite sum has finite terms only, and has fewer elements to check.
        self.finite = {d: all_finite(self.totals.get(d, array), self.part.backend) for d, array in self.packed.items()}
        for k, by_events in self.by_events.items():
            by_events.add(chunk, self.packed[d_inputs[k]], self.finite[d_inputs[k]])
        for k in self.direct:
            first = self.form.direct[d_inputs[k]]
            if first != k:
                self.by_input[k][a:b] = self.by_input[first][a:b]
        for k in self.weighted:
            current: Any = self.part.currents[k]
            adds = self.wants_weight[k] and k not in self.by_events and k not in self.summed
            if not adds and k not in self.by_input:
                continue
            gradient = current.laid(self.made(d_inputs[k], a, b))
            if adds:
                self.added[k] = current.add(a, b, gradient, self.added.get(k))
            if k in self.by_input:
                current.back(gradient, a, b, self.by_input[k], self.places.get(k))

    def result(self, states: list[Array]) -> list[Tensor | None]:
        """Return the gradients of inputs, weights, states and Parameters."""
        part = self.part
        found: list[Tensor | None] = []
        for k in self.wants:
            current: Any = part.currents[k]
            if k in self.few:
                rows = self.rows[self.form.d_inputs[k]].reshape(-1, current.n_out)
                found.append(Factored(rows, current.weight, current.x.shape))
            else:
                made = self.by_input.get(k)
                floating = current.x.dtype.kind == "f"
                found.append(None if made is None or not floating else Pooled(made))
        for k in self.weighted:
            current = part.currents[k]
            gradient = None
            if k in self.summed:
                gradient = current.of_sum(self.totals[self.form.d_inputs[k]])
            elif self.wants_weight[k]:
                gradient = self.by_events[k].result() if k in self.by_events else current.weight_gradient(self.added.get(k))
            found.append(None if gradient is None else Tensor.wrap(gradient))
        found += [
            Tensor.wrap(s.reshape(part.shape)) if asked else None for s, asked in zip(states, self.wants_starts, strict=True)
        ]
        return found + [None if d is None else Tensor.wrap(self.totals[d].reshape(part.shape)) for d in self.form.parameters]


class CableBack:
    """The backward pass along a cable."""

    def __init__(
        self, running: Running, cable: Cable, wanted: bool, parts: Sequence[PartBack], saved: Saved, shared: Shared
    ) -> None:
        self.running, self.cable, self.wanted, self.saved, self.shared = running, cable, wanted, saved, shared
        self.cotangent = cable.value_sent.cotangent
        self.source, self.target = parts[cable.source], parts[cable.target]
        start = cable.value_sent.start if cable.late else None
        self.start = None if start is None else self.source.part.starts[start]
        listed = cable.wire is not None and cable.wire.listed and cable.amplitude is not None
        self.by_events = self._by_events() if wanted and listed else None
        given = self.start is not None and bool(self.start.array.any())
        self.needs_rows = wanted and cable.wire is not None and (self.by_events is None or given)
        self.starts = given or cable.amplitude is None
        self.total: Any = None
        self.places = self._places()

    def _values_sent(self) -> Array:
        values: dict[int, Array] = self.saved.values[self.cable.source]
        return values[self.cable.form.number_sent]

    def _by_events(self) -> Any:
        """Return the sum over events; for a cable that arrives in the next step, row t uses the events of step t - 1."""
        assert self.cable.wire is not None
        samples, known = self.running.samples, self.shared.events
        key = self.cable.source, self.cable.form.number_sent, self.cable.late
        if key not in known:
            part = self.source.part
            known[key] = self.shared.sent(self._values_sent(), part.layout.columns, samples * self.cable.late, part.backend)
        rows = (self.running.chunk or 0) * samples
        return self.cable.wire.by_events(known[key], rows, self.shared.by_column)

    def _places(self) -> Array | None:
        """Return bytes that mark where the gradient of the value sent is needed; None if nearly everywhere."""
        cable = self.cable
        if cable.wire is None or cable.weights is None or self.cotangent < 0 or not Packed.finite(cable.weights.weight.array):
            return None
        if cable.late and cable.value_sent.start is not None and self.source.wants_starts[cable.value_sent.start]:
            return None
        flags = self.running.gradient_mask_bytes(cable.source, self.saved, self.running.gradient_mask(cable))
        return None if flags is None or self.shared.share(flags) >= cable.wire.sampled_below else flags

    def weights(self) -> dict[str, Any]:
        """Return the arguments of its link."""
        return {} if self.cable.wire is None else self.cable.wire.back(self.places is not None)

    def add(self, a: int, b: int) -> None:
        """Add a chunk's share to the weight gradient."""
        if not self.wanted:
            return
        d = self.target.form.d_inputs[self.cable.input]
        if self.by_events is not None:
            self.by_events.add(a // (self.running.chunk or 1), self.target.packed[d], self.target.finite[d])
        wire, late = self.cable.wire, self.cable.late
        if not self.needs_rows or wire is None:
            return
        columns, samples = self.source.part.layout.columns, self.running.samples
        rows = self.target.rows[d][: (b - a) * samples, : self.target.part.layout.columns]
        values: list[Array] = []
        if self.start is not None and a == 0 and self.starts:
            values.append(self.start.array.reshape(-1, columns))
        if self.by_events is None:
            values.append(self._values_sent()[max(a - 1, 0) if late else a : b - late].reshape(-1, columns))
        if self.cable.amplitude is None:
            values = [np.concatenate(values)]
        first = 0 if self.starts or not late or a > 0 else samples
        for each in values:
            if len(each):
                self.total = wire.add(each, rows[first : first + len(each)], self.total)
                first += len(each)

    def result(self) -> Array | None:
        """Return the weight gradient."""
        if not self.wanted:
            return None
        assert self.cable.wire is not None
        found: Array | None = None if self.by_events is None else self.by_events.result()
        if self.total is not None or found is None:
            more = self.cable.wire.weight_gradient(self.total)
            found = more if found is None else found + more
        return found
