"""Nested tuples, NamedTuples, lists and dicts of tensors: flattened, mapped and rebuilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .errors import ArgumentError

__all__ = ["leaves", "map_leaves", "same_structure", "unflatten"]


def leaves(tree: Any) -> list[Any]:
    """Return the items that are not containers, in order; dicts in insertion order."""
    if not isinstance(tree, (tuple, list, dict)):
        return [tree]
    try:
        return _leaves(tree)
    except RecursionError:
        if not _is_deep(tree):
            raise  # the callers used up the stack
        kind = type(tree).__name__
        raise ArgumentError(
            f"a nested {kind}", f"at most {_DEEPEST} containers inside one another", f"more, or a {kind} that holds itself",
            "Put its items into one list, tuple or dict.",
        ) from None  # fmt: skip


def _leaves(tree: Any) -> list[Any]:
    if isinstance(tree, (tuple, list)):
        return [leaf for item in tree for leaf in _leaves(item)]
    if isinstance(tree, dict):
        return [leaf for item in tree.values() for leaf in _leaves(item)]
    return [tree]


_DEEPEST = 200


def _is_deep(tree: Any) -> bool:
    """Return whether containers are nested too deep, without recursion."""
    level = [tree]
    for _ in range(_DEEPEST):
        found = {id(item): item for part in level for item in (part.values() if isinstance(part, dict) else part)}
        level = [item for item in found.values() if isinstance(item, (tuple, list, dict))]
    return bool(level)


def unflatten(tree: Any, values: Iterator[Any]) -> Any:
    """Return the structure of ``tree`` with its leaves taken from ``values``, in order."""
    if isinstance(tree, (tuple, list)):
        items = [unflatten(item, values) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if isinstance(tree, dict):
        return {key: unflatten(item, values) for key, item in tree.items()}
    return next(values)


def map_leaves(fn: Callable[[Any], Any], tree: Any) -> Any:
    """Apply ``fn`` to every leaf."""
    return unflatten(tree, iter([fn(leaf) for leaf in leaves(tree)]))


def same_structure(a: Any, b: Any) -> bool:
    """Return whether two trees have the same containers with the same lengths and keys."""
    if isinstance(a, (tuple, list)):
        return (
            isinstance(b, (tuple, list))
            and isinstance(a, tuple) == isinstance(b, tuple)
            and len(a) == len(b)
            and all(map(same_structure, a, b))
        )
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same_structure(a[key], b[key]) for key in a)
    return not isinstance(b, (tuple, list, dict))
