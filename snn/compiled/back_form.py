"""The form of a backward pass, shared by all passes that compute the same gradients of a stage."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from autograd.dtypes import Array

from ..engine.buffers import Buffer
from ..engine.events import padded
from ..engine.loop import Body, Link, Loop
from .form import Form, PartForm, Ready
from .layout import Layout
from .plan import keep

__all__ = ["Asked", "BackForm", "PartBackForm", "Rooms", "back_form"]

_KEPT = 4


class Asked(NamedTuple):
    """The gradients that a part must compute in a backward pass. Its inputs here are those from outside, by position.

    Attributes
    ----------
    given : tuple of int
        Positions of the outputs and records that have received cotangents.
    product : bool
        Whether the cotangent of the only output is a product that the loop computes itself.
    direct, rows, packed, whole, sampled, summed : tuple of int
        Inputs by the use of their gradient: wanted itself; needed as rows; laid out for events; needed as rows of all steps;
        needed at some places only; summed over time.
    parameters : tuple of bool
        Which gradients of Parameters are wanted.
    """

    given: tuple[int, ...]
    product: bool
    direct: tuple[int, ...]
    rows: tuple[int, ...]
    packed: tuple[int, ...]
    whole: tuple[int, ...]
    sampled: tuple[int, ...]
    summed: tuple[int, ...]
    parameters: tuple[bool, ...]


class Rooms(NamedTuple):
    """Describes the arrays of a part in a backward pass, by the numbers of :class:`PartBackForm`, and the last by input."""

    rows: dict[int, Buffer]
    packed: dict[int, Buffer]
    totals: dict[int, Buffer]
    inputs: dict[int, Buffer]

    def allocate(self) -> list[dict[int, Array]]:
        """Make the arrays, in the same order; the totals are zero, the others have no values yet."""
        made = [{key: room.empty() for key, room in rooms.items()} for rooms in self]
        for total in made[2].values():
            total[...] = 0
        return made


class PartBackForm:
    """A part in a backward pass.

    Attributes
    ----------
    d_inputs : list of int
        Numbers of the gradients of its inputs.
    cotangents : list of (int, int)
        Numbers of the cotangents from outside, and the positions of their outputs or records.
    kept : tuple of int
        Saved values that the pass reads.
    direct : dict of int to int
        Numbers of the gradients that are wanted themselves, and the first input of each.
    rows, packed : list of int
        Numbers of the gradients of currents: as rows, and laid out for events. ``rows`` includes ``whole`` and ``sampled``.
    parameters : list of int or None
        Numbers of the wanted gradients of Parameters.
    totals : list of int
        Values that are summed over the steps.
    values_sent, arriving : list of int
        Gradients that it sends back, and the numbers to which gradients sent to it are added.
    body : Body
        Its body in the loop.
    """

    def __init__(self, part: PartForm, asked: Asked, d_inputs: list[int], rows: set[int], packed: set[int]) -> None:
        plan = part.plan
        self.part, self.asked, self.d_inputs = part, asked, d_inputs
        self.rows, self.packed = (
            sorted({d_inputs[k] for k in asked.rows} | rows),
            sorted({d_inputs[k] for k in asked.packed} | packed),
        )
        self.whole, self.sampled = ({d_inputs[k] for k in found} for found in (asked.whole, asked.sampled))
        self.direct: dict[int, int] = {}
        for k in asked.direct:
            self.direct.setdefault(d_inputs[k], k)
        self.parameters = [
            plan.d_parameters[id(p)] if wanted else None for p, wanted in zip(plan.parameters, asked.parameters, strict=True)
        ]
        self.totals = list(dict.fromkeys([d for d in self.parameters if d is not None] + [d_inputs[k] for k in asked.summed]))
        self.kept = tuple(i for i in plan.saved if i != plan.mask)
        self.values_sent: list[int] = []
        self.arriving: list[int] = []
        self.cotangents: list[tuple[int, int]] = []
        self.body = Body()
        self._rooms: dict[Any, Rooms] = {}

    def settle(self) -> None:
        """Make the body, once the gradients along cables are known."""
        part, plan, asked = self.part, self.part.plan, self.asked
        positions = {d: i for i, d in enumerate((*plan.d_outs, *plan.d_records)) if d >= 0}
        if asked.product:
            positions.pop(plan.d_outs[0])
        # A cotangent that no transform supplies is no stream: it is zero, or comes from the group alone.
        self.cotangents = [(d, i) for d, i in positions.items() if i in asked.given or d not in self.arriving]
        after = [d if d >= 0 else self._stand_in(k) for k, d in enumerate(plan.d_after)]
        self.body = Body(
            (*(d for d, _ in self.cotangents), *self.kept, *part.mask_streams), part.mask_rows, (), tuple(self.arriving),
            tuple((d, False) for d in self.values_sent), tuple(zip(after, plan.d_before, strict=True)),
            part.scalars, part.per_column,
            (*self.direct, *self.rows, *self.packed), tuple(self.totals), plan.d_outs[0] if asked.product else None,
        )  # fmt: skip

    def rooms(self, layout: Layout, chunk: int, inputs: tuple[tuple[int, tuple[int, ...]], ...]) -> Rooms:
        """Describe the arrays; ``inputs`` are those whose gradients are wanted as arrays, with their shapes."""
        key = layout, chunk, inputs
        found = self._rooms.get(key)
        if found is None:
            found = self._described(*key)
            keep(self._rooms, key, found, _KEPT)
        return found

    def _described(self, layout: Layout, chunk: int, inputs: tuple[tuple[int, tuple[int, ...]], ...]) -> Rooms:
        kept_as, few, columns = self.part.plan.kept_as, chunk * layout.samples, layout.columns
        rows = {d: (layout.steps * layout.samples if d in self.whole else few) for d in self.rows}
        return Rooms(
            {d: Buffer((n, padded(columns) if d in self.sampled else columns), kept_as(d)) for d, n in rows.items()},
            {d: Buffer((layout.blocks, few, layout.width), kept_as(d)) for d in self.packed},
            {d: Buffer((layout.samples * columns,), kept_as(d), False) for d in self.totals},
            {k: Buffer(shape, kept_as(self.d_inputs[k])) for k, shape in inputs},
        )

    def _stand_in(self, k: int) -> int:
        """Return a zero cotangent for a state that is not a float."""
        program = self.part.plan.program
        return program.input(f"nothing{k}", program.instructions[self.part.plan.d_before[k]].dtype).index


def back_form(form: Form, asked: tuple[Asked, ...], cables: tuple[tuple[bool, bool, bool], ...]) -> BackForm:
    """Return the form of a backward pass; the arguments are those of :class:`BackForm`."""
    return form.cached(("back", asked, cables), lambda: BackForm(form, asked, cables))  # type: ignore[no-any-return]


class BackForm:
    """A backward pass through a stage.

    Parameters
    ----------
    form : Form
        The form of the stage.
    asked : tuple of Asked
        The gradients that each part must compute.
    cables : tuple of (bool, bool, bool)
        For each cable: whether the gradient of its weights is summed over events; whether it is needed as rows; whether the
        gradient of the value sent is needed at some places only.
    """

    def __init__(self, form: Form, asked: tuple[Asked, ...], cables: tuple[tuple[bool, bool, bool], ...]) -> None:
        self.form = form
        ways = [*zip(form.cables, cables, strict=True)]
        self.parts: list[PartBackForm] = []
        for n, (part, wants) in enumerate(zip(form.parts, asked, strict=True)):
            numbers = form.d_inputs[n]
            rows = {numbers[c.input] for c, (_, needed, _) in ways if c.target == n and needed}
            packed = {numbers[c.input] for c, (by_events, _, _) in ways if c.target == n and by_events}
            self.parts.append(PartBackForm(part, wants, numbers, rows, packed))
        for c in form.cables:
            if c.value_sent.cotangent >= 0:
                values_sent, d = self.parts[c.target].values_sent, form.d_inputs[c.target][c.input]
                arriving = self.parts[c.source].arriving
                values_sent += [d] * (d not in values_sent)
                arriving += [c.value_sent.cotangent] * (c.value_sent.cotangent not in arriving)
        for back in self.parts:
            back.settle()
        self._ways = ways

    @functools.cached_property
    def ready(self) -> Ready:
        """The loop; made on first access."""
        last, links = len(self.parts) - 1, []
        for c, (_, _, sampled) in self._ways:
            if c.value_sent.cotangent >= 0:
                place = self.parts[c.target].values_sent.index(self.form.d_inputs[c.target][c.input])
                received = self.parts[c.source].arriving.index(c.value_sent.cotangent)
                links.append(Link(last - c.target, place, last - c.source, received, c.kind_back(sampled), c.late))
        bodies = tuple(back.body for back in reversed(self.parts))
        return self.form.ready(Loop("backward", bodies, tuple(links), True), range(last, -1, -1))
