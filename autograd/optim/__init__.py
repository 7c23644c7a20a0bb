"""Optimizers, learning-rate schedules and gradient clipping."""

from . import schedules
from .clip import clip_by_norm, clip_by_value
from .optimizers import SGD, Adam, AdamW, Optimizer

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "clip_by_norm", "clip_by_value", "schedules"]
