"""Neurons: one file a family, nothing but equations and their defaults."""

from .base import Neuron
from .integrate import IFNode
from .leaky import LeakyReadout, LIFNode

__all__ = ["IFNode", "LIFNode", "LeakyReadout", "Neuron"]
