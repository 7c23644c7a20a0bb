"""Neurons: one file a family, nothing but equations and their defaults."""

from .adaptive import ALIFNode, LSNNNode
from .base import Neuron
from .current import AlphaNode, CurrentLIFNode
from .exponential import AdExNode, EIFNode
from .gated import GLIFNode
from .integrate import IFNode, Readout
from .izhikevich import IzhikevichNode
from .leaky import LeakyReadout, LIFNode
from .parametric import CLIFNode, KLIFNode, PLIFNode
from .quadratic import AdaptiveQIFNode, QIFNode
from .resonate import ResonateAndFireNode

__all__ = [
    "ALIFNode",
    "AdExNode",
    "AdaptiveQIFNode",
    "AlphaNode",
    "CLIFNode",
    "CurrentLIFNode",
    "EIFNode",
    "GLIFNode",
    "IFNode",
    "IzhikevichNode",
    "KLIFNode",
    "LIFNode",
    "LSNNNode",
    "LeakyReadout",
    "Neuron",
    "PLIFNode",
    "QIFNode",
    "Readout",
    "ResonateAndFireNode",
]
