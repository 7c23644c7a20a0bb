"""Checkpoints: everything needed to resume a run, in one file, written atomically and checked before it is loaded.

A file holds arrays in the safetensors format, and beside them JSON with a version and a digest. It contains no code, so a file
from a stranger is safe to load. It needs the extra ``train``.
"""

from .manager import Checkpoints
from .parts import load, save

__all__ = ["Checkpoints", "load", "save"]


def __dir__() -> list[str]:
    return sorted(__all__)
