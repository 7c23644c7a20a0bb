"""Spiking neural networks: neurons, surrogates, simulation over time, encoders, losses, metrics, data sets, plots."""

from typing import Any

from autograd import optim

from . import data, encode, losses, metrics, plot, surrogate
from .engine.cache import enabled
from .explain import explain
from .memory import LayerMemory, MemoryEstimate, memory_estimate
from .neurons import (
    AdaptiveQIFNode,
    AdExNode,
    ALIFNode,
    AlphaNode,
    CLIFNode,
    CurrentLIFNode,
    EIFNode,
    GLIFNode,
    IFNode,
    IzhikevichNode,
    KLIFNode,
    LeakyReadout,
    LIFNode,
    LSNNNode,
    Neuron,
    PLIFNode,
    QIFNode,
    Readout,
    ResonateAndFireNode,
)
from .neurons.firing import Firing, MultiSpike, Ternary
from .neurons.refractory import Refractory
from .neurons.stochastic import EscapeRate, Stochastic
from .recurrent import Recurrent
from .simulate import run
from .structure import initial_state
from .surrogate import relusigmoid
from .surrogate.of_net import set_alpha, set_surrogate


def _adam(arrays: list[Any], numbers: tuple[float, ...]) -> None:
    from .engine.update import adam

    adam(arrays, numbers)


if enabled():
    optim.Adam.compiled = staticmethod(_adam)

__all__ = [
    "ALIFNode",
    "AdExNode",
    "AdaptiveQIFNode",
    "AlphaNode",
    "CLIFNode",
    "CurrentLIFNode",
    "EIFNode",
    "EscapeRate",
    "Firing",
    "GLIFNode",
    "IFNode",
    "IzhikevichNode",
    "KLIFNode",
    "LIFNode",
    "LSNNNode",
    "LayerMemory",
    "LeakyReadout",
    "MemoryEstimate",
    "MultiSpike",
    "Neuron",
    "PLIFNode",
    "QIFNode",
    "Readout",
    "Recurrent",
    "Refractory",
    "ResonateAndFireNode",
    "Stochastic",
    "Ternary",
    "data",
    "encode",
    "explain",
    "initial_state",
    "losses",
    "memory_estimate",
    "metrics",
    "plot",
    "relusigmoid",
    "run",
    "set_alpha",
    "set_surrogate",
    "surrogate",
]
