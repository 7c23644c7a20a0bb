"""Optimizers, learning-rate schedules and gradient clipping."""

from . import schedules
from .adam import Adam, AdamW
from .clip import clip_by_norm, clip_by_value
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "clip_by_norm", "clip_by_value", "schedules"]
