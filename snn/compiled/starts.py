"""The states of a net at the start of a run."""

from __future__ import annotations

import functools
import math
from typing import Any, NoReturn

import numpy as np

from autograd import Cell, Tensor, as_tensor, nn, tree
from autograd.dtypes import DType
from autograd.errors import CompileError
from autograd.nn.stateful import untouched

from ..common.structure import (
    given_state,
    holds_neurons,
    initial_state,
    label,
    passes_straight,
    sample_state,
    zeros_of,
)
from ..graphs import parts_of
from ..graphs.graph import Graph, Start

__all__ = ["starts_of"]

_zeros = functools.lru_cache(256)(zeros_of)


def starts_of(graph: Graph, net: Cell, x: Tensor, state: Any) -> dict[int, Tensor] | None:
    """Return the start states by node; None if they differ in kind from those of the graph.

    Raises
    ------
    CompileError
        If the ``initial_state`` of a Cell depends on the values of an input that is not the input of the net.
    """
    if not graph.starts or state is not None:
        parts = parts_of(net, state)
    elif graph.first_takes_input is None:  # before the first state is drawn, so that an eager run may follow
        graph.first_takes_input = _first(net) is graph.starts[0].cell
        for begin in graph.starts[graph.first_takes_input :]:
            _check(begin, sample_state)
    found = []
    for k, begin in enumerate(graph.starts):
        if state is not None:
            before = given_state(parts[k], _zeros(begin.shape, begin.dtype), begin.name, begin.cell)
        elif getattr(begin.cell, "starts_at_zero", False):
            kind: Any = getattr(begin.cell, "State", None)
            if begin.zeros is None or begin.zeros[0] is not kind:
                begin.zeros = kind, initial_state(begin.cell, _zeros(begin.shape, begin.dtype), begin.name)
            before = begin.zeros[1]
        elif k == 0 and graph.first_takes_input:
            before = initial_state(begin.cell, x[0], begin.name)
        else:
            before = _check(begin, initial_state)
        if not isinstance(before, Tensor):
            as_state = functools.partial(as_tensor, where=f"{label(begin.name, begin.cell)}, state")
            before = tree.map_leaves(as_state, before)
        found.append(before)
    if graph.state_parts is None:
        graph.state_parts = parts_of(net, graph.state)
    numbers, leaves = tree.leaves(graph.state_parts), tree.leaves(found)
    if len(leaves) != len(numbers) or not tree.same_structure(found, graph.state_parts):
        return None
    for number, leaf in zip(numbers, leaves, strict=True):
        output = graph.nodes[number].outputs[0]
        if (leaf.shape, leaf.dtype) != (output.shape, output.dtype):
            return None
    return dict(zip(numbers, leaves, strict=True))


def _first(cell: Cell) -> Cell:
    """Return the Cell that receives the input of a net."""
    while isinstance(cell, nn.SequentialCell) and passes_straight(cell) and cell.cells():
        cell = cell.cells()[0]
    return cell


class _Zeros(Tensor):
    """Zeros that notice whether their values are read."""

    __slots__ = ("_like", "read")

    def __init__(self, like: Tensor) -> None:
        self._like, self.node, self.read = like, None, False

    @property
    def array(self) -> Any:  # type: ignore[override]
        """The values."""
        self.read = True
        return self._like.array

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._like.shape

    @property
    def dtype(self) -> DType:
        """Type of the elements."""
        return self._like.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._like.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._like.size


def _check(begin: Start, make: Any) -> Any:
    """Return the start state of a Cell, if it is the same for all values of its input."""
    zeros = _zeros(begin.shape, begin.dtype)
    given = _Zeros(zeros)
    before = make(begin.cell, given, begin.name)
    if begin.alike or not (given.read or before is given or any(leaf is given for leaf in tree.leaves(before))):
        return before
    others = Tensor.wrap(_numbers(begin.shape, begin.dtype))
    if not _same(begin, zeros, others, sample_state) and not _same(begin, zeros, others, _of_a_copy):
        _refuse(begin)
    begin.alike = holds_neurons(begin.cell)  # the graph is made anew if anything that such a Cell reads has changed
    return before


def _numbers(shape: tuple[int, ...], dtype: DType) -> Any:
    """Return numbers of both signs, none of them 0."""
    found = np.arange(1, math.prod(shape) + 1) % 89 + 1
    if dtype.kind in "if":
        found[::2] *= -1
    return found.astype(dtype).reshape(shape)


def _of_a_copy(cell: Cell, x: Tensor, name: str) -> Any:
    """Return a start state; all random states are restored."""
    with untouched(cell) as twin:
        return initial_state(twin, x, name)


def _same(begin: Start, x: Tensor, other: Tensor, make: Any) -> bool:
    """Return whether two inputs give the same start state; an error is another one."""
    try:
        leaves = [tree.leaves(make(begin.cell, given, begin.name)) for given in (x, other)]
    except Exception:
        return False
    arrays = [[np.asarray(leaf) for leaf in part] for part in leaves]
    return len(arrays[0]) == len(arrays[1]) and all(
        one.dtype == two.dtype and np.array_equal(one, two, equal_nan=one.dtype.kind == "f")
        for one, two in zip(*arrays, strict=True)
    )


def _refuse(begin: Start) -> NoReturn:
    raise CompileError(
        f"{label(begin.name, begin.cell)}.initial_state", "a state that depends only on the shape and dtype of its input",
        "one that depends on the values, which are not known before the layers in front of it have run",
        "Let the first step set the state, with a flag in the state that marks it, or run with mode='eager'.",
    )  # fmt: skip
