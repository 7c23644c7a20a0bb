"""Synapses: what stands between two layers of neurons and has a time course of its own.

In a chain, what filters a current stands behind the weights (``Dense``, ``Exponential``, neuron), what a presynaptic neuron
does to its spikes before them (neuron, ``TsodyksMarkram``, ``Dense``); a conductance wraps the neuron whose membrane it needs.

Time is in steps. A response is sampled at whole steps, from the step of the spike on: what ``n`` steps after it comes out is
the continuous response at the time ``n``. An ``Exponential`` so acts at once, an ``Alpha``, which begins at 0, a step later.
"""

# ruff: noqa: F403 - what each file exports is in its own __all__

from typing import TYPE_CHECKING

from ..common.discover import export

if TYPE_CHECKING:  # what type checkers and editors see; running, the files are found
    from .alpha import *
    from .base import *
    from .conductance import *
    from .exponential import *
    from .nmda import *
    from .shortterm import *

__all__: list[str]
export(__name__)
