"""Spiking networks as estimators of scikit-learn, for its pipelines and searches (extra ``sklearn``)."""

from autograd.errors import MissingExtraError

try:
    import sklearn as _needed  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError("scikit-learn", "sklearn", "snn.interop.sklearn") from error

from .classifier import SpikingClassifier
from .regressor import SpikingRegressor

__all__ = ["SpikingClassifier", "SpikingRegressor"]


def __dir__() -> list[str]:
    return sorted(__all__)
