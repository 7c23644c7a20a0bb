"""Nets as graphs of NIR, the Neuromorphic Intermediate Representation (Pedersen et al., 2024), and back; extra ``nir``."""

from .cells import RestingCurrentLIFNode, RestingLIFNode, Scale, ScaledIFNode, Threshold
from .data import from_data, read_data, to_data, write_data
from .files import read, write
from .reading import from_nir
from .writing import to_nir

__all__ = [
    "RestingCurrentLIFNode", "RestingLIFNode", "Scale", "ScaledIFNode", "Threshold", "from_data", "from_nir", "read",
    "read_data", "to_data", "to_nir", "write", "write_data",
]  # fmt: skip


def __dir__() -> list[str]:
    return sorted(__all__)
