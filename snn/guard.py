"""What a traced neuron depends on: everything that its code can read is watched, or the trace is refused.

:func:`snn.reads.watching` collects the names in the user's code while a neuron is traced. From the Cell and those names
:class:`Dependencies` walks over all that such code can reach, keeps what it finds, and tells in microseconds whether it is
still the same. What cannot be looked into, such as a generator or a file, is a CompileError that names it.
"""

from __future__ import annotations

import array
import collections
import contextvars
import functools
import importlib.util
import random
import re
import struct
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from operator import is_
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor
from autograd.primitive import Primitive
from autograd.state import state as thread

from .reads import GENERATORS, OURS, Reads, global_names, is_standard, refuse

__all__ = ["Dependencies"]

_MISSING: Any = object()
_Named = collections.namedtuple("_Named", "field")
_ATOMS = (
    int, float, bool, str, bytes, complex, type(None), type(Ellipsis), type(NotImplemented), range, slice, np.generic,
    np.dtype, re.Pattern, property, types.CodeType, types.WrapperDescriptorType,
    types.MethodDescriptorType, types.ClassMethodDescriptorType, types.GetSetDescriptorType,
    types.MemberDescriptorType, types.GenericAlias, types.UnionType, type(vars(_Named)["field"]),
)  # fmt: skip
"""What never changes inside, so that another value is another object."""
_OPERATIONS = (Primitive, np.ufunc, type(np.sum))
_CONTAINERS = (
    list, tuple, dict, set, frozenset, collections.deque, bytearray, memoryview, array.array, types.MappingProxyType,
    contextvars.ContextVar, weakref.ref,
)  # fmt: skip
_CALLABLES = (
    types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType, staticmethod, classmethod,
    functools.partial,
)  # fmt: skip
_IMMUTABLE = {"decimal", "datetime", "fractions", "uuid", "pathlib", "zoneinfo", "ipaddress"}
"""Modules whose objects never change either."""
_ALWAYS = {"__array_interface__", "__array_struct__"}  # numpy reads them, whatever the code names
_UNNAMED = {
    "__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__annotate__", "__annotate_func__", "__qualname__",
    "__slots__", "__orig_bases__", "__parameters__", "__type_params__", "_abc_impl",
}  # fmt: skip


class Dependencies:
    """All that a traced neuron depends on besides its inputs, as it was when this was made.

    Parameters
    ----------
    owner : Cell
        The neuron; all attributes of it and of the Cells in it count.
    reads : Reads
        What the code that ran can have read besides.
    where : str
        What an error says first.
    strict : bool
        Whether what cannot be watched is an error; otherwise it counts by identity.

    Raises
    ------
    CompileError
        If something that the code can reach cannot be watched.
    """

    def __init__(self, owner: Cell, reads: Reads, where: str, strict: bool = True) -> None:
        self._owner, self._reads, self._where, self._strict = weakref.ref(owner), reads, where, strict
        self._whole: list[Any] = []  # mappings of which each key and value counts
        self._spaces: list[Any] = []  # mappings of which each value counts
        self._some: list[tuple[Callable[..., Any], tuple[str, ...]]] = []  # mappings of which some names count
        self._sequences: list[Any] = []
        self._objects: list[Any] = []
        self._classes: list[type] = []
        self._functions: list[types.FunctionType] = []
        self._getters: list[Callable[[], Any]] = []
        self._parameters: list[Parameter] = []
        self._tensors: list[Tensor] = []
        self._arrays: list[Any] = []
        self._sets: list[Any] = []
        self._generators: list[tuple[Any, str]] = []
        self._found: dict[str, Any] = {}
        self._seen: dict[int, Any] = {}
        self._left: list[tuple[Any, str]] = []
        self._unread: list[tuple[Any, str]] = []
        self._lenient = False
        self._walk(owner)
        del self._seen, self._left, self._unread
        self._drawn = [_position(generator) for generator, _ in self._generators]
        self._known = self._look()
        self._contents = self._look_inside()

    # Is it still the same

    def unchanged(self) -> bool:
        """Tell whether everything is as it was."""
        now, known = self._look(), self._known
        if len(now) != len(known):
            return False
        if not all(map(is_, now, known)):
            for i, (new, old) in enumerate(zip(now, known, strict=True)):
                if new is not old:
                    if not _same(new, old):
                        return False
                    known[i] = new
        return self._look_inside() == self._contents

    def changes(self) -> str | None:
        """Return the names of what has changed, if anything has."""
        for (generator, path), drawn in zip(self._generators, self._drawn, strict=True):
            if _position(generator) != drawn:
                return f"draws random numbers from {path}"
        owner = self._owner()
        if self.unchanged() or owner is None:
            return None
        now = Dependencies(owner, self._reads, self._where, strict=False)._found
        names = [name for name in now if name not in self._found or not _same(now[name], self._found[name])]
        names = [name for name in names if not any(other.startswith((f"{name}.", f"{name}[")) for other in names)]
        return f"changes {', '.join(names) or 'what it reads'}"

    def _look(self) -> list[Any]:
        """Return the objects that must stay the same ones."""
        found: list[Any] = []
        extend = found.extend
        for space in self._whole:
            extend(space)
            extend(space.values())
        for space in self._spaces:
            extend(space.values())
        for get, names in self._some:
            extend(map(get, names, repeat(_MISSING)))
        for sequence in self._sequences:
            extend(sequence)
        extend(map(type, self._objects))
        for cls in self._classes:
            found.append(cls.__mro__)
        for function in self._functions:
            extend((function.__code__, function.__defaults__, function.__kwdefaults__))
        for getter in self._getters:
            found.append(getter())
        return found

    def _look_inside(self) -> list[Any]:
        """Return what must stay equal: lengths, the contents of arrays and sets, the shapes of Parameters."""
        recording = thread.recording
        found: list[Any] = [*map(len, self._whole), *map(len, self._spaces), *map(len, self._sequences)]
        found += [(p.stored.shape, p.stored.dtype) for p in self._parameters]
        found += [(t.array.tobytes(), t.array.dtype, t.array.shape, recording and t.node is not None) for t in self._tensors]
        found += [_numbers(a) for a in self._arrays]
        found += [{(type(item), item) for item in items} for items in self._sets]
        return found

    # The walk over everything in reach

    def _walk(self, owner: Cell) -> None:
        self._push(owner, "self")
        for code, space in self._reads.codes.values():
            self._globals(code, space)
        while self._left or self._unread:
            self._lenient = not self._left  # at last come the attributes that the code does not name
            value, path = (self._left or self._unread).pop()
            if id(value) not in self._seen:
                self._seen[id(value)] = value  # kept, so that no other gets its id
                self._visit(value, path)

    def _push(self, value: Any, path: str, name: str | None = None) -> None:
        """Have a value visited, which the code can read if it can read ``name``."""
        if value is not _MISSING:
            reads = self._reads
            read = reads.everything or name in reads.attributes or name in reads.strings
            (self._left if (read if name is not None else not self._lenient) else self._unread).append((value, path))
            self._found.setdefault(path, _numbers(value) if isinstance(value, (np.ndarray, bytearray, Tensor)) else value)

    def _names(self, space: Mapping[str, Any], names: Iterable[str], path: str, read: bool = False) -> None:
        """Watch some names of a namespace, whether they are there or not; ``read``: the code reads them for certain."""
        ordered = tuple(sorted(names))
        if ordered:
            self._some.append((space.get, ordered))
        for name in ordered:
            self._push(space.get(name, _MISSING), path.format(name), None if read else name)

    def _globals(self, code: types.CodeType, space: dict[str, Any]) -> None:
        names, modules, _ = global_names(code)
        builtins = space.get("__builtins__", {})
        self._names(space, names, f"{{}} of {space.get('__name__', code.co_filename)}", True)
        builtins = vars(builtins) if isinstance(builtins, types.ModuleType) else builtins
        self._names(builtins, [name for name in names if name not in space], "{}", True)
        for name, level in modules:
            if level:
                name = importlib.util.resolve_name("." * level + name, space.get("__package__") or space["__name__"])
            parts = name.split(".")
            self._names(sys.modules, [".".join(parts[: k + 1]) for k in range(len(parts))], "{}", True)

    def _visit(self, value: Any, path: str) -> None:
        if isinstance(value, Parameter):
            self._parameters.append(value)
        elif isinstance(value, Tensor):
            if thread.recording and value.node is not None:
                self._refuse(
                    f"{path}, a Tensor that is being differentiated",
                    "Make it a Parameter, or pass it as the input or the state",
                )
            self._tensors.append(value)
        elif isinstance(value, GENERATORS):
            if not self._reads.attributes.isdisjoint({"bit_generator", "getstate", "get_state"}):
                self._refuse(f"{path}, a random generator whose state may be read", "Read it before the run")
            self._generators.append((value, path))
        elif isinstance(value, (np.ndarray, np.void)):
            if value.dtype.hasobject:
                self._refuse(f"{path}, an array of Python objects", "Use an array of numbers")
            self._arrays.append(value)
        elif isinstance(value, _OPERATIONS) or (isinstance(value, _ATOMS) and not hasattr(value, "__dict__")):
            pass
        elif isinstance(value, _CALLABLES):
            self._callable(value, path)
        elif type(value).__name__ == "cython_function_or_method" and str(value.__module__).startswith("numpy.random"):
            self._push(np.random.mtrand._rand, "numpy.random")  # which it may draw from
        elif isinstance(value, types.ModuleType):
            self._module(value)
        elif isinstance(value, type):
            self._class(value)
        elif type(value) in _CONTAINERS:
            self._container(value, path)
        else:
            self._object(value, path)

    def _refuse(self, got: str, fix: str) -> None:
        if self._strict:
            refuse(self._where, got, fix)

    def _callable(self, value: Any, path: str) -> None:
        self._lenient = False  # whoever calls it reads what it holds
        if isinstance(value, types.FunctionType):
            if not self._reads.ran(value):
                return  # another one is another object
            self._functions.append(value)
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
                self._getters.append(functools.partial(_content, cell))
                self._push(_content(cell), f"{name} around {value.__name__}")
            self._push(value.__defaults__, f"the defaults of {value.__name__}")
            self._push(value.__kwdefaults__, f"the defaults of {value.__name__}")
            if value.__dict__:
                self._attributes(value, vars(value), path)
        elif isinstance(value, functools.partial):
            self._container(value.args, path)
            self._container(value.keywords, path)
            self._push(value.func, path)
        elif isinstance(value, (staticmethod, classmethod)):
            self._push(value.__func__, path)
        else:
            self._push(value.__self__, path)
            if isinstance(value, types.MethodType):
                self._push(value.__func__, path)

    def _module(self, module: types.ModuleType) -> None:
        space, reads = vars(module), self._reads
        file = space.get("__file__") or getattr(space.get("__spec__"), "origin", None) or ""
        names = (reads.attributes | reads.strings).intersection(space)
        if not (file.startswith(OURS) or is_standard(file)):
            names |= reads.attributes
            if reads.everything:
                self._whole.append(space)
                names |= set(space)
        names -= {"__builtins__", "__dict__", "__doc__", "__spec__", "__loader__"}
        if module is sys and (odd := [name for name in names if not isinstance(space[name], (*_ATOMS, *_CALLABLES))]):
            self._refuse(f"sys.{odd[0]}", "Read it before the run and keep it in an attribute")
        self._names(space, names, f"{module.__name__}.{{}}")

    def _class(self, cls: type) -> None:
        """Watch a class and those above it: all of a Cell, and what can have been named of another."""
        reads = self._reads
        self._classes.append(cls)
        for base in cls.__mro__:
            space: Any = vars(base)
            if base.__module__ == "builtins" or (id(base) in self._seen and base is not cls):
                continue
            self._seen[id(base)] = base
            if _is_ours(base):
                if issubclass(base, Cell):
                    self._spaces.append(space)
                continue
            if is_standard(_file_of(base)):
                continue
            if issubclass(base, Cell) or reads.everything:
                self._whole.append(space)
                names = set(space)
            else:
                names = {name for name in space if name.startswith("__") or name in reads.strings} | reads.attributes
            self._names(space, names - _UNNAMED, f"{cls.__name__}.{{}}")
        if type(cls) is not type:
            self._push(type(cls), f"the class of {cls.__name__}")

    def _object(self, value: Any, path: str) -> None:
        """Watch an object by its attributes, or refuse one that holds more than they show."""
        kind = type(value)
        if hasattr(kind, "__next__") or not all(map(_is_open, kind.__mro__)):
            if not self._lenient:
                self._refuse(f"{path}, an object of type {kind.__name__}, which cannot be watched", "Read it before the run")
            return
        if isinstance(value, _CONTAINERS):
            self._container(value, path)
        self._objects.append(value)
        self._push(kind, kind.__name__)
        for base in kind.__mro__:
            if base is not Cell and not issubclass(base, (*_ATOMS, *_CONTAINERS)):
                for name, slot in vars(base).items():
                    if isinstance(slot, types.MemberDescriptorType):
                        self._getters.append(functools.partial(_slot, slot, value))
                        self._push(_slot(slot, value), f"{path}.{name}")
        if isinstance(inside := getattr(value, "__dict__", None), dict):
            self._attributes(value, inside, path)

    def _attributes(self, value: Any, inside: dict[str, Any], path: str) -> None:
        reads = self._reads
        if isinstance(value, Cell) or reads.everything or _is_ours(type(value)):
            self._whole.append(inside)
            for name, item in inside.items():
                self._push(item, f"{path}.{name}", name)
        else:
            self._names(inside, reads.attributes | reads.strings.intersection(inside) | _ALWAYS, f"{path}.{{}}")

    def _container(self, value: Any, path: str) -> None:
        if isinstance(value, (bytearray, memoryview, array.array)):
            self._arrays.append(value)
        elif isinstance(value, (set, frozenset)):
            self._sets.append(value)  # by what is equal: objects count by identity, unless they say otherwise
            for item in value:
                self._push(item, path)
        elif isinstance(value, (dict, types.MappingProxyType)):
            self._whole.append(value)
            for key, item in value.items():
                self._push(key, f"{path}[{key!r}]")
                self._push(item, f"{path}[{key!r}]")
            if isinstance(value, collections.defaultdict):
                self._getters.append(lambda: value.default_factory)
                self._push(value.default_factory, f"{path}.default_factory")
        elif isinstance(value, (list, tuple, collections.deque)):
            self._sequences.append(value)
            for i, item in enumerate(value):
                self._push(item, f"{path}[{i}]")
        else:
            get = functools.partial(value.get, _MISSING) if isinstance(value, contextvars.ContextVar) else value
            self._getters.append(get)
            self._push(get(), f"{path}()")


def _numbers(value: Any) -> Any:
    if isinstance(value, Tensor):
        value = value.stored if isinstance(value, Parameter) else value.array
    return (value.tobytes(), value.dtype, value.shape) if isinstance(value, (np.ndarray, np.void)) else bytes(value)


def _slot(slot: Any, value: Any) -> Any:
    try:
        return slot.__get__(value)
    except AttributeError:
        return _MISSING


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING  # not filled yet


def _file_of(cls: type) -> str:
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or ""


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in ("autograd", "snn", "numpy")


def _is_open(cls: type) -> bool:
    """Tell whether the objects of a class hold nothing but what Python can see of them."""
    base = cls.__base__
    if base is None or issubclass(cls, (*_ATOMS, *_CONTAINERS)) or cls.__module__ in _IMMUTABLE:
        return True
    seen = sum(isinstance(item, types.MemberDescriptorType) for item in vars(cls).values())
    seen += bool(cls.__dictoffset__) - bool(base.__dictoffset__) + bool(cls.__weakrefoffset__) - bool(base.__weakrefoffset__)
    return cls.__basicsize__ - base.__basicsize__ <= struct.calcsize("P") * seen


def _position(generator: Any) -> str:
    """Return what changes when a random generator is drawn from."""
    if isinstance(generator, np.random.Generator):
        generator = generator.bit_generator
    if isinstance(generator, np.random.BitGenerator):
        return str(generator.state)
    return str(generator.getstate() if isinstance(generator, random.Random) else generator.get_state())


def _same(new: Any, old: Any) -> bool:
    """Tell whether two objects are the same one, or equal and unable to change."""
    if new is old:
        return True
    if type(new) is not type(old):
        return False
    if type(new) is float:
        return struct.pack("d", new) == struct.pack("d", old)
    if isinstance(new, np.generic) and not isinstance(new, np.void):
        return bool(new.dtype == old.dtype) and new.tobytes() == old.tobytes()
    if type(new) is tuple:
        return len(new) == len(old) and all(map(_same, new, old))
    return type(new) in (int, bool, str, bytes, range) and bool(new == old)
