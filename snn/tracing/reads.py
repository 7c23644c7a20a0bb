"""Names that the user's code reads during a trace, in the functions that run, and the C functions that they call."""

from __future__ import annotations

import dis
import functools
import gc
import os
import random
import re
import string
import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import autograd
from autograd import Tensor
from autograd.errors import CompileError
from autograd.places import file_of

__all__ = [
    "BY_NAME", "GENERATORS", "OURS", "Reads", "global_names", "impure", "is_standard", "reads_by_name", "refuse", "watching",
]  # fmt: skip

OURS = tuple(
    str(folder / "_")[:-1] for folder in (Path(autograd.__file__).parent, Path(__file__).parents[1], Path(np.__file__).parent)
)
"""Folders of code that is trusted to depend on its arguments alone."""
_STANDARD = os.path.join(os.path.dirname(os.__file__), "")
GENERATORS = (random.Random, np.random.Generator, np.random.RandomState, np.random.BitGenerator)
BY_NAME = {"getattr", "vars", "dir", "hasattr", "setattr", "delattr"}
"""Functions that read attributes by computed names."""
_UNSEEN = {"__dict__", "__getattribute__", "attrgetter", "methodcaller"}
"""Objects that do the same without a call that a profiler sees."""
_FORMATS = {"format", "format_map"}
"""Methods of strings that read attributes by the names in them."""
_PURE = {
    "_abc", "_bisect", "_collections", "_contextvars", "_datetime", "_decimal", "_functools", "_heapq", "_operator",
    "_sre", "_statistics", "_string", "_struct", "_typing", "_warnings", "_weakref", "array", "binascii", "builtins",
    "cmath", "collections", "contextvars", "copy", "datetime", "decimal", "enum", "functools", "itertools", "math",
    "operator", "re", "types", "typing", "unicodedata", "weakref",
}  # fmt: skip
"""Modules whose C functions depend on their arguments alone, with these exceptions:"""
_IMPURE = {
    "__import__", "__subclasses__", "astimezone", "breakpoint", "compile", "ctime", "eval", "exec", "fromfile",
    "fromtimestamp", "genfromtxt", "get_printoptions", "getbufsize", "getcontext", "geterr", "geterrcall", "getweakrefcount",
    "getweakrefs", "globals", "id", "input", "load", "loadtxt", "localcontext", "locals", "memmap", "now", "open",
    "strftime", "timestamp", "today", "tofile", "utcnow",
}  # fmt: skip


_HARMLESS = {
    "__enter__", "__exit__", "_path_normpath", "_path_splitroot", "_path_splitroot_ex", "acquire", "fspath", "intern",
    "release",
}  # fmt: skip
"""Methods of locks, paths and names."""


class Reads:
    """Everything that the user's code may have read.

    Attributes
    ----------
    codes : dict
        The code objects and their globals, by identity.
    attributes : set of str
        Names that it reads from objects: those in its instructions, and those in strings that are given to ``getattr`` and
        the like, or to ``str.format``.
    everything : bool
        Whether it used a function that reads attributes by computed names.
    """

    def __init__(self) -> None:
        self.codes: dict[tuple[int, int], tuple[types.CodeType, dict[str, Any]]] = {}
        self.attributes: set[str] = set()
        self._strings: set[str] = set()
        self.everything = False

    @property
    def strings(self) -> set[str]:
        """The words in its strings, if it reads attributes by computed names, which may be made of these. Otherwise none."""
        return self._strings if self.everything else set()

    def add(self, code: types.CodeType, space: dict[str, Any]) -> None:
        """Record a function that is called."""
        if (id(code), id(space)) not in self.codes:
            self.codes[id(code), id(space)] = code, space
            self.attributes.update(code.co_names)
            self._strings |= _words(code)
            self.everything |= not _UNSEEN.isdisjoint(code.co_names) or global_names(code)[2] or _hands_on(code)

    @classmethod
    def joined(cls, parts: Iterable[Reads]) -> Reads:
        """Return everything that any of some codes may have read."""
        found = cls()
        for part in parts:
            found.codes |= part.codes
            found.attributes |= part.attributes
            found._strings |= part._strings
            found.everything |= part.everything
        return found

    def ran(self, function: types.FunctionType) -> bool:
        """Return whether a function was called."""
        return (id(function.__code__), id(function.__globals__)) in self.codes


@functools.lru_cache(512)
def _words(code: types.CodeType) -> frozenset[str]:
    """Return the words in the strings of a function."""
    found: set[str] = set()
    left = list(code.co_consts)
    while left:
        item = left.pop()
        if isinstance(item, (tuple, frozenset)):
            left.extend(item)
        elif isinstance(item, str) and len(item) < 100:  # no docstring
            found.update(word for word in re.split(r"\W+", item) if word.isidentifier())
    return frozenset(found)


@functools.lru_cache(512)
def global_names(code: types.CodeType) -> tuple[frozenset[str], frozenset[tuple[str, int]], bool]:
    """Return the globals that a function names, the modules that it imports with levels, and whether it matches classes."""
    names, modules, matches = set(), set(), False
    before: list[Any] = [None, None]
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            modules.add((step.argval, before[0] if isinstance(before[0], int) else 0))
        elif step.opcode in dis.hasname and re.match("LOAD(?!.*(ATTR|METHOD))|(STORE|DELETE)_GLOBAL", step.opname):
            names.add(step.argval)
        matches |= step.opname == "MATCH_CLASS"
        before = [before[1], step.argval]
    return frozenset(names), frozenset(modules), matches


@functools.lru_cache(512)
def _hands_on(code: types.CodeType) -> bool:
    """Return whether a function passes on, rather than calls, a function that reads attributes by computed names."""
    if (BY_NAME | _FORMATS).isdisjoint(code.co_names):
        return False
    steps = list(dis.get_instructions(code))
    after = [step.opname for step in steps[1:]] + [""] * 2
    for i, step in enumerate(steps):
        if step.opcode not in dis.hasname:
            continue
        if step.argval in BY_NAME and not (step.opname == "LOAD_GLOBAL" and (step.arg or 0) & 1):
            return True
        method = sys.version_info >= (3, 12) and (step.arg or 0) & 1
        compared = after[i] == "LOAD_CONST" and after[i + 1] in ("COMPARE_OP", "CONTAINS_OP", "IS_OP")  # as another attribute
        if step.argval in _FORMATS and step.opname == "LOAD_ATTR" and not method and not compared:
            return True
    return False


def reads_by_name(function: Any) -> bool:
    """Return whether a C function reads attributes by names that it is given, such as ``getattr`` and ``"{0.a}".format``."""
    if isinstance(function, types.BuiltinFunctionType):
        return _formats(function) or (function.__module__ == "builtins" and function.__name__ in BY_NAME)
    return function.__name__ == "__getattribute__" or (
        function.__name__ in _FORMATS and issubclass(function.__objclass__, str)
    )


def _formats(function: types.BuiltinFunctionType) -> bool:
    return function.__name__ in _FORMATS and isinstance(function.__self__, str)


def _fields(text: str) -> set[str]:
    """Return the attributes that the fields of a format string read, such as ``a`` of ``"{0.a}"``."""
    found: set[str] = set()
    try:
        for _, field, spec, _ in string.Formatter().parse(text):
            found.update(re.findall(r"\.([^.\[]+)", field or ""))
            found |= _fields(spec) if spec else set()
    except ValueError:  # the call raises it too
        pass
    return found


@functools.lru_cache(512)
def _named(code: types.CodeType, at: int) -> tuple[str, ...]:
    """Return the name in the call at an instruction, if it is ``getattr(something, "name")``, also with a plain default."""
    every = [step for step in dis.get_instructions(code) if step.offset <= at]
    steps = [step for step in every if step.opname not in ("CACHE", "EXTENDED_ARG", "PRECALL")]
    count = steps[-1].arg if steps[-1].opname == "CALL" else 0
    name, *default = steps[-count:-1] if count in (2, 3) else steps[:1]
    if (
        name.opname == "LOAD_CONST"
        and isinstance(name.argval, str)
        and all(step.opname in ("LOAD_CONST", "LOAD_FAST", "LOAD_GLOBAL") for step in default)
        and not any(step.is_jump_target for step in every if step.offset >= name.offset)  # as in `"a" if b else "c"`
    ):
        return (name.argval,)
    return ()


def refuse(where: str, got: str, fix: str) -> NoReturn:
    """Raise the CompileError for an object that cannot be watched."""
    raise CompileError(
        where, "a step that depends only on its inputs and on values that can be watched, since it is traced once", got,
        f"{fix}, or run with mode='eager'.",
    )  # fmt: skip


@contextmanager
def watching(reads: Reads, where: str) -> Iterator[None]:
    """Collect the names that the user's code reads while the block runs.

    A C function that reads more than its arguments, such as ``time.time`` or ``open``, or draws from a random generator, is a
    CompileError.
    """
    importing = 0
    refused: list[str] = []

    def look(frame: Any, event: str, argument: Any) -> None:
        nonlocal importing
        code = frame.f_code
        file = code.co_filename
        if file.startswith("<frozen importlib"):
            if code.co_name == "_find_and_load":
                importing += {"call": 1, "return": -1}.get(event, 0)
        elif importing or event not in ("call", "c_call"):
            return
        elif _is_trusted(frame):
            if event == "call" and code.co_name in _IMPURE and not _is_trusted(frame.f_back):
                refused.append(
                    f"{code.co_name}(), called in {frame.f_back.f_code.co_name} of {file_of(frame.f_back.f_code.co_filename)}"
                )
            elif event == "c_call" and argument is open and file.startswith(OURS[2]):  # numpy.memmap opens files too
                refused.append(f"open(), called in {code.co_name} of {file_of(file)}, line {frame.f_lineno}")
        elif event == "call":
            reads.add(code, frame.f_globals)
        elif event == "c_call":
            if argument.__name__ in BY_NAME and argument.__module__ == "builtins":
                named = _named(code, frame.f_lasti)
                reads.attributes.update(named)
                reads.everything |= not named
            elif _formats(argument):
                reads.attributes |= _fields(argument.__self__)
            elif (name := impure(argument)) is not None and not (argument is id and is_standard(file)):
                refused.append(f"{name}, called in {code.co_name} of {file_of(file)}, line {frame.f_lineno}")

    before: Any = sys.getprofile()
    collects = gc.isenabled()
    try:
        gc.disable()  # finalizers of other objects are not part of a neuron
        sys.setprofile(look)
        yield
    finally:
        try:
            sys.setprofile(None)
            if hasattr(before, "enable"):
                before.enable()  # a profiler written in C
            else:
                sys.setprofile(before)
        finally:
            if collects:
                gc.enable()
    if refused:
        refuse(where, refused[0], "Compute it before the run and keep it in an attribute")


def _is_trusted(frame: Any) -> bool:
    """Return whether a function is ours, or one of Python's own library that ours called."""
    while frame is not None and is_standard(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is None or frame.f_code.co_filename.startswith(OURS) or _is_made_by_ours(frame)


def _is_made_by_ours(frame: Any) -> bool:
    """Return whether a function was generated by Python for a dataclass of ours."""
    return frame.f_code.co_filename == "<string>" and str(frame.f_globals.get("__name__")).startswith("snn.")


@functools.cache
def is_standard(file: str) -> bool:
    """Return whether a file belongs to Python's own library."""
    return (
        re.split("[ .>]", file)[1] in sys.stdlib_module_names
        if file.startswith("<frozen ")
        else file in ("built-in", "frozen") or (file.startswith(_STANDARD) and "-packages" not in file[len(_STANDARD) :])
    )


def impure(function: Any) -> str | None:
    """Return the name of a C function that reads more than its arguments, or None."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, GENERATORS):
        return f"a random number from {type(owner).__name__}.{function.__name__}()"
    alone = owner is None or isinstance(owner, types.ModuleType)
    kind = owner if isinstance(owner, type) else type(owner)
    module: str = (function.__module__ if alone else kind.__module__) or ""
    known = module in _PURE or module.partition(".")[0] == "numpy" or module == "time.struct_time"
    if not alone and not known:  # a method: its object decides whether its content is watched or refused
        known = issubclass(
            kind, (np.ndarray, np.generic, Tensor, list, tuple, dict, set, frozenset, str, int, float, BaseException)
        )
    if known and function.__name__ not in _IMPURE:
        return None
    if module in ("_thread", "posix", "nt", "sys") and function.__name__ in _HARMLESS:
        return None
    return f"{'' if module == 'builtins' else module + '.'}{function.__name__}()"
