"""Tell whether a Cell is still what it was when it was traced."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import autograd
from autograd import Parameter, Tensor

__all__ = ["fingerprint", "names_seen", "watching"]

_OURS = (str(Path(autograd.__file__).parent), str(Path(__file__).parent))
_PLAIN = (int, float, bool, str, bytes, complex, type(None), type, np.generic, np.dtype)
_closures: dict[type, list[Any]] = {}


def fingerprint(value: Any, seen: tuple[int, ...] = ()) -> Any:
    """Return what changes when a value, or something in it, is replaced; arrays and Parameters count by identity.

    It is compared with ``==`` as long as what it is of is alive.
    """
    if isinstance(value, _PLAIN):
        return type(value), value
    if isinstance(value, Tensor):
        return id(value) if isinstance(value, Parameter) else id(value.array), value.shape, value.dtype
    if isinstance(value, np.ndarray):
        return id(value), value.shape, value.dtype
    if id(value) in seen:
        return None
    seen = (*seen, id(value))
    if isinstance(value, (list, tuple)):
        return type(value), [fingerprint(item, seen) for item in value]
    if isinstance(value, dict):
        return [(key, fingerprint(item, seen)) for key, item in value.items()]
    if isinstance(value, types.FunctionType):
        return id(value), _of_function(value, seen)
    if isinstance(value, types.MethodType):
        return fingerprint(value.__func__, seen), fingerprint(value.__self__, seen)
    inside = [(key, fingerprint(item, seen)) for key, item in getattr(value, "__dict__", {}).items()]
    return (id(value), inside, [_of_function(f, seen) for f in _with_closure(type(value))]) if inside else id(value)


def _of_function(function: Any, seen: tuple[int, ...]) -> Any:
    cells = [fingerprint(_content(cell), seen) for cell in function.__closure__ or ()]
    return cells, fingerprint(function.__defaults__, seen), fingerprint(function.__kwdefaults__, seen)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None  # not filled yet


def _with_closure(cls: type) -> list[Any]:
    """Return the methods of a class that use variables of a function around it."""
    if cls not in _closures:
        found = [f for base in cls.__mro__ for f in vars(base).values() if isinstance(f, types.FunctionType)]
        _closures[cls] = [f for f in found if any(n != "__class__" for n in f.__code__.co_freevars)]
    return _closures[cls]


@contextmanager
def watching() -> Iterator[dict[tuple[int, str], tuple[dict[str, Any], str]]]:
    """Collect the global names that the user's functions read while the block runs."""
    found: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}

    def look(frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and not code.co_filename.startswith(_OURS):
            for name in code.co_names:
                if name in frame.f_globals:
                    found[id(frame.f_globals), name] = frame.f_globals, name

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)


def names_seen(found: dict[tuple[int, str], tuple[dict[str, Any], str]]) -> Callable[[], Any]:
    """Return a function that tells the fingerprint of global names; modules do not count."""
    names = [(where, name) for where, name in found.values() if not isinstance(where[name], types.ModuleType)]
    return lambda: [fingerprint(where.get(name)) for where, name in names]
