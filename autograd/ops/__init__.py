"""Operations on tensors: functions such as ``ops.relu(x)``, and objects such as ``ops.ReLU()``.

Adding an operation changes only the file it belongs to.
"""

import sys
from typing import TYPE_CHECKING

from .. import methods as _methods
from .. import numpy_protocol as _protocol
from .. import tensor as _tensor
from ..foreign import MODULES, TENSOR, hint, of_module
from ..gradop import GradOperation
from ..transforms import grad, stop_gradient, value_and_grad, vjp
from .adaptive import *  # noqa: F403
from .conv import *  # noqa: F403
from .create import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .index import *  # noqa: F403
from .linalg import *  # noqa: F403
from .nn import *  # noqa: F403
from .norm import *  # noqa: F403
from .pool import *  # noqa: F403
from .reduce import *  # noqa: F403
from .resample import *  # noqa: F403
from .shape import *  # noqa: F403

__all__ = ["GradOperation", "grad", "stop_gradient", "value_and_grad", "vjp"]
__all__ += [name for name, value in globals().items() if getattr(value, "__module__", None) and name[0] != "_"
            and value.__module__.startswith(f"{__name__}.")]  # fmt: skip

on_tensors = [name for name in __all__ if name.islower() and globals()[name].__module__.rpartition(".")[2] not in
              ("create", "transforms")]  # fmt: skip
"""The operations that take a Tensor first."""

from ..compat import functional as _functions  # noqa: E402
from ..compat import operators as _operators  # noqa: E402
from ..compat.functional import *  # noqa: E402, F403 - MindSpore's further names; __all__ has the core's alone
from ..compat.operators import *  # noqa: E402, F403

composite = functional = operations = sys.modules[__name__]
"""MindSpore's submodules of operations."""

for _module in (_tensor, _methods, _protocol):  # Tensors use operations, which need Tensors first
    vars(_module)["ops"] = sys.modules[__name__]
hint(_tensor.Tensor, TENSOR | {name: f"Use ops.{name}" for name in on_tensors if name not in TENSOR}, fixed=True)

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = of_module(__name__, MODULES[__name__])


def __dir__() -> list[str]:
    return sorted({*__all__, *_functions.__all__, *_operators.__all__, "composite", "functional", "operations"})
