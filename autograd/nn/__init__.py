"""Layers and initialisers; and, as in MindSpore, losses, optimizers and Cells that train a network."""

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
from .conv import Conv1d, Conv2d, Conv2dTranspose, Conv3d
from .embedding import Embedding
from .images import (
    ConstantPad1d,
    ConstantPad2d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReplicationPad1d,
    ReplicationPad2d,
    Upsample,
    ZeroPad1d,
    ZeroPad2d,
)
from .layers import Dense, Dropout, Flatten
from .norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
from .pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    LPPool1d,
    LPPool2d,
    MaxPool1d,
    MaxPool2d,
    SumPool1d,
    SumPool2d,
)

__all__ = [
    "GELU", "SGD", "Adam", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d",
    "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Cell", "CellList", "ClipByNorm", "ConstantPad1d", "ConstantPad2d", "Conv1d",
    "Conv2d", "Conv2dTranspose", "Conv3d", "CrossEntropyLoss", "Dense", "Dropout", "Embedding", "Flatten",
    "ForwardValueAndGrad", "GroupNorm", "Identity", "L1Loss", "LPPool1d", "LPPool2d", "LayerNorm", "LeakyReLU", "LogSoftmax",
    "LossBase", "MSELoss", "MaxPool1d", "MaxPool2d", "Momentum", "ReLU", "ReLU6", "ReflectionPad1d", "ReflectionPad2d",
    "ReplicationPad1d", "ReplicationPad2d", "SequentialCell", "SiLU", "Sigmoid", "Softmax", "SoftmaxCrossEntropyWithLogits",
    "SumPool1d", "SumPool2d", "Tanh", "TrainOneStepCell", "Upsample", "WithLossCell", "ZeroPad1d", "ZeroPad2d",
    "get_activation", "init",
]  # fmt: skip

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
