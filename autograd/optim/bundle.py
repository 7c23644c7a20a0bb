"""Small Parameters that an optimizer updates as one vector: one step takes the time of one Parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ..parameter import Parameter

__all__ = ["Bundle"]

Array = np.ndarray[Any, np.dtype[Any]]
_MOST = 1 << 16  # elements; to copy the gradients of more would take longer than the calls


class Bundle:
    """Parameters of one dtype whose weights, and whose memory, are parts of one array each.

    Parameters
    ----------
    params : sequence of Parameter
        The Parameters. Their arrays become parts of :attr:`weights`.
    memory : sequence of dict
        The memory of each, by slot. Its arrays become parts of those of :attr:`memory`.
    """

    def __init__(self, params: Sequence[Parameter], memory: Sequence[dict[str, Array]]) -> None:
        self.params = params
        self.bounds: Mapping[str, float] = {}
        ends = [*accumulate([p.size for p in params], initial=0)]
        self._parts = [(slice(a, b), p.shape) for (a, b), p in zip(pairwise(ends), params, strict=True)]
        self.memory = {slot: self.joined([each[slot] for each in memory]) for slot in memory[0]}
        for slot, values in self.memory.items():
            for each, part in zip(memory, self._split(values), strict=True):
                each[slot] = part
        self._held = [(each, slot, each[slot], self.memory[slot]) for each in memory for slot in each]
        self.set(self.joined([p.stored for p in params]))

    @staticmethod
    def suits(params: Sequence[Parameter]) -> bool:
        """Return whether Parameters are several, small, and of one dtype, float32 or float64."""
        dtypes = {p.dtype.char for p in params}
        return len(params) > 1 and len(dtypes) == 1 and dtypes <= {"f", "d"} and sum(p.size for p in params) <= _MOST

    def holds(self) -> bool:
        """Return whether all arrays are still parts of those of the bundle: no one has set others, or copied them."""
        weights = self.weights
        for p, part in zip(self.params, self._set, strict=True):
            if p.stored is not part or part.base is not weights:
                return False
        return all(each[slot] is part and part.base is whole for each, slot, part, whole in self._held)

    def joined(self, arrays: Sequence[Array]) -> Array:
        """Return arrays, one for each Parameter, as one vector."""
        return np.concatenate([array.reshape(-1) for array in arrays])

    def set(self, weights: Array) -> None:
        """Set the weights of all Parameters."""
        self.weights, self._set = weights, self._split(weights)
        for p, part in zip(self.params, self._set, strict=True):
            p.array = part

    def _split(self, values: Array) -> list[Array]:
        return [values[part].reshape(shape) for part, shape in self._parts]
