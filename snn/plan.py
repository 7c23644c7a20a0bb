"""What is known of a neuron once it has been traced: its program, what the forward saves, its loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, ops, tree
from autograd.dtypes import bool_, describe
from autograd.errors import CompileError, GradientError
from autograd.state import state as thread
from autograd.trace import Trace

from .engine import analysis, cut
from .engine.loop import Loop, Source
from .guard import Dependencies
from .structure import check_kept, observed
from .traced import KEPT, Loops, Traced, number_of, pair, symbol, trace_twice

__all__ = ["Plan", "plan_for"]


class Plan(Traced):
    """A traced step of a neuron: ``(x, lateral?, before, mask?) -> (out, records, after)``.

    Attributes
    ----------
    program : Program
        Forward and backward.
    x, lateral, mask : int or None
        Numbers of the inputs.
    before, after : list of int
        Those of the state.
    out : int
        That of the output; ``flag`` that of the bool that says where it is not zero, if it is spikes.
    fed : int or None
        With ``lateral``: that of what comes back in the next step, and ``fed_flag`` that of its bool, if it is spikes.
    saved : list of int
        What the backward needs of the forward.
    """

    def __init__(self, t: Trace, lateral: bool, masked: bool) -> None:
        self.trace, self.program = t, t.program
        inputs = list(t.inputs)
        self.mask: int | None = inputs.pop() if masked else None
        self.x, before = inputs[0], inputs[-1]
        self.lateral: int | None = inputs[1] if lateral else None
        self.before: list[int] = tree.leaves(before)
        self.out, self.records, after = t.outputs
        self.after: list[int] = tree.leaves(after)
        self.parameters = [p for p, _ in t.parameters]
        n = len(self.before)
        zero = [self.program.constant(0, self.program.instructions[i].dtype) for i in self.before]
        gradients = list(t.gradients)
        self.dx: int | None = gradients[0]
        self.d_lateral: int | None = gradients[1] if lateral else None
        self.d_before = [  # whole numbers and bools have no gradient
            z if d is None or self.program.instructions[i].dtype.kind != "f" else d
            for i, d, z in zip(self.before, gradients[1 + lateral : 1 + lateral + n], zero, strict=True)
        ]
        self.d_parameters = {id(p): d for p, d in t.parameters}
        self.d_out, *rest = t.cotangents
        self.d_records, self.d_after = rest[: len(self.records)], rest[len(self.records) :]
        wanted = [d for d in (self.dx, self.d_lateral, *self.d_before, *self.d_parameters.values()) if d is not None]
        known: dict[int, int] = {}
        self.fed = self.after[-1] if lateral else None
        if lateral:
            last = symbol(self.program, self.before[-1])
            known = {self.before[-1]: number_of(ops.not_equal(last, 0))}
        found = analysis.spiking(self.program, self.out)
        self.flag: int | None = None if found is None else found[0]
        self.amplitude: int | None = None if found is None else found[1]
        fed = analysis.spiking(self.program, self.fed, known) if self.fed is not None else None
        self.fed_flag = None if fed is None or self.flag is None else fed[0]
        kept = () if self.mask is None else (self.mask,)
        forward = self.program.needed([self.out, *self.records, *self.after])
        self.saved = cut.choose_saved(self.program, forward, wanted, kept)
        self.matters = analysis.influence(self.program, self.d_out, wanted)
        self.own_matters = analysis.influence(self.program, self.d_after[-1], wanted) if lateral else None
        self.settle()
        self.loops = Loops([self.program])

    def amplitude_now(self, dtype: Any, arrays: dict[int, Any]) -> Any:
        """Return the amplitude of the spikes, of a run's parameters, as an array that nobody else holds."""
        return self.amplitude_of(self.amplitude, dtype, arrays)

    def source(self, loop: Loop) -> Source:
        """Return the emitted source of a loop."""
        return self.loops.source(loop)

    def function(self, loop: Loop, jit: bool) -> tuple[Callable[..., None], Source, list[Any]]:
        """Return a loop, compiled or plain, its source, and the functions of numpy that it calls."""
        return self.loops.function(loop, jit)


_HANDS_ON = Cell()  # stands for a neuron that is not there


def plan_for(
    cell: Cell | None, dense: Any, dtype: Any, before: Any, names: Sequence[str], masked: bool, lateral: bool
) -> Plan:
    """Return the plan of a neuron, traced anew only if the neuron has changed.

    Parameters
    ----------
    cell : Cell or None
        The neuron; None stands for what hands its input on.
    dense : Weights or None
        The factors of the layer whose products are the input; its bias is added to them.
    dtype : dtype
        Of the input current.
    before : structure of Tensor
        State at the start.
    names : sequence of str
        What is recorded.
    masked, lateral : bool
        Whether there is a mask; whether what is fired comes back.

    Raises
    ------
    CompileError
        If it cannot be traced.
    GradientError
        If a gradient is asked for that a custom bprop hides.
    """
    plan = _plan(cell, dense, dtype, before, names, masked, lateral)
    for parameter, error in plan.program.hidden:
        if thread.recording and parameter.node is not None:
            raise GradientError(error.where, error.expected, error.got, error.fix)
    return plan


def _plan(cell: Cell | None, dense: Any, dtype: Any, before: Any, names: Sequence[str], masked: bool, lateral: bool) -> Plan:
    owner = _HANDS_ON if cell is None else cell
    bias: Parameter | None = None if dense is None else dense.slot
    dtypes = tree.map_leaves(lambda leaf: leaf.dtype, before)
    key = (dtype, dtypes if isinstance(dtypes, np.dtype) else str(dtypes), tuple(names), masked, lateral, id(bias))
    known: list[tuple[Dependencies, Plan]] = owner.kept().setdefault(key, [])
    for depends, plan in known:
        if depends.unchanged():
            return plan
    parameters = (
        [] if cell is None else [p for p in cell.get_parameters() if not lateral or p is not getattr(cell, "weight", None)]
    )
    parameters += [] if bias is None else [bias]
    masks = () if not masked else (bool_,)
    laterals = () if not lateral else (dtype if dtype.kind == "f" else np.dtype(np.float32),)
    inputs = (dtype, *laterals, dtypes, *masks)
    step = _step(cell, names, masked, lateral, bias)
    t, dependencies = trace_twice(step, inputs, parameters, [owner], f"{type(owner).__name__}.construct")
    plan = Plan(t, lateral, masked)
    known.insert(0, (dependencies[0], plan))
    del known[KEPT:]
    return plan


def _step(cell: Any, names: Sequence[str], masked: bool, lateral: bool, bias: Parameter | None) -> Callable[..., Any]:
    """Return one step of a neuron with its records."""

    def step(x: Tensor, *rest: Any) -> tuple[Tensor, list[Tensor], Any]:
        mask = rest[-1] if masked else None
        before = rest[1 if lateral else 0]
        x = x if bias is None else x + bias
        if lateral:
            out, after = cell.step(x, rest[0], before)
        else:
            out, after = (x, ()) if cell is None else pair(cell, cell(x, before))
        if not isinstance(out, Tensor):
            raise CompileError(
                f"{type(cell).__name__}.construct", "one Tensor as the output", describe(out),
                "Return one, or run it with mode='eager'.",
            )  # fmt: skip
        check_kept(after, before, f"{type(cell).__name__}, state after a step")

        def keep(new: Tensor, old: Any) -> Tensor:
            return new if mask is None else ops.where(mask, new, old)

        held = iter([keep(new, old) for new, old in zip(tree.leaves(after), tree.leaves(before), strict=True)])
        seen = observed(cell, names, x, before, out, after).values() if cell is not None else ()
        records = [keep(value, value.dtype.type(0) if old is None else old) for value, old in seen]
        return out if mask is None else keep(out, out.dtype.type(0)), records, tree.unflatten(after, held)

    return step
