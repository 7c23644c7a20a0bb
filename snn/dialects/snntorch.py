"""snnTorch: fires above the threshold, resets one step late, keeps its constants in float32.

A step computes ``r = step(v - th)`` from the previous membrane, without a gradient. Then it charges, resets by ``r``, and
computes ``z = step(v - th)``. The state holds the membrane before its reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor, stop_gradient
from autograd.dtypes import describe
from autograd.errors import ArgumentError

from .. import surrogate
from ..common.structure import membrane
from ..neurons import AlphaNode, CurrentLIFNode, LIFNode
from ..neurons.base import constant, of_constant
from .shared import Late, choose, own, single

__all__ = ["LEFT", "NEURONS"]

_WHERE = "dialect('snntorch')"
_LEARNT = "Pass the value as a Parameter; unlike snnTorch, we do not clip it to [0, 1] in each step."

LEFT = {
    "surrogate_disable": (False, "Stop the gradient with no_grad or stop_gradient."),
    "init_hidden": (False, "Our states are passed in and returned; snn.run carries them."),
    "output": (False, "Our states are passed in and returned; snn.run carries them."),
    "inhibition": (False, "Our neurons do not compete within a layer; connect them by snn.Recurrent."),
    "learn_alpha": (False, _LEARNT),
    "learn_beta": (False, _LEARNT),
    "learn_threshold": (False, "Pass the threshold as a Parameter."),
    "state_quant": (False, "Our states are not quantised."),
    "graded_spikes_factor": (1.0, "Scale the spikes after the neuron."),
    "learn_graded_spikes_factor": (False, "Scale the spikes after the neuron."),
}


class LateReset(Late):
    """``charge`` of a subclass also does the reset that is due."""

    reset_mechanism, reset_delay = "subtract", True

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step; if the reset is late, the returned membrane does not include it yet."""
        before, state = state, self.charge(x, state)
        v = membrane(state)
        z = self.spikes(v - constant(self.v_threshold, v))
        if not self.reset_delay:  # charge has done the reset that was due
            v = self.cleared(v, z - self.due(before))
            state = v if self.State is None else state._replace(v=v)
        return z, state

    def due(self, state: Any) -> Any:
        """Return 1 where the state is yet to be reset."""
        v = membrane(state)
        return stop_gradient(self.spikes(v - constant(self.v_threshold, v)))

    def cleared(self, v: Any, r: Any) -> Any:
        """Return a membrane after the reset where ``r`` is 1."""
        if self.reset_mechanism == "none":
            return v
        return v - r * (constant(self.v_threshold, v) if self.reset_mechanism == "subtract" else v)


class LateResetLIFNode(LateReset, LIFNode):
    """Leaky: ``v = beta v + x - r th``, or ``v = beta (1 - r) v + x``."""

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after input and reset."""
        r = self.due(v)
        if self.reset_mechanism == "zero":
            return LIFNode.charge(self, x, (1 - r) * v)
        return self.cleared(LIFNode.charge(self, x, v), r)


class LateResetCurrentLIFNode(LateReset, CurrentLIFNode):
    """Synaptic: ``i = alpha i + x``; ``v = beta v + i - r th``, or ``v = (1 - r) (beta v + i)``."""

    def charge(self, x: Any, state: Any) -> Any:
        """Return membrane and current after input and reset."""
        charged = CurrentLIFNode.charge(self, x, state)
        return charged._replace(v=self.cleared(charged.v, self.due(state)))


class Sides(NamedTuple):
    """Membrane, excitation and inhibition."""

    v: Tensor
    excitation: Tensor
    inhibition: Tensor


class LateResetAlphaNode(LateReset, CurrentLIFNode):
    """Alpha: ``e = alpha e + x``; ``n = beta n - x``; ``v = k (e + n)``, with ``k = ln alpha / (ln beta - ln alpha) + 1``.

    A reset to zero clears all of them. A reset by subtraction clears ``n``, subtracts the threshold from ``e`` and adds the
    last ``n`` to ``v``.
    """

    State = Sides
    drive = 5.0

    def charge(self, x: Any, state: Any) -> Any:
        """Return the state after input and reset."""
        alpha, beta = constant(self.alpha, x), constant(self.beta, x)
        rate, rate_inhibition = of_constant("log", alpha), of_constant("log", beta)
        e, n = alpha * state.excitation + x, beta * state.inhibition - x
        v, r = (rate / (rate_inhibition - rate) + 1) * (e + n), self.due(state)
        if self.reset_mechanism == "subtract":
            return Sides(v + r * state.inhibition, self.cleared(e, r), n - r * n)
        return Sides(*[self.cleared(value, r) for value in (v, e, n)])


def _built(kind: type[LateReset], threshold: Any, spike_grad: Any, mechanism: str, delay: bool, **shares: Any) -> LateReset:
    mechanism = choose(_WHERE, "reset_mechanism", mechanism, {name: name for name in ("subtract", "zero", "none")})
    node = kind(
        single(threshold),
        surrogate_function=own(_WHERE, "spike_grad", spike_grad, surrogate.atan(2.0)),
        spike_value="unit",
        detach_reset=delay and mechanism != "none",
        **{name: single(value) for name, value in shares.items()},
    )
    node.reset_mechanism, node.reset_delay = mechanism, delay
    return node


def leaky(
    beta: Any, threshold: Any = 1.0, spike_grad: Any = None, reset_mechanism: str = "subtract", reset_delay: bool = True
) -> LateReset:
    """Return snnTorch's Leaky."""
    return _built(LateResetLIFNode, threshold, spike_grad, reset_mechanism, reset_delay, beta=beta)


def synaptic(
    alpha: Any,
    beta: Any,
    threshold: Any = 1.0,
    spike_grad: Any = None,
    reset_mechanism: str = "subtract",
    reset_delay: bool = True,
) -> LateReset:
    """Return snnTorch's Synaptic."""
    return _built(LateResetCurrentLIFNode, threshold, spike_grad, reset_mechanism, reset_delay, alpha=alpha, beta=beta)


def alpha(alpha: Any, beta: Any, threshold: Any = 1.0, spike_grad: Any = None, reset_mechanism: str = "zero") -> LateReset:
    """Return snnTorch's Alpha."""
    if not np.all((np.asarray(beta) > 0) & (np.asarray(beta) < np.asarray(alpha))):
        got = f"alpha {describe(alpha)} and beta {describe(beta)}"
        raise ArgumentError(_WHERE, "0 < beta < alpha", got, "The excitation decays more slowly than the inhibition.")
    return _built(LateResetAlphaNode, threshold, spike_grad, reset_mechanism, True, alpha=alpha, beta=beta)


NEURONS: dict[type, Callable[..., Any]] = {LIFNode: leaky, CurrentLIFNode: synaptic, AlphaNode: alpha}
