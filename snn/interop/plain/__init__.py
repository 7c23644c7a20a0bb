"""A trained net as one Python file that needs only numpy."""

from .export import Exported, export_numpy

__all__ = ["Exported", "export_numpy"]


def __dir__() -> list[str]:
    return sorted(__all__)
