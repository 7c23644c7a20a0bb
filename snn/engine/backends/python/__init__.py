"""The same source without a compiler, for debuggers: ``mode="python"``."""

from ..base import BackEnd

__all__ = ["BACK_END"]

BACK_END = BackEnd("python", __path__[0])
