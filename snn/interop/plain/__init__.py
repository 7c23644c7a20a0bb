"""A trained net as one file of Python that needs numpy alone."""

from .export import Exported, export_numpy

__all__ = ["Exported", "export_numpy"]


def __dir__() -> list[str]:
    return sorted(__all__)
