"""Plots: membrane traces, spike rasters, training curves, confusion matrices, the health of a net.

matplotlib is imported on first use.
"""

from .activity import raster, trace
from .health import health
from .results import confusion, training

__all__ = ["confusion", "health", "raster", "trace", "training"]
