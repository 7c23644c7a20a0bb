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

from ..engine.loop import Body
from .layout import Layout, Stream

__all__ = ["Streams", "Work", "arguments", "link_arguments", "order_of"]

Array = np.ndarray[Any, np.dtype[Any]]
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

    def check_width(self, *tensors: Tensor) -> None:
        """Check that floats are of 32 or 64 bits."""
        for tensor in tensors:
            if tensor.dtype.kind == "f" and tensor.dtype not in (float32, float64):
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
        """Return the dtype of a value of the program, as it is kept: a byte for a bool."""
        dtype = self.plan.program.instructions[index].dtype
        return np.dtype(np.uint8) if dtype == np.bool_ else dtype

    def seen(self, index: int, written: dict[int, Array]) -> Array:
        """Return what was written of a value in its own dtype."""
        array = written[index]
        return array.view(np.bool_) if self.plan.program.instructions[index].dtype == np.bool_ else array

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


def arguments(prefix: str, owner: Streams, listed: Sequence[Any], work: Work, t0: int, t1: int) -> dict[str, Any]:
    """Return the arguments of one body of a loop by name; ``listed`` are the currents that are summed from events."""
    body, layout = work.body, work.layout
    parameters = [owner.parameter(owner.arrays[i]) for i in body.parameters]
    strides = [s for _, s in work.streams] + [s for _, s in work.written] + [(layout.samples, 1, 0) for _ in body.rows]
    strides += [s for _, s in parameters]
    given: dict[str, Any] = {"width": _u(layout.width), "columns": _u(layout.columns), "strides": _flat(tuple(strides))}
    if body.rows and owner.mask is not None:
        given["row0"] = np.ascontiguousarray(owner.mask[t0:t1]).reshape(-1)
    for k, current in enumerate(listed if body.events else ()):
        names = (f"{name}{k}" for name in ("weights", "lanes", "inputs", "event_start", "event_index"))
        given |= zip(names, current.arguments(t0), strict=True)
    if body.arrived is not None:
        given |= zip(("factors", "n_factors", "arrived_weights"), work.arrived, strict=True)
    several = {
        "in": [flat for flat, _ in work.streams], "start": work.starts, "par": [flat for flat, _ in parameters],
        "scalar": [np.asarray(owner.arrays[i]).reshape(-1) for i in body.scalars], "out": [flat for flat, _ in work.written],
        "end": work.ends, "sum": work.sums, "first": [a.reshape(-1) for a in work.firsts],
        "last": [a.reshape(-1) for a in work.lasts],
    }  # fmt: skip
    given |= {f"{name}{k}": value for name, values in several.items() for k, value in enumerate(values)}
    return {prefix + name: value for name, value in given.items()}


def link_arguments(k: int, weights: Any, flags: Array | None, late: bool, t0: int) -> dict[str, Any]:
    """Return the arguments of a link by name; ``flags`` say where it is needed at all steps, of a late link a step before."""
    given = {f"link{k}_weights": weights.reshape(-1) if isinstance(weights, np.ndarray) else weights.array}
    if flags is not None:
        given |= {f"link{k}_flags": flags[max(0, t0 - late) :].reshape(-1), f"link{k}_skip": _u(late and t0 == 0)}
    return given


@functools.lru_cache(64)
def order_of(steps: int, backward: bool) -> Array:
    """Return the steps of a loop in the order in which it takes them."""
    order = np.arange(steps, dtype=np.uint64)
    return order[::-1].copy() if backward else order


@functools.lru_cache(256)
def _flat(strides: tuple[tuple[int, int, int], ...]) -> Array:
    """Return the strides of all that a loop looks at as one array."""
    return np.array(strides, np.uint64).reshape(-1)
