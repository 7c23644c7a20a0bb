"""MindSpore's functions of functions: maps over structures, dispatch by type, vmap; and gradients by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..dtypes import describe
from ..errors import ArgumentError, DTypeError, GradientError, ShapeError
from ..ops.shape import stack, unstack
from ..parameter import Parameter
from ..tensor import Tensor

__all__ = ["HyperMap", "Map", "MultitypeFuncGraph", "Partial", "get_grad", "partial", "vmap"]

partial = functools.partial

_TYPES: dict[str, Any] = {
    "Number": (int, float, np.number),
    "Int": int,
    "Float": float,
    "Bool": bool,
    "String": str,
    "None": type(None),
    "Tensor": Tensor,
    "Parameter": Parameter,
    "Tuple": tuple,
    "List": list,
    "Dictionary": dict,
}


class MultitypeFuncGraph:
    """A function that is chosen by the types of its inputs.

    Parameters
    ----------
    name : str
        Its name in error messages.
    read_value : bool
        Accepted for MindSpore's signature; values are always read.

    Examples
    --------
    >>> from autograd import Tensor, ops
    >>> scale = ops.MultitypeFuncGraph("scale")
    >>> @scale.register("Number", "Tensor")
    ... def _(factor, x):
    ...     return factor * x
    >>> print(scale(2, Tensor([1.0, 2.0])))
    [2. 4.]
    """

    def __init__(self, name: str, read_value: bool = False) -> None:
        if not isinstance(name, str):
            raise DTypeError("MultitypeFuncGraph", "a name that is a string", describe(name), "Pass a string.")
        self.name = name
        self.entries: list[tuple[tuple[Any, ...], Callable[..., Any]]] = []

    def register(self, *types: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Return a decorator that adds a function for inputs of these types, named as strings or as classes."""
        for kind in types:
            if not isinstance(kind, type) and kind not in _TYPES:
                raise ArgumentError(
                    f"MultitypeFuncGraph {self.name!r}.register", f"one of {', '.join(_TYPES)}, or a class", repr(kind),
                    "Name the type of each input.",
                )  # fmt: skip
        wanted = tuple(_TYPES.get(kind, kind) for kind in types)

        def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
            self.entries.append((wanted, fn))
            return fn

        return decorate

    def __call__(self, *args: Any) -> Any:
        """Call the function that was registered first for the types of the inputs."""
        for wanted, fn in self.entries:
            if len(wanted) == len(args) and all(map(isinstance, args, wanted)):
                return fn(*args)
        raise DTypeError(
            f"MultitypeFuncGraph {self.name!r}", "inputs of types that a function was registered for",
            ", ".join(map(describe, args)) or "none", "Register one for them.",
        )  # fmt: skip


class HyperMap:
    """Applies a function to corresponding items of one or more structures of the same form, at any depth.

    Parameters
    ----------
    ops : callable, optional
        The function. If left out, it is the first input of each call.
    reverse : bool
        Begin with the last item.
    """

    depth: int | None = None

    def __init__(self, ops: Callable[..., Any] | None = None, reverse: bool = False) -> None:
        self.ops, self.reverse = ops, reverse

    def __call__(self, *args: Any) -> Any:
        """Return the results in the structure of the inputs."""
        fn, structures = (args[0] if args else None, args[1:]) if self.ops is None else (self.ops, args)
        if not callable(fn) or not structures:
            raise ArgumentError(
                type(self).__name__, "a function and structures to apply it to", ", ".join(map(describe, args)) or "nothing",
                "Pass the function at construction, or first.",
            )  # fmt: skip
        return self._mapped(fn, structures, self.depth)

    def _mapped(self, fn: Callable[..., Any], structures: Sequence[Any], depth: int | None) -> Any:
        first = structures[0]
        if not isinstance(first, (tuple, list, dict)) or depth == 0:
            return fn(*structures)
        keys: Sequence[Any] = list(first) if isinstance(first, dict) else range(len(first))
        for other in structures[1:]:
            alike = isinstance(other, dict) == isinstance(first, dict) and isinstance(other, (tuple, list, dict))
            if not alike or len(other) != len(first) or (isinstance(first, dict) and other.keys() != first.keys()):
                raise ShapeError(
                    type(self).__name__, f"structures like {describe(first)}", describe(other), "Pass structures of one form."
                )
        below = None if depth is None else depth - 1
        items = {key: self._mapped(fn, [s[key] for s in structures], below) for key in (keys[::-1] if self.reverse else keys)}
        if isinstance(first, dict):
            return {key: items[key] for key in keys}
        made = [items[key] for key in keys]
        return made if isinstance(first, list) else tuple(made)


class Map(HyperMap):
    """Applies a function to corresponding items of one or more sequences, without looking inside the items."""

    depth = 1


class Partial:
    """Fills in the first inputs of a function."""

    def __call__(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Return the function of the remaining inputs."""
        return partial(fn, *args, **kwargs)


def vmap(fn: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """Make a function that applies ``fn`` to each item along an axis, one after the other.

    It saves the code of a loop, not its time.

    Parameters
    ----------
    fn : callable
        A function or Cell of single items that returns a Tensor, or several.
    in_axes : int, None or structure of them
        The axis of the items in each input; None for an input that is the same for all. One int is for all inputs.
    out_axes : int or structure of ints
        The position of that axis in each output.

    Returns
    -------
    callable
        With the signature of ``fn``.

    Raises
    ------
    ShapeError
        If inputs have different numbers of items, or none.

    Examples
    --------
    >>> from autograd import Tensor, ops
    >>> dot = ops.vmap(lambda x, w: (x * w).sum(), in_axes=(0, None))
    >>> print(dot(Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([1.0, 10.0])))
    [21. 43.]
    """

    def mapped(*args: Any) -> Any:
        axes = _axes_of(in_axes, args, "in_axes")
        leaves = tree.leaves(args)
        parts = [leaf if axis is None else unstack(leaf, axis) for leaf, axis in zip(leaves, axes, strict=True)]
        counts = {len(part) for part, axis in zip(parts, axes, strict=True) if axis is not None}
        if len(counts) != 1 or 0 in counts:
            raise ShapeError(
                "ops.vmap", "inputs with equal numbers of items", f"numbers {sorted(counts)}",
                "Name the right axes in in_axes.",
            )  # fmt: skip
        outs = []
        for i in range(counts.pop()):
            picked = [part if axis is None else part[i] for part, axis in zip(parts, axes, strict=True)]
            outs.append(fn(*tree.unflatten(args, iter(picked))))
        places = _axes_of(out_axes, outs[0], "out_axes")
        columns = zip(*map(tree.leaves, outs), strict=True)
        joined = [stack(column, place) for column, place in zip(columns, places, strict=True)]
        return tree.unflatten(outs[0], iter(joined))

    return mapped


def _axes_of(axes: Any, structure: Any, name: str) -> list[Any]:
    """Return one axis for each leaf of a structure; an axis for a container applies to all its leaves."""
    if not isinstance(axes, (tuple, list, dict)):
        return [axes] * len(tree.leaves(structure))
    if not isinstance(structure, (tuple, list, dict)) or len(axes) != len(structure):
        raise ShapeError(
            f"ops.vmap, {name}", f"axes for {describe(structure)}", repr(axes), "Give one axis for each, or one for all."
        )
    pairs = [(axes[k], structure[k]) for k in structure] if isinstance(structure, dict) else zip(axes, structure, strict=True)
    return [axis for below, item in pairs for axis in _axes_of(below, item, name)]


def get_grad(gradients: Any, identifier: int | Parameter) -> Any:
    """Find one gradient in the result of ``grad`` or ``value_and_grad`` with ``return_ids=True``.

    Parameters
    ----------
    gradients : structure
        Pairs of an identifier and a gradient, nested as the transform returns them.
    identifier : int or Parameter
        The position of an input, or the Parameter.

    Raises
    ------
    GradientError
        If it is not among them.

    Examples
    --------
    >>> from autograd import Tensor, get_grad, grad
    >>> gradients = grad(lambda x, y: x * y, (0, 1), return_ids=True)(Tensor([2.0]), Tensor([3.0]))
    >>> print(get_grad(gradients, 1))
    [2.]
    """
    key = identifier.name if isinstance(identifier, Parameter) else identifier
    if isinstance(key, bool) or not isinstance(key, (int, str)):
        raise DTypeError("get_grad", "a position or a Parameter", describe(identifier), "Pass the identifier of a gradient.")
    stack = [gradients]
    known: list[Any] = []
    while stack:
        match stack.pop():
            case (int() | str() as found, gradient):
                if found == key:
                    return gradient
                known.append(found)
            case tuple() | list() as several:
                stack.extend(reversed(several))
    raise GradientError(
        "get_grad", f"one of the identifiers {known}", repr(key), "Differentiate with respect to it, with return_ids=True."
    )
