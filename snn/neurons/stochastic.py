"""Stochastic firing, by an escape rate, for any neuron."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import Cell, Tensor, as_tensor, int32, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, StateError
from autograd.intake import to_generator

from ..surrogate.base import check_function
from .base import Neuron, bounded_exp, constant
from .ranges import POSITIVE, Checked
from .stateful import Stateful

__all__ = ["EscapeRate", "Stochastic"]

# L'Ecuyer's two generators (Communications of the ACM 31, 1988): s = factor s modulo size. Each step also adds 1, which
# shifts all states alike and moves the fixed point of each generator away from 0.
_FACTORS, _SIZES = (40014, 40692), (2147483563, 2147483399)


class EscapeRate(Checked):
    """Probability of firing in a step, by an escape rate that grows exponentially (Gerstner and van Hemmen, 1992).

    With ``u = v - v_threshold``, the rate is ``rate exp(u / width)`` and the probability ``1 - exp(-rate exp(u / width))``.

    Parameters
    ----------
    rate : float or array or Parameter
        Expected spikes per step if the membrane stays at the threshold, above 0.
    width : float or array or Parameter
        Distance below the threshold at which the rate is e times smaller, above 0.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    ranges = {"rate": POSITIVE, "width": POSITIVE}

    def __init__(self, rate: Any = 1.0, width: Any = 0.1) -> None:
        super().__init__()
        self.rate, self.width = rate, width

    def construct(self, u: Any) -> Any:
        """Return the probability."""
        rate = constant(self.rate, u) * bounded_exp(u / constant(self.width, u))
        return 1 - ops.exp(-rate)


class _Draw(Cell):
    """1 where a random number is below a probability; the gradient passes to the probability unchanged."""

    def construct(self, p: Any, random: Any) -> Any:
        return ops.less(random, p).astype(p.dtype)

    def bprop(self, p: Any, random: Any, out: Any, dout: Any) -> Any:
        return dout, None


class Random(NamedTuple):
    """State of a stochastic neuron: the state of the neuron inside, and the two states of its generator."""

    v: Any
    seed: Any
    seed2: Any


class _Source:
    """Holds the generator of the seeds, without a ``__dict__``, since the loops of a neuron do not depend on it."""

    __slots__ = ("rng",)

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng


class Stochastic(Stateful):
    """A neuron that fires at random, with a probability that grows with the distance of its membrane above the threshold.

    ``escape(v - v_threshold)`` is the probability of a spike in this step. Its derivative replaces the surrogate's as the
    gradient of the spike. Charge and reset are the neuron's own.

    Each neuron of each sample has its own random generator, which is part of the state; its seeds are drawn at the start. A
    run with a carried state therefore continues the same random numbers, and the modes agree to the bit.

    Parameters
    ----------
    node : Neuron
        A neuron that fires one spike at a time.
    escape : callable, optional
        A Cell or function from ``v - v_threshold`` to a probability; by default :class:`EscapeRate`.
    rng : numpy.random.Generator or int, optional
        Source of the seeds in ``initial_state``. None uses the system's entropy.

    Raises
    ------
    ArgumentError
        If ``node`` is not such a neuron.
    DTypeError
        If ``escape`` is not a function.

    Examples
    --------
    >>> import numpy as np, snn
    >>> node = snn.Stochastic(snn.IFNode(v_reset=0.0), snn.EscapeRate(rate=0.5, width=0.2), rng=0)
    >>> spikes, _, _ = snn.run(node, np.full((1000, 10, 10), 0.25, np.float32))
    >>> print(f"{float(spikes.mean()):.2f}")
    0.23
    """

    is_neuron, fire = True, True
    State = Random
    drawn = ("seed", "seed2")
    """Variables of the state that belong to the generator; printed equations leave them out."""

    def __init__(
        self,
        node: Neuron,
        escape: Callable[[Any], Any] | None = None,
        *,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(node, Neuron) or not hasattr(node, "discharge") or not node.fire or node.firing is not None:
            raise ArgumentError(
                "Stochastic", "a neuron that fires one spike at a time, such as snn.IFNode()", describe(node),
                "Give one neuron.",
            )  # fmt: skip
        if escape is not None:
            check_function(escape, "Stochastic", "escape to be a Cell or a function", "Pass snn.EscapeRate().")
        self.node, self.escape, self.draw = node, EscapeRate() if escape is None else escape, _Draw()
        self.source = _Source(to_generator(rng, type(self).__name__))

    @property
    def rng(self) -> np.random.Generator:
        """Source of the seeds."""
        return self.source.rng

    def check_variable(self, x: Any, value: Any, variable: str = "") -> Any:
        """Return one variable of a state, as a Tensor, if it fits an input; the neuron checks its own."""
        if variable == "v":
            return self.node.check_state(x, value)
        value = as_tensor(value, "Stochastic")
        if value.shape != x.shape or value.dtype != int32:
            raise StateError(
                f"Stochastic, state {variable}", f"{list(x.shape)} Int32, as initial_state draws it", describe(value),
                "Start with node.initial_state(x); a state belongs to one batch size and dtype.",
            )  # fmt: skip
        return value

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: the neuron's, and new seeds."""
        x = as_tensor(x, "Stochastic")
        seeds = [self.rng.integers(0, size, x.shape, np.int32) for size in _SIZES]
        return Random(self.node.initial_state(x), *map(Tensor, seeds))

    def charge(self, x: Any, state: Any) -> Any:
        """Return the state after the input and before firing."""
        return state._replace(v=self.node.charge(x, state.v))

    def discharge(self, state: Any, ready: Any = None) -> tuple[Any, Any]:
        """Fire and reset, where ``ready`` allows it."""
        a, b = (_next(seed, factor, size) for seed, factor, size in zip(state[1:], _FACTORS, _SIZES, strict=True))
        apart = (a - b) / _SIZES[0]
        random = ops.where(apart < 0, apart + 1, apart)

        def spikes(u: Any) -> Any:
            return self.draw(self.escape(u), random.astype(u.dtype))

        spike, inner = self.node.discharge(state.v, ready, spikes)
        return spike, Random(inner, a.astype(np.int32), b.astype(np.int32))

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step of the neuron for currents ``[N, ...]``, and advance the generators by one step."""
        return self.discharge(self.charge(x, state))


def _next(seed: Any, factor: int, size: int) -> Any:
    """Return the next state of a generator as float64, which is exact; ``size`` may replace 0, which is equivalent."""
    product = factor * seed.astype(np.float64) + 1
    return product - ops.floor(product * (1 / size)) * size
