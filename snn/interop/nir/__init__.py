"""Nets as graphs of NIR, the Neuromorphic Intermediate Representation (Pedersen et al., 2024), and back; extra ``nir``."""

from .cells import RestingCurrentLIFNode, RestingLIFNode, Scale, ScaledIFNode, Threshold
from .files import read, write
from .reading import from_nir
from .writing import to_nir

__all__ = [
    "RestingCurrentLIFNode",
    "RestingLIFNode",
    "Scale",
    "ScaledIFNode",
    "Threshold",
    "from_nir",
    "read",
    "to_nir",
    "write",
]


def __dir__() -> list[str]:
    return sorted(__all__)
