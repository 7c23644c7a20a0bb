"""Layers and initialisers; and what MindSpore has in the same place: losses, optimizers, Cells that train a network."""

from typing import TYPE_CHECKING

from ..cell import Cell
from ..compat.layers import ClipByNorm, ForwardValueAndGrad, TrainOneStepCell, WithLossCell
from ..compat.losses import CrossEntropyLoss, L1Loss, LossBase, MSELoss, SoftmaxCrossEntropyWithLogits
from ..compat.optimizers import Momentum
from ..foreign import MODULES, of_module
from ..optim import SGD, Adam
from . import init
from .activations import (
    GELU,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
    get_activation,
)  # fmt: skip
from .containers import CellList, SequentialCell
from .layers import Dense, Dropout, Flatten

__all__ = [
    "GELU",
    "SGD",
    "Adam",
    "Cell",
    "CellList",
    "ClipByNorm",
    "CrossEntropyLoss",
    "Dense",
    "Dropout",
    "Flatten",
    "ForwardValueAndGrad",
    "Identity",
    "L1Loss",
    "LeakyReLU",
    "LogSoftmax",
    "LossBase",
    "MSELoss",
    "Momentum",
    "ReLU",
    "ReLU6",
    "SequentialCell",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropyWithLogits",
    "Tanh",
    "TrainOneStepCell",
    "WithLossCell",
    "get_activation",
    "init",
]

if not TYPE_CHECKING:  # a type checker would take every name for one of ours
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
