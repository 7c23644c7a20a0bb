"""Data sets, read from files that are there; nothing is downloaded."""

from typing import TYPE_CHECKING

from autograd.foreign import of_module

from ..common.foreign import MODULES
from .idx import MNIST, mnist, read_idx

__all__ = ["MNIST", "mnist", "read_idx"]

if not TYPE_CHECKING:  # a type checker would take every name for one of ours
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
