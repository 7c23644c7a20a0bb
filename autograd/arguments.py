"""Functions that reject another framework's argument names and suggest ours, as operations do."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from .errors import DTypeError
from .foreign import ARGUMENTS, renamed

__all__ = ["check_names", "own_arguments", "own_arguments_of_methods"]

P = ParamSpec("P")
R = TypeVar("R")
_OURS = {own for names in ARGUMENTS.values() for own in names}


def check_names(fn: Callable[..., Any], options: Mapping[str, Any], where: str) -> None:
    """Check the argument names of a call that has failed, and suggest ours for another framework's."""
    known = [name for name, p in inspect.signature(fn).parameters.items() if p.kind is not p.VAR_POSITIONAL]
    if fix := renamed(options, known):
        wrong = [name for name in options if name not in known]
        named = [name for name in known if name != "self"]
        raise DTypeError(where, f"arguments named {', '.join(named)}", ", ".join(wrong), fix) from None


def own_arguments(fn: Callable[P, R], where: str = "ops") -> Callable[P, R]:
    """Make a function reject another framework's argument names."""

    @functools.wraps(fn)
    def call(*args: P.args, **options: P.kwargs) -> R:
        try:
            return fn(*args, **options)
        except TypeError:
            check_names(fn, options, f"{where}.{fn.__name__}")
            raise

    return call


def own_arguments_of_methods(kind: type) -> type:
    """Apply :func:`own_arguments` to the methods of a tensor class that have such an argument."""
    for name, method in [*vars(kind).items()]:
        if isinstance(method, FunctionType) and not _OURS.isdisjoint(method.__code__.co_varnames):
            setattr(kind, name, own_arguments(method, "Tensor"))
    return kind
