"""Exports of a package, collected from its files: a new file needs no registration."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from autograd import Cell

__all__ = ["export", "export_all", "kinds"]


def export(package: str) -> None:
    """Give a package, by its ``__name__``, the Cells in the ``__all__`` of its files, an ``__all__`` and a ``dir``."""
    _export(package, lambda value: isinstance(value, type) and issubclass(value, Cell))


def export_all(package: str) -> None:
    """Give a package, by its ``__name__``, all exports of its files, its folders as modules, an ``__all__`` and a ``dir``."""
    _export(package, lambda value: True)


def _export(package: str, chosen: Callable[[Any], bool]) -> None:
    module = sys.modules[package]
    found: dict[str, Any] = {}
    for file in iter_modules(module.__path__):
        inside = import_module(f"{package}.{file.name}")
        found |= {file.name: inside} if file.ispkg else {name: getattr(inside, name) for name in inside.__all__}
    found = {name: value for name, value in found.items() if chosen(value)}
    names = sorted(found)
    vars(module).update(found, __all__=names, __dir__=lambda: names)


def kinds(package: ModuleType, base: type) -> dict[str, Any]:
    """Return the classes derived from ``base`` that such a package exports, by name; ``base`` itself is left out."""
    classes = {name: getattr(package, name) for name in vars(package)["__all__"]}
    return {name: value for name, value in classes.items() if issubclass(value, base) and value is not base}
