"""Nested tuples, NamedTuples, lists and dicts of tensors, taken apart and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["leaves", "map_leaves", "same_structure", "unflatten"]


def leaves(tree: Any) -> list[Any]:
    """Return what is not a container, in order; dicts in the order of their keys' insertion."""
    if isinstance(tree, (tuple, list)):
        return [leaf for item in tree for leaf in leaves(item)]
    if isinstance(tree, dict):
        return [leaf for item in tree.values() for leaf in leaves(item)]
    return [tree]


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
    """Tell whether two trees have the same containers with the same lengths and keys."""
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
