"""Optimizers, learning-rate schedules, gradient clipping and accumulation."""

from typing import TYPE_CHECKING

from ..foreign import MODULES, of_module
from . import constraints, schedules
from .accumulate import Accumulator
from .adam import Adam, AdamW
from .clip import clip_by_norm, clip_by_value
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Accumulator", "Adam", "AdamW", "Optimizer", "clip_by_norm", "clip_by_value", "constraints", "schedules"]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
