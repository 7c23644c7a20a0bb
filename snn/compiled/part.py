"""A core in one run: its inputs and how they become currents, its states, its layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Parameter, Tensor
from autograd.errors import CompileError

from ..connections import Connection, Direct
from ..engine import tuning
from ..engine.events import Packed, padded
from ..graphs.graph import Edge, Graph
from ..graphs.schedule import Core
from .form import PartForm
from .layout import Layout
from .plan import Plan, Sent, plan_for
from .streams import Streams

__all__ = ["Given", "Part"]

Array = np.ndarray[Any, np.dtype[Any]]
_SLOTS: dict[Any, Parameter] = {}


@dataclass(eq=False)
class Given:
    """An input of a core.

    Attributes
    ----------
    x : Tensor or None
        ``[T, N, ...]``; None for what comes from the group itself.
    weights : Connection or None
        Between that and the input.
    """

    x: Tensor | None
    weights: Connection | None


def slot(dtype: Any, place: int) -> Parameter:
    """Return what stands for the bias of an input in a plan, which all runs share."""
    key = np.dtype(dtype), place
    if key not in _SLOTS:
        _SLOTS[key] = Parameter(np.zeros((), dtype))
    return _SLOTS[key]


class Part(Streams):
    """A core in one run.

    Parameters
    ----------
    graph, core : Graph, Core
        What it is.
    given : list of Given
        Its inputs.
    starts : list of Tensor
        Its states at the start.
    late : list of int
        Which of them arrive elsewhere in the next step.
    names, mask, jit, grouped, kept
        What to record; ``[T, N]`` or None; whether loops are compiled; whether it steps with others; where plans are kept.
    steps : int
        Of the run.
    """

    plan: Plan

    def __init__(
        self, graph: Graph, core: Core, given: list[Given], starts: list[Tensor], late: list[int], names: Sequence[str],
        mask: Array | None, jit: bool, grouped: bool, kept: dict[Any, Any], steps: int,
    ) -> None:  # fmt: skip
        self.graph, self.core, self.given, self.starts, self.mask, self.jit = graph, core, given, starts, mask, jit
        self.steps, self.shape, self.grouped, self.where = steps, core.shape, grouped, core.name
        if len(self.shape) < 1:
            raise CompileError(core.name, "values [N, ...] in each step", "a single number", "Run it with mode='eager'.")
        dtypes = [self._dtype(edge, item) for edge, item in zip(core.inputs, given, strict=True)]
        biases = [None if item.weights is None else item.weights.bias for item in given]
        self.slots = [None if bias is None else slot(dtypes[k], k) for k, bias in enumerate(biases)]
        self.check_width([item.x for item in given if item.x is not None])
        self.check_width(starts)
        self.plan, self.records = plan_for(
            graph, core, kept, [*dtypes, *[s.dtype for s in starts]], self.slots, late, names, mask is not None
        )
        self.arrays, self.parameters = self.plan.arrays(), list[Tensor](self.plan.parameters)
        for place, bias in zip(self.slots, biases, strict=True):
            if place is not None and bias is not None:
                k = self.plan.places[id(place)]
                self.parameters[k] = bias
                self.arrays |= dict.fromkeys(self.plan.numbers[k], bias.array)
        self.check_width(self.parameters)
        for start in starts:
            self.check_start(start)
        self.currents = [
            None if item.x is None else Direct(item.x) if item.weights is None else item.weights.way(item.x, jit)
            for item in given
        ]
        for array in self.arrays.values():
            if array.ndim:
                self.check_parameter(array)
        self.layout = self._layout()
        # inf times 0 is NaN, and an amplitude below zero makes -0.0: keep such values as numbers.
        self.out_amplitudes = [
            self.plan.amplitude_of(a, self.dtype(i), self.arrays)
            for a, i in zip(self.plan.amplitudes, self.plan.outs, strict=True)
        ]
        self.flags = tuple(
            flag if flag is not None and _is_plain(amplitude) else None
            for flag, amplitude in zip(self.plan.flags, self.out_amplitudes, strict=True)
        )
        self.form = self._form()

    def _form(self) -> PartForm:
        ways = tuple(
            None if c is None else "direct" if not c.weighted else "events" if c.listed else "made" for c in self.currents
        )
        scalars = tuple([i for i, a in self.arrays.items() if a.size == 1])
        masks: tuple[tuple[int, ...], tuple[int, ...]] = (), ()
        if self.mask is not None and self.plan.mask is not None:
            number = (self.plan.mask,)
            masks = (number, ()) if self.layout.samples == self.mask.shape[1] else ((), number)
        per_column = () if len(scalars) == len(self.arrays) else tuple([i for i, a in self.arrays.items() if a.size != 1])
        return PartForm(self.plan, ways, self.flags, *masks, scalars, per_column)

    def _dtype(self, edge: Edge, item: Given) -> Any:
        if item.weights is not None:
            return item.weights.weight.dtype
        return self.graph.nodes[edge.node].outputs[edge.output].dtype if item.x is None else item.x.dtype

    def _layout(self) -> Layout:
        size, columns, limits = math.prod(self.shape), self.shape[-1], tuning.now()
        found = [c for c in self.currents if c is not None]
        weighted = [c for c in found if c.weighted]
        narrow = all(c.few and c.in_chunks for c in weighted) if weighted else columns < limits.narrow
        if narrow and not self.grouped:  # all samples are one row, or few elements would be done at once
            return Layout(self.steps, 1, size, min(limits.block, padded(max(1, size))))
        width = min([c.width for c in self.listed], default=limits.block)
        return Layout(self.steps, size // max(1, columns), columns, min(width, padded(max(1, columns))))

    @property
    def listed(self) -> list[Any]:
        """The currents that are summed from events."""
        return [current for current in self.currents if current is not None and current.listed]

    def direct(self, index: int) -> Tensor | None:
        """Return the input of the run that a value of the program is; the backward still has it."""
        for i, current in zip(self.plan.inputs, self.currents, strict=True):
            if i == index and isinstance(current, Direct):
                return current.x
        return None

    def fires(self, sent: Sent, weights: Sequence[Array]) -> Any:
        """Return the amplitude of what is sent if it may be summed as spikes, else None."""
        if sent.flag is None:
            return None
        dtype = self.plan.program.instructions[sent.value].dtype
        amplitude = self.plan.amplitude_of(sent.amplitude, dtype, self.arrays)
        if np.size(amplitude) not in (1, self.shape[-1]) or not _is_plain(amplitude):
            return None
        if self.mask is not None and sent.start is not None and not self.spiked(sent, amplitude):
            return None
        return amplitude if all(Packed.finite(w) for w in weights) else None

    def spiked(self, sent: Sent, amplitude: Any) -> bool:
        """Tell whether what was sent before the run is spikes of the amplitude that they have now."""
        assert sent.start is not None
        before = self.starts[sent.start].array
        return bool(((before == 0) | (before == amplitude)).all())


def _is_plain(amplitude: Any) -> bool:
    """Tell whether an amplitude is finite and not below zero."""
    if np.size(amplitude) == 1:
        value = float(amplitude)
        return math.isfinite(value) and math.copysign(1, value) > 0
    return bool(np.isfinite(amplitude).all() and not np.signbit(np.asarray(amplitude, np.float64)).any())
