"""The same source without a compiler, to step through in a debugger: ``mode="python"``."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ... import cache, ufuncs
from ..base import BackEnd

__all__ = ["BACK_END", "Plain"]


class Plain(BackEnd):
    """Leaves all to the interpreter, and to numpy."""

    mode = "python"
    folder = Path(__file__).parent

    def load(self, source: str) -> ModuleType:
        """Return the module of a source."""
        return cache.load(source)

    def of_numpy(self, name: str, dtype: Any) -> tuple[Any, Any]:
        """Return a function of numpy itself."""
        return ufuncs.function(name), np.intp(0)


BACK_END = Plain()
