"""A minimal autograd core on numpy whose unit is the Cell: ``construct`` forward and, if wanted, its own ``bprop``."""

from . import tensor  # noqa: F401  # isort: skip - first: operators and operations need each other
from . import errors, ops
from .cell import Cell
from .check import check_bprop, check_grad
from .debug import trace_bprop
from .dtypes import bool_, float16, float32, float64, int8, int16, int32, int64, uint8
from .gradop import GradOperation
from .parameter import Parameter, ParameterTuple
from .state import no_grad
from .tensor import Tensor, as_tensor, from_dlpack
from .trace import trace
from .transforms import grad, stop_gradient, value_and_grad, vjp

from . import nn, optim  # isort: skip

__all__ = [
    "Cell",
    "GradOperation",
    "Parameter",
    "ParameterTuple",
    "Tensor",
    "as_tensor",
    "bool_",
    "check_bprop",
    "check_grad",
    "errors",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "grad",
    "int8",
    "int16",
    "int32",
    "int64",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "stop_gradient",
    "trace",
    "trace_bprop",
    "uint8",
    "value_and_grad",
    "vjp",
]
