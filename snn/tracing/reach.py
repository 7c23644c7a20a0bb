"""The visit to everything that the code of a traced neuron can read: it watches all of it, or raises a CompileError."""

from __future__ import annotations

import abc
import array
import collections
import contextvars
import copyreg
import functools
import importlib.util
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor, nn
from autograd.nn.stateful import is_stateful
from autograd.places import file_of
from autograd.primitive import Primitive
from autograd.state import state as thread

from . import contents
from .contents import ATOMS, CONTAINERS, KNOWN, MISSING, PARTS, is_a, is_ours, numbers
from .reads import BY_NAME, GENERATORS, OURS, Reads, global_names, impure, is_standard, reads_by_name, refuse
from .watched import Watched

__all__ = ["reach"]

_OPERATIONS = (Primitive, np.ufunc, type(np.sum))
_CALLABLES = (
    types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType, staticmethod, classmethod,
    functools.partial,
)  # fmt: skip
_ALWAYS = {"__array_interface__", "__array_struct__"}  # numpy reads them, whether or not the code names them
_UNNAMED = {
    "__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__annotate__", "__annotate_func__", "__qualname__",
    "__slots__", "__orig_bases__", "__parameters__", "__type_params__", "_abc_impl",
}  # fmt: skip
_DETAILS = {
    "__annotations__", "__closure__", "__code__", "__defaults__", "__doc__", "__globals__", "__kwdefaults__", "__module__",
    "__name__", "__qualname__",
}  # fmt: skip
"""Attributes of functions and classes that are watched if the code names them."""
_POSITION = {"__getstate__", "__reduce__", "__reduce_ex__", "bit_generator", "get_state", "getstate"}
"""Attributes that show the position of a random generator."""
_FRAMES = {"f_builtins", "f_globals", "f_locals"}


def reach(owner: Cell, reads: Reads, where: str, strict: bool = True, net: bool = False) -> Watched:
    """Return everything that a traced neuron depends on besides its inputs.

    Arguments and errors are those of ``Dependencies``; ``strict`` tells whether an object that cannot be watched is an error.
    """
    walk = _Walk(reads, where, strict)
    walk.over(owner, net)
    if walk.by_name and not reads.everything:
        reads.everything = True
        return reach(owner, reads, where, strict, net)
    return walk.watched


class _Walk:
    """Goes from object to object; keeps all of them alive meanwhile."""

    def __init__(self, reads: Reads, where: str, strict: bool) -> None:
        self._reads, self._where, self._strict = reads, where, strict
        self.watched = Watched()
        self._seen: dict[int, Any] = {}
        self._left: list[tuple[Any, str]] = []
        self._unread: list[tuple[Any, str]] = []
        self._lenient = self.by_name = False
        self._details = sorted(_DETAILS & (reads.attributes | reads.strings))
        for code, _ in reads.codes.values():
            if not is_standard(code.co_filename) and (names := _FRAMES.intersection(code.co_names)):
                place = f"in {code.co_name} of {file_of(code.co_filename)}"
                self._refuse(f"{min(names)} of a frame, {place}", "Read it before the run")
        self._push(Tensor, "Tensor")

    def over(self, owner: Cell, net: bool = False) -> None:
        """Watch everything in reach of a Cell, or of a net's Cells with a state, and of the globals that the code names."""
        outside = self._net(owner, "self") if net else []
        if not net:
            self._push(owner, "self")
        for code, space in self._reads.codes.values():
            self._globals(code, space)
        while self._left or self._unread:
            self._lenient = not self._left  # last come the attributes that the code does not name
            value, path = (self._left or self._unread).pop()
            if id(value) not in self._seen:
                self._seen[id(value)] = value  # kept alive, so that no other object gets its id
                self._visit(value, path)
        for cell in outside:
            if id(cell) not in self._seen:
                self.watched.outline(cell, self._seen)

    def _net(self, cell: Cell, path: str) -> list[Cell]:
        """Queue the Cells with a state in a net; return the others: its chains, and its layers with the Cells in them."""
        if isinstance(cell, nn.SequentialCell):
            return [cell, *(part for name, layer in cell.named() for part in self._net(layer, f"{path}.{name}"))]
        if is_stateful(cell):
            self._push(cell, path)
            return []
        return [part for _, part in cell.cells_and_names()]

    def _push(self, value: Any, path: str, name: str | None = None) -> None:
        """Queue a value, which the code can read if it can read ``name``."""
        if value is not MISSING:
            reads = self._reads
            read = reads.everything or name in reads.attributes or name in reads.strings or name in _ALWAYS
            (self._left if (read if name is not None else not self._lenient) else self._unread).append((value, path))
            held = numbers(value) if is_a(value, (np.ndarray, bytearray, Tensor)) else value
            self.watched.found.setdefault(path, (held, id(value)))

    def _names(self, space: Mapping[str, Any], names: Iterable[str], path: str, read: bool = False) -> None:
        """Watch some names of a namespace, present or absent; ``read`` if the code certainly reads them."""
        ordered = tuple(sorted(names))
        if ordered:
            self.watched.some.append((space.get, ordered))
        for name in ordered:
            self._push(space.get(name, MISSING), path.replace("{}", name), None if read else name)

    def _globals(self, code: types.CodeType, space: dict[str, Any]) -> None:
        names, modules, _ = global_names(code)
        if is_standard(code.co_filename):
            names, modules = names - {"sys"}, modules - {("sys", 0)}
        builtins = space.get("__builtins__", {})
        self._names(space, names, f"{{}} of {space.get('__name__') or file_of(code.co_filename)}", True)
        builtins = vars(builtins) if isinstance(builtins, types.ModuleType) else builtins
        # A read of attributes by name is noticed at its call; for other cases see _callable.
        seen = tuple(sorted(name for name in BY_NAME & names if name not in space))
        if seen:
            self.watched.some.append((builtins.get, seen))
        self._names(builtins, [name for name in names - BY_NAME if name not in space], "{}", True)
        for name, level in modules:
            if level:
                name = importlib.util.resolve_name("." * level + name, space.get("__package__") or space["__name__"])
            parts = name.split(".")
            self._names(sys.modules, [".".join(parts[: k + 1]) for k in range(len(parts))], "{}", True)

    def _visit(self, value: Any, path: str) -> None:
        kind = type(value)  # regardless of its __class__
        if issubclass(kind, Parameter):
            self.watched.parameters.append(value)
        elif issubclass(kind, Tensor):
            if thread.recording and value.node is not None:
                self._refuse(
                    f"{path}, a Tensor that is being differentiated",
                    "Make it a Parameter, or pass it as the input or the state",
                )
            self.watched.tensors.append(value)
        elif issubclass(kind, GENERATORS):
            if not self._reads.attributes.isdisjoint(_POSITION):
                self._refuse(f"{path}, a random generator whose state may be read", "Read it before the run")
            self.watched.generators.append((value, path))
            if kind not in GENERATORS and not is_ours(kind):
                self._push(kind, kind.__name__)
            if isinstance(inside := getattr(value, "__dict__", None), dict):
                self._attributes(value, inside, path)
        elif issubclass(kind, (np.ndarray, np.void)):
            if value.dtype.hasobject:
                self._refuse(f"{path}, an array of Python objects", "Use an array of numbers")
            self.watched.arrays.append(value)
        elif issubclass(kind, np.ufunc) and value.__name__.endswith("(vectorized)"):
            self._refuse(f"{path}, made by np.frompyfunc", "Use np.vectorize")
        elif issubclass(kind, (types.MethodDescriptorType, types.WrapperDescriptorType)):
            self._notice(value)
        elif kind in PARTS:
            for name in PARTS[kind]:
                self._push(getattr(value, name), f"{path}.{name}")
        elif issubclass(kind, _OPERATIONS) or (issubclass(kind, ATOMS) and not hasattr(value, "__dict__")):
            pass
        elif issubclass(kind, _CALLABLES):
            self._callable(value, path)
        elif kind.__name__ == "cython_function_or_method" and str(value.__module__).startswith("numpy.random"):
            self._push(np.random.mtrand._rand, "numpy.random")  # functions may draw from it
        elif issubclass(kind, types.ModuleType):
            self._module(value)
        elif issubclass(kind, type):
            self._class(value)
        elif kind in CONTAINERS:
            self._container(value, path)
        else:
            self._object(value, path)
        if issubclass(kind, (Tensor, np.ndarray, types.ModuleType)) and (
            kind is not types.ModuleType and (not is_ours(kind) or issubclass(kind, np.ma.MaskedArray))
        ):
            self._object(value, path)

    def _refuse(self, got: str, fix: str) -> None:
        if self._strict:
            refuse(self._where, got, fix)

    def _callable(self, value: Any, path: str) -> None:
        if is_a(value, types.FunctionType):
            if value.__dict__:
                self._attributes(value, vars(value), path)
            self._about(value, self._details)
            if not self._reads.ran(value):
                return  # a different value is a different object
            self._lenient = False  # it reads its contents
            self.watched.functions.append(value)
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
                self.watched.getters.append(functools.partial(contents.content, cell))
                self._push(contents.content(cell), f"{name} around {value.__name__}")
            self._push(value.__defaults__, f"the defaults of {value.__name__}")
            self._push(value.__kwdefaults__, f"the defaults of {value.__name__}")
        elif is_a(value, functools.partial):
            for name in ("func", "args", "keywords"):  # a call of its __setstate__ may replace them
                self.watched.getters.append(functools.partial(getattr, value, name))
            self._container(value.args, path)
            self._container(value.keywords, path)
            self._called(value.func, path)
        elif is_a(value, (staticmethod, classmethod)):
            self._push(value.__func__, path)
        else:
            if is_a(value, types.BuiltinFunctionType):
                self._notice(value)
            self._push(value.__self__, path)
            if is_a(value, types.MethodType):
                self._push(value.__func__, path)

    def _notice(self, function: Any) -> None:
        """Notice a function that a partial, map or reduce may call to read attributes by name, where no profiler sees it."""
        self.by_name |= not self._lenient and reads_by_name(function)

    def _called(self, function: Any, path: str) -> None:
        """Watch a function whose calls no profiler sees."""
        if is_a(function, types.BuiltinFunctionType) and not self._lenient and (name := impure(function)) is not None:
            self._refuse(f"{name}, called by {path}", "Compute it before the run and keep it in an attribute")
        self._push(function, path)

    def _about(self, value: Any, names: Iterable[str]) -> None:
        """Watch the attributes of a function or class that describe it."""
        for name in names:
            self.watched.getters.append(functools.partial(getattr, value, name, MISSING))
            self._push(getattr(value, name, MISSING), f"{value.__name__}.{name}")

    def _module(self, module: types.ModuleType) -> None:
        space, reads = vars(module), self._reads
        file = space.get("__file__") or getattr(space.get("__spec__"), "origin", None) or ""
        names = (reads.attributes | reads.strings).intersection(space) - {"sys"}  # sys of a library module is not watched
        if not (file.startswith(OURS) or is_standard(file)):
            names |= reads.attributes
            if reads.everything:
                self.watched.whole.append((space.keys, space.values))
                names |= set(space)
        names -= {"__builtins__", "__dict__", "__doc__", "__spec__", "__loader__"}
        names -= BY_NAME if module.__name__ == "builtins" else set()
        if module is sys:
            odd = [name for name in names if not isinstance(space[name], (tuple, *ATOMS, *_CALLABLES))]
            if odd:
                self._refuse(f"sys.{min(odd)}", "Read it before the run and keep it in an attribute")
        self._names(space, names, f"{module.__name__}.{{}}")

    def _class(self, cls: type) -> None:
        """Watch a class and its bases: everything in a Cell, and the named attributes of other classes."""
        reads = self._reads
        self.watched.classes.append(cls)
        self._about(cls, {"__name__", "__qualname__"}.intersection(self._details))
        if cls.__module__ == "decimal":
            self.watched.getters.append(lambda: repr(sys.modules["decimal"].getcontext()))
        elif issubclass(cls, abc.ABCMeta):
            self.watched.getters.append(abc.get_cache_token)
        for base in cls.__mro__:
            space: Any = vars(base)
            if base.__module__ == "builtins" or (id(base) in self._seen and base is not cls):
                continue
            self._seen[id(base)] = base
            if is_ours(base):
                if issubclass(base, Cell):
                    self.watched.spaces.append(space)
                elif base.__module__.partition(".")[0] != "numpy":
                    self._names(space, reads.attributes.intersection(space), f"{cls.__name__}.{{}}")
                continue
            if is_standard(contents.file_of(base)):
                continue
            if issubclass(base, Cell) or reads.everything:
                self.watched.whole.append((space.keys, space.values))
                names = set(space)
            else:
                names = {name for name in space if name.startswith("__") or name in reads.strings} | reads.attributes
            self._names(space, names - (_UNNAMED - reads.attributes), f"{cls.__name__}.{{}}")
        if type(cls) is not type:
            self._push(type(cls), f"the class of {cls.__name__}")

    def _object(self, value: Any, path: str) -> None:
        """Watch an object's attributes, or refuse an object that holds more than they show."""
        kind = type(value)
        if hasattr(kind, "__next__") or not all(map(contents.is_open, kind.__mro__)):
            if not self._lenient:
                made_up = "Name it in the code, not by getattr or vars" if self._reads.everything else "Read it before the run"
                self._refuse(f"{path}, an object of type {kind.__name__}, which cannot be watched", made_up)
            return
        if is_a(value, CONTAINERS):
            self._container(value, path)
        self.watched.objects.append(value)
        if kind.__module__ == "decimal":
            self.watched.getters.append(functools.partial(repr, value))  # a decimal context can change
        self._push(kind, kind.__name__)
        for base in kind.__mro__:
            if base not in (Cell, *KNOWN):
                for name, slot in vars(base).items():
                    if isinstance(slot, types.MemberDescriptorType) and name != "__dict__":
                        self.watched.getters.append(functools.partial(contents.slot_of, slot, value))
                        self._push(contents.slot_of(slot, value), f"{path}.{name}")
        if isinstance(inside := getattr(value, "__dict__", None), dict):
            self._attributes(value, inside, path)

    def _attributes(self, value: Any, inside: dict[str, Any], path: str) -> None:
        reads = self._reads
        all_of_it = reads.everything and type(value).__module__ != "logging"  # any logger leads to all others, and to files
        if is_a(value, (Cell, types.SimpleNamespace)) or all_of_it or is_ours(type(value)):
            self.watched.whole.append((inside.keys, inside.values))
            for name, item in inside.items():
                self._push(item, f"{path}.{name}", name)
        else:
            self._names(inside, reads.attributes | reads.strings.intersection(inside) | _ALWAYS, f"{path}.{{}}")

    def _container(self, value: Any, path: str) -> None:
        if is_a(value, (bytearray, memoryview, array.array)):
            self.watched.arrays.append(value)
        elif is_a(value, (dict, types.MappingProxyType)):
            if {"data", "typestr", "version"}.issubset(value):
                self._refuse(f"{path}, which gives the address of an array", "Use the array")
            self.watched.items(value)
            if value is copyreg.dispatch_table:  # hundreds of classes; a copy function that ran was noticed
                return
            for key, item in contents.original(value, "items")():
                self._push(key, f"{path}[{key!r}]")
                self._push(item, f"{path}[{key!r}]")
            if is_a(value, collections.defaultdict):
                self.watched.getters.append(lambda: value.default_factory)
                self._called(value.default_factory, f"{path}.default_factory")
        elif is_a(value, (list, tuple, collections.deque, set, frozenset)):
            self.watched.items(value)
            for i, item in enumerate(contents.original(value, "__iter__")()):
                self._push(item, path if is_a(value, (set, frozenset)) else f"{path}[{i}]")
        else:
            get = functools.partial(value.get, MISSING) if is_a(value, contextvars.ContextVar) else value
            self.watched.getters.append(get)
            self._push(get(), f"{path}()")
