"""Operations on tensors: functions such as ``ops.relu(x)``, and objects such as ``ops.ReLU()``.

An operation is added in the file it belongs to, and nowhere else.
"""

from ..gradop import GradOperation
from ..transforms import grad, stop_gradient, value_and_grad, vjp
from .create import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .index import *  # noqa: F403
from .linalg import *  # noqa: F403
from .nn import *  # noqa: F403
from .reduce import *  # noqa: F403
from .shape import *  # noqa: F403


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = ["GradOperation", "grad", "stop_gradient", "value_and_grad", "vjp"]
__all__ += [name for name, value in globals().items() if getattr(value, "__module__", None) and name[0] != "_"
            and value.__module__.startswith(f"{__name__}.")]  # fmt: skip
