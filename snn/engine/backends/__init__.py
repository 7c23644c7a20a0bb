"""Back ends, one per folder: ``BACK_END`` in it renders loops and kernels, and names the mode of ``snn.run`` for it."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from .base import BackEnd

__all__ = ["BackEnd", "back_end", "modes", "switched_off"]


@functools.cache
def modes() -> dict[str, BackEnd]:
    """Return the modes of :func:`snn.run` that have a back end."""
    folders = [found.name for found in pkgutil.iter_modules(__path__) if found.ispkg]
    found: list[BackEnd] = [importlib.import_module(f"{__name__}.{name}").BACK_END for name in folders]
    return {each.mode: each for each in found}


def back_end(mode: str = "compiled") -> BackEnd:
    """Return the back end of a mode, or its replacement while it is switched off."""
    found = modes()[mode]
    return found if found.switched_off() is None else modes()[found.instead]


def switched_off() -> str | None:
    """Return the reason why nothing is compiled in this process; None if loops are."""
    return modes()["compiled"].switched_off()
