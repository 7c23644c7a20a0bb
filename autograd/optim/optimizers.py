"""Optimizers: called with the gradients, they update the Parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..dtypes import describe
from ..errors import ArgumentError, DTypeError, NonFiniteError, ShapeError, StateDictError
from ..parameter import Parameter
from ..tensor import Tensor
from .schedules import Schedule

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]

Array = np.ndarray[Any, np.dtype[Any]]
_PIECE, _MANY = 1 << 14, 1 << 13  # elements


class Optimizer:
    """Base class: a subclass says what it remembers of each Parameter and how that and a gradient make a step.

    Parameters
    ----------
    params : iterable of Parameter
        What to update, in the order of the gradients.
    lr : float or callable
        Learning rate, or a function of the step (from 0) such as those of :mod:`autograd.optim.schedules`.
    weight_decay : float
        Size of the decay of the weights towards zero.

    Raises
    ------
    ArgumentError
        If there is nothing to update or a number is out of range.
    """

    slots: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Parameter], lr: float | Schedule, weight_decay: float = 0.0) -> None:
        self.params = list(params)
        name = type(self).__name__
        if not self.params:
            raise ArgumentError(name, "at least one Parameter", "none", "Pass cell.trainable_params().")
        for p in self.params:
            if not isinstance(p, Parameter):
                raise DTypeError(name, "Parameters", describe(p), "Pass cell.trainable_params().")
        if len({id(p) for p in self.params}) < len(self.params):
            raise ArgumentError(name, "each Parameter once", "one of them twice", "Pass cell.trainable_params().")
        if not callable(lr):
            _check(name, lr=(lr, 0.0, np.inf))
        _check(name, weight_decay=(weight_decay, 0.0, np.inf))
        self.lr, self.weight_decay, self.step = lr, float(weight_decay), 0
        self.memory = [{slot: np.zeros_like(p.array) for slot in self.slots} for p in self.params]

    def __call__(self, gradients: Sequence[Tensor]) -> None:
        """Update every Parameter by one step, but for those that have been frozen.

        Parameters
        ----------
        gradients : sequence of Tensor
            One for each Parameter, in order, as ``grad(..., weights=params)`` returns them.

        Raises
        ------
        ShapeError
            If their number or shapes do not match.
        NonFiniteError
            If a gradient has NaN or infinity. Nothing is updated.
        """
        name = type(self).__name__
        if len(gradients) != len(self.params):
            raise ShapeError(
                name,
                f"{len(self.params)} gradients",
                f"{len(gradients)}",
                "Differentiate by these Parameters alone: grad_position=None, weights=...",
            )
        for p, g in zip(self.params, gradients, strict=True):
            if g.shape != p.shape:
                raise ShapeError(f"{name}, {p.name}", f"a gradient {list(p.shape)}", describe(g), "Check their order.")
            if not np.isfinite(g.array).all():
                raise NonFiniteError(
                    f"{name}, step {self.step}", f"a finite gradient of {p.name}", "NaN or infinity",
                    "Nothing was updated. Lower the learning rate, or clip; snn.run(check=True) finds the layer.",
                )  # fmt: skip
        lr = float(self.lr(self.step) if callable(self.lr) else self.lr)
        self.step += 1
        for p, g, memory in zip(self.params, gradients, self.memory, strict=True):
            if p.requires_grad:
                p.array = np.asarray(self._updated(p.array, g.array.astype(p.dtype, copy=False), memory, lr))

    def _updated(self, w: Array, g: Array, memory: dict[str, Array], lr: float) -> Array:
        raise NotImplementedError  # a subclass says how

    def state_dict(self) -> dict[str, Any]:
        """Return the step and copies of what is remembered, under ``<number>.<name of the Parameter>.<what>``."""
        return {"step": self.step, **{key: memory[slot].copy() for key, memory, slot in self._places()}}

    def _places(self) -> Iterator[tuple[str, dict[str, Array], str]]:
        """Iterate over what is remembered, under a name that says of which Parameter, so that another order is noticed."""
        for i, (p, memory) in enumerate(zip(self.params, self.memory, strict=True)):
            for slot in self.slots:
                yield f"{i}.{p.name}.{slot}", memory, slot

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` returned. Nothing is set if anything does not fit.

        Raises
        ------
        StateDictError
            If names or shapes do not match.
        """
        own = self.state_dict()
        wrong = sorted(set(own) ^ set(saved)) or [k for k in own if np.shape(own[k]) != np.shape(saved[k])]
        if wrong:
            raise StateDictError(
                f"{type(self).__name__}.load_state_dict", "the state of the same optimizer of the same Parameters",
                f"a mismatch in {', '.join(wrong)}", "Nothing was loaded. Build it as it was when saved.",
            )  # fmt: skip
        self.step = int(saved["step"])
        for key, memory, slot in self._places():
            memory[slot] = np.array(saved[key], memory[slot].dtype)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum; weight decay is added to the gradient.

    ``m = momentum m + g``, then ``w -= lr m``, or ``lr (g + momentum m)`` with Nesterov's.

    Parameters
    ----------
    params, lr, weight_decay
        As for :class:`Optimizer`.
    momentum : float
        In [0, 1).
    nesterov : bool
        Look ahead (Sutskever et al., 2013).
    """

    slots = ("momentum",)

    def __init__(
        self, params: Iterable[Parameter], lr: float | Schedule, momentum: float = 0.0, weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, weight_decay)
        _check("SGD", momentum=(momentum, 0.0, 1.0))
        self.momentum, self.nesterov = float(momentum), nesterov

    def _updated(self, w: Array, g: Array, memory: dict[str, Array], lr: float) -> Array:
        g = g + self.weight_decay * w if self.weight_decay else g
        if self.momentum:
            memory["momentum"] = self.momentum * memory["momentum"] + g
            g = g + self.momentum * memory["momentum"] if self.nesterov else memory["momentum"]
        return w - lr * g


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015); weight decay is added to the gradient.

    Parameters
    ----------
    params, lr, weight_decay
        As for :class:`Optimizer`.
    betas : tuple of float
        Decay of the means of the gradient and of its square, in [0, 1).
    eps : float
        Added to the root of the mean square.
    """

    slots = ("mean", "square")
    decoupled = False
    compiled: ClassVar[Callable[[list[Array], tuple[float, ...]], None] | None] = None
    """What makes the step for many weights, to the same bits, where a package brings such a loop."""

    def __init__(
        self, params: Iterable[Parameter], lr: float | Schedule = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, weight_decay)
        _check(type(self).__name__, beta1=(betas[0], 0.0, 1.0), beta2=(betas[1], 0.0, 1.0))
        self.betas, self.eps = (float(betas[0]), float(betas[1])), float(eps)

    def _updated(self, w: Array, g: Array, memory: dict[str, Array], lr: float) -> Array:
        if self.weight_decay and not self.decoupled:
            g = g + self.weight_decay * w
        (beta1, beta2), new = self.betas, np.empty_like(w)
        scale = (1 - beta2**self.step) ** 0.5
        size = lr * scale / (1 - beta1**self.step)
        keep = 1 - lr * self.weight_decay if self.weight_decay and self.decoupled else 1.0
        numbers = (beta1, 1 - beta1, beta2, 1 - beta2, size, self.eps * scale, keep)
        arrays = [w, g, memory["mean"], memory["square"], new]
        if w.size >= _MANY and Adam.compiled is not None and all(a.flags.c_contiguous for a in arrays):
            Adam.compiled(arrays, numbers)
            return new
        if w.size <= _PIECE:
            _adam(w, g, memory["mean"], memory["square"], new, numbers)
            return new
        flat = [np.reshape(a, -1) for a in arrays]
        for start in range(0, w.size, _PIECE):  # what is made in between stays in the cache
            w, g, mean, square, part = (a[start : start + _PIECE] for a in flat)
            _adam(w, g, mean, square, part, numbers)
        return new


def _adam(w: Array, g: Array, mean: Array, square: Array, new: Array, numbers: tuple[float, ...]) -> None:
    """Make a step of Adam's rule in place of ``mean`` and ``square``, and write the new weights."""
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
    np.subtract(w * keep, step, out=new)


class AdamW(Adam):
    """Adam with the weight decay applied to the weights themselves (Loshchilov and Hutter, 2019).

    Parameters
    ----------
    params, lr, betas, eps
        As for :class:`Adam`.
    weight_decay : float
        Share of a weight, times ``lr``, that is taken off at each step.
    """

    decoupled = True

    def __init__(
        self, params: Iterable[Parameter], lr: float | Schedule = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0.01,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay)


def _check(where: str, **numbers: tuple[float, float, float]) -> None:
    """Check that each number is in [low, high)."""
    for name, (value, low, high) in numbers.items():
        if not low <= value < high:
            raise ArgumentError(where, f"{name} in [{low:g}, {high:g})", repr(value), "Choose another value.")
