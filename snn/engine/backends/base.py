"""A back end: it turns loops over time and kernels into functions."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograd.program import Program

from .. import cache, ufuncs
from ..emit import emit
from ..loop import Loop, Source

__all__ = ["AT_FIRST", "BackEnd", "Function"]

Function = tuple[Callable[..., None], Source, list[Any]]
AT_FIRST: list[Callable[[BackEnd], None]] = []
"""Functions to call with a compiling back end when this process first needs it, before its compiler is imported."""


class BackEnd:
    """Renders loops and kernels as Python source, and runs the source unchanged.

    A subclass loads the source in another way. A back end for another language has its own ``loop``, ``kernel`` and
    ``products``.

    Parameters
    ----------
    mode : str
        The mode of :func:`snn.run` that chooses it.
    folder : str
        The folder of its ``lanes.py``, ``tiles.py`` and ``micro.py``, which have the innermost loops.

    Attributes
    ----------
    instead : str
        The mode whose back end replaces it while it is switched off.
    compiles : bool
        Whether its kernels are fast; otherwise the BLAS computes all products.
    kernel : callable
        Maps the name of a function in ``kernels.py``, or another file, to a function for :func:`snn.engine.threads.launch`.
    products : callable
        Maps a tile (rows, vectors per row, bytes per vector) and the bytes of an element to a module with the functions of
        ``blocks.py``.
    """

    instead, compiles = "", False

    def __init__(self, mode: str, folder: str) -> None:
        self.mode, self.folder = mode, Path(folder)
        self.kernel = functools.cache(lambda name, file="kernels": getattr(self.load(self.kernels(file)), name))
        self.products = functools.cache(lambda tile, itemsize: self.load(self.blocks(tile, itemsize)))

    def switched_off(self) -> str | None:
        """Return the reason why this process cannot use it; None if it can."""
        return None

    def load(self, source: str) -> ModuleType:
        """Return the module of a source."""
        return cache.load(source)

    def of_numpy(self, name: str, dtype: Any) -> tuple[Any, Any]:
        """Return the operands of ``apply`` in ``lanes.py`` for a function such as ``"numpy.exp"`` on arrays of a dtype."""
        return ufuncs.function(name), np.intp(0)

    def loop(self, programs: Sequence[Program], loop: Loop) -> Function:
        """Return a loop over programs, its source, and the arguments that all runs share."""
        source = emit(programs, loop)
        always = [programs[body].instructions[i].what for body, i in source.constants]
        always += [part for name, dtype in source.functions for part in self.of_numpy(name, dtype)]
        return getattr(self.load(self.module([source.text])), loop.name), source, always

    def module(self, functions: Sequence[str]) -> str:
        """Join functions into the source of a self-contained module."""
        compiled = (f"@njit(error_model='numpy', nogil=True)\n{function}" for function in functions)
        return self._before + "\n\n".join(compiled)

    @functools.cached_property
    def _before(self) -> str:
        files = self.folder / "lanes.py", self.folder / "tiles.py", _HERE / "head.py", _HERE / "patches.py"
        return "".join(map(_alone, files))

    def kernels(self, file: str = "kernels") -> str:
        """Return the source of the kernels of a file as a self-contained module."""
        return self._before + _alone(self.folder / "micro.py") + _alone(_HERE / f"{file}.py")

    def blocks(self, tile: tuple[int, int, int], itemsize: int) -> str:
        """Return the source of matrix products as a self-contained module."""
        rows, vectors, size = tile
        constants = {"ROWS": rows, "COLUMNS": vectors * size // itemsize}
        lines = ["import numpy as np\n", *(f"{name} = np.uint64({value})\n" for name, value in constants.items())]
        lines += [f"tile = tiles({rows}, {vectors}, {size})\n\n"]
        innermost = _alone(self.folder / "lanes.py") + _alone(self.folder / "micro.py")
        return innermost + "".join(lines) + _alone(_HERE / "blocks.py")


_HERE = Path(__file__).parent


def _alone(file: Path) -> str:
    """Return the source of a file without its imports from our own modules."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            for i in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[i] = ""
    return "".join(lines) + "\n\n"
