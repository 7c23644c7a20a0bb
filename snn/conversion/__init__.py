"""Spiking nets from trained nets of rectifiers."""

from .convert import ConvertedNode, convert
from .report import AccuracyByTime, Converted

__all__ = ["AccuracyByTime", "Converted", "ConvertedNode", "convert"]
