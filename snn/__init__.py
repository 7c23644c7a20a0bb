"""Spiking neural networks: neurons, surrogates, simulation over time, encoders, losses, metrics, data sets, plots."""

from . import data, encode, losses, metrics, plot, surrogate
from .neurons import IFNode, LeakyReadout, LIFNode, Neuron
from .recurrent import Recurrent
from .simulate import run
from .structure import initial_state
from .surrogate import relusigmoid

__all__ = [
    "IFNode",
    "LIFNode",
    "LeakyReadout",
    "Neuron",
    "Recurrent",
    "data",
    "encode",
    "initial_state",
    "losses",
    "metrics",
    "plot",
    "relusigmoid",
    "run",
    "surrogate",
]
