"""The same source without a compiler, to step through in a debugger: ``mode="python"``."""

from ..base import BackEnd

__all__ = ["BACK_END"]

BACK_END = BackEnd("python", __path__[0])
