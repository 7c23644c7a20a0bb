"""Parts that several dialects share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Cell, Tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError

from ..neurons.base import Neuron, constant, is_zero
from ..neurons.current import CurrentLIFNode, CurrentState
from ..neurons.firing import Firing
from ..neurons.leaky import LIFNode, left

__all__ = ["Bump", "ChargedCurrentLIFNode", "Late", "Whole", "choose", "number", "own", "single"]


def single(value: Any) -> Any:
    """Return a constant rounded to float32, as a peer keeps it; a Parameter as it is."""
    if isinstance(value, Tensor):
        return value
    array = np.asarray(value, np.float32).astype(np.float64)
    return array.item() if array.ndim == 0 else array


def number(where: str, **values: Any) -> list[Any]:
    """Return values in float32, from which our constants are computed; refuse a Parameter, which would not learn."""
    for argument, value in values.items():
        if isinstance(value, Tensor):
            raise ArgumentError(
                where, f"{argument} to be a number or an array", describe(value),
                "Our constants are computed from it once. Set a Parameter on the node instead, such as node.beta.",
            )  # fmt: skip
    return [np.asarray(value, np.float32) for value in values.values()]


def choose(where: str, argument: str, value: Any, choices: dict[str, Any]) -> Any:
    """Return the choice for a name, given as text, as a class or function of this name, or as an object of such a class."""
    name = value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__)
    if name not in choices:
        raise ArgumentError(where, f"{argument} to be one of {', '.join(choices)}", repr(value), "Pass the name as text.")
    return choices[name]


def own(where: str, argument: str, function: Any, default: Callable[[Any], Any]) -> Any:
    """Return one of our surrogates, or the default for None; refuse others, which need the tensors of their package."""
    if function is None:
        return default
    root = getattr(function, "__module__", type(function).__module__).partition(".")[0]
    if root in ("jax", "sinabs", "snntorch", "spikingjelly", "spyx", "torch"):
        raise ArgumentError(
            where, f"{argument} of ours, such as snn.surrogate.atan()", f"one of {root}",
            "Use its counterpart in snn.surrogate.",
        )  # fmt: skip
    return function


class Late(Neuron):
    """A neuron that fires or resets by the membrane of the previous step."""

    @property
    def discharge(self) -> Any:
        """Absent: Cells that call ``charge`` and ``discharge`` separately, such as Refractory, refuse the node."""
        raise AttributeError("discharge")


class ChargedCurrentLIFNode(CurrentLIFNode):
    """Current-based leaky neuron whose input decays with the current in the same step: ``i = alpha (i + x)``."""

    def __init__(self, *, bias: Any = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.bias = bias

    def charge(self, x: Any, state: Any) -> CurrentState:
        """Return membrane and current after leak and input."""
        i = left(self.tau_syn, self.alpha, self.exponential, x) * (state.i + x)
        v = LIFNode.charge(self, i, state.v)
        return CurrentState(v if is_zero(self.bias) else v + constant(self.bias, v), i)


class Whole(Firing):
    """One spike per whole threshold in the membrane, at most ``limit`` per step.

    The gradient is that of the surrogate at the first threshold.
    """

    def __init__(self, limit: float | None = None) -> None:
        super().__init__()
        self.limit = limit

    def construct(self, v: Any, threshold: Any, spikes: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the number of spikes, and 1 where there is one."""
        step = spikes(v - threshold)
        return ops.clip(ops.floor(v / threshold), 1.0, self.limit) - 1 + step, step


class Bump(Cell):
    """Surrogate ``height exp(-|u| / width)``; with a ``period``, ``height exp(-slope |r| / width)`` for ``u`` of at least 0.

    ``r`` is the distance to the nearest of the first ``limit`` multiples ``k period``, from 0 on: the thresholds of a neuron
    that spikes several times per step.
    """

    def __init__(self, height: Any, width: Any, period: Any = None, slope: float = 1.0, limit: float | None = None) -> None:
        super().__init__()
        self.height, self.width, self.period, self.slope, self.limit = height, width, period, slope, limit

    def construct(self, u: Tensor) -> Tensor:
        """Return 1 where ``u > 0`` and 0 elsewhere."""
        return ops.greater(u, 0).astype(u.dtype)

    def bprop(self, u: Tensor, out: Tensor, dout: Tensor) -> Any:
        """Pass the gradient times the bump."""
        away = ops.abs(u)
        if self.period is not None:
            period = constant(self.period, u)
            k = ops.clip(ops.floor(u / period + 0.5), 0.0, None if self.limit is None else self.limit - 1)
            away = ops.where(u >= 0, ops.abs(u - k * period) * self.slope, away)
        return (dout * ops.exp(-away / constant(self.width, u)) * constant(self.height, u),)

    def extra_repr(self) -> str:
        """Show the numbers."""
        shown = {
            name: np.asarray(getattr(self, name)) for name in ("height", "width", "period") if getattr(self, name) is not None
        }
        return ", ".join(
            f"{name}={value.item():g}" if value.ndim == 0 else f"{name}={list(value.shape)}" for name, value in shown.items()
        )
