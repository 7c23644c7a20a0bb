"""The two orders of a step that are not ours: a reset, or a spike, that comes one step late."""

from __future__ import annotations

from typing import Any, NamedTuple

from autograd import Tensor, ops, stop_gradient
from autograd.errors import ArgumentError

from ..neurons.adaptive import ALIFNode
from ..neurons.base import Neuron, constant, membrane
from ..neurons.current import CurrentLIFNode
from ..neurons.integrate import IFNode
from ..neurons.leaky import LIFNode

__all__ = [
    "LateResetAlphaNode", "LateResetCurrentLIFNode", "LateResetLIFNode",
    "LateSpikeALIFNode", "LateSpikeCurrentLIFNode", "LateSpikeIFNode", "LateSpikeLIFNode",
]  # fmt: skip


class Late(Neuron):
    """A step that cannot be split into ``charge`` and ``discharge``, since it is told by the membrane before."""

    def discharge(self, state: Any, ready: Any = None, spikes: Any = None) -> tuple[Any, Any]:
        """Refuse: what fires and what is reset belong to different steps."""
        raise ArgumentError(
            type(self).__name__, "a neuron that fires and resets in one step", "one that does in two",
            "Wrap a neuron of ours in Refractory or Stochastic, not one of a dialect with a late reset or spike.",
        )  # fmt: skip


class LateReset(Late):
    """``r = step(v - th)`` of the membrane before; then charge, and reset by ``r``; then ``z = step(v - th)``.

    The membrane of a state is the one before its reset. No gradient passes through ``r``.
    """

    reset_mechanism = "subtract"
    at_once = False

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: spikes and state, its membrane as yet without the reset, unless ``at_once``."""
        threshold, r = self.before(state)
        state = self.charge(x, state)
        v = membrane(state)
        z = self.spikes(v - threshold)
        if self.at_once and self.reset_mechanism != "none":  # what was reset already is not reset again
            v = v - (z - r) * (threshold if self.reset_mechanism == "subtract" else v)
            state = v if self.State is None else state._replace(v=v)
        return z, state

    def before(self, state: Any) -> tuple[Any, Any]:
        """Return the threshold, and the reset that is due."""
        threshold = constant(self.v_threshold, membrane(state))
        return threshold, stop_gradient(self.spikes(membrane(state) - threshold))

    def charge(self, x: Any, state: Any) -> Any:
        """Return the state on which the neuron fires."""
        threshold, r = self.before(state)
        return self.move(x, state, r, threshold)

    def move(self, x: Any, state: Any, r: Any, threshold: Any) -> Any:
        """Return the state after input and reset."""
        raise NotImplementedError  # each neuron's own


class LateResetLIFNode(LateReset, LIFNode):
    """snnTorch's Leaky: ``v = beta v + x - r th``, or ``v = beta (1 - r) v + x``."""

    def move(self, x: Any, v: Any, r: Any, threshold: Any) -> Any:
        """Return the membrane after input and reset."""
        if self.reset_mechanism == "zero":
            return LIFNode.charge(self, x, (1 - r) * v)
        v = LIFNode.charge(self, x, v)
        return v - r * threshold if self.reset_mechanism == "subtract" else v


class LateResetCurrentLIFNode(LateReset, CurrentLIFNode):
    """snnTorch's Synaptic: ``i = alpha i + x``; ``v = beta v + i - r th``, or ``v = (1 - r) (beta v + i)``."""

    def move(self, x: Any, state: Any, r: Any, threshold: Any) -> Any:
        """Return membrane and current after input and reset."""
        state = CurrentLIFNode.charge(self, x, state)
        if self.reset_mechanism == "none":
            return state
        return state._replace(v=state.v - r * (threshold if self.reset_mechanism == "subtract" else state.v))


class Sides(NamedTuple):
    """Membrane, excitation and inhibition."""

    v: Tensor
    excitation: Tensor
    inhibition: Tensor


class LateResetAlphaNode(LateReset, CurrentLIFNode):
    """snnTorch's Alpha: ``e = alpha e + x``; ``n = beta n - x``; ``v = k (e + n)``; a reset makes all of them 0."""

    State = Sides
    drive = 5.0

    def move(self, x: Any, state: Any, r: Any, threshold: Any) -> Sides:
        """Return the state after input and reset."""
        alpha, beta = constant(self.alpha, x), constant(self.beta, x)
        rate, rate_inhibition = ops.log(ops.ones_like(x) * alpha), ops.log(ops.ones_like(x) * beta)
        e, n = alpha * state.excitation + x, beta * state.inhibition - x
        state = Sides((rate / (rate_inhibition - rate) + 1) * (e + n), e, n)
        return state if self.reset_mechanism == "none" else Sides(*[value - value * r for value in state])


class LateSpike(Late):
    """``z = step(v - th)`` of the membrane before; then charge, and reset by ``z``."""

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: spikes of the state before, and the state after."""
        threshold = self.threshold(state)
        z = self.spikes(membrane(state) - threshold)
        return z, self.move(x, state, z, z * threshold)

    def move(self, x: Any, state: Any, z: Any, amplitude: Any) -> Any:
        """Return the state after input and reset."""
        return self.charge(x, state) - amplitude


class LateSpikeIFNode(LateSpike, IFNode):
    """Spyx's IF: ``z = step(v - th)``; ``v = v + x - z th``."""


class LateSpikeLIFNode(LateSpike, LIFNode):
    """Spyx's LIF: ``z = step(v - th)``; ``v = beta v + x - z th``."""


class LateSpikeCurrentLIFNode(LateSpike, CurrentLIFNode):
    """Spyx's CuBaLIF: ``z = step(v - th)``; ``i = alpha i + x``; ``v = beta (v - z th) + i``."""

    def move(self, x: Any, state: Any, z: Any, amplitude: Any) -> Any:
        """Return membrane and current after reset and input."""
        return self.charge(x, state._replace(v=state.v - amplitude))


class LateSpikeALIFNode(LateSpike, ALIFNode):
    """Spyx's ALIF: ``z = step(v - th - b)``; ``v = beta v + x - z (th + b)``; ``b = rho b + (1 - rho) z``."""

    def move(self, x: Any, state: Any, z: Any, amplitude: Any) -> Any:
        """Return membrane and adaptation after input and reset."""
        charged = self.charge(x, state)
        return self.fired(charged._replace(v=charged.v - amplitude), z)
