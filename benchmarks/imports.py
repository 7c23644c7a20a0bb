"""Import time: a fresh process that imports the library and ends, less one that imports nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

TITLE = "process that imports the library"


def _process(code: str) -> Callable[[], Any]:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def ours() -> Callable[[], Any]:
    """Return the work for us."""
    return _process("import autograd, snn")


def torch() -> Callable[[], Any]:
    """Return the same work for torch."""
    return _process("import torch")


def nothing() -> Callable[[], Any]:
    """Return what Python takes by itself."""
    return _process("pass")


def numpy() -> Callable[[], Any]:
    """Return what numpy takes, on which all of this stands."""
    return _process("import numpy")


PEERS = {"nothing": nothing, "numpy": numpy, "torch": torch}
