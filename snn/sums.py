"""Sums of spikes, as in a skip connection: a layer of weights needs only the lists of their events."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor, ops
from autograd.dtypes import Array, DType
from autograd.state import state

from .engine.backends import BackEnd
from .spikes import Spikes, as_spikes, reshaped

__all__ = ["Counted", "Sum", "counted", "spike_sum", "spikes_in"]


class Sum(Tensor):
    """``left + right`` of one shape and dtype, at least one of them spikes; added when the values are first needed."""

    __slots__ = ("_counted", "_values", "left", "right")

    def __init__(self, left: Tensor, right: Tensor) -> None:
        self.left, self.right = left, right
        self._values: Array | None = None
        self._counted: dict[Any, Counted | None] | None = {}
        self.node = ops.add._node((left, right), {}, self) if state.recording else None

    @property
    def array(self) -> Array:  # type: ignore[override]
        """The values. Treat as read-only."""
        if self._values is None:
            self._values = np.add(self.left.array, self.right.array)
        return self._values

    # A caller that has the memory of the values may write to it: from then on the values count, not the lists.

    def asnumpy(self) -> Array:
        """Return the values as a numpy array that shares memory with the tensor."""
        self._counted = None
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        self._counted = self._counted if copy else None
        return super().__array__(dtype, copy)

    def __dlpack__(self, **options: Any) -> Any:
        self._counted = None
        return super().__dlpack__(**options)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by value."""
        return Tensor, (self.array,)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self.left.shape

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        return self.left.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.left.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.left.size


class Counted(Spikes):
    """A sum of spikes of one amplitude, for a layer of weights; each element is listed once per spike."""

    __slots__ = ("terms", "whole")

    def __init__(self, whole: Sum, terms: list[Spikes], events: Any) -> None:
        super().__init__(terms[0].flags, terms[0].amplitude, terms[0].backend, whole.node)
        self.whole, self.terms, self._lists = whole, len(terms), [events]

    @property
    def array(self) -> Array:  # type: ignore[override]
        """The values. Treat as read-only."""
        return self.whole.array

    def values(self, steps: slice) -> Array:
        """Return the values of some time steps."""
        return self.whole.array[steps]


def spike_sum(left: Any, right: Any) -> Sum | None:
    """Return two values as a :class:`Sum`; None if neither is spikes, or one would be broadcast or converted."""
    if not any(isinstance(x, (Spikes, Sum)) for x in (left, right)):
        return None
    if not isinstance(left, Tensor) or not isinstance(right, Tensor) or left.dtype != right.dtype:
        return None
    return Sum(left, right) if left.shape == right.shape else None


def spikes_in(x: Tensor, backend: BackEnd, shape: tuple[int, ...] | None = None) -> tuple[Spikes | None, str]:
    """Return the input of a layer of weights as spikes, or None if it is something else, and words for what it is.

    With a ``shape``, the spikes have that shape and a single amplitude.
    """
    if isinstance(x, Sum):
        sums = counted(x, backend, shape)
        if sums is None:
            return None, "the input is a sum with terms other than spikes, or with several amplitudes"
        return sums, f"the input is a sum of spikes, {100 * sums.events.density:.2g} for each 100 elements"
    found = as_spikes(x, backend) if shape is None else reshaped(x, shape, backend)
    return found, "the input is not spikes" if found is None else f"{100 * found.events.density:.2g} % of the input are spikes"


def counted(x: Sum, backend: BackEnd, shape: tuple[int, ...] | None = None) -> Counted | None:
    """Return a sum as :class:`Counted`; None if a term is not spikes, or the amplitudes differ.

    With a ``shape``, each term is given that shape and must have a single amplitude.
    """
    if x._counted is None:
        return None
    if shape not in x._counted:
        x._counted[shape] = _counted(x, backend, shape)
    return x._counted[shape]


def _counted(x: Sum, backend: BackEnd, shape: tuple[int, ...] | None) -> Counted | None:
    terms: list[Spikes] = []
    waiting: list[Tensor] = [x]
    while waiting:
        term = waiting.pop()
        if isinstance(term, Sum):
            waiting += [term.right, term.left]
            continue
        spikes = as_spikes(term, backend) if shape is None else reshaped(term, shape, backend)
        if spikes is None or (terms and not np.array_equal(spikes.amplitudes(), terms[0].amplitudes())):
            return None
        terms.append(spikes)
    from .engine.events import joined

    return Counted(x, terms, joined([term.events for term in terms]))
