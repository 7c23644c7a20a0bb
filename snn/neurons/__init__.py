"""Neurons: one file a family, nothing but equations and their defaults."""

from .adaptive import ALIFNode, LSNNNode
from .base import Neuron
from .current import AlphaNode, CurrentLIFNode
from .gated import GLIFNode
from .integrate import IFNode, Readout
from .leaky import LeakyReadout, LIFNode
from .parametric import CLIFNode, KLIFNode, PLIFNode

__all__ = [
    "ALIFNode",
    "AlphaNode",
    "CLIFNode",
    "CurrentLIFNode",
    "GLIFNode",
    "IFNode",
    "KLIFNode",
    "LIFNode",
    "LSNNNode",
    "LeakyReadout",
    "Neuron",
    "PLIFNode",
    "Readout",
]
