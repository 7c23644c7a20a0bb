"""Cells that hold a network and train it, under MindSpore's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import ops
from ..cell import Cell
from ..gradop import GradOperation
from ..state import state
from ..tensor import Tensor
from .operators import clip_by_norm

__all__ = ["ClipByNorm", "ForwardValueAndGrad", "TrainOneStepCell", "WithLossCell"]


class WithLossCell(Cell):
    """A network with its loss: ``loss_fn(backbone(data), label)``.

    Parameters
    ----------
    backbone : Cell
        The network.
    loss_fn : Cell or callable
        A function of the network's output and the label.
    """

    def __init__(self, backbone: Cell, loss_fn: Callable[[Any, Any], Any]) -> None:
        super().__init__(auto_prefix=False)
        self._backbone, self._loss_fn = backbone, loss_fn

    @property
    def backbone_network(self) -> Cell:
        """The network."""
        return self._backbone

    def construct(self, data: Any, label: Any) -> Any:
        """Return the loss."""
        return self._loss_fn(self._backbone(data), label)


@dataclass
class _Held:
    """Parameters that are not parts of the Cell that keeps them."""

    weights: Any


class ForwardValueAndGrad(Cell):
    """The value of a network and its gradient, from one run.

    Parameters
    ----------
    network : Cell or callable
        The function to differentiate.
    weights : Parameter or sequence of Parameter, optional
        The Parameters for ``get_by_list``; by default the trainable ones of the network.
    get_all, get_by_list, sens_param : bool
        As for :class:`~autograd.GradOperation`.

    Examples
    --------
    >>> from autograd import Tensor, nn
    >>> value, gradient = nn.ForwardValueAndGrad(lambda x: x * x)(Tensor([3.0]))
    >>> print(value, gradient)
    [9.] [6.]
    """

    def __init__(
        self, network: Any, weights: Any = None, get_all: bool = False, get_by_list: bool = False, sens_param: bool = False
    ) -> None:
        super().__init__(auto_prefix=False)
        self.network, self.grad = network, GradOperation(get_all, get_by_list, sens_param)
        if weights is None and isinstance(network, Cell):
            weights = network.trainable_params()
        self._held = _Held(weights)

    def construct(self, *inputs: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return (value, gradient); with ``sens_param`` the cotangent of the value is the last input, or ``sens=``."""
        values = []

        def kept(*args: Any, **given: Any) -> Any:
            values.append(self.network(*args, **given))
            return values[0]

        gradient = self.grad(kept, self._held.weights)(*inputs, **kwargs)
        watched = state.recording or state.tracing is not None
        return values[0] if watched else ops.stop_gradient(values[0]), gradient


class TrainOneStepCell(Cell):
    """A network whose output is a loss, with an optimizer that makes a step at each call.

    Parameters
    ----------
    network : Cell
        The loss as a function of data and label, such as a :class:`WithLossCell`.
    optimizer : Optimizer
        Optimizer of the network's Parameters.
    sens : float
        Factor of the gradients, which the optimizer's ``loss_scale`` divides out.
    """

    def __init__(self, network: Cell, optimizer: Any, sens: float = 1.0) -> None:
        super().__init__(auto_prefix=False)
        self.network, self.optimizer, self.sens = network, optimizer, sens
        weights = optimizer.params
        self.value_and_grad = ForwardValueAndGrad(network, weights, get_by_list=True, sens_param=True)

    def construct(self, *inputs: Any) -> Any:
        """Make a step and return the loss before it."""
        loss, gradients = self.value_and_grad(*inputs, self.sens)
        self.optimizer(gradients)
        return loss


class ClipByNorm(Cell):
    """Scales a tensor so that its Euclidean norm is at most a given one."""

    def __init__(self) -> None:  # without MindSpore's axis: the norm is that of all elements
        super().__init__()

    def construct(self, x: Any, clip_norm: Any) -> Tensor:
        """Return the clipped tensor."""
        return clip_by_norm(x, clip_norm)  # type: ignore[no-any-return]
