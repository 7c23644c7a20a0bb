"""The result of tracing a core: its program, the values that the forward pass saves, its loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd import Cell, Parameter, Tensor, ops, tree
from autograd.dtypes import bool_
from autograd.errors import GradientError
from autograd.state import state as thread
from autograd.trace import Trace

from ..common.structure import check_kept, label, observed
from ..engine import analysis, cut
from ..graphs.graph import Edge, Graph
from ..graphs.stages import Core
from ..tracing.guard import Dependencies
from ..tracing.traced import KEPT, Traced, number_of, pair, symbol, trace_twice

__all__ = ["Plan", "SentValue", "keep", "plan_for", "step_of"]

_OUTLINES = 32


@dataclass(eq=False)
class SentValue:
    """A value that is sent to other cores of a group.

    Attributes
    ----------
    value : int
        Number in the program; ``flag`` is the number of the bool that marks where it is not 0, if it is spikes.
    cotangent : int
        Number of the cotangent that the gradients of the receivers are added to.
    amplitude : int or None
        Number of the amplitude of the spikes.
    start : int or None
        Position of the state that is sent, if the value arrives in the next step.
    """

    value: int
    flag: int | None
    cotangent: int
    amplitude: int | None
    start: int | None


class Plan(Traced):
    """A traced step of a core: ``(inputs, before, mask?) -> (outs, records, after)``.

    Attributes
    ----------
    program : Program
        Forward and backward pass.
    inputs, before, after, outs, records : list of int
        Numbers of values.
    parameters : list of Parameter
        Parameters that it reads; ``places`` has their positions by id, and ``numbers`` their numbers.
    flags, amplitudes : list of int or None
        For each output that is spikes, the bool that marks where it is not 0, and its amplitude.
    saved : list of int
        Values of the forward pass that the backward pass needs.
    same_amplitudes : bool
        Whether the amplitudes of its outputs depend on no Parameter.
    """

    def __init__(self, t: Trace, masked: bool, late: Sequence[int], dependencies: Sequence[Dependencies]) -> None:
        self.dependencies = dependencies
        self.program = program = t.program
        given = list(t.inputs)
        self.mask: int | None = given.pop() if masked else None
        self.inputs, self.before = list(given[0]), list(given[1])
        self.outs, self.records, self.after = (list(part) for part in t.outputs)
        self.parameters = [p for p, _ in t.parameters]
        self.places = {id(p): k for k, p in enumerate(self.parameters)}
        self.numbers = [[i for i, owner in program.owners.items() if owner is p] for p in self.parameters]
        gradients = list(t.gradients)
        n = len(self.inputs)
        self.d_inputs: list[int | None] = gradients[:n]
        zero = [program.constant(0, program.instructions[i].dtype) for i in self.before]
        self.d_before = [  # whole numbers and bools have no gradient
            z if d is None or program.instructions[i].dtype.kind != "f" else d
            for i, d, z in zip(self.before, gradients[n : n + len(self.before)], zero, strict=True)
        ]
        self.d_parameters = {id(p): d for p, d in t.parameters}
        arriving = list(t.cotangents)
        k, m = len(self.outs), len(self.records)
        self.d_outs, self.d_records, self.d_after = arriving[:k], arriving[k : k + m], arriving[k + m :]
        wanted = [d for d in (*self.d_inputs, *self.d_before, *self.d_parameters.values()) if d is not None]
        found = [analysis.spiking(program, i) for i in self.outs]
        self.flags = [None if f is None else f[0] for f in found]
        self.amplitudes = [None if f is None else f[1] for f in found]
        self.late = {i: self._late(i) for i in late}
        kept = () if self.mask is None else (self.mask,)
        forward = program.needed([*self.outs, *self.records, *self.after])
        self.saved = cut.choose_saved(program, forward, wanted, kept)
        self.gradient_masks = [None if d < 0 else analysis.influence(program, d, wanted) for d in self.d_outs]
        late_ends = {i: self.d_after[i] for i in late if self.d_after[i] >= 0}
        self.late_gradient_masks = {i: analysis.influence(program, d, wanted) for i, d in late_ends.items()}
        outs = zip(self.outs, self.flags, self.d_outs, self.amplitudes, strict=True)
        self.values_sent = [SentValue(value, flag, cotangent, amplitude, None) for value, flag, cotangent, amplitude in outs]
        """The outputs as values sent to other cores in the same step."""
        self.settle()
        self.same_amplitudes = not any(self.is_learnt(i) for i in self.amplitudes if i is not None)

    def unchanged(self) -> bool:
        """Return whether everything that it was traced from is unchanged."""
        return all(part.unchanged() for part in self.dependencies)

    def require_open(self) -> None:
        """Check that no custom bprop hides a gradient that is wanted."""
        for parameter, error in self.program.hidden:
            if thread.recording and parameter.node is not None:
                raise GradientError(error.where, error.expected, error.got, error.fix)

    def _late(self, state: int) -> SentValue:
        """Return a state as a value sent to other cores in the next step."""
        before, after = self.before[state], self.after[state]
        known = {before: number_of(ops.not_equal(symbol(self.program, before), 0))}
        found = analysis.spiking(self.program, after, known)
        flag, amplitude = (None, None) if found is None else found
        return SentValue(after, flag, self.d_after[state], amplitude, state)


def plan_for(
    graph: Graph, core: Core, kept: dict[Any, Any], dtypes: Sequence[Any], biases: Sequence[Parameter | None],
    late: Sequence[int], names: Sequence[str], masked: bool,
) -> tuple[Plan, list[tuple[str, str]]]:  # fmt: skip
    """Return the plan of a core, traced anew only if a population has changed, and the names of its records.

    Parameters
    ----------
    graph, core : Graph, Core
        The core to trace, and the graph it belongs to.
    kept : dict
        Keeps plans of cores without a population; a population keeps its own.
    dtypes : sequence of dtype
        Dtypes of the inputs, then of the states.
    biases : sequence of Parameter or None
        The bias added to each input.
    late : sequence of int
        Positions of the states that are sent to other cores in the next step.
    names : sequence of str
        Names to record from the populations.
    masked : bool
        Whether there is a mask.

    Raises
    ------
    CompileError
        If the core cannot be traced.
    GradientError
        If a wanted gradient is hidden by a custom bprop.
    """
    kept = kept if core.population is None else core.population.what.kept()
    outline, held = core.outline(graph)
    key = (outline, tuple(dtypes), tuple(map(id, biases)), tuple(late), tuple(names), masked)
    plans = kept.setdefault("plans", {})
    known: list[Any] = plans.get(key, [])
    found = next((item for item in known if item[0].unchanged()), None)
    if found is None:
        found = (*_traced(graph, core, dtypes, biases, late, names, masked), held)
        keep(plans, key, [found, *known][:KEPT], _OUTLINES)
    plan, records, _ = found
    plan.require_open()
    return plan, [(core.nodes[k].path, what) for k, what in records]


def keep(known: dict[Any, Any], key: Any, value: Any, most: int) -> None:
    """Keep a value in a dict, in place of the oldest ones if there are too many; other threads may do so meanwhile."""
    known[key] = value
    keys = list(known)
    for old in keys[: max(0, len(keys) - most)]:
        if old != key:
            known.pop(old, None)


def _traced(
    graph: Graph, core: Core, dtypes: Sequence[Any], biases: Sequence[Parameter | None], late: Sequence[int],
    names: Sequence[str], masked: bool,
) -> tuple[Plan, list[tuple[int, str]]]:  # fmt: skip
    n = len(core.inputs)
    records: list[tuple[int, str]] = []
    step = _step(graph, core, biases, names, masked, records)
    inputs = (tuple(dtypes[:n]), tuple(dtypes[n:]), *((bool_,) if masked else ()))
    parameters = [p for p in biases if p is not None]
    cells = [node.what for node in core.nodes if node.kind in ("population", "layer")]
    for cell in cells:
        parameters += [p for p in cell.get_parameters() if not any(p is q for q in parameters)]
    where = f"{type(cells[0]).__name__}.construct" if cells else core.name
    t, dependencies = trace_twice(step, inputs, parameters, cells, where)
    return Plan(t, masked, late, dependencies), records


def step_of(part: Any, biases: Sequence[Any]) -> Callable[..., Any]:
    """Return one step of a part with these biases: ``(inputs, before, mask?) -> (outs, records, after)``."""
    names = tuple(dict.fromkeys(what for _, what in part.records))
    return _step(part.graph, part.core, biases, names, part.mask is not None, [])


def _step(
    graph: Graph, core: Core, biases: Sequence[Parameter | None], names: Sequence[str], masked: bool,
    records: list[tuple[int, str]],
) -> Callable[..., Any]:  # fmt: skip
    """Return one step of a core: its nodes in order, on one element."""

    def step(given: Any, before: Any, *rest: Any) -> tuple[list[Any], list[Any], list[Any]]:
        mask = rest[0] if masked else None
        values: dict[Edge, Any] = {}
        for edge, x, bias in zip(core.inputs, given, biases, strict=True):
            values[edge] = x if bias is None else x + bias
        for node, x in zip(core.states, before, strict=True):
            values[Edge(node.number)] = x
        records.clear()
        recorded: list[Any] = []

        def keep(new: Any, old: Any) -> Any:
            return new if mask is None else ops.where(mask, new, new.dtype.type(0) if old is None else old)

        def value(item: Any) -> Any:
            if not isinstance(item, Edge):
                return item
            if item not in values:
                values[item] = graph.nodes[item.node].what  # a Parameter or an array
            return values[item]

        for place, node in enumerate(core.nodes):
            arguments = [value(item) for item in node.inputs]
            if node.kind == "operation":
                made = node.what(*arguments, **node.attrs)
                outs = list(made) if isinstance(made, tuple) else [made]
            elif node.kind == "layer":
                outs = tree.leaves(Cell.__call__(node.what, *tree.unflatten(node.given, iter(arguments))))
            else:
                n = len(arguments) - len(node.states)
                x, state = (
                    tree.unflatten(like, iter(part))
                    for like, part in ((node.given, arguments[:n]), (node.before, arguments[n:]))
                )
                out, after = pair(node.what, Cell.__call__(node.what, x, state))
                check_kept(after, state, f"{label(node.name, node.what)}, state after a step")
                outs = [out, *tree.leaves(after)]
                for name, (seen, old) in observed(node.what, names, x, state, out, after).items():
                    if node.outer is not None and name == "v_before_reset":
                        continue
                    seen = values.get(node.outer, seen) if name == "x" and node.outer is not None else seen
                    records.append((place, name))
                    recorded.append(keep(seen, old))
            values.update({Edge(node.number, k): out for k, out in enumerate(outs)})
        held = {}
        for node, old in zip(core.states, before, strict=True):
            held[node.number] = old if node.after is None else keep(value(node.after), old)
        outs = [keep(value(edge), None) for edge in core.outs]
        outs = [out if isinstance(out, Tensor) else Tensor(out) for out in outs]
        return outs, recorded, [held[node.number] for node in core.states]

    return step
