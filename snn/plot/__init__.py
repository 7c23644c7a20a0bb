"""Plots: traces, rasters, spike statistics, weights, phase planes, movies, training, the health of a net, its graph.

Each function draws on the given Axes, or on a new figure, and returns the Axes. Colours are safe for colour-blind readers and
suit a light or dark background; :func:`style` sets both for a whole figure. Times are in steps, or in ms with ``dt=``.
matplotlib is imported on first use.
"""

from typing import TYPE_CHECKING

from autograd.foreign import of_module

from ..common.foreign import MODULES
from .activity import trace
from .curves import curves
from .films import movie
from .graph import graph
from .health import health
from .maps import fields, weights
from .planes import phase
from .results import confusion, training
from .spikes import raster
from .statistics import intervals, population_rate, rates
from .style import Style, style

__all__ = [
    "Style", "confusion", "curves", "fields", "graph", "health", "intervals", "movie", "phase", "population_rate", "raster",
    "rates", "style", "trace", "training", "weights",
]  # fmt: skip

if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
