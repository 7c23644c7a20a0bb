"""The optimizer that has another name in MindSpore."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..optim import SGD

__all__ = ["Momentum"]


class Momentum(SGD):
    """Stochastic gradient descent with momentum, under MindSpore's names.

    Parameters
    ----------
    params : iterable of Parameter, or of dict
        Parameters to update, in the order of the gradients, or groups of them.
    learning_rate : float, sequence or callable
        The rate, the rates of the steps, or a function of the step.
    momentum : float
        As for :class:`~autograd.optim.SGD`, in [0, 1).
    weight_decay : float
        Multiple of the weights that is added to the gradient.
    loss_scale : float
        Divisor of the gradients.
    use_nesterov : bool
        Use Nesterov's momentum.
    """

    called = {"lr": "learning_rate", "nesterov": "use_nesterov"}

    def __init__(
        self, params: Iterable[Any], learning_rate: Any, momentum: float, weight_decay: float = 0.0,
        loss_scale: float = 1.0, use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, learning_rate, momentum, 0.0, weight_decay, use_nesterov, loss_scale)
