"""Synapses: time courses of the connections between two layers of neurons.

In a chain, a filter of a current comes after the weights (``Dense``, ``Exponential``, neuron), and a presynaptic effect on
spikes before them (neuron, ``TsodyksMarkram``, ``Dense``). A conductance wraps the neuron whose membrane it needs. Time is in
steps. A response is sampled at whole steps, from the step of the spike on: the output ``n`` steps later is the continuous
response at time ``n``. An ``Exponential`` therefore acts in the step of the spike; an ``Alpha``, which begins at 0, acts one
step later.
"""

# ruff: noqa: F403 - what each file exports is in its own __all__

from typing import TYPE_CHECKING

from ..common.discover import export

if TYPE_CHECKING:  # for type checkers and editors; at run time export() finds the files
    from .alpha import *
    from .base import *
    from .conductance import *
    from .exponential import *
    from .nmda import *
    from .shortterm import *

__all__: list[str]
export(__name__)
