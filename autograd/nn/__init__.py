"""Layers and initialisers; and what MindSpore has in the same place: losses, optimizers, Cells that train a network."""

from ..cell import Cell
from ..compat.layers import ClipByNorm, ForwardValueAndGrad, TrainOneStepCell, WithLossCell
from ..compat.losses import CrossEntropyLoss, L1Loss, LossBase, MSELoss, SoftmaxCrossEntropyWithLogits
from ..compat.optimizers import Momentum
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
