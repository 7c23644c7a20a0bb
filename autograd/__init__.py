"""A minimal autograd core on numpy. Its unit is the Cell, which has a ``construct`` and may have its own ``bprop``."""

from typing import TYPE_CHECKING

from . import dtypes as dtype
from . import errors, ops
from .cell import Cell
from .check import check_bprop, check_grad
from .compat import context
from .compat.context import GRAPH_MODE, PYNATIVE_MODE, get_context, jit, ms_function, set_context
from .compat.functional import get_grad, vmap
from .debug import trace_bprop
from .dlpack import from_dlpack
from .dtypes import bool_, float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64
from .foreign import MODULES, of_module
from .gradop import GradOperation
from .parameter import Parameter, ParameterTuple
from .state import no_grad
from .tensor import Tensor, as_tensor
from .trace import trace
from .transforms import grad, stop_gradient, value_and_grad, vjp

from . import nn, optim  # isort: skip

__all__ = [
    "GRAPH_MODE", "PYNATIVE_MODE", "Cell", "GradOperation", "Parameter", "ParameterTuple", "Tensor", "as_tensor", "bool_",
    "check_bprop", "check_grad", "context", "dtype", "errors", "float16", "float32", "float64", "from_dlpack", "get_context",
    "get_grad", "grad", "int8", "int16", "int32", "int64", "jit", "ms_function", "nn", "no_grad", "ops", "optim",
    "set_context", "stop_gradient", "trace", "trace_bprop", "uint8", "uint16", "uint32", "uint64", "value_and_grad", "vjp",
    "vmap",
]  # fmt: skip

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted(__all__)
