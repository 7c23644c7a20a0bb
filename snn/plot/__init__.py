"""Plots: membrane traces, spike rasters, training curves, confusion matrices, the health of a net, its graph.

matplotlib is imported on first use.
"""

from typing import TYPE_CHECKING

from autograd.foreign import of_module

from ..common.foreign import MODULES
from .activity import raster, trace
from .graph import graph
from .health import health
from .results import confusion, training

__all__ = ["confusion", "graph", "health", "raster", "trace", "training"]

if not TYPE_CHECKING:  # a type checker would take every name for one of ours
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
