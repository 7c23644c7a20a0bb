"""Other packages: optional ones, imported when they are first needed, and their errors in ours."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from autograd.errors import MissingExtraError

__all__ = ["extra", "told"]


def extra(module: str, name: str, where: str) -> Any:
    """Import a module of the package that an extra of ours installs, for the function ``where``."""
    package = module.partition(".")[0]
    try:
        import_module(package)
        return import_module(module)
    except ModuleNotFoundError as error:  # a package that is broken says so itself
        raise MissingExtraError(package, name, where) from error


def told(error: Exception, most: int = 200) -> str:
    """Return the kind of an error and the beginning of its text, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:most]}"
