"""Exports of a package, collected from its files: a new file needs no registration."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from autograd import Cell

__all__ = ["export", "export_all", "kinds"]


def export(package: str) -> None:
    """Give a package the Cells in the ``__all__`` of its files, with an ``__all__`` and a ``dir`` of their names.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    """
    module = sys.modules[package]
    found: dict[str, type[Cell]] = {}
    for file in iter_modules(module.__path__):
        inside = import_module(f"{package}.{file.name}")
        exported = {name: getattr(inside, name) for name in inside.__all__}
        found |= {name: value for name, value in exported.items() if isinstance(value, type) and issubclass(value, Cell)}
    names = sorted(found)
    vars(module).update(found, __all__=names, __dir__=lambda: names)


def export_all(package: str) -> None:
    """Give a package all exports of its files, its folders as modules, and an ``__all__`` and a ``dir`` of their names.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    """
    module = sys.modules[package]
    found: dict[str, Any] = {}
    for file in iter_modules(module.__path__):
        inside = import_module(f"{package}.{file.name}")
        found |= {file.name: inside} if file.ispkg else {name: getattr(inside, name) for name in inside.__all__}
    names = sorted(found)
    vars(module).update(found, __all__=names, __dir__=lambda: names)


def kinds(package: ModuleType, base: type) -> dict[str, Any]:
    """Return the classes derived from ``base`` that such a package exports, by name.

    Parameters
    ----------
    package : module
        :mod:`snn.neurons` or :mod:`snn.surrogate`.
    base : type
        Their common base class, which is left out.

    Examples
    --------
    >>> import snn
    >>> sorted(kinds(snn.neurons, snn.CurrentLIFNode))
    ['AlphaNode', 'LSNNNode']
    """
    classes = {name: getattr(package, name) for name in vars(package)["__all__"]}
    return {name: value for name, value in classes.items() if issubclass(value, base) and value is not base}
