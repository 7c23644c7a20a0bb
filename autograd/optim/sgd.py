"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ArgumentError
from .finite import Array, Largest
from .optimizer import Optimizer
from .options import flag, within

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent with momentum; weight decay is added to the gradient.

    ``m = momentum m + g``, then ``w -= lr m``, or ``w -= lr (g + momentum m)`` with Nesterov's momentum.

    Parameters
    ----------
    params, lr
        As for :class:`Optimizer`; the default rate is 0.1.
    momentum : float
        Share of ``m`` that remains after a step, in [0, 1).
    dampening : float
        Must be 0.
    weight_decay : float
        Multiple of the weights that is added to the gradient.
    nesterov : bool
        Use Nesterov's momentum (Sutskever et al., 2013).
    loss_scale : float
        The gradients are divided by this first.
    learning_rate
        Another name for ``lr``.
    """

    slots = ("momentum",)
    options = {**Optimizer.options, "momentum": within("momentum", 0.0, 1.0), "nesterov": flag("nesterov")}
    usual_lr = 0.1

    def __init__(
        self, params: Iterable[Any], lr: Any = None, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False, loss_scale: float = 1.0, *, learning_rate: Any = None,
    ) -> None:  # fmt: skip
        if dampening:
            raise ArgumentError(type(self).__name__, "dampening=0", repr(dampening), "Scale the learning rate instead.")
        super().__init__(
            params, lr, learning_rate=learning_rate, loss_scale=loss_scale, weight_decay=weight_decay, momentum=momentum,
            nesterov=nesterov,
        )  # fmt: skip

    def _bounded(
        self, largest: Largest, options: Mapping[str, Any], most: float, least: float
    ) -> Mapping[str, float] | None:  # fmt: skip
        w, lr, decay = largest("w"), options["lr"], options["weight_decay"]
        g = largest("g") + decay * w
        before = largest("momentum") if options["momentum"] else 0.0
        if not (1 + lr) * (1 + decay + w + 2 * g + before) < most:
            return None
        return {"w": 1.0001 * (w + lr * (2 * g + before)) + 1e-15, "momentum": 1.0001 * (before + g) + 1e-15}

    def _updated(self, w: Array, g: Array, memory: dict[str, Array], options: Mapping[str, Any]) -> Array:
        momentum = options["momentum"]
        g = g + options["weight_decay"] * w if options["weight_decay"] else g
        if momentum:
            memory["momentum"] = momentum * memory["momentum"] + g
            g = g + momentum * memory["momentum"] if options["nesterov"] else memory["momentum"]
        return w - options["lr"] * g  # type: ignore[no-any-return]
