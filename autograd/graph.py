"""The graph of a computation and its reverse pass, independent of the operations in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .dtypes import sum_dtype
from .errors import GradientError
from .state import state

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["LEAF", "SELECT", "Node", "Rule", "clock", "differentiated", "reverse", "sources", "sum_to"]

clock = count().__next__
"""Return the next serial number: every node made later has a larger one."""


class Rule(Protocol):
    """How cotangents pass through a node."""

    def pull(self, node: Node, g: Any, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """Return the cotangent of each parent that is wanted; None stands for zero."""
        ...


class Node:
    """One recorded operation.

    Serial numbers grow as nodes are made, so a node has a larger one than its parents. Order by serial number is topological,
    and no node made before a transform's leaves can depend on them.
    """

    __slots__ = ("attrs", "dtype", "out", "parents", "rule", "saved", "serial", "shape")

    def __init__(
        self,
        rule: Rule,
        parents: tuple[Node | None, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        saved: Any = None,
        out: Any = None,
        attrs: Any = None,
    ) -> None:
        self.serial: int = clock()
        self.rule = rule
        self.parents = parents
        self.shape = shape
        self.dtype = dtype
        self.saved = saved
        self.out = out
        self.attrs = attrs


class _Structural:
    """Rules that the reverse pass handles by itself."""

    def pull(self, node: Node, g: Any, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (g,)


LEAF = _Structural()
"""An input of a transform: an identity at which that transform's reverse pass ends; ``attrs`` is its Parameter, if any."""
SELECT = _Structural()
"""One of several outputs; ``attrs`` is its position."""
FREED = _Structural()


def sources(nodes: Sequence[Node], floor: int) -> list[Node]:
    """Return the nodes older than ``floor`` on which ``nodes`` depend, oldest first."""
    found: dict[int, Node] = {}
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node.serial not in found:
            found[node.serial] = node
            if node.serial >= floor:
                stack.extend(p for p in node.parents if p is not None)
    return [found[serial] for serial in sorted(found) if serial < floor]


def differentiated(node: Node | None) -> bool:
    """Return whether a value with this node is being differentiated: a gradient of a running transform passes through it.

    A value that an earlier transform has left behind is a constant, and so is the result of an inner transform that depends on
    no leaf of the outer ones. Where nodes are recorded outside every transform, all of them count.
    """
    if node is None or not state.recording:
        return False
    if state.leaves is None:
        return True
    ends = {leaf.serial for leaf in state.leaves}
    floor, seen, stack = min(ends, default=node.serial + 1), set[int](), [node]
    while stack:
        node = stack.pop()
        if node.serial in ends:
            return True
        if node.serial >= floor and node.serial not in seen:
            seen.add(node.serial)
            stack.extend(parent for parent in node.parents if parent is not None)
    return False


def reverse(
    seeds: Sequence[tuple[Node, Tensor]], leaves: Sequence[Node], free: bool, apart: Callable[[], Exception] | None = None
) -> list[Tensor | None]:
    """Pass cotangents from ``seeds`` back to ``leaves``.

    Parameters
    ----------
    seeds : sequence of (Node, Tensor)
        Outputs with their cotangents.
    leaves : sequence of Node
        Where to stop.
    free : bool
        Release each node after the pass has used it. Only valid if no later pass needs it.
    apart : callable, optional
        Makes the error to raise if no seed depends on any leaf.

    Returns
    -------
    list of Tensor or None
        One for each leaf; None where nothing arrived.
    """
    ends = {leaf.serial for leaf in leaves}
    if not ends:
        return []
    found = _reach([node for node, _ in seeds], min(ends))
    order = sorted(found)
    wanted = set(ends)
    for serial in order:
        if serial not in ends:
            node = found[serial]
            if node.rule is FREED:
                raise GradientError(
                    "reverse pass", "a graph that still exists", "one that an earlier gradient has released",
                    "A tensor was kept from inside an earlier transform; return it from the function (has_aux=True) instead.",
                )  # fmt: skip
            for parent in node.parents:
                if parent is not None and parent.serial in wanted:
                    wanted.add(serial)
                    break
    if apart is not None and not any(node.serial in wanted for node, _ in seeds):
        raise apart()
    cotangents = _Cotangents()
    for node, seed in seeds:
        if node.serial in wanted:
            cotangents.add(node, seed)
    arrived: dict[int, Any] = {}
    while order:
        serial = order.pop()
        node = found.pop(serial)
        if serial in ends:
            arrived[serial] = cotangents.pop(node)
            continue
        g: Any = cotangents.pop(node) if serial in wanted else None
        if g is not None:
            _pull(node, g, wanted, cotangents)
        if free:
            node.rule, node.parents, node.saved, node.out = FREED, (), None, None
    return [arrived.get(leaf.serial) for leaf in leaves]


def _reach(nodes: list[Node], floor: int) -> dict[int, Node]:
    found: dict[int, Node] = {}
    while nodes:
        node = nodes.pop()
        if node.serial >= floor and node.serial not in found:
            found[node.serial] = node
            for parent in node.parents:
                if parent is not None and parent.serial not in found:
                    nodes.append(parent)
    return found


def _pull(node: Node, g: Any, wanted: set[int], cotangents: _Cotangents) -> None:
    parents = node.parents
    if node.rule is SELECT:
        if (parent := parents[0]) is not None and parent.serial in wanted:
            cotangents.add_slot(parent, node.attrs, g)
        return
    into = getattr(node.rule, "into", None)
    if into is not None and not state.recording:
        if (parent := parents[0]) is not None and parent.serial in wanted:
            into(cotangents.buffer(parent, g), g.array, node.attrs)
        return
    mask = [p is not None and p.serial in wanted for p in parents]
    for parent, asked, gp in zip(parents, mask, node.rule.pull(node, g, mask), strict=True):
        if asked and gp is not None:
            assert parent is not None
            cotangents.add(parent, gp)


class _Cotangents:
    """The sum of the cotangents that have arrived at each node; float16 is summed in float32.

    Sums that were made here grow in place, unless an outer transform records.
    """

    def __init__(self) -> None:
        self._sums: dict[int, Any] = {}
        self._owned: set[int] = set()

    def pop(self, node: Node) -> Any:
        g = self._sums.pop(node.serial, None)
        return g.astype(node.dtype) if node.serial in self._owned and g.dtype != node.dtype else g

    def add(self, node: Node, g: Tensor) -> None:
        if g.shape != node.shape:
            g = sum_to(g, node.shape)
        # A tracked tensor of whole numbers is the output of a Cell with a custom bprop; its cotangent keeps its dtype.
        if g.dtype != node.dtype and node.dtype.kind == "f":
            g = g.astype(node.dtype)
        serial = node.serial
        before = self._sums.get(serial)
        if before is None:
            self._sums[serial] = g
        elif serial in self._owned and not state.recording and type(g.array) is np.ndarray:
            np.add(before.array, g.array, out=before.array)
        else:
            wide = sum_dtype(before.dtype)
            self._sums[serial] = (before if wide == before.dtype else before.astype(wide)) + g
            self._owned.add(serial)

    def add_slot(self, node: Node, index: int, g: Tensor) -> None:
        # An output has several SELECT nodes if a bprop used it as well.
        slots = self._sums.setdefault(node.serial, {})
        slots[index] = g if index not in slots else slots[index] + g

    def buffer(self, node: Node, g: Tensor) -> np.ndarray[Any, Any]:
        """Return an array made here to which the node's cotangent can be added in place; ``g`` is any Tensor."""
        serial = node.serial
        before = self._sums.get(serial)
        if before is None or serial not in self._owned:
            fresh = np.zeros(node.shape, sum_dtype(node.dtype) if node.dtype.kind == "f" else np.float32)
            if before is not None:
                fresh += before.array
            self._sums[serial] = g.wrap(fresh)
            self._owned.add(serial)
        return self._sums[serial].array  # type: ignore[no-any-return]


def sum_to(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Undo broadcasting: sum over the axes along which ``shape`` was stretched."""
    extra = len(g.shape) - len(shape)
    axes = tuple(range(extra)) + tuple([extra + i for i, n in enumerate(shape) if n == 1 and g.shape[extra + i] != 1])
    if not state.recording and type(g.array) is np.ndarray:
        total = g.array.sum(axes, sum_dtype(g.dtype), keepdims=True)
        return g.wrap(total.astype(g.dtype, copy=False).reshape(shape))
    return g.sum(axes, keepdims=True).reshape(shape)


def __dir__() -> list[str]:
    return sorted(__all__)
