"""Short runs of small stages: if only values differ from an earlier run, fill in the arrays and call the same loops.

For small layers, shapes and dtypes alone decide how :class:`~snn.compiled.part.Part`,
:class:`~snn.compiled.stage.Running` and :class:`~snn.compiled.back.Back` run a stage of one core. The first run decides in
full; later runs repeat its decisions, to the same bits. A run first compares everything that may differ, and takes the full
way if anything does.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor
from autograd.dtypes import Array
from autograd.graph import Node
from autograd.state import state as thread

from ..common.structure import is_repeated
from ..engine import tuning
from ..engine.blas import one_thread_each
from ..engine.threads import thread_count
from ..spikes import Spikes
from .back import Back
from .back_replay import BackReplay, product_of
from .call import Call
from .form import Ready
from .gradient_masks import makers
from .layout import Stream, laid_out, stream
from .part import Given
from .stage import Running, Saved, Steps
from .work import order_of

__all__ = ["Replay", "Replayed", "replay_of"]

_u = np.uint64


def replay_of(running: Running) -> Replay | None:
    """Return the part of a run that later runs can share; None if the way through the stage depends on values."""
    part, options, limits = running.parts[0], running.options, tuning.now()
    if len(running.parts) > 1 or options.checkpoint is not None or options.check or options.seen is not None or running.empty:
        return None
    if part.mask is not None or part.row_axes or part.records or not part.plan.same_amplitudes:
        return None
    if running.steps * part.layout.samples * part.layout.columns > limits.replayed or _overruled():
        return None
    if len(running.pieces(0, running.steps)) > 1:
        return None
    for item, current in zip(part.given, part.currents, strict=True):
        if current is None or not current.by_shape or not (item.weights is None or item.weights.by_attributes):
            return None
    return Replay(running)


def _overruled() -> bool:
    return bool(os.environ.get("SPIKECELL_PRODUCT"))


class Replay:
    """The decisions and loops that runs of a stage share."""

    def __init__(self, running: Running) -> None:
        part = running.parts[0]
        self.part, self.plan, self.form, self.layout = part.emptied(), part.plan, running.form, part.layout
        self.options, self.kept, self.steps, self.threads = running.options, running.kept, running.steps, running.threads
        self.shape, self.limits = part.shape, tuning.now()
        self.inputs = [(item.x.shape, item.x.dtype, is_repeated(item.x.array)) for item in part.given if item.x is not None]
        self.connections = [item.weights for item in part.given]
        self.weights = [None if each is None else (each.weight.shape, each.weight.dtype) for each in self.connections]
        self.ways: list[tuple[Any, str]] = [(type(current), current.why) for current in part.currents if current is not None]
        self.sizes = [array.shape for array in part.arrays.values()]
        self.biases = [
            (each.bias, place, self.plan.numbers[place])
            for each, slot in zip(self.connections, part.slots, strict=True)
            if each is not None and each.bias is not None and (place := self.plan.places.get(id(slot))) is not None
        ]
        self.direct = {i: k for k, i in enumerate(self.plan.inputs) if self.connections[k] is None}
        self.backs: dict[Any, BackReplay] = {}
        self._calls: dict[bool, Call] = {}

    def call(self, ready: Ready, backward: bool) -> Call:
        """Return the call of a loop of the stage."""
        span, members, jobs = self.layout.jobs(False, self.threads)
        order = order_of(self.steps, backward)
        first = {"samples": _u(self.layout.samples), "order": order, "span": _u(span), "members": _u(members)}
        return Call(ready, self.layout, [first[name] for name in ready.loop.head], jobs)

    @property
    def allowed(self) -> bool:
        """Whether the thresholds and the number of threads are those of the first run."""
        return tuning.now() is self.limits and thread_count() == self.threads and not _overruled()

    def fits(self, xs: Sequence[Tensor]) -> bool:
        """Return whether only values of the inputs, and of the weights, differ from the first run."""
        return self.takes(xs) and self.plan.unchanged()

    def takes(self, xs: Sequence[Tensor]) -> bool:
        """Return whether the inputs and the weights have the shapes and dtypes of the first run."""
        for x, (shape, dtype, repeated) in zip(xs, self.inputs, strict=True):
            if x.shape != shape or x.dtype != dtype or (not isinstance(x, Spikes) and is_repeated(x.array)) != repeated:
                return False
        for each, like in zip(self.connections, self.weights, strict=True):
            if each is not None and (each.cell.hooked or ((array := each.weight.array).shape, array.dtype) != like):
                return False
        return True

    def now(self) -> Now | None:
        """Return what the stage reads besides its inputs and states; None if anything but values differs."""
        plan = self.plan
        plan.require_open()
        arrays, parameters = plan.arrays(), list[Tensor](plan.parameters)
        for bias, place, numbers in self.biases:
            parameters[place] = bias
            for i in numbers:
                arrays[i] = bias.array
        if [array.shape for array in arrays.values()] != self.sizes:
            return None
        return Now(arrays, parameters, [None if each is None else each.weight.array for each in self.connections])

    def nodes(self, xs: Sequence[Tensor], starts: Sequence[Tensor], now: Now) -> list[Node | None]:
        """Return the parents of a run in the autograd graph, in the order of :attr:`Running.inputs`."""
        found = [x.node for x in xs]
        found += [each.weight.node for each in self.connections if each is not None]
        return found + [t.node for t in (*starts, *now.parameters)]

    def run(self, xs: list[Tensor], starts: list[Tensor], now: Now, record: bool) -> Replayed:
        """Run the stage on inputs and states that fit; ``record`` if its gradients may be needed."""
        layout, arrays = self.layout, now.arrays
        streams = []
        for x, weight, (way, _) in zip(xs, now.weights, self.ways, strict=True):
            if weight is None:
                streams.append(stream(x.array, layout))
                continue
            rows = (x.array[0] if way.constant else x.array).reshape(-1, weight.shape[1])
            made = np.matmul(rows, weight.T, out=np.empty((len(rows), len(weight)), weight.dtype))
            streams.append((made.reshape(-1), (0, *layout.strides[1:]) if way.constant else layout.strides))
        call = self._calls.get(record) or self._forward(record)
        written = self.part.empty(self.form.written[record][0], self.steps)
        states = [np.ascontiguousarray(s.array).reshape(-1) for s in starts]
        ends = [np.empty_like(s) for s in states]
        scalars = [arrays[i].reshape(-1) for i in call.body.scalars]
        pars = [laid_out(arrays[i], layout, self.shape) for i in call.body.parameters]
        call.run(
            streams, [(array.reshape(-1), layout.strides) for array in written.values()], pars,
            start=states, end=ends, scalar=scalars,
        )  # fmt: skip
        kept = {i: written[i] for i in self.form.kept[0]} if record else {}
        return Replayed(self, xs, starts, now, pars, scalars, kept, self.part.results(written, ends))

    def _forward(self, record: bool) -> Call:
        self._calls[record] = call = self.call(self.form.forward((tuple(self.form.written[record][0]),)), False)
        return call


class Now(NamedTuple):
    """Other values than inputs and states that a stage reads: arrays by number, Parameters, and the weight of each input."""

    arrays: dict[int, Array]
    parameters: list[Tensor]
    weights: list[Array | None]


class Replayed(Steps):
    """A run of a replay, and the rule for its backward pass.

    Attributes
    ----------
    outs : list of Tensor
        Its outputs and final states, at no place in the autograd graph.
    pulled : bool
        Whether it has run backward.
    used : BackReplay or None
        What the last backward pass used; None if it took the full way.
    """

    pulled = False
    used: BackReplay | None = None

    def __init__(
        self, replay: Replay, xs: list[Tensor], starts: list[Tensor], now: Now, pars: list[Stream], scalars: list[Array],
        kept: dict[int, Array], outs: list[Tensor],
    ) -> None:  # fmt: skip
        self.replay, self.xs, self.starts, self.now = replay, xs, starts, now
        self.pars, self.scalars, self.kept, self.outs, self.parts = pars, scalars, kept, outs, [replay.part]

    @functools.cached_property
    def saved(self) -> Saved:
        """The values for the backward pass."""
        return Saved(None, [self.kept])

    def placed(self, parents: Sequence[Node | None]) -> list[Tensor]:
        """Return the outputs and final states, each with its own place in the autograd graph."""
        return self.linked(self.outs, parents, self.saved)

    def running(self) -> Running:
        """Return the same run as a full one."""
        from .again import pull_eagerly

        replay = self.replay
        given = [Given(x, connection) for x, connection in zip(self.xs, replay.connections, strict=True)]
        part = replay.part.filled(given, self.starts, self.now.arrays, self.now.parameters)
        part.currents = [
            kind(x, why) if weight is None else kind(x, weight, why, part.backend)
            for x, weight, (kind, why) in zip(self.xs, self.now.weights, replay.ways, strict=True)
        ]
        return Running([part], [], replay.options, replay.kept, Back, pull_eagerly)

    def gradient_mask_bytes(self, n: int, saved: Saved, gradient_mask: int | None) -> Array | None:
        """See :class:`snn.compiled.stage.Steps`."""
        return self.running().gradient_mask_bytes(n, saved, gradient_mask)

    def pull(self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        """Run the backward pass; see :meth:`Running.pull`."""
        key = None if thread.recording or not self.replay.allowed else self._key(node, g, wanted)
        self.pulled, self.used = True, None
        if key is None:
            return self.running().pull(node, g, wanted)
        known = self.replay.backs
        if key in known:
            self.used = known[key]
            return one_thread_each(lambda: known[key].run(self, g))
        back = Back(self.running(), node, g, wanted)
        found: list[Tensor | None] = one_thread_each(back.run)
        call = self.replay.call(back.form.ready, True)
        known[key] = self.used = BackReplay(back, self.replay.part, call, self.replay.direct)
        return found

    def _key(self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> Any:
        """Return the key of a backward pass; None if values decide its way."""
        few = []
        for k, (weight, parent) in enumerate(zip(self.now.weights, node.parents, strict=False)):
            before = makers(parent) if weight is not None and wanted[k] else None
            if before is not None and weight is not None and (len(before) > 1 or len(weight) > self.replay.limits.few_outputs):
                return None
            few.append(before is not None)
        return tuple(g), product_of(g.get(0)), tuple(wanted), tuple(few)
