"""The watched dependencies of a traced neuron, and their present values."""

from __future__ import annotations

import types
from collections.abc import Callable
from itertools import repeat
from typing import Any

from autograd import Cell, Parameter, Tensor
from autograd.state import state as thread

from .contents import MISSING, is_a, numbers, original

__all__ = ["Watched"]


class Watched:
    """The dependencies of a neuron, by the way in which changes are detected.

    Attributes
    ----------
    whole, spaces, some : list
        Getters of mappings: every key and value counts; every value counts; some names count.
    sequences : list
        Getters of a container's items, in order, and of their number.
    objects, classes, functions, getters : list
        Objects whose type, bases or code count; and getters that return the same object unless something has changed.
    parameters, tensors, arrays, generators : list
        Objects whose contents, or position, count.
    found : dict
        The object found at each path.
    """

    def __init__(self) -> None:
        self.whole: list[tuple[Callable[[], Any], Callable[[], Any]]] = []
        self.spaces: list[Any] = []
        self.some: list[tuple[Callable[..., Any], tuple[str, ...]]] = []
        self.sequences: list[tuple[Callable[[], Any], Callable[[], int]]] = []
        self.objects: list[Any] = []
        self.classes: list[type] = []
        self.functions: list[types.FunctionType] = []
        self.getters: list[Callable[[], Any]] = []
        self.parameters: list[Parameter] = []
        self.tensors: list[Tensor] = []
        self.arrays: list[Any] = []
        self.generators: list[tuple[Any, str]] = []
        self.found: dict[str, Any] = {}

    def items(self, container: Any) -> None:
        """Watch which items a container has."""
        if is_a(container, (dict, types.MappingProxyType)):
            self.whole.append((original(container, "keys"), original(container, "values")))
        else:
            self.sequences.append((original(container, "__iter__"), original(container, "__len__")))

    def outline(self, cell: Cell, seen: dict[int, Any]) -> None:
        """Watch the class of a Cell, the identity of its attributes, and the items of those that may hold Cells.

        ``seen`` has what is watched already, by ``id``; it is extended.
        """
        self.objects.append(cell)
        for base in type(cell).__mro__:
            if id(base) not in seen:
                seen[id(base)] = base
                self.spaces.append(vars(base))
        left: list[Any] = [vars(cell)]
        while left:
            value = left.pop()
            if is_a(value, (list, tuple, dict)) and id(value) not in seen:
                seen[id(value)] = value
                self.items(value)
                left += original(value, "values" if is_a(value, dict) else "__iter__")()

    def look(self) -> list[Any]:
        """Return the objects that must stay identical."""
        found: list[Any] = []
        extend = found.extend
        for keys, values in self.whole:
            extend(keys())
            extend(values())
        for space in self.spaces:
            extend(space.values())
        for get, names in self.some:
            extend(map(get, names, repeat(MISSING)))
        for items, _ in self.sequences:
            extend(items())
        extend(map(type, self.objects))
        for cls in self.classes:
            found.append(cls.__mro__)
        for function in self.functions:
            extend((function.__code__, function.__defaults__, function.__kwdefaults__))
        for getter in self.getters:
            found.append(getter())
        return found

    def look_inside(self) -> list[Any]:
        """Return the values that must stay equal: lengths, the contents of arrays and sets, the shapes of Parameters."""
        recording = thread.recording
        found: list[Any] = [len(values()) for _, values in self.whole]
        found += [*map(len, self.spaces), *(length() for _, length in self.sequences)]
        found += [(p.stored.shape, p.stored.dtype, p.requires_grad, p.name) for p in self.parameters]
        found += [(*numbers(t), recording and t.node is not None) for t in self.tensors]
        found += [numbers(a) for a in self.arrays]
        return found
