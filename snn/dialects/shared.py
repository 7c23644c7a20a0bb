"""What several dialects need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Cell, Tensor, ops, stop_gradient
from autograd.errors import ArgumentError

from ..neurons.current import CurrentLIFNode, CurrentState
from ..neurons.firing import Firing
from ..neurons.leaky import left
from ..surrogate import exponential

__all__ = ["ChargedCurrentLIFNode", "PeriodicBump", "TwiceExponential", "Whole", "choose", "single"]


def single(value: Any) -> Any:
    """Return a constant rounded to float32, as a peer keeps it; a Parameter as it is."""
    if isinstance(value, Tensor):
        return value
    array = np.asarray(value, np.float32).astype(np.float64)
    return array.item() if array.ndim == 0 else array


def choose(where: str, argument: str, value: Any, choices: dict[str, Any]) -> Any:
    """Return what belongs to a name, or to a class or function, or an object of a class, that bears this name."""
    name = value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__)
    if name not in choices:
        raise ArgumentError(where, f"{argument} to be one of {', '.join(choices)}", repr(value), "Pass the name as text.")
    return choices[name]


class ChargedCurrentLIFNode(CurrentLIFNode):
    """Current-based leaky neuron whose input decays with the current in the step it comes: ``i = alpha (i + x)``."""

    bias: Any = 0.0

    def charge(self, x: Any, state: Any) -> CurrentState:
        """Return membrane and current after leak and input."""
        i = left(self.tau_syn, self.alpha, self.exponential, x) * (state.i + x)
        biased = i if isinstance(self.bias, float) and self.bias == 0 else i + self.bias
        return CurrentState(super(CurrentLIFNode, self).charge(biased, state.v), i)


class Whole(Firing):
    """As many spikes as there are whole thresholds in the membrane, whose gradient is the surrogate's at the first threshold.

    Parameters
    ----------
    limit : float, optional
        The most spikes in a step.
    """

    def __init__(self, limit: float | None = None) -> None:
        super().__init__()
        self.limit = limit

    def construct(self, v: Any, threshold: Any, spikes: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the number of spikes, twice."""
        count = stop_gradient(ops.clip(ops.floor(v / threshold), 0.0, self.limit))
        step = spikes(v - threshold)
        z = count + (step - stop_gradient(step))
        return z, z


class TwiceExponential(exponential):
    """``scale a exp(-a |u|)``: with ``a = 1 / width`` the exponential of Sinabs, which is not of area 1."""

    def __init__(self, alpha: Any, scale: float = 1.0) -> None:
        super().__init__(alpha)
        self.scale = scale

    def derivative(self, u: Tensor) -> Tensor:
        """Return the derivative, at most ``scale alpha``."""
        return super().derivative(u) * (2 * self.scale)

    def primitive(self, u: Tensor) -> Tensor:
        """Return the smooth step, from 0 to ``2 scale``."""
        return super().primitive(u) * (2 * self.scale)


class PeriodicBump(Cell):
    """``scale exp(-|u| / width)`` below the first threshold, ``scale exp(-slope |r| / width)`` above.

    There, ``r`` is the distance from the nearest whole threshold, of which ``limit`` is the last.
    """

    def __init__(self, threshold: float, width: float, scale: float, slope: float, limit: float | None = None) -> None:
        super().__init__()
        self.threshold, self.width, self.scale, self.slope, self.limit = threshold, width, scale, slope, limit

    def construct(self, u: Tensor) -> Tensor:
        """Return 1 where ``u > 0`` and 0 elsewhere."""
        return ops.greater(u, 0).astype(u.dtype)

    def bprop(self, u: Tensor, out: Tensor, dout: Tensor) -> Any:
        """Pass the gradient times the bump."""
        nearest = ops.clip(ops.floor(u / self.threshold + 0.5), 0.0, None if self.limit is None else self.limit - 1)
        away = ops.where(u >= 0, ops.abs(u - nearest * self.threshold) * self.slope, ops.abs(u))
        return (dout * ops.exp(away * (-1 / self.width)) * self.scale,)
