"""A core in one run: its inputs, their way to currents, its states and its layout."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Parameter, Tensor
from autograd.dtypes import Array, describe, float32, float64
from autograd.errors import CompileError, ShapeError

from ..connections import Connection, Direct
from ..engine import tuning
from ..engine.backends import BackEnd
from ..engine.buffers import Buffer
from ..engine.events import Packed, padded
from ..graphs.graph import Edge, Graph
from ..graphs.stages import Core
from ..spikes import Spikes, in_each_row
from .form import PartForm
from .layout import Layout, Stream, laid_out, stream
from .plan import SentValue, plan_for

__all__ = ["Given", "Part", "end_cotangents"]

_SLOTS: dict[Any, Parameter] = {}
_WIDTHS = (float32, float64)


@dataclass(eq=False)
class Given:
    """An input of a core.

    Attributes
    ----------
    x : Tensor or None
        ``[T, N, ...]``; None for an input from the group itself.
    weights : Connection or None
        The layer between ``x`` and the input; None if ``x`` is the input.
    """

    x: Tensor | None
    weights: Connection | None


def slot(dtype: Any, place: int) -> Parameter:
    """Return the placeholder for an input's bias in a plan; all runs share it."""
    key = np.dtype(dtype), place
    if key not in _SLOTS:
        _SLOTS[key] = Parameter(np.zeros((), dtype))
    return _SLOTS[key]


class Part:
    """A core in one run.

    Parameters
    ----------
    graph, core : Graph, Core
        The core, and the graph it belongs to.
    given : list of Given
        Its inputs.
    starts : list of Tensor
        Its states at the start.
    late : list of int
        Positions of the states that are sent to other cores in the next step.
    names, mask, backend, row_axes, kept
        Names to record; the mask, ``[T, N]``, or None; the back end; the number of last axes that make a row, or 0 if the
        core steps alone; the dict that keeps plans.
    steps : int
        Number of time steps in the run.
    """

    def __init__(
        self, graph: Graph, core: Core, given: list[Given], starts: list[Tensor], late: list[int], names: Sequence[str],
        mask: Array | None, backend: BackEnd, row_axes: int, kept: dict[Any, Any], steps: int,
    ) -> None:  # fmt: skip
        self.graph, self.core, self.given, self.starts, self.mask, self.backend = graph, core, given, starts, mask, backend
        self.steps, self.shape, self.where, self.row_axes = steps, core.shape, core.name, row_axes
        if len(self.shape) < 1:
            raise CompileError(core.name, "values [N, ...] in each step", "a single number", "Run it with mode='eager'.")
        dtypes = [self._dtype(edge, item) for edge, item in zip(core.inputs, given, strict=True)]
        biases = [None if item.weights is None else item.weights.bias for item in given]
        self.slots = [None if bias is None else slot(dtypes[k], k) for k, bias in enumerate(biases)]
        self._check_width([item.x for item in given if item.x is not None])
        self._check_width(starts)
        self.plan, self.records = plan_for(
            graph, core, kept, [*dtypes, *[s.dtype for s in starts]], self.slots, late, names, mask is not None
        )
        self.arrays, self.parameters = self.plan.arrays(), list[Tensor](self.plan.parameters)
        for place, bias in zip(self.slots, biases, strict=True):
            if place is not None and bias is not None:
                k = self.plan.places[id(place)]
                self.parameters[k] = bias
                self.arrays |= dict.fromkeys(self.plan.numbers[k], bias.array)
        self._check_width(self.parameters)
        for start in starts:
            self._check_start(start)
        self.currents = [
            None if item.x is None else Direct(item.x) if item.weights is None else item.weights.way(item.x, backend)
            for item in given
        ]
        for array in self.arrays.values():
            if array.ndim:
                self._check_parameter(array)
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
        self._laid_out: dict[int, Stream] = {}

    def emptied(self) -> Part:
        """Return the part without arrays, for runs that differ in values only."""
        return self.filled([], [], {}, [])

    def filled(self, given: list[Given], starts: list[Tensor], arrays: dict[int, Array], parameters: list[Tensor]) -> Part:
        """Return the part with the arrays of another run; the caller sets its currents if they are needed."""
        made = object.__new__(Part)
        made.__dict__.update(self.__dict__)
        made.given, made.starts, made.arrays, made.parameters = given, starts, arrays, parameters
        made.currents, made._laid_out = [], {}
        return made

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

    @property
    def _row(self) -> tuple[int, ...]:
        """Shape of a row of columns, unless all samples form one."""
        return self.shape[1:] if self.row_axes > 1 else self.shape[-1:]

    def _layout(self) -> Layout:
        size, limits = math.prod(self.shape), tuning.now()
        columns = math.prod(self._row)
        found = [c for c in self.currents if c is not None]
        weighted = [c for c in found if c.weighted]
        narrow = all(c.flat or (c.few and c.in_chunks) for c in weighted) if weighted else columns < limits.narrow
        if narrow and not self.row_axes:  # all samples form one row: otherwise a loop would process few elements at once
            return Layout(self.steps, 1, size, min(limits.block, padded(max(1, size))))
        width = min([c.width for c in self.listed], default=limits.block)
        return Layout(self.steps, size // max(1, columns), columns, min(width, padded(max(1, columns))))

    def _check_width(self, tensors: Sequence[Tensor]) -> None:
        """Check that floats have 32 or 64 bits."""
        for tensor in tensors:
            dtype = tensor.dtype
            if dtype.kind == "f" and dtype not in _WIDTHS:
                raise CompileError(self.where, "float32 or float64", describe(tensor), "Convert it, or run with mode='eager'.")

    def _check_start(self, start: Tensor) -> None:
        """Check that a state has a value for each neuron."""
        if start.shape != self.shape:
            raise CompileError(
                f"{self.where}, state", f"a value for each neuron, {list(self.shape)}", describe(start),
                "Start it in that shape, in initial_state(x), or run with mode='eager'.",
            )  # fmt: skip

    def _check_parameter(self, array: Array) -> None:
        """Check that a parameter broadcasts to the neurons."""
        if array.shape in ((), self.shape[-1:]):
            return
        try:
            np.broadcast_to(array, self.shape)
        except ValueError:
            raise ShapeError(
                f"{self.where}, parameter", f"a shape that broadcasts to {list(self.shape)}", describe(array),
                "Use one value, or one for each feature.",
            ) from None  # fmt: skip

    def dtype(self, index: int) -> Any:
        """Return the dtype in which a value of the program is kept."""
        return self.plan.kept_as(index)

    def rooms(self, numbers: Iterable[int], steps: int) -> dict[int, Buffer]:
        """Describe arrays for values of some steps, by number."""
        shape, kept_as = (steps, *self.shape), self.plan.kept_as
        return {i: Buffer(shape, kept_as(i)) for i in numbers}

    def empty(self, numbers: Iterable[int], steps: int) -> dict[int, Array]:
        """Make these arrays."""
        return {i: room.empty() for i, room in self.rooms(numbers, steps).items()}

    def seen(self, index: int, written: dict[int, Array]) -> Array:
        """Return a written value in its own dtype."""
        array = written[index]
        return array.view(np.bool_) if self.plan.program.instructions[index].dtype == np.bool_ else array

    def results(self, written: dict[int, Array], states: Sequence[Array]) -> list[Tensor]:
        """Return outputs, records and states from the arrays that a loop has written."""
        plan, made = self.plan, {}
        for i, flag, amplitude in zip(plan.outs, self.flags, self.out_amplitudes, strict=True):
            made[i] = Tensor.wrap(self.seen(i, written)) if flag is None else Spikes(written[flag], amplitude, self.backend)
        found = [made[i] if i in made else Tensor.wrap(self.seen(i, written)) for i in (*plan.outs, *plan.records)]
        return found + [Tensor.wrap(a.reshape(self.shape)) for a in states]

    def end_cotangents(self, g: dict[int, Tensor]) -> list[Array]:
        """Return the cotangents of the final states, zeros where none has arrived."""
        return end_cotangents(g, self.starts, len(self.plan.outs) + len(self.plan.records))

    def mask_stream(self, t0: int, t1: int) -> Stream:
        """Return the mask of some steps, with a value for each element."""
        assert self.mask is not None
        part = self.mask[t0:t1]
        return self.stream(np.broadcast_to(part.reshape(part.shape + (1,) * (len(self.shape) - 1)), (t1 - t0, *self.shape)))

    def stream(self, array: Array) -> Stream:
        """Return an array ``[T, ...]`` flat, with its strides."""
        return stream(array, self.layout)

    def parameter(self, index: int) -> Stream:
        """Return a parameter flat, with its strides; the stride over samples is 0 if it only has a value for each column."""
        if index not in self._laid_out:
            self._laid_out[index] = laid_out(self.arrays[index], self.layout, self.shape)
        return self._laid_out[index]

    @property
    def listed(self) -> list[Any]:
        """The currents that are summed from events."""
        return [current for current in self.currents if current is not None and current.listed]

    def direct(self, index: int) -> Tensor | None:
        """Return the run's input for a value of the program, if the loop reads it directly."""
        for i, current in zip(self.plan.inputs, self.currents, strict=True):
            if i == index and isinstance(current, Direct):
                return current.x
        return None

    def spike_amplitude(self, value_sent: SentValue, through: Sequence[Connection]) -> Any:
        """Return the amplitude of a sent value if it can be summed as spikes, else None."""
        if value_sent.flag is None:
            return None
        dtype = self.plan.program.instructions[value_sent.value].dtype
        amplitude = self.plan.amplitude_of(value_sent.amplitude, dtype, self.arrays)
        if np.size(amplitude) != 1:  # one for each column, unless a layer needs one for all
            amplitude = in_each_row(amplitude, self._row if all(c.row_axes == 1 for c in through) else ())
        if amplitude is None or not _is_plain(amplitude):
            return None
        if self.mask is not None and value_sent.start is not None and not self.spiked(value_sent, amplitude):
            return None
        return amplitude if all(Packed.finite(c.weight.array) for c in through) else None

    def spiked(self, value_sent: SentValue, amplitude: Any) -> bool:
        """Return whether the values sent before the run are spikes of the present amplitude."""
        assert value_sent.start is not None
        before = self.starts[value_sent.start].array
        return bool(((before == 0) | (before == amplitude)).all())


def _is_plain(amplitude: Any) -> bool:
    """Return whether an amplitude is finite and has no minus sign."""
    if np.size(amplitude) == 1:
        value = float(np.asarray(amplitude).reshape(()))
        return math.isfinite(value) and math.copysign(1, value) > 0
    return bool(np.isfinite(amplitude).all() and not np.signbit(np.asarray(amplitude, np.float64)).any())


def end_cotangents(g: dict[int, Tensor], starts: Sequence[Tensor], first: int) -> list[Array]:
    """Return the cotangents of final states, flat, zeros where none has arrived; ``first`` is the position of the first."""
    return [
        np.zeros(math.prod(s.shape), s.dtype) if (given := g.get(first + i)) is None
        else np.ascontiguousarray(given.array).reshape(-1) for i, s in enumerate(starts)
    ]  # fmt: skip
