"""The compiled mode: a neuron over all time steps as one operation of the graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, ops, tree, vjp
from autograd.dtypes import bool_, describe, float32, float64
from autograd.errors import CompileError, ShapeError
from autograd.graph import SELECT, Node
from autograd.state import state as thread
from autograd.trace import Trace, trace

from .engine import cache, cut, emit, threads
from .structure import like, observed, record_names

__all__ = ["run_neuron"]

Array = np.ndarray[Any, np.dtype[Any]]


def run_neuron(
    cell: Cell, x: Tensor, before: Any, names: Sequence[str], mask: Array | None
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Run a neuron over all time steps of its input current.

    Parameters
    ----------
    cell : Cell
        A neuron: ``construct(x, state) -> (out, state)``, one element at a time.
    x : Tensor
        Input current, ``[T, N, ...]``.
    before : structure of Tensor
        State at the start, ``[N, ...]`` each.
    names : sequence of str
        What to record, as for ``snn.run``; what the neuron does not have is left out.
    mask : array of bool, optional
        ``[T, N]``.

    Returns
    -------
    out : Tensor
        ``[T, N, ...]``.
    after : structure of Tensor
        State at the end.
    records : dict
        From name to ``[T, N, ...]``.

    Raises
    ------
    CompileError
        If the neuron cannot be traced.
    """
    work = _Work(cell, x, before, names, mask)
    outs = work.forward()
    n = 1 + len(work.names)
    after = tree.unflatten(before, iter(outs[n:]))
    return outs[0], after, dict(zip(work.names, outs[1:n], strict=True))


class _Work:
    """One run of a neuron, and the rule by which cotangents pass back through it."""

    def __init__(self, cell: Cell, x: Tensor, before: Any, names: Sequence[str], mask: Array | None) -> None:
        self.cell, self.x, self.before, self.mask = cell, x, before, mask
        self.starts: list[Tensor] = tree.leaves(before)
        self.parameters: list[Parameter] = cell.get_parameters()
        for tensor in (x, *self.starts, *self.parameters):
            if tensor.dtype.kind == "f" and tensor.dtype not in (float32, float64):
                raise CompileError(
                    type(cell).__name__, "float32 or float64", describe(tensor), "Convert it, or run with mode='eager'."
                )
        self.names = [name for name in names if name in record_names(cell, before)]
        dtypes = tree.map_leaves(lambda leaf: leaf.dtype, before)
        step = _step(cell, self.names, mask is not None)
        masks = () if mask is None else (bool_,)
        self.trace = trace(step, x.dtype, dtypes, *masks, parameters=self.parameters)
        self.plan = _plan(self.trace)
        shape = x.shape[1:]
        self.size = math.prod(shape)
        self.inputs = [self._stream(x.array)]
        if mask is not None:
            spread = np.broadcast_to(like(mask, x), x.shape)
            self.inputs.append(self._stream(np.ascontiguousarray(spread)))

    def _stream(self, array: Array) -> tuple[Array, int]:
        """Return an array ``[T, ...]`` flat, with its stride over time: 0 where all steps are the same."""
        if len(array) > 1 and array.strides[0] == 0:
            return np.ascontiguousarray(array[0]).reshape(-1), 0
        return np.ascontiguousarray(array).reshape(-1), self.size

    def forward(self) -> list[Tensor]:
        """Run the forward loop; return out, records and states."""
        parents = [t.node for t in (self.x, *self.starts, *self.parameters)]
        record = thread.recording and any(parents)
        t, program = self.trace, self.trace.program
        (x, before, *mask) = t.inputs
        out, records, after = t.outputs
        saved = [i for i in self.plan.saved if i not in (x, *mask)] if record else []
        carried = tuple(zip(tree.leaves(before), tree.leaves(after), strict=True))
        loop = emit.Loop("forward", (x, *mask), carried, self.plan.parameters, (out, *records, *saved))
        written = [np.empty((len(self.x), *self.x.shape[1:]), program.instructions[i].dtype) for i in loop.written]
        ends = [np.empty(self.x.shape[1:], s.dtype) for s in self.starts]
        starts = [np.ascontiguousarray(s.array) for s in self.starts]
        self._launch(loop, self.inputs, starts, written, ends, [])
        n = 1 + len(records)
        arrays = written[:n] + ends
        if not record:
            return [Tensor.wrap(a) for a in arrays]
        kept = dict(zip(saved, written[n:], strict=True)) | dict(zip((x, *mask), self.inputs, strict=True))
        node = Node(self, tuple(parents), (), bool_, [kept[i] for i in self.plan.saved])
        return [Tensor.wrap(a, Node(SELECT, (node,), a.shape, a.dtype, attrs=i)) for i, a in enumerate(arrays)]

    def pull(self, node: Node, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        """Run the backward loop; when an outer transform is watching, differentiate the eager run instead."""
        if thread.recording:
            return self._pull_eagerly(g, wanted)
        n = 1 + len(self.names)
        t, program = self.trace, self.trace.program
        zero = [program.constant(0, s.dtype) for s in self.starts]
        gradients = [z if d is None else d for d, z in zip(t.gradients[1 : 1 + len(zero)], zero, strict=True)]
        nothing = np.zeros(self.x.shape[1:], program.instructions[t.cotangents[0]].dtype)
        streams = [self._stream(g[i].array) if i in g else (nothing.reshape(-1), 0) for i in range(n)]
        streams += [s if isinstance(s, tuple) else (s.reshape(-1), self.size) for s in node.saved]
        streams += self.inputs[1:]
        mask = t.inputs[2:]
        sums = [
            d if d is not None and asked else None for (_, d), asked in zip(t.parameters, wanted[1 + len(zero) :], strict=True)
        ]
        summed = tuple(d for d in sums if d is not None)
        dx = t.gradients[0] if wanted[0] else None
        loop = emit.Loop(
            "backward", (*t.cotangents[:n], *self.plan.saved, *mask), tuple(zip(t.cotangents[n:], gradients, strict=True)),
            self.plan.parameters, () if dx is None else (dx,), summed, backward=True,
        )  # fmt: skip
        written = [np.empty(self.x.shape, program.instructions[i].dtype) for i in loop.written]
        starts = [
            np.ascontiguousarray(g[n + i].array) if n + i in g else np.zeros(s.shape, s.dtype)
            for i, s in enumerate(self.starts)
        ]
        ends = [np.empty(s.shape, s.dtype) for s in self.starts]
        totals = [np.zeros(self.x.shape[1:], program.instructions[i].dtype) for i in summed]
        self._launch(loop, streams, starts, written, ends, totals)
        result: list[Tensor | None] = [Tensor.wrap(written[0]) if written else None]
        result += [Tensor.wrap(e) if asked else None for e, asked in zip(ends, wanted[1:], strict=False)]
        rest = iter(totals)
        return result + [None if d is None else Tensor.wrap(next(rest)) for d in sums]

    def _pull_eagerly(self, g: dict[int, Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
        from .simulate import run

        def again(x: Tensor, before: Any) -> tuple[Tensor, ...]:
            out, after, records = run(self.cell, x, before, self.names, self.mask, mode="eager")
            return (out, *(records[name] for name in self.names), *tree.leaves(after))

        outs, pullback = vjp(again, self.x, self.before, weights=self.parameters)
        (dx, before), weights = pullback(*[g.get(i, ops.zeros_like(o)) for i, o in enumerate(outs)])
        return [d if asked else None for d, asked in zip((dx, *tree.leaves(before), *weights), wanted, strict=True)]

    def _launch(
        self, loop: emit.Loop, streams: Sequence[tuple[Array, int]], starts: list[Array], written: list[Array],
        ends: list[Array], totals: list[Array],
    ) -> None:  # fmt: skip
        function, constants = self.plan.compiled(loop, self.trace)
        steps = self.trace.program.instructions
        order = np.arange(len(self.x), dtype=np.uint64)
        spread = [self._spread(steps[i].what) for i in loop.parameters]
        arguments = [np.uint64(stride) for _, stride in streams] + [flat for flat, _ in streams]
        arguments += [s.reshape(-1) for s in starts] + spread + [steps[i].what for i in constants]
        arguments += [a.reshape(-1) for a in (*written, *ends, *totals)]
        threads.launch(function, self.size, order[::-1].copy() if loop.backward else order, arguments)

    def _spread(self, parameter: Array) -> Array:
        """Return a parameter with one value for each element."""
        shape = self.x.shape[1:]
        try:
            return np.broadcast_to(parameter, shape).reshape(-1)
        except ValueError:
            raise ShapeError(
                f"{type(self.cell).__name__}, parameter", f"a shape that broadcasts to {list(shape)}", describe(parameter),
                "One value, or one for each feature.",
            ) from None  # fmt: skip


class _Plan:
    """What programs that differ only in numbers share: what is saved, and the loops."""

    def __init__(self, t: Trace) -> None:
        program = t.program
        _, _, *mask = t.inputs
        forward = program.needed(tree.leaves(t.outputs))
        gradients = [d for d in (*t.gradients, *(d for _, d in t.parameters)) if d is not None]
        self.saved = cut.choose_saved(program, forward, gradients, mask)
        self.parameters = tuple(i for i, step in enumerate(program.instructions) if step.kind == "parameter")
        self._loops: dict[Any, tuple[Callable[..., None], list[int]]] = {}

    def compiled(self, loop: emit.Loop, t: Trace) -> tuple[Callable[..., None], list[int]]:
        if loop not in self._loops:
            source, constants = emit.emit(t.program, loop)
            self._loops[loop] = getattr(cache.load(emit.module([source])), loop.name), constants
        return self._loops[loop]


_plans: dict[Any, _Plan] = {}


def _plan(t: Trace) -> _Plan:
    key = (t.program.key(), str(t.inputs), str(t.outputs), *t.gradients, *(d for _, d in t.parameters))
    if key not in _plans:
        _plans[key] = _Plan(t)
    return _plans[key]


def _step(cell: Cell, names: Sequence[str], masked: bool) -> Callable[..., tuple[Tensor, list[Tensor], Any]]:
    """Return one step of a neuron with its records: ``(x, state, *mask) -> (out, records, state)``."""

    def step(x: Tensor, before: Any, *mask: Tensor) -> tuple[Tensor, list[Tensor], Any]:
        out, after = cell(x, before)
        keep = (lambda new, old: ops.where(mask[0], new, old)) if masked else (lambda new, old: new)
        held = iter([keep(new, old) for new, old in zip(tree.leaves(after), tree.leaves(before), strict=True)])
        seen = observed(cell, names, x, before, out, after).values()
        records = [keep(value, 0.0 if old is None else old) for value, old in seen]
        return keep(out, 0.0), records, tree.unflatten(after, held)

    return step
