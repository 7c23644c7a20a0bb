"""Spiking neural networks: neurons, surrogates, simulation over time, encoders, losses, metrics, data sets, plots."""

from typing import Any

from autograd import optim

from . import data, encode, losses, metrics, plot, surrogate
from .engine.cache import enabled
from .explain import explain
from .memory import LayerMemory, MemoryEstimate, memory_estimate
from .neurons import IFNode, LeakyReadout, LIFNode, Neuron
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
    "IFNode",
    "LIFNode",
    "LayerMemory",
    "LeakyReadout",
    "MemoryEstimate",
    "Neuron",
    "Recurrent",
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
