"""Numba compiles the source: ``mode="compiled"``."""

import os
from types import ModuleType
from typing import Any

from ... import cache, ufuncs
from ...threads import undisturbed
from ..base import AT_FIRST, BackEnd
from .compiler import prepare, versions

__all__ = ["BACK_END"]


class Compiled(BackEnd):
    """Compiles with Numba, which is imported on first load."""

    instead, compiles = "python", True

    def switched_off(self) -> str | None:
        """Return the reason if ``NUMBA_DISABLE_JIT=1``."""
        return None if os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0") else "Numba is switched off"

    def load(self, source: str) -> ModuleType:
        """Return the module of a source; a loop is compiled on its first call, unless an earlier process stored it."""
        if not versions.cache_info().currsize:
            for do in AT_FIRST:
                do(self)
            undisturbed(versions)
        return cache.load(source + versions(), prepare)

    def of_numpy(self, name: str, dtype: Any) -> tuple[Any, Any]:
        """Return the addresses of a loop inside numpy and of its data."""
        return ufuncs.loop_of(name, dtype)


BACK_END = Compiled("compiled", __path__[0])
