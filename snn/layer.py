"""The compiled mode: a layer, weights and neurons, over all time steps as one operation of the graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Cell, Tensor, ops, tree, vjp
from autograd.dtypes import bool_, describe, promote
from autograd.errors import CompileError
from autograd.graph import SELECT, Node
from autograd.state import state as thread

from .currents import SAMPLED, Direct, Listed, Once, Product, choose
from .engine.blas import one_thread_each
from .engine.buffers import empty
from .engine.events import Events, Packed, find_events, padded
from .engine.loop import Body, Link, Loop
from .engine.threads import launch, thread_count
from .layout import Layout, Options, Own, Saved, Stream
from .plan import Plan, plan_for
from .recurrent import Recurrent
from .spikes import Spikes
from .streams import Streams, Work, arguments, link_arguments, order_of
from .structure import record_names
from .watch import check_gradient, check_steps
from .weights import Weights

__all__ = ["Layer", "run_layer"]

Array = np.ndarray[Any, np.dtype[Any]]
_BLOCK = 512
_u = np.uint64


def run_layer(
    cell: Cell | None,
    dense: Weights | None,
    x: Tensor,
    before: Any,
    names: Sequence[str],
    mask: Array | None,
    options: Options,
    name: str = "",
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Run a layer over all time steps of its input.

    Parameters
    ----------
    cell : Cell or None
        A neuron: ``construct(x, state) -> (out, state)``, one element at a time; or a ``Recurrent`` one. None hands on.
    dense : Weights, optional
        Between the input and the neuron.
    x : Tensor
        Input, ``[T, N, ...]``.
    before : structure of Tensor
        State at the start, ``[N, ...]`` each.
    names : sequence of str
        What to record, as for ``snn.run``; what the neuron does not have is left out.
    mask : array of bool, optional
        ``[T, N]``.
    options : Options
        How to run.
    name : str
        Of the neuron in the net, for error messages.

    Returns
    -------
    out : Tensor
        ``[T, N, ...]``, :class:`snn.spikes.Spikes` if the neuron spikes.
    after : structure of Tensor
        State at the end.
    records : dict
        From name to ``[T, N, ...]``.

    Raises
    ------
    CompileError
        If the neuron cannot be traced.
    NonFiniteError
        With ``options.check``, if NaN or infinity comes up.
    """
    work = Layer(cell, dense, x, before, names, mask, options, name)
    if options.seen is not None:
        options.seen(work)
    outs = one_thread_each(work.forward)
    n = 1 + len(work.names)
    return outs[0], tree.unflatten(before, iter(outs[n:])), dict(zip(work.names, outs[1:n], strict=True))


class Layer(Streams):
    """One run of a layer, and the rule by which cotangents pass back through it."""

    def __init__(
        self, cell: Cell | None, dense: Weights | None, x: Tensor, before: Any, names: Sequence[str], mask: Array | None,
        options: Options, name: str = "",
    ) -> None:  # fmt: skip
        self.cell, self.dense, self.x, self.before, self.options, self.name = cell, dense, x, before, options, name
        self.mask, self.where = mask, type(cell).__name__
        before = self.before = tree.map_leaves(self._start, before)
        self.starts: list[Tensor] = tree.leaves(before)
        self.own: Tensor | None = cell.weight if isinstance(cell, Recurrent) and cell.lateral == "all" else None
        self._own_packed: Packed | None = None
        self.own_finite = self.own is None or Packed.finite(self.own.array)
        dtype = x.dtype if dense is None else dense.weight.dtype
        self.names = [] if cell is None else [name for name in names if name in record_names(cell, before)]
        self.check_width(x, *self.starts)
        self.plan: Plan = plan_for(cell, dense, dtype, before, self.names, mask is not None, self.own is not None)
        slot = None if dense is None else dense.slot
        self.parameters: list[Tensor] = [dense.bias if p is slot else p for p in self.plan.parameters]  # type: ignore
        self.check_width(*self.parameters)
        if self.own is not None and promote(self.own.dtype, self.starts[-1].dtype) == self.starts[-1].dtype:
            self.own = self.own if self.own.dtype == self.starts[-1].dtype else ops.cast(self.own, self.starts[-1].dtype)
        elif self.own is not None:
            raise CompileError(
                type(cell).__name__, f"weights of its input's dtype, {self.starts[-1].dtype}", describe(self.own),
                "Make it with dtype=, or run it with mode='eager'.",
            )  # fmt: skip
        self.weights = [w for w in (None if dense is None else dense.weight, self.own) if w is not None]
        self.currents = choose(x, None if dense is None else dense.weight.array, options.jit)
        self.shape = x.shape[1:] if dense is None else (*x.shape[1:-1], dense.out_channels)
        for start in self.starts:
            self.check_start(start)
        self.arrays = self.plan.arrays()
        if dense is not None and slot is not None:
            self.arrays |= {i: dense.bias.array for i, a in self.arrays.items() if a is slot.array}  # type: ignore[union-attr]
        for array in self.arrays.values():
            self.check_parameter(array)
        self.layout = self._layout()
        self.chunk = self.currents.chunk or (None if self.own is None else max(1, 2048 // max(1, self.layout.samples)))
        # A spike without end times nothing is not nothing, and one below zero may be -0.0: both are kept as numbers.
        self.amplitude = self.plan.amplitude_now(self.dtype(self.plan.out), self.arrays)
        bytes_do = np.isfinite(self.amplitude).all() and not np.signbit(self.amplitude.astype(np.float64)).any()
        self.flag = self.plan.flag if bytes_do else None
        self.fires = self._fires()
        self.fed = None if self.own is None else self.plan.fed_flag if self.fires else self.plan.fed
        self.scalars = tuple(i for i, a in self.arrays.items() if np.size(a) == 1)
        self.per_column = tuple(i for i in self.arrays if i not in self.scalars)

    def _start(self, leaf: Any) -> Tensor:
        """Return a part of the state at the start as a Tensor."""
        if isinstance(leaf, Tensor):
            return leaf
        if isinstance(leaf, (np.ndarray, np.generic)):
            return Tensor(leaf)
        raise CompileError(
            f"{type(self.cell).__name__}, state", "Tensors, or () for a neuron without state", describe(leaf),
            "Start it as that in initial_state(x), or run with mode='eager'.",
        )  # fmt: skip

    def _layout(self) -> Layout:
        steps, size = len(self.x), math.prod(self.shape)
        columns, currents = self.shape[-1], self.currents
        narrow = columns < 128 if isinstance(currents, Direct) else isinstance(currents, Product) and currents.few
        if narrow and self.own is None:  # all samples are one row, or few elements would be done at once
            return Layout(steps, 1, size, min(_BLOCK, padded(max(1, size))))
        width = currents.width if isinstance(currents, Listed) else _BLOCK
        return Layout(steps, size // max(1, columns), columns, min(width, padded(max(1, columns))))

    # Segments of time: one, or as many as are computed again; they begin where the chunks begin whose gradients are summed

    def segments(self) -> list[tuple[int, int]]:
        """Return the first step and the one after the last of each segment."""
        length, steps = self.options.checkpoint, len(self.x)
        if length is None:
            return [(0, steps)]
        length = -(-length // (self.chunk or 1)) * (self.chunk or 1)
        return [(t, min(t + length, steps)) for t in range(0, steps, length)]

    def pieces(self, t0: int, t1: int) -> list[tuple[int, int]]:
        """Return the same of the chunks of a segment."""
        chunk = self.chunk or t1 - t0
        return [(t, min(t + chunk, t1)) for t in range(t0, t1, chunk)]

    # Forward

    def forward(self) -> list[Tensor]:
        """Run the forward loops; return out, records and states."""
        parents = [t.node for t in (self.x, *self.weights, *self.starts, *self.parameters)]
        record = thread.recording and any(parents)
        again = self.options.checkpoint is not None
        plan, out = self.plan, self.plan.out if self.flag is None else self.flag
        numbers = {out, *plan.records} - ({plan.out} if self.flag is not None else set())
        if record and self.fed is not None:
            numbers.add(self.fed)
        if record and not again:
            numbers |= {i for i in plan.saved if not self.is_there(i)}
        elif record and plan.mask is None:
            numbers |= {i for i in (plan.matters, plan.own_matters) if i is not None}
        states_seen = self._states_to_check()
        numbers |= set(states_seen)
        written = {i: empty((len(self.x), *self.shape), self.dtype(i)) for i in sorted(numbers)}
        states, lateral = [np.ascontiguousarray(s.array).reshape(-1) for s in self.starts], self._first_lateral()
        boundaries = []
        for t0, t1 in self.segments() if math.prod(self.shape) else ():
            boundaries.append((states, lateral))
            states, lateral = self.run(t0, t1, states, lateral, {i: a[t0:t1] for i, a in written.items()})
        if self.options.check and self.cell is not None:
            check_steps(self.name, self.cell, [written[i] for i in (out, *states_seen)])
        made: Tensor = Tensor.wrap(self.seen(out, written))
        if self.flag is not None:
            made = Spikes(written[out], self.amplitude, self.options.jit)
        outs = [made, *(made if i == plan.out else Tensor.wrap(self.seen(i, written)) for i in plan.records)]
        outs += [Tensor.wrap(s.reshape(self.shape)) for s in states]
        if isinstance(self.currents, Once):
            self.currents.forget()
        if not record:
            return outs
        fed = None if self.fed is None else made if self.fed == out else written[self.fed]
        kept = (plan.matters, plan.own_matters) if again else plan.saved
        saved = {i: written[i] for i in kept if i is not None and i in written}
        node = Node(self, tuple(parents), (), bool_, Saved(boundaries if again else None, saved, fed))
        nodes = [Node(SELECT, (node,), o.shape, o.dtype, attrs=i) for i, o in enumerate(outs)]
        return [
            o.linked(n) if isinstance(o, Spikes) else Tensor.wrap(o.array, n) for o, n in zip(outs, nodes, strict=True)
        ]  # fmt: skip

    def _states_to_check(self) -> list[int]:
        """Return the numbers of the states that a step computes, if all steps are to be looked at."""
        steps = self.plan.program.instructions
        computed = [i for i in self.plan.after if steps[i].kind in ("operation", "convert")]
        return computed if self.options.check else []

    def is_there(self, index: int) -> bool:
        """Tell whether the backward still has an input of the forward."""
        return index == self.plan.mask or (index == self.plan.x and isinstance(self.currents, Direct))

    def run(
        self, t0: int, t1: int, states: list[Array], lateral: Array | None, written: dict[int, Array]
    ) -> tuple[list[Array], Array | None]:
        """Run some steps forward from a state, and write what is asked for; return the state after them."""
        plan, currents = self.plan, self.currents
        listed, fires = isinstance(currents, Listed), self.fires
        if fires and self.fed is not None and self.fed not in written:
            written = {**written, self.fed: empty((t1 - t0, *self.shape), np.uint8)}
        mask_rows, mask_streams = self.masks()
        body = Body(
            (*(() if listed else (plan.x,)), *mask_streams), mask_rows, (plan.x,) if listed else (),
            () if plan.lateral is None else (plan.lateral,), () if self.fed is None else ((self.fed, fires),),
            tuple(zip(plan.before, plan.after, strict=True)), self.scalars, self.per_column, tuple(written),
        )  # fmt: skip
        kind = "events" if fires else "product"
        loop = Loop("forward", (body,), () if plan.lateral is None else (Link(0, 0, 0, 0, kind, True),))
        for a, b in self.pieces(t0, t1) if currents.kind == "dense" else [(t0, t1)]:
            streams = [] if isinstance(currents, Listed) else [self.stream(currents.current(a, b))]
            streams += [self.mask_stream(a, b) for _ in mask_streams]
            ends, after = [np.empty_like(s) for s in states], None if lateral is None else np.empty_like(lateral)
            targets = [(array[a - t0 : b - t0].reshape(-1), self.layout.rows()) for array in written.values()]
            own = None if lateral is None or after is None else Own(self.own_packed().array, lateral, after)
            self.launch(loop, self.layout, a, b, streams, own, states, targets, ends, [])
            states, lateral = ends, after
        return states, lateral

    # What comes back from the layer itself

    def _fires(self) -> bool:
        """Tell whether what comes back is spikes, of one amplitude in each column; a mask may hold what was fired before."""
        if self.own is None or self.plan.fed_flag is None or self.flag is None or not self.own_finite:
            return False
        one = np.size(self.plan.amplitude_now(self.own.dtype, self.arrays)) in (1, self.shape[-1])
        return one and (self.mask is None or self._spiked())

    def _spiked(self) -> bool:
        """Tell whether what was fired before is spikes of the amplitude that they have now."""
        before = self.starts[-1].array
        return bool(((before == 0) | (before == self.plan.amplitude_now(before.dtype, self.arrays))).all())

    def _first_lateral(self) -> Array | None:
        """Return what comes back to the first step, ``[samples, columns and zeros behind]``."""
        if self.own is None:
            return None
        before = self.starts[-1].array.reshape(-1, self.layout.columns)
        lateral = np.zeros((len(before), padded(self.layout.columns)), before.dtype)
        if self.fires and self._spiked():
            events = find_events((before != 0).view(np.uint8), 1, self.options.jit)
            lateral[:, : self.layout.columns] = self.own_packed().currents(events)  # type: ignore[arg-type]
        elif before.any() or not self.own_finite:
            lateral[:, : self.layout.columns] = before @ self.own.array.T
        return lateral

    def own_packed(self) -> Packed:
        """Return the weights from the layer to itself, packed."""
        assert self.own is not None
        if self._own_packed is None:
            amplitude = np.ones(self.layout.columns, self.own.dtype)
            if self.fires:
                amplitude *= self.plan.amplitude_now(self.own.dtype, self.arrays).reshape(-1)
            self._own_packed = Packed(self.own.array, amplitude, self.options.jit, narrow=False)
        return self._own_packed

    # Backward

    def pull(self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        """Run the backward loops; when an outer transform is watching, differentiate the eager run instead."""
        from .backward import Backward

        if thread.recording:
            return self._pull_eagerly(g, wanted)
        if not math.prod(self.shape):
            return self._nothing(wanted)
        found = one_thread_each(Backward(self, node, g, wanted).run)
        if self.options.check and self.cell is not None:
            check_gradient(self.name, self.cell, g, found)
        return found

    def _nothing(self, wanted: Sequence[bool]) -> list[Tensor | None]:
        """Return the gradients of a run without samples or neurons: zeros."""
        inputs = (self.x, *self.weights, *self.starts, *self.parameters)
        return [Tensor.wrap(np.zeros(t.shape, t.dtype)) if asked else None for t, asked in zip(inputs, wanted, strict=True)]

    def _pull_eagerly(self, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        from .simulate import run

        dense = self.dense
        factors = [] if dense is None else [dense.weight] if dense.bias is None else [dense.weight, dense.bias]
        inputs = [self.x, *factors, *self.starts]
        floating = [i for i, t in enumerate(inputs) if t.dtype.kind == "f"]
        held = {i: p for i, p in enumerate(self.plan.parameters) if p is self.parameters[i]}
        own = [] if self.own is None else [self.cell.weight]  # type: ignore[union-attr]

        def again(*given: Tensor) -> tuple[Tensor, ...]:
            now = dict(enumerate(inputs)) | dict(zip(floating, given, strict=True))
            x, *rest = now.values()
            for k, factor in enumerate(rest[: len(factors)]):
                x = x + factor if k else ops.matmul(x, ops.transpose(factor))
            if self.cell is None:
                return (x,)
            before = tree.unflatten(self.before, iter(rest[len(factors) :]))
            out, after, records = run(self.cell, x, before, self.names, self.mask, mode="eager")
            return (out, *(records[name] for name in self.names), *tree.leaves(after))

        outs, pullback = vjp(again, *(inputs[i] for i in floating), weights=[*own, *held.values()], allow_unused=True)
        outs = outs if isinstance(outs, tuple) else (outs,)
        by_inputs, by_weights = pullback(*[g.get(i, ops.zeros_like(o)) for i, o in enumerate(outs)])
        arrived = dict(zip(floating, (by_inputs,) if len(floating) == 1 else by_inputs, strict=True))
        by_input = [arrived.get(i) for i in range(len(inputs))]
        by_parameter = dict(zip(held, by_weights[len(own) :], strict=True))
        n = len(factors)
        found = [by_input[0], *by_input[1 : 1 + min(n, 1)], *by_weights[: len(own)], *by_input[1 + n :]]
        found += [by_parameter[i] if i in held else by_input[2] for i in range(len(self.parameters))]
        return [d if asked else None for d, asked in zip(found, wanted, strict=True)]

    def where_it_matters(self, saved: Saved, matters: int | None) -> Events | None:
        """Return where a bool of the program holds that says where a gradient matters, if that is not nearly everywhere."""
        plan = self.plan
        if matters is None or plan.mask is not None:
            return None
        if matters in saved.values:
            events = find_events(saved.values[matters], None, self.options.jit)
            return events if events is not None and events.density < SAMPLED else None
        needs = [i for i in plan.program.needed([matters], frozenset(plan.saved)) if i in plan.saved]
        flags = empty((len(self.x), *self.shape), np.uint8)
        body = Body(tuple(needs), scalars=self.scalars, parameters=self.per_column, written=(matters,))
        loop = Loop("matters", (body,))
        # The input is looked at only where it is needed: that of spikes would be made into numbers, and kept.
        streams = [self.stream(saved.values[i] if i in saved.values else self.x.array) for i in needs]  # noqa: SIM401
        self.launch(loop, self.layout, 0, len(self.x), streams, None, [], [(flags.reshape(-1), self.layout.rows())], [], [])
        events = find_events(flags, None, self.options.jit)
        return events if events is not None and events.density < SAMPLED else None

    def launch(
        self, loop: Loop, layout: Layout, t0: int, t1: int, streams: Sequence[Stream], own: Own | None, starts: list[Array],
        written: Sequence[Stream], ends: list[Array], sums: list[Array], arrived: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        """Run a loop over some steps; ``arrived`` are its arguments of that name."""
        function, source, functions = self.plan.function(loop, self.options.jit)
        (body,) = loop.bodies
        firsts, lasts = ([], []) if own is None else ([own.first], [own.last])
        work = Work(body, layout, streams, starts, ends, written, sums, firsts, lasts, arrived)
        listed = [self.currents] if isinstance(self.currents, Listed) else []
        given: dict[str, Any] = {"samples": _u(layout.samples), "order": order_of(t1 - t0, loop.backward)}
        given |= arguments("", self, listed, work, t0, t1)
        jobs = layout.blocks * layout.samples
        if own is not None:
            group = max(1, -(-layout.samples // thread_count()))
            given["group"], jobs = _u(group), -(-layout.samples // group)
            given |= link_arguments(0, own.weights, own.places, t0 * layout.samples)
        given |= {name: self.plan.program.instructions[i].what for name, _, i in source.constants}
        given |= zip(source.places, functions, strict=True)
        launch(function, jobs, [given[name] for name in source.arguments], (t1 - t0) * layout.samples * layout.columns)
