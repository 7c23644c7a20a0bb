"""The form of a stage: the numbers of its values, and its loops ready to be called.

All runs whose inputs come in the same ways share a form. A run looks it up by a key and supplies its arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from autograd.dtypes import float32

from ..engine.backends import BackEnd
from ..engine.loop import Body, Link, Loop
from ..tracing.traced import Loops
from .plan import Plan, SentValue, keep

__all__ = ["CableForm", "Form", "PartForm", "Ready", "form_for"]

_KEPT = 32


class PartForm(NamedTuple):
    """A part of a stage.

    Attributes
    ----------
    plan : Plan
        Its traced program.
    ways : tuple
        The way of each input: "events" are summed in the loop, "direct" is read as it is, "made" is computed before the loop;
        None is an input from the group.
    flags : tuple
        For each output kept as spikes, the number of the bool that marks them.
    mask_rows, mask_streams : tuple of int
        The number of the mask, if it has a value for each row, and if it has one for each element.
    scalars, per_column : tuple of int
        Parameters with one value, and with a value for each column.
    """

    plan: Plan
    ways: tuple[str | None, ...]
    flags: tuple[int | None, ...]
    mask_rows: tuple[int, ...]
    mask_streams: tuple[int, ...]
    scalars: tuple[int, ...]
    per_column: tuple[int, ...]

    def inputs(self, *ways: str) -> tuple[int, ...]:
        """Return the numbers of the inputs that come in the given ways."""
        return tuple(i for i, way in zip(self.plan.inputs, self.ways, strict=True) if way in ways)

    def given_out(self) -> list[int]:
        """Return the numbers of the values written for others: outputs (spikes as bools), then records."""
        outs = [i if flag is None else flag for i, flag in zip(self.plan.outs, self.flags, strict=True)]
        return [*outs, *self.plan.records]

    def saved(self) -> list[int]:
        """Return the numbers of the values that the backward pass needs, except inputs and mask."""
        there = {self.plan.mask, *self.inputs("direct")}
        return [i for i in self.plan.saved if i not in there]

    def looked_at(self) -> list[int]:
        """Return the numbers of the states that a step computes."""
        steps = self.plan.program.instructions
        return [i for i in self.plan.after if steps[i].kind in ("operation", "convert")]


class CableForm(NamedTuple):
    """A cable: its parts, the target's input, the value sent, its wire's kinds, whether it is late and sends spikes."""

    source: int
    target: int
    input: int
    value_sent: SentValue
    kinds: tuple[str, str, str, str] | None
    late: bool
    as_spikes: bool

    @property
    def number_sent(self) -> int:
        """Number of the sent value in the program of the source; the weight gradient needs it too."""
        return self.value_sent.flag if self.as_spikes and self.value_sent.flag is not None else self.value_sent.value

    @property
    def kind(self) -> str:
        """As in :class:`snn.engine.loop.Link`."""
        return "copy" if self.kinds is None else self.kinds[0 if self.as_spikes else 1]

    def kind_back(self, sampled: bool) -> str:
        """Return the kind of its link backward; ``sampled`` if the gradient is needed at some places only."""
        return "copy" if self.kinds is None else self.kinds[3 if sampled else 2]


class Ready(NamedTuple):
    """A loop, the parts of its bodies in order, its function, and the arguments that all runs share."""

    loop: Loop
    order: Sequence[int]
    function: Any
    always: list[Any]

    def work(self, elements: int) -> int:
        """Return the work of the loop, in elements of a forward loop that sums weights.

        A backward loop computes about twice as much, and a loop that has no weights to sum half as much.
        """
        loop = self.loop
        work = 2 * elements if loop.backward else elements
        return work if loop.links or any(body.events for body in loop.bodies) else work // 2


def form_for(kept: dict[Any, Any], *key: Any) -> Form:
    """Return the form of a stage; the key is the arguments of :class:`Form`."""
    known = kept.setdefault("forms", {})
    found: Form | None = known.get(key)
    if found is None:
        found = Form(*key)
        keep(known, key, found, _KEPT)
    return found


class Form:
    """The form of a stage: with checkpoints if ``again``, with a search for NaN if ``check``.

    Attributes
    ----------
    given_out, saved, looked_at : list of list of int
        See :class:`PartForm`.
    kept : list of set of int
        Numbers of the values of each part that are kept for the backward pass.
    written : list of list of list of int
        Numbers of the values of each part that are written, without and with gradients.
    sends : list of list of (int, bool)
        The values that each part sends: numbers, and whether as spikes.
    receives : list of list of int
        Positions of the cables to each part.
    """

    def __init__(
        self, parts: tuple[PartForm, ...], cables: tuple[CableForm, ...], backend: BackEnd, again: bool, check: bool
    ) -> None:
        self.parts, self.cables, self.backend = parts, cables, backend
        self.loops = Loops([part.plan.program for part in parts])
        numbers = range(len(parts))
        self.sends = [list(dict.fromkeys((c.number_sent, c.as_spikes) for c in cables if c.source == n)) for n in numbers]
        self.receives = [[k for k, c in enumerate(cables) if c.target == n] for n in numbers]
        self.given_out = [part.given_out() for part in parts]
        self.saved = [part.saved() for part in parts]
        self.looked_at = [part.looked_at() if check else [] for part in parts]
        self.kept = [self._kept(n, again) for n in numbers]
        self.written = [[self._written(n, record) for n in numbers] for record in (False, True)]
        self._known: dict[Any, Any] = {}

    @functools.cached_property
    def d_inputs(self) -> list[list[int]]:
        """Numbers of the gradients of each part's inputs; the number of a zero where there is none."""
        found = []
        for plan in (part.plan for part in self.parts):
            program, numbers = plan.program, []
            for i, d in zip(plan.inputs, plan.d_inputs, strict=True):
                dtype = program.instructions[i].dtype
                numbers.append(program.constant(0, dtype if dtype.kind == "f" else float32) if d is None else d)
            found.append(numbers)
        return found

    def _kept(self, n: int, again: bool) -> set[int]:
        plan = self.parts[n].plan
        found = {c.number_sent for c in self.cables if c.source == n and c.kinds is not None}
        if not again:
            return found | set(self.saved[n])
        if plan.mask is not None:
            return found
        return found | {i for i in (*plan.gradient_masks, *plan.late_gradient_masks.values()) if i is not None}

    def _written(self, n: int, record: bool) -> list[int]:
        return sorted({*self.given_out[n], *self.looked_at[n]} | (self.kept[n] if record else set()))

    def sent(self, n: int, written: Collection[int]) -> list[int]:
        """Return the numbers of the spikes that a part sends, except those that are written anyway."""
        return [i for i, as_spikes in self.sends[n] if as_spikes and i not in written]

    def cached(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return the object made for a key; make it on first use."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def ready(self, loop: Loop, order: Sequence[int]) -> Ready:
        """Return a loop with its function."""
        function, _, always = self.loops.function(loop, self.backend, order)
        return Ready(loop, order, function, always)

    def forward(self, written: tuple[tuple[int, ...], ...]) -> Ready:
        """Return the forward loop that writes these values of each part."""
        return self.cached(("forward", written), lambda: self._forward(written))  # type: ignore[no-any-return]

    def _forward(self, written: tuple[tuple[int, ...], ...]) -> Ready:
        bodies = []
        for n, (part, numbers) in enumerate(zip(self.parts, written, strict=True)):
            plan = part.plan
            received = tuple(plan.inputs[self.cables[k].input] for k in self.receives[n])
            carried = tuple(zip(plan.before, plan.after, strict=True))
            bodies.append(
                Body(
                    (*part.inputs("direct", "made"), *part.mask_streams), part.mask_rows, part.inputs("events"), received,
                    tuple(self.sends[n]), carried, part.scalars, part.per_column, numbers,
                )
            )  # fmt: skip
        links = [
            Link(c.source, self.sends[c.source].index((c.number_sent, c.as_spikes)), c.target,
                 self.receives[c.target].index(k), c.kind, c.late)
            for k, c in enumerate(self.cables)
        ]  # fmt: skip
        return self.ready(Loop("forward", tuple(bodies), tuple(links)), range(len(self.parts)))

    def gradient_mask_loop(self, n: int, needs: tuple[int, ...], gradient_mask: int) -> Ready:
        """Return the loop that computes, from saved values, the bool that marks where a gradient has an effect."""
        part = self.parts[n]

        def make() -> Ready:
            body = Body(needs, scalars=part.scalars, parameters=part.per_column, written=(gradient_mask,))
            return self.ready(Loop("gradient_mask", (body,)), [n])

        return self.cached(("gradient_mask", n, needs, gradient_mask), make)  # type: ignore[no-any-return]
