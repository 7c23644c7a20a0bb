"""Parameters that one call updates: a step of several small ones takes the time of one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import is_
from typing import Any

import numpy as np

from ..dtypes import describe, float32
from ..errors import NonFiniteError, ShapeError
from ..parameter import Parameter
from ..tensor import Tensor
from .constraints import is_finite_after
from .finite import Array, is_finite, largest, limits

__all__ = ["SMALL", "Bundle", "same", "wide"]

SMALL = 1 << 16  # elements; to copy the gradients or the memory of more would take longer than the calls


class Bundle:
    """One Parameter, or several of a group whose weights, and whose memory, are parts of one vector each.

    Parameters
    ----------
    group : int
        The place of the group of the Parameters.
    constraint : callable or sequence, optional
        The constraint of the group.
    places : sequence of int
        The places of the Parameters in the order of the gradients.
    params : sequence of Parameter
        The Parameters. The arrays of several become parts of :attr:`weights`.
    memory : sequence of dict
        The memory of each, by slot. The arrays of several become parts of those of :attr:`memory`.

    Attributes
    ----------
    bounds : mapping
        Bounds of the absolute values of ``"w"`` and of slots, as far as the last step has shown them.

    Raises
    ------
    ShapeError
        If the memory does not fit the Parameters.
    """

    def __init__(
        self, group: int, constraint: Any, places: Sequence[int], params: Sequence[Parameter],
        memory: Sequence[dict[str, Array]],
    ) -> None:  # fmt: skip
        self.group, self.constraint, self.places, self.params, self._memories = group, constraint, places, params, memory
        for p, each in zip(params, memory, strict=True):
            for slot, values in each.items():
                if values.shape != p.shape or values.dtype != wide(p):
                    raise ShapeError(
                        f"{p.name}, memory {slot!r}", f"{list(p.shape)} {wide(p)}", describe(values), "Make a new optimizer."
                    )
        ends = [*accumulate([p.size for p in params], initial=0)]
        self.dtype, self.size, self.limits = wide(params[0]), ends[-1], limits(params[0].dtype)
        self._parts = [(slice(a, b), p.shape) for (a, b), p in zip(pairwise(ends), params, strict=True)]
        self.memory: dict[str, Array] = {}
        self._kept: list[Array] = []
        self.set(
            self._joined([p.stored for p in params], params[0].dtype),
            {slot: self._joined([each[slot] for each in memory], self.dtype) for slot in memory[0]},
            None,
        )

    @staticmethod
    def suits(params: Sequence[Parameter]) -> bool:
        """Return whether Parameters are several, small, and of one dtype, float32 or float64."""
        dtypes = {p.dtype.char for p in params}
        return len(params) > 1 and len(dtypes) == 1 and dtypes <= {"f", "d"} and sum(p.size for p in params) <= SMALL

    def holds(self) -> bool:
        """Return whether all arrays are still those of the bundle: no one has set others."""
        now = [p.stored for p in self.params]
        for each in self._memories:
            now += each.values()
        return same(now, self._held)

    def gradient(self, gradients: Sequence[Tensor], scale: float) -> Array:
        """Return the gradient of these Parameters, divided by a scale."""
        g = self._joined([gradients[i].array for i in self.places], self.dtype)
        return g if scale == 1.0 else g / self.dtype.type(scale)

    def bounded(
        self, bounded: Callable[..., Mapping[str, float] | None], gradient: float, options: dict[str, Any]
    ) -> Mapping[str, float] | None:
        """Return the bounds after a step that a method finds: from the known ones if they suffice, else from the arrays."""
        if not (self.constraint is None or is_finite_after(self.constraint)):
            return None
        known = {**self.bounds, "g": gradient}
        found = bounded(known.__getitem__, options, *self.limits) if self.bounds else None
        if found is None:
            arrays = {**self.memory, "w": self.weights}
            found = bounded(lambda at: gradient if at == "g" else largest(arrays[at]), options, *self.limits)
        return found

    def set(self, weights: Array, memory: Mapping[str, Array], bounds: Mapping[str, float] | None) -> None:
        """Set the weights and the memory of all Parameters after a step, and what it has shown of their size, if anything."""
        parts = self.split(weights)
        for p, part in zip(self.params, parts, strict=True):
            p.array = part
        if not same(memory.values(), self.memory.values()):
            self.memory = {slot: np.asarray(values) for slot, values in memory.items()}
            for slot, values in self.memory.items():
                for each, part in zip(self._memories, self.split(values), strict=True):
                    each[slot] = part
            self._kept = [values for each in self._memories for values in each.values()]
        self._held = parts + self._kept
        self.weights = weights
        self.bounds = bounds if bounds is not None and self.constraint is None else {}

    def check(
        self, where: str, at: str, values: Array, gradients: Sequence[Tensor], before: Array | None = None
    ) -> None:  # fmt: skip
        """Check that values of the Parameters after a step are finite, except those that were not before."""
        old = [None] * len(self.params) if before is None else self.split(before)
        for p, place, part, was in zip(self.params, self.places, self.split(values), old, strict=True):
            if not is_finite(part, was):
                raise NonFiniteError(
                    where, f"a step that leaves {p.name} and its memory finite",
                    f"infinity or NaN {at}, with a gradient of up to {np.abs(gradients[place].array).max():.3g}",
                    "Nothing was updated. Clip the gradients with optim.clip_by_norm, or lower the learning rate; Adam also "
                    "needs an eps above 0.",
                )  # fmt: skip

    def split(self, values: Array) -> list[Array]:
        """Return the part of each Parameter."""
        if len(self.params) == 1:
            return [values]
        return [values[part] if len(shape) == 1 else values[part].reshape(shape) for part, shape in self._parts]

    def _joined(self, arrays: Sequence[Array], dtype: Any) -> Array:
        joined = arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=None)
        return joined if joined.dtype == dtype else joined.astype(dtype)


def wide(p: Parameter) -> Any:
    """Return the dtype of a step: squares of gradients, and ``eps``, would be zero in float16."""
    return float32 if p.dtype == np.float16 else p.dtype


def same(some: Collection[Any], others: Collection[Any]) -> bool:
    """Return whether both have the same objects in the same order."""
    return len(some) == len(others) and all(map(is_, some, others))
