"""Layers and initialisers."""

from ..cell import Cell
from . import init
from .containers import CellList, SequentialCell
from .layers import Dense, Dropout, Flatten, ReLU, Sigmoid

__all__ = ["Cell", "CellList", "Dense", "Dropout", "Flatten", "ReLU", "SequentialCell", "Sigmoid", "init"]
