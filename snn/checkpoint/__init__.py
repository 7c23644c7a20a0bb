"""Checkpoints: all that a run goes on from, in one file, written whole and checked before it is loaded.

A file holds arrays in the safetensors format, and beside them JSON with a version and a digest: no code, so that it can be
loaded from anyone. It needs the extra ``train``.
"""

from .manager import Checkpoints
from .parts import load, save

__all__ = ["Checkpoints", "load", "save"]


def __dir__() -> list[str]:
    return sorted(__all__)
