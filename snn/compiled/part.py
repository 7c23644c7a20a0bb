"""A core in one run: its inputs and how they become currents, its states, its layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Parameter, Tensor
from autograd.dtypes import describe, float32, float64
from autograd.errors import CompileError, ShapeError

from ..currents import Direct, Listed, Product, choose
from ..engine.events import Packed, padded
from ..graphs.graph import Edge, Graph
from ..graphs.schedule import Core
from ..layout import Layout, Stream
from ..weights import Weights
from .plan import Sent, plan_for

__all__ = ["Given", "Part"]

Array = np.ndarray[Any, np.dtype[Any]]
_BLOCK = 512
_SLOTS: dict[Any, Parameter] = {}


@dataclass(eq=False)
class Given:
    """An input of a core.

    Attributes
    ----------
    x : Tensor or None
        ``[T, N, ...]``; None for what comes from the group itself.
    weights : Weights or None
        Between that and the input.
    """

    x: Tensor | None
    weights: Weights | None


def slot(dtype: Any, place: int) -> Parameter:
    """Return what stands for the bias of an input in a plan, which all runs share."""
    key = np.dtype(dtype), place
    if key not in _SLOTS:
        _SLOTS[key] = Parameter(np.zeros((), dtype))
    return _SLOTS[key]


class Part:
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
    steps, samples : int
        Of the run.
    """

    def __init__(
        self, graph: Graph, core: Core, given: list[Given], starts: list[Tensor], late: list[int], names: Sequence[str],
        mask: Array | None, jit: bool, grouped: bool, kept: dict[Any, Any], steps: int,
    ) -> None:  # fmt: skip
        self.graph, self.core, self.given, self.starts, self.mask, self.jit = graph, core, given, starts, mask, jit
        self.steps, self.shape, self.grouped = steps, core.shape, grouped
        if len(self.shape) < 1:
            raise CompileError(core.name, "values [N, ...] in each step", "a single number", "Run it with mode='eager'.")
        dtypes = [self._dtype(edge, item) for edge, item in zip(core.inputs, given, strict=True)]
        self.slots = [
            slot(dtype, k) if item.weights is not None and item.weights.bias is not None else None
            for k, (item, dtype) in enumerate(zip(given, dtypes, strict=True))
        ]
        self._check_width(*[item.x for item in given if item.x is not None], *starts)
        self.plan, self.records = plan_for(
            graph, core, kept, [*dtypes, *(s.dtype for s in starts)], self.slots, late, names, mask is not None
        )
        bias = {id(s): item.weights.bias for s, item in zip(self.slots, given, strict=True) if s is not None and item.weights}
        self.parameters: list[Tensor] = [bias.get(id(p), p) for p in self.plan.parameters]  # type: ignore[misc]
        self._check_width(*self.parameters)
        for start in starts:
            if start.shape != self.shape:
                raise CompileError(
                    f"{core.name}, state", f"a value for each neuron, {list(self.shape)}", describe(start),
                    "Start it in that shape, in initial_state(x), or run with mode='eager'.",
                )  # fmt: skip
        self.currents = [
            None if item.x is None else choose(item.x, None if item.weights is None else item.weights.weight.array, jit)
            for item in given
        ]
        arrays = self.plan.arrays()
        values = {id(s.array): bias[id(s)].array for s in self.slots if s is not None}  # type: ignore[union-attr]
        self.arrays = {i: values.get(id(a), a) for i, a in arrays.items()}
        for array in self.arrays.values():
            self._fits(array)
        self.layout = self._layout()
        self.scalars = tuple(i for i, a in self.arrays.items() if np.size(a) == 1)
        self.per_column = tuple(i for i in self.arrays if i not in self.scalars)
        # inf times 0 is NaN, and an amplitude below zero makes -0.0: keep such values as numbers.
        self.out_amplitudes = [
            self.plan.amplitude_of(a, self.dtype(i), self.arrays)
            for a, i in zip(self.plan.amplitudes, self.plan.outs, strict=True)
        ]
        self.flags = [
            flag if flag is not None and _is_plain(amplitude) else None
            for flag, amplitude in zip(self.plan.flags, self.out_amplitudes, strict=True)
        ]

    def _dtype(self, edge: Edge, item: Given) -> Any:
        if item.weights is not None:
            return item.weights.weight.dtype
        return self.graph.nodes[edge.node].outputs[edge.output].dtype if item.x is None else item.x.dtype

    def _check_width(self, *tensors: Tensor) -> None:
        for tensor in tensors:
            if tensor.dtype.kind == "f" and tensor.dtype not in (float32, float64):
                raise CompileError(
                    self.core.name, "float32 or float64", describe(tensor), "Convert it, or run with mode='eager'."
                )

    def _fits(self, array: Array) -> None:
        if array.shape in ((), self.shape[-1:]):
            return
        try:
            np.broadcast_to(array, self.shape)
        except ValueError:
            raise ShapeError(
                f"{self.core.name}, parameter", f"a shape that broadcasts to {list(self.shape)}", describe(array),
                "One value, or one for each feature.",
            ) from None  # fmt: skip

    def _layout(self) -> Layout:
        size, columns = math.prod(self.shape), self.shape[-1]
        found = [c for c in self.currents if c is not None]
        weighted = [c for c in found if not isinstance(c, Direct)]
        narrow = all(isinstance(c, Product) and c.few for c in weighted) if weighted else columns < 128
        if narrow and not self.grouped:  # all samples are one row, or few elements would be done at once
            return Layout(self.steps, 1, size, min(_BLOCK, padded(max(1, size))))
        width = min([c.width for c in found if isinstance(c, Listed)], default=_BLOCK)
        return Layout(self.steps, size // max(1, columns), columns, min(width, padded(max(1, columns))))

    def dtype(self, index: int) -> Any:
        """Return the dtype of a value of the program, as it is kept: a byte for a bool."""
        dtype = self.plan.program.instructions[index].dtype
        return np.dtype(np.uint8) if dtype == np.bool_ else dtype

    def is_bool(self, index: int) -> bool:
        """Tell whether a value of the program is a bool."""
        return bool(self.plan.program.instructions[index].dtype == np.bool_)

    def direct(self, index: int) -> Array | None:
        """Return the input of the run that a value is, if it still is there for the backward."""
        for i, current in zip(self.plan.inputs, self.currents, strict=True):
            if i == index and isinstance(current, Direct):
                return current.x.array
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

    # What loops read

    def masks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the mask's number as something with a value for each row, or else for each element."""
        mask = () if self.plan.mask is None else (self.plan.mask,)
        by_row = self.mask is not None and self.layout.samples == self.mask.shape[1]
        return (mask, ()) if by_row else ((), mask)

    def mask_stream(self, t0: int, t1: int) -> Stream:
        """Return the mask of some steps with a value for each element."""
        assert self.mask is not None
        part = self.mask[t0:t1]
        return self.stream(np.broadcast_to(part.reshape(part.shape + (1,) * (len(self.shape) - 1)), (t1 - t0, *self.shape)))

    def stream(self, array: Array, pitch: int | None = None) -> Stream:
        """Return an array ``[T, ...]`` flat with its strides; that over time is 0 where all steps are the same."""
        strides = self.layout.rows(pitch)
        if len(array) > 1 and array.strides[0] == 0:
            return np.ascontiguousarray(array[0]).reshape(-1), (0, *strides[1:])
        return np.ascontiguousarray(array).reshape(-1), strides

    def parameter(self, array: Array) -> Stream:
        """Return a parameter flat, with its stride over samples: 0 where it has a value for each column alone."""
        layout = self.layout
        if layout.samples > 1 and np.size(array) == np.shape(array)[-1] == layout.columns:
            return np.ascontiguousarray(array).reshape(-1), (0, 0, 0)
        return np.ascontiguousarray(np.broadcast_to(array, self.shape)).reshape(-1), (0, layout.columns, 0)


def _is_plain(amplitude: Any) -> bool:
    """Tell whether an amplitude is finite and not below zero."""
    return bool(np.isfinite(amplitude).all() and not np.signbit(np.asarray(amplitude, np.float64)).any())
