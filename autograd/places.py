"""Places in the user's code, as errors name them."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["caller", "described", "file_of"]


def file_of(filename: str) -> str:
    """Return the name of a file; of a notebook's temporary one, the name of its cell, such as ``Cell In[3]``."""
    python: Any = sys.modules.get("IPython")
    shell = python.get_ipython() if python is not None else None
    compiler: Any = getattr(shell, "compile", None)
    named = compiler.format_code_name(filename) if hasattr(compiler, "format_code_name") else None
    return " ".join(named) if named else filename


def described(filename: str, line: int | None, function: str) -> str:
    """Return a line of a function as text."""
    return f"{file_of(filename)}, line {line}, in {function}"


def caller(not_theirs: tuple[str, ...]) -> str:
    """Return the line of the user's code that is running; files in ``not_theirs`` are not the user's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(not_theirs):
        frame = frame.f_back
    return described(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
