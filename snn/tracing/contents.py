"""Python's view of an object: its contents, whether it holds more than they show, and whether it has changed."""

from __future__ import annotations

import array
import collections
import contextvars
import functools
import random
import re
import struct
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Parameter, Tensor
from autograd.program import Value

__all__ = [
    "ATOMS", "CONTAINERS", "KNOWN", "MISSING", "PARTS", "content", "file_of", "is_a", "is_open", "is_ours", "numbers",
    "original", "position", "same", "slot_of",
]  # fmt: skip

MISSING: Any = object()
_Named = collections.namedtuple("_Named", "field")
ATOMS = (
    int, float, bool, str, bytes, complex, type(None), type(Ellipsis), type(NotImplemented), range, slice, np.generic,
    np.dtype, re.Pattern, property, types.CodeType, types.WrapperDescriptorType,
    types.MethodDescriptorType, types.ClassMethodDescriptorType, types.GetSetDescriptorType,
    types.MemberDescriptorType, types.GenericAlias, types.UnionType, type(vars(_Named)["field"]),
    type(threading.Lock()), type(threading.RLock()),
)  # fmt: skip
"""Types of immutable objects: a different value is a different object."""
PARTS: dict[Any, tuple[str, ...]] = {
    slice: ("start", "stop", "step"), types.GenericAlias: ("__origin__", "__args__"), types.UnionType: ("__args__",),
}  # fmt: skip
"""Those that hold other objects, with the attributes that do."""
CONTAINERS = (
    list, tuple, dict, set, frozenset, collections.deque, bytearray, memoryview, array.array, types.MappingProxyType,
    contextvars.ContextVar, weakref.ref,
)  # fmt: skip
KNOWN = (*ATOMS, *CONTAINERS, np.ndarray, Tensor, types.ModuleType)
"""Types written in C whose whole content is watched."""
_IMMUTABLE = {"decimal", "datetime", "fractions", "uuid", "pathlib", "zoneinfo", "ipaddress"}
"""Modules whose objects are immutable too."""


def is_a(value: Any, kind: Any) -> bool:
    """Return whether an object is an instance of a type, regardless of its ``__class__``."""
    return issubclass(type(value), kind)


def numbers(value: Any) -> Any:
    """Return a value that is equal only if the numbers of an array, Tensor or buffer are."""
    if is_a(value, Tensor):
        value = value.stored if is_a(value, Parameter) else value.array
    if is_a(value, Value):  # from a trace, and new each time
        return value, value.dtype, value.shape
    if is_a(value, (np.ndarray, np.void)):
        return value.tobytes(), value.dtype, value.shape, value.flags.num
    try:
        return bytes(value)
    except ValueError:
        return MISSING  # a released memoryview


def original(value: Any, name: str) -> Callable[[], Any]:
    """Return a container's method as Python's library defines it, regardless of overrides in a user's class."""
    kind = next(base for base in type(value).__mro__ if base.__module__ in ("builtins", "collections"))
    return functools.partial(getattr(kind, name), value)


def slot_of(slot: Any, value: Any) -> Any:
    """Return the value in a slot of an object."""
    try:
        return slot.__get__(value)
    except AttributeError:
        return MISSING


def content(cell: Any) -> Any:
    """Return the value in a cell of a closure."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING  # still empty


def file_of(cls: type) -> str:
    """Return the file that defines a class, if it is known."""
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or ""


def is_ours(cls: type) -> bool:
    """Return whether a class is one of this package or of numpy."""
    return cls.__module__.partition(".")[0] in ("autograd", "snn", "numpy")


def is_open(cls: type) -> bool:
    """Return whether all that the objects of a class hold is visible from Python."""
    base = cls.__base__
    if base is None or issubclass(cls, KNOWN) or cls.__module__ in _IMMUTABLE:
        return True
    seen = sum(isinstance(item, types.MemberDescriptorType) for item in vars(cls).values())
    seen += bool(cls.__dictoffset__) - bool(base.__dictoffset__) + bool(cls.__weakrefoffset__) - bool(base.__weakrefoffset__)
    return cls.__basicsize__ - base.__basicsize__ <= struct.calcsize("P") * seen


def position(generator: Any) -> str:
    """Return a value that changes with each draw from a random generator."""
    if isinstance(generator, np.random.Generator):
        generator = generator.bit_generator
    if isinstance(generator, np.random.BitGenerator):
        return str(generator.state)
    return str(generator.getstate() if isinstance(generator, random.Random) else generator.get_state())


def same(new: Any, old: Any) -> bool:
    """Return whether two objects are identical, or equal and immutable."""
    if new is old:
        return True
    if type(new) is not type(old):
        return False
    if type(new) is float:
        return struct.pack("d", new) == struct.pack("d", old)
    if isinstance(new, np.generic) and not isinstance(new, np.void):
        return bool(new.dtype == old.dtype) and new.tobytes() == old.tobytes()
    if type(new) is tuple:
        return len(new) == len(old) and all(map(same, new, old))
    return type(new) in (int, bool, str, bytes, range) and bool(new == old)
