"""Spiking neural networks: neurons, surrogates, synapses, simulation, encoders, losses, metrics, data, training, plots.

Start with ``help(snn.run)``, ``help(snn.LIFNode)`` and ``help(snn.health)``.

==================================== ==============================================================
run a neuron or a net over time      `run`
chain layers                         `autograd.nn.SequentialCell`, `autograd.nn.Dense`, `Recurrent`
neurons                              `IFNode`, `LIFNode`, `CurrentLIFNode`, `ALIFNode`, `PLIFNode`
readouts                             `LeakyReadout`
write a neuron                       `Neuron`
surrogate gradients                  `surrogate`
encode inputs, read data             `encode`, `data`
losses and metrics                   `losses`, `metrics`
train                                `train`, `autograd.optim`
look inside                          `health`, `explain`, `summary`, `graph`, `memory_estimate`
draw                                 `plot`
save                                 `checkpoint`
exchange with other tools            `interop`, `convert`, `quantise`
==================================== ==============================================================

``dir(snn)`` lists all names; the packages below, which it does not list, are internal.
"""

from typing import TYPE_CHECKING

from autograd.foreign import of_module

from . import (
    checkpoint,
    data,
    encode,
    interop,
    layers,
    losses,
    metrics,
    models,
    neurons,
    plot,
    stats,
    surrogate,
    synapses,
    train,
)
from .common.equations import equations
from .common.foreign import MODULES
from .common.structure import initial_state
from .conversion import AccuracyByTime, Converted, convert
from .engine import update as _update
from .graphs import Graph, graph
from .inspect.explain import explain
from .inspect.health import DeadLayerWarning, HealthReport, LayerHealth, health
from .inspect.memory import LayerMemory, MemoryEstimate, memory_estimate
from .inspect.summary import summary
from .inspect.summary_report import LayerSummary, Summary
from .layers import *  # noqa: F403
from .neurons import *  # noqa: F403 - export() finds them by their files
from .quantisation import Quantised, Quantiser, integer_weights, quantise
from .records import Record
from .recurrent import Recurrent
from .simulate import RunResult, run
from .surrogate import relusigmoid
from .surrogate.of_net import set_alpha, set_surrogate

_update.serve()  # changes nothing in autograd until the first loop is compiled

__all__ = [
    "AccuracyByTime", "Converted", "DeadLayerWarning", "Graph", "HealthReport", "LayerHealth", "LayerMemory", "LayerSummary",
    "MemoryEstimate", "Quantised", "Quantiser", "Record", "Recurrent", "RunResult", "Summary", "checkpoint", "convert", "data",
    "encode", "equations", "explain", "graph", "health", "initial_state", "integer_weights", "interop", "losses",
    "memory_estimate", "metrics", "models", "plot", "quantise", "relusigmoid", "run", "set_alpha", "set_surrogate", "stats",
    "summary", "surrogate", "synapses", "train",
]  # fmt: skip
__all__ += vars(layers)["__all__"]
__all__ += vars(neurons)["__all__"]

if not TYPE_CHECKING:  # to a type checker every name would seem to exist
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
