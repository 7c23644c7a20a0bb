"""Plots: membrane traces, spike rasters, training curves, confusion matrices. matplotlib is imported on first use."""

from .activity import raster, trace
from .results import confusion, training

__all__ = ["confusion", "raster", "trace", "training"]
