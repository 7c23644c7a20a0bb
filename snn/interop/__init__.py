"""Exchange with other tools: NIR, scikit-learn, torch, plain numpy. Each is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; at run time each is imported on first use
    from . import nir, sklearn, torch
    from .plain import Exported, export_numpy

_PLACES = {
    "nir": "",
    "sklearn": "",
    "torch": "",
    "Exported": "plain",
    "export_numpy": "plain",
}
"""Where each public name is: in a module, or a module itself."""

__all__ = ["Exported", "export_numpy", "nir", "sklearn", "torch"]


if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        place = _PLACES[name]
        module = import_module(f".{place or name}", __name__)
        return getattr(module, name) if place else module


def __dir__() -> list[str]:
    return sorted(__all__)
