"""How arrays come to a loop: flat, with strides over time, samples and blocks, under the names of its arguments."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import describe, float32, float64
from autograd.errors import CompileError, ShapeError

from ..engine import tuning
from ..engine.events import Events
from ..engine.loop import Body
from .layout import Layout, Stream

__all__ = ["Streams", "Work", "arguments", "link_arguments", "order_of"]

Array = np.ndarray[Any, np.dtype[Any]]
_WIDTHS = (float32, float64)
_u = np.uint64


class Streams:
    """Brings the arrays of a core to its loops; :class:`snn.compiled.part.Part` sets the attributes.

    Attributes
    ----------
    where : str
        Its name in errors.
    plan : Traced
        Its program, with the number of the ``mask``.
    shape : tuple of int
        Of one step.
    mask : array of bool or None
        ``[T, N]``.
    layout : Layout
        How the elements of a step are divided.
    arrays : dict of int to array
        Its parameters in this run.
    """

    where: str
    plan: Any
    shape: tuple[int, ...]
    mask: Array | None
    layout: Layout
    arrays: dict[int, Any]

    def check_width(self, tensors: Sequence[Tensor]) -> None:
        """Check that floats are of 32 or 64 bits."""
        for tensor in tensors:
            dtype = tensor.dtype
            if dtype.kind == "f" and dtype not in _WIDTHS:
                raise CompileError(self.where, "float32 or float64", describe(tensor), "Convert it, or run with mode='eager'.")

    def check_start(self, start: Tensor) -> None:
        """Check that a state has a value for each neuron."""
        if start.shape != self.shape:
            raise CompileError(
                f"{self.where}, state", f"a value for each neuron, {list(self.shape)}", describe(start),
                "Start it in that shape, in initial_state(x), or run with mode='eager'.",
            )  # fmt: skip

    def check_parameter(self, array: Array) -> None:
        """Check that a parameter broadcasts to the neurons."""
        if array.shape in ((), self.shape[-1:]):
            return
        try:
            np.broadcast_to(array, self.shape)
        except ValueError:
            raise ShapeError(
                f"{self.where}, parameter", f"a shape that broadcasts to {list(self.shape)}", describe(array),
                "One value, or one for each feature.",
            ) from None  # fmt: skip

    def dtype(self, index: int) -> Any:
        """Return the dtype of a value of the program, as it is kept."""
        return self.plan.kept_as(index)

    def seen(self, index: int, written: dict[int, Array]) -> Array:
        """Return what was written of a value in its own dtype."""
        array = written[index]
        return array.view(np.bool_) if self.plan.program.instructions[index].dtype == np.bool_ else array

    def mask_stream(self, t0: int, t1: int) -> Stream:
        """Return the mask of some steps with a value for each element."""
        assert self.mask is not None
        part = self.mask[t0:t1]
        return self.stream(np.broadcast_to(part.reshape(part.shape + (1,) * (len(self.shape) - 1)), (t1 - t0, *self.shape)))

    def stream(self, array: Array) -> Stream:
        """Return an array ``[T, ...]`` flat with its strides; that over time is 0 where all steps are the same."""
        strides = self.layout.rows()
        if len(array) > 1 and array.strides[0] == 0:
            return np.ascontiguousarray(array[0]).reshape(-1), (0, *strides[1:])
        return np.ascontiguousarray(array).reshape(-1), strides

    def parameter(self, array: Array) -> Stream:
        """Return a parameter flat, with its stride over samples: 0 where it has a value for each column alone."""
        layout = self.layout
        if layout.samples > 1 and np.size(array) == np.shape(array)[-1] == layout.columns:
            return np.ascontiguousarray(array).reshape(-1), (0, 0, 0)
        return np.ascontiguousarray(np.broadcast_to(array, self.shape)).reshape(-1), (0, layout.columns, 0)


@dataclass
class Work:
    """The arrays of one body of a loop, in the order of the body's numbers.

    Attributes
    ----------
    body : Body
        What they are.
    layout : Layout
        How the elements of a step are divided.
    streams, written : list of Stream
        Read, and written, at each step.
    starts, ends : list of array
        What is carried, before and after.
    sums : list of array
        Added up over the steps.
    firsts, lasts : list of array
        What has been sent to it before the first step, and after the last.
    arrived : sequence
        Factors, their number, and packed weights of what arrives as a product.
    """

    body: Body
    layout: Layout
    streams: Sequence[Stream]
    starts: list[Array]
    ends: list[Array]
    written: Sequence[Stream]
    sums: list[Array] = field(default_factory=list)
    firsts: list[Array] = field(default_factory=list)
    lasts: list[Array] = field(default_factory=list)
    arrived: Sequence[Any] = ()


def arguments(owner: Streams, listed: Sequence[Any], work: Work, t0: int, t1: int) -> list[Any]:
    """Return the arguments of one body of a loop; ``listed`` are the currents that are summed from events."""
    body, layout = work.body, work.layout
    parameters = [owner.parameter(owner.arrays[i]) for i in body.parameters]
    streams, written = work.streams, work.written
    rows = [(layout.samples, 1, 0)] * len(body.rows)
    strides = tuple([s for _, s in streams] + [s for _, s in written] + rows + [s for _, s in parameters])
    given: dict[str, Sequence[Any]] = {
        "width": (_u(layout.width),), "columns": (_u(layout.columns),), "strides": (_flat(strides),),
        "in": [flat for flat, _ in streams], "start": work.starts, "end": work.ends, "par": [flat for flat, _ in parameters],
        "scalar": [owner.arrays[i].reshape(-1) for i in body.scalars], "out": [flat for flat, _ in written], "sum": work.sums,
    }  # fmt: skip
    if body.received:
        given |= {"first": [a.reshape(-1) for a in work.firsts], "last": [a.reshape(-1) for a in work.lasts]}
    if body.rows and owner.mask is not None:
        given["row"] = (np.ascontiguousarray(owner.mask[t0:t1]).reshape(-1),)
    if body.events:
        names = "weights", "lanes", "inputs", "event_start", "event_index"
        given |= zip(names, zip(*[current.arguments(t0) for current in listed], strict=True), strict=True)
    if body.arrived is not None:
        given |= zip(("factors", "n_factors", "arrived_weights"), [(value,) for value in work.arrived], strict=True)
    return [value for kind in body.kinds for value in given[kind]]


def link_arguments(kind: str, weights: Any, places: Events | None, row: int) -> list[Any]:
    """Return the arguments of a link; ``places`` are where it is needed, from a row on."""
    if kind == "copy":
        return []
    flat = weights.reshape(-1) if isinstance(weights, np.ndarray) else weights.array
    if places is None:
        return [flat]
    strip = _u(max(8, tuning.now().cache // weights[:1].nbytes))
    return [flat, places.start[row:], places.index, strip]


@functools.lru_cache(64)
def order_of(steps: int, backward: bool) -> Array:
    """Return the steps of a loop in the order in which it takes them."""
    order = np.arange(steps, dtype=np.uint64)
    return order[::-1].copy() if backward else order


@functools.lru_cache(256)
def _flat(strides: tuple[tuple[int, int, int], ...]) -> Array:
    """Return the strides of all that a loop looks at as one array."""
    return np.array(strides, np.uint64).reshape(-1)
