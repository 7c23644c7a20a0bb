"""Operations as objects: options at construction, tensors at the call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["Operator", "operator"]


class Operator:
    """An operation as an object: options at construction, tensors at the call, as in MindSpore."""

    function: Callable[..., Any]
    options: dict[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        if len(args) > len(self.options):
            raise TypeError(f"{name}() takes at most {len(self.options)} arguments, got {len(args)}")
        given = dict(zip(self.options, args, strict=False)) | kwargs
        if unknown := [key for key in given if key not in self.options]:
            raise TypeError(f"{name}() has the options {', '.join(self.options) or 'none'}, not {', '.join(unknown)}")
        self.given = {self.options[key]: value for key, value in given.items()}

    def __call__(self, *tensors: Any) -> Any:
        """Run the operation."""
        return type(self).function(*tensors, **self.given)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.given.items())})"


def operator(name: str, function: Callable[..., Any], *options: str, **renamed: str) -> type[Operator]:
    """Make the operator class of an operation, with its name in MindSpore.

    ``options`` are the keyword arguments of ``function`` that are set at construction, in the positional order of the
    constructor; ``renamed`` has further ones, as ``name_at_construction="keyword"``.
    """
    return type(
        name,
        (Operator,),
        {
            "function": staticmethod(function),
            "options": dict(zip(options, options, strict=True)) | renamed,
            "__doc__": f"The operation ``ops.{function.__name__}`` as an object.",
            "__module__": sys._getframe(1).f_globals["__name__"],  # where pickle looks for it
        },
    )
