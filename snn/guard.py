"""Tell whether a Cell is still what it was when it was traced."""

from __future__ import annotations

import functools
import gc
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

import autograd
from autograd import Parameter, Tensor

__all__ = ["changed", "fingerprint", "names_seen", "watching"]

_OURS = tuple(str(Path(file).parent) for file in (autograd.__file__, __file__, np.__file__))
_STANDARD = sysconfig.get_path("stdlib")
_SIMPLE = {int, float, bool, str, bytes, complex, type(None), type}
_PLAIN = (*_SIMPLE, np.generic, np.dtype)
_theirs: WeakKeyDictionary[type, list[type]] = WeakKeyDictionary()


def fingerprint(value: Any, seen: dict[int, int] | None = None) -> Any:
    """Return what changes when a value, or something in it, is replaced or an array is written to.

    Parameters count by identity: their values are read anew in every run. It is compared with ``==`` as long as what it is of
    is alive.
    """
    kind = type(value)
    if kind in _SIMPLE or isinstance(value, _PLAIN):
        return kind, value
    if isinstance(value, Parameter):
        return id(value), value.shape, value.dtype
    if isinstance(value, (Tensor, np.ndarray)):
        return np.shape(value), value.dtype, np.asarray(value).tobytes()
    if isinstance(value, types.ModuleType):
        return id(value)
    if isinstance(value, np.random.Generator):
        return id(value), str(value.bit_generator.state)
    seen = {} if seen is None else seen
    if id(value) in seen:
        return seen[id(value)]
    seen[id(value)] = len(seen)
    if isinstance(value, (list, tuple)):
        return type(value), [fingerprint(item, seen) for item in value]
    if isinstance(value, dict):
        return [(key, fingerprint(item, seen)) for key, item in value.items()]
    if isinstance(value, types.FunctionType):
        return value.__code__, _of_function(value, seen)
    if isinstance(value, types.MethodType):
        return fingerprint(value.__func__, seen), fingerprint(value.__self__, seen)
    inside = getattr(value, "__dict__", None)
    if not isinstance(inside, dict) or not inside:
        return id(value)
    attributes = [
        (key, (kind, item) if (kind := type(item)) in _SIMPLE else fingerprint(item, seen)) for key, item in inside.items()
    ]  # what most are, without a call
    return id(value), type(value), attributes, _of_class(type(value), seen)


def changed(before: Any, after: Any) -> str:
    """Say which attributes of a Cell differ between two fingerprints of it."""
    pairs = zip(before[2], after[2], strict=False)
    names = [new[0] for old, new in pairs if old != new] + [name for name, _ in after[2][len(before[2]) :]]
    return ", ".join(f"self.{name}" for name in names) or "a variable outside of it"


def _of_class(cls: type, seen: dict[int, int]) -> Any:
    """Return the fingerprint of what the user's classes hold: numbers, and methods that use variables of a function."""
    if cls not in _theirs:
        _theirs[cls] = [base for base in cls.__mro__ if _is_theirs(_file_of(base))]
    return [
        (name, fingerprint(item, seen))
        for base in _theirs[cls]
        for name, item in vars(base).items()
        if not name.startswith("__") or isinstance(item, types.FunctionType)
    ]


@functools.cache
def _is_theirs(file: str) -> bool:
    """Tell whether a file is the user's: not ours, nor numpy's, nor Python's own."""
    if file.startswith((*_OURS, "<frozen")) or not file:
        return False
    return not file.startswith(_STANDARD) or "-packages" in file[len(_STANDARD) :]


def _file_of(cls: type) -> str:
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or ("" if cls.__module__ == "builtins" else "<user>")


def _of_function(function: Any, seen: dict[int, int]) -> Any:
    cells = [fingerprint(_content(cell), seen) for cell in function.__closure__ or ()]
    return cells, fingerprint(function.__defaults__, seen), fingerprint(function.__kwdefaults__, seen)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None  # not filled yet


@contextmanager
def watching() -> Iterator[dict[tuple[int, str], tuple[dict[str, Any], str]]]:
    """Collect the global names, and those in modules, that the user's functions read while the block runs."""
    found: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}

    def look(frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and _is_theirs(code.co_filename):
            for name in code.co_names:
                if name not in frame.f_globals:
                    continue
                found[id(frame.f_globals), name] = frame.f_globals, name
                if isinstance(module := frame.f_globals[name], types.ModuleType):
                    inside = vars(module)
                    found.update(
                        {(id(inside), n): (inside, n) for n in code.co_names if n in inside and not callable(inside[n])}
                    )

    before, collects = sys.getprofile(), gc.isenabled()
    gc.disable()  # what others have the collector call is no part of a neuron
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()


def names_seen(found: dict[tuple[int, str], tuple[dict[str, Any], str]]) -> Callable[[], Any]:
    """Return a function that tells the fingerprint of these names; modules themselves do not count."""
    names = [(where, name) for where, name in found.values() if not isinstance(where[name], types.ModuleType)]
    return lambda: [fingerprint(where.get(name)) for where, name in names]
