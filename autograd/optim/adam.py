"""Adam and AdamW."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from ..errors import ArgumentError
from .finite import Array, Largest
from .optimizer import Optimizer
from .options import within

__all__ = ["Adam", "AdamW"]

_PIECE = 1 << 14  # elements
_OURS = ("betas", "eps", "weight_decay")
_MINDSPORES = ("beta1", "beta2", "eps", "use_locking", "use_nesterov", "weight_decay", "loss_scale")
_decays = within("beta1", 0.0, 1.0), within("beta2", 0.0, 1.0)


def _betas(where: str, betas: Any) -> tuple[float, float]:
    if not isinstance(betas, (tuple, list)) or len(betas) != 2:
        raise ArgumentError(where, "betas as a pair such as (0.9, 0.999)", repr(betas), "Or pass beta1= and beta2=.")
    return _decays[0](where, betas[0]), _decays[1](where, betas[1])


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015); weight decay is added to the gradient.

    Parameters
    ----------
    params, lr
        As for :class:`Optimizer`.
    *order
        Positional arguments: ``betas, eps, weight_decay``, or, if the first is a number, MindSpore's order
        ``beta1, beta2, eps, use_locking, use_nesterov, weight_decay, loss_scale``.
    betas : tuple of float
        Decay of the means of the gradient and of its square, in [0, 1); also as ``beta1`` and ``beta2``.
    eps : float
        Added to the root of the mean square.
    weight_decay : float, optional
        Multiple of the weights that is added to the gradient; 0 by default.
    loss_scale : float
        The gradients are divided by this first.
    learning_rate
        Another name for ``lr``.
    use_locking, use_nesterov : bool
        Accepted for MindSpore's signature. The first has no effect; the second must be False.
    """

    slots = ("mean", "square")
    options = {"lr": Optimizer.options["lr"], "betas": _betas, "eps": within("eps", 0.0, math.inf),
               "weight_decay": Optimizer.options["weight_decay"]}  # fmt: skip
    usual_decay: ClassVar[float] = 0.0
    elementwise = True
    decoupled = False
    compiled: ClassVar[Callable[[list[Array], tuple[float, ...]], None] | None] = None
    """A compiled loop that makes the same step to the bit, if a package has set one."""

    def __init__(
        self, params: Iterable[Any], lr: Any = None, *order: Any, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float | None = None, loss_scale: float = 1.0, learning_rate: Any = None,
        beta1: float | None = None, beta2: float | None = None, use_locking: bool = False, use_nesterov: bool = False,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        given: dict[str, Any] = {
            "betas": betas, "eps": eps, "weight_decay": weight_decay, "loss_scale": loss_scale, "beta1": beta1, "beta2": beta2,
            "use_locking": use_locking, "use_nesterov": use_nesterov,
        }  # fmt: skip
        usual: Any = Adam.__init__.__kwdefaults__
        names = _OURS if order and isinstance(order[0], (tuple, list)) else _MINDSPORES
        if len(order) > len(names):
            raise ArgumentError(
                name, f"at most {', '.join(names)} by position after lr", f"{len(order)}", "Pass the others by name."
            )
        for option, value in zip(names, order, strict=False):
            if given[option] != usual[option]:
                raise ArgumentError(name, f"{option} once", "it by position and by name", "Leave one of the two out.")
            given[option] = value
        one, two = given["beta1"], given["beta2"]
        if (one is not None or two is not None) and given["betas"] != usual["betas"]:
            raise ArgumentError(name, "betas, or beta1 and beta2", "both", "They set the same values.")
        if given["use_nesterov"]:
            raise ArgumentError(name, "use_nesterov=False", repr(given["use_nesterov"]), "Use Momentum with it.")
        if one is not None or two is not None:
            given["betas"] = usual["betas"][0] if one is None else one, usual["betas"][1] if two is None else two
        decay = self.usual_decay if given["weight_decay"] is None else given["weight_decay"]
        super().__init__(
            params, lr, learning_rate=learning_rate, loss_scale=given["loss_scale"], betas=given["betas"], eps=given["eps"],
            weight_decay=decay,
        )  # fmt: skip

    def _numbers(self, options: dict[str, Any]) -> tuple[float, ...]:
        """Return the numbers of a step, as :func:`_adam` takes them."""
        if "numbers" not in options:
            decay, (beta1, beta2) = options["weight_decay"], options["betas"]
            scale = (1 - beta2**self.steps) ** 0.5
            size = options["lr"] * scale / (1 - beta1**self.steps)
            keep = 1 - options["lr"] * decay if decay and self.decoupled else 1.0
            options["numbers"] = beta1, 1 - beta1, beta2, 1 - beta2, size, options["eps"] * scale, keep
        numbers: tuple[float, ...] = options["numbers"]
        return numbers

    def _bounded(
        self, largest: Largest, options: dict[str, Any], most: float, least: float
    ) -> Mapping[str, float] | None:  # fmt: skip
        _, _, _, _, size, eps, keep = self._numbers(options)
        w, g = largest("w"), largest("g")
        g = g if self.decoupled else g + options["weight_decay"] * w
        # The new mean and square lie between the old ones and the gradient, or its square.
        if not (eps >= least and g * g < most):
            return None
        mean = 1e-15 + max(largest("mean"), g)
        after = w * max(abs(keep), 1.0) + size * mean / min(eps, 1.0) + 1e-15
        return {"w": 1.0001 * after, "mean": mean} if 2 * (1 + after) < most else None

    def _updated(self, w: Array, g: Array, memory: dict[str, Array], options: dict[str, Any]) -> Array:
        decay, new = options["weight_decay"], np.empty_like(w)
        if decay and not self.decoupled:
            g = g + decay * w
        numbers = self._numbers(options)
        arrays = [w, g, memory["mean"], memory["square"], new]
        if Adam.compiled is not None and all(a.flags.c_contiguous for a in arrays):
            Adam.compiled(arrays, numbers)
            return new
        if w.size <= _PIECE:
            _adam(w, g, memory["mean"], memory["square"], new, numbers)
            return new
        flat = [np.reshape(a, -1) for a in arrays]
        for start in range(0, w.size, _PIECE):  # intermediate results stay in the cache
            w, g, mean, square, part = (a[start : start + _PIECE] for a in flat)
            _adam(w, g, mean, square, part, numbers)
        return new


def _adam(w: Array, g: Array, mean: Array, square: Array, new: Array, numbers: tuple[float, ...]) -> None:
    """Make a step of Adam: update ``mean`` and ``square`` in place, and write the new weights to ``new``."""
    beta1, rest1, beta2, rest2, size, eps, keep = numbers
    mean *= beta1
    mean += np.multiply(g, rest1, out=new)
    np.multiply(g, g, out=new)
    new *= rest2
    square *= beta2
    square += new
    step = size * mean
    np.sqrt(square, out=new)
    new += eps
    step /= new
    np.subtract(w if keep == 1.0 else np.multiply(w, keep, out=new), step, out=new)


class AdamW(Adam):
    """Adam with the weight decay applied to the weights themselves (Loshchilov and Hutter, 2019).

    Its arguments are those of :class:`Adam`. ``weight_decay``, 0.01 by default, times ``lr`` is the share of a weight that is
    subtracted at each step.
    """

    usual_decay = 0.01
    decoupled = True
