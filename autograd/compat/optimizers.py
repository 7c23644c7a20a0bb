"""The optimizers under MindSpore's names for what they are made with; the rules are those of :mod:`autograd.optim`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import optim
from ..errors import ArgumentError
from ..parameter import Parameter, ParameterTuple
from ..tensor import Tensor

__all__ = ["SGD", "Adam", "Momentum"]


def _schedule(rate: Any) -> float | Callable[[int], float]:
    """Return a rate, or a function of the step; a sequence is a rate for each step, the last one for all that follow."""
    if callable(rate):
        return rate  # type: ignore[no-any-return]
    numbers = np.asarray(rate, np.float64)
    if numbers.ndim == 0:
        return float(numbers)
    return lambda step: float(numbers[min(step, len(numbers) - 1)])


class _Scaled(optim.Optimizer):
    """What MindSpore's optimizers have in common."""

    loss_scale = 1.0

    @property
    def parameters(self) -> ParameterTuple:
        """What is updated."""
        return ParameterTuple(self.params)

    @property
    def learning_rate(self) -> Any:
        """The rate, or the function of the step that gives it."""
        return self.lr

    def _take(self, loss_scale: float) -> None:
        if not loss_scale > 0:
            raise ArgumentError(type(self).__name__, "a positive loss_scale", repr(loss_scale), "Leave it out.")
        self.loss_scale = float(loss_scale)

    def __call__(self, gradients: Sequence[Tensor]) -> None:
        """Update every Parameter by one step, with the gradients divided by ``loss_scale``."""
        if self.loss_scale != 1.0:
            gradients = [Tensor.wrap(g.array / g.dtype.type(self.loss_scale)) for g in gradients]
        super().__call__(gradients)


class Momentum(_Scaled, optim.SGD):
    """Stochastic gradient descent with momentum.

    Parameters
    ----------
    params : iterable of Parameter
        What to update, in the order of the gradients.
    learning_rate : float, sequence or callable
        The rate, the rates of the steps, or a function of the step.
    momentum : float
        In [0, 1).
    weight_decay : float
        Times the weights, added to the gradient.
    loss_scale : float
        What gradients are divided by.
    use_nesterov : bool
        Look ahead.
    """

    def __init__(
        self, params: Iterable[Parameter], learning_rate: Any, momentum: float, weight_decay: float = 0.0,
        loss_scale: float = 1.0, use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, _schedule(learning_rate), momentum, weight_decay, use_nesterov)
        self._take(loss_scale)


class SGD(_Scaled, optim.SGD):
    """Stochastic gradient descent.

    Parameters
    ----------
    params, learning_rate, momentum, weight_decay, loss_scale
        As for :class:`Momentum`.
    dampening : float
        Must be 0.
    nesterov : bool
        Look ahead.
    """

    def __init__(
        self, params: Iterable[Parameter], learning_rate: Any = 0.1, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False, loss_scale: float = 1.0,
    ) -> None:  # fmt: skip
        if dampening:
            raise ArgumentError("SGD", "dampening=0", repr(dampening), "Scale the learning rate instead.")
        super().__init__(params, _schedule(learning_rate), momentum, weight_decay, nesterov)
        self._take(loss_scale)


class Adam(_Scaled, optim.Adam):
    """Adam.

    Parameters
    ----------
    params, learning_rate, weight_decay, loss_scale
        As for :class:`Momentum`.
    beta1, beta2 : float
        Decay of the means of the gradient and of its square, in [0, 1).
    eps : float
        Added to the root of the mean square.
    use_locking, use_nesterov : bool
        The first changes nothing; the second must be False.
    """

    def __init__(
        self, params: Iterable[Parameter], learning_rate: Any = 1e-3, beta1: float = 0.9, beta2: float = 0.999,
        eps: float = 1e-8, use_locking: bool = False, use_nesterov: bool = False, weight_decay: float = 0.0,
        loss_scale: float = 1.0,
    ) -> None:  # fmt: skip
        if use_nesterov:
            raise ArgumentError("Adam", "use_nesterov=False", repr(use_nesterov), "Use Momentum with it.")
        super().__init__(params, _schedule(learning_rate), (beta1, beta2), eps, weight_decay)
        self._take(loss_scale)
