"""snnTorch: fires above the threshold, resets one step late, keeps its constants in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd.errors import ArgumentError

from .. import surrogate
from ..neurons import AlphaNode, CurrentLIFNode, LIFNode
from .orders import LateReset, LateResetAlphaNode, LateResetCurrentLIFNode, LateResetLIFNode
from .shared import single

__all__ = ["LEFT", "NEURONS"]

_LEARNT = "Pass a Parameter in its place; snnTorch also cuts it to [0, 1] in each step, which we do not."

LEFT = {
    "surrogate_disable": (False, "Leave the gradient out with no_grad or stop_gradient."),
    "init_hidden": (False, "Our states go in and out: snn.run carries them."),
    "output": (False, "Our states go in and out: snn.run carries them."),
    "inhibition": (False, "The winner among all neurons of a layer is no matter of one neuron."),
    "learn_alpha": (False, _LEARNT),
    "learn_beta": (False, _LEARNT),
    "learn_threshold": (False, "Pass a Parameter in its place."),
    "state_quant": (False, "Our states are not quantised."),
    "graded_spikes_factor": (1.0, "Scale the spikes behind the neuron."),
    "learn_graded_spikes_factor": (False, "Scale the spikes behind the neuron."),
}


def _finish(node: LateReset, reset_mechanism: str, reset_delay: bool, mechanisms: tuple[str, ...]) -> LateReset:
    if reset_mechanism not in mechanisms:
        raise ArgumentError(
            "dialect('snntorch')", f"reset_mechanism to be one of {', '.join(mechanisms)}", repr(reset_mechanism),
            "Alpha's 'subtract' takes its inhibition from the membrane, which is no reset." if "subtract" not in mechanisms
            else "Choose one of them.",
        )  # fmt: skip
    node.reset_mechanism, node.at_once = reset_mechanism, not reset_delay
    return node


def _options(threshold: Any, spike_grad: Any) -> dict[str, Any]:
    return {
        "v_threshold": single(threshold),
        "surrogate_function": surrogate.atan(2.0) if spike_grad is None else spike_grad,
        "spike_value": "unit",
    }


def leaky(
    beta: Any, threshold: Any = 1.0, spike_grad: Any = None, reset_mechanism: str = "subtract", reset_delay: bool = True
) -> LateReset:
    """Return snnTorch's Leaky."""
    node = LateResetLIFNode(beta=single(beta), **_options(threshold, spike_grad))
    return _finish(node, reset_mechanism, reset_delay, ("subtract", "zero", "none"))


def synaptic(
    alpha: Any,
    beta: Any,
    threshold: Any = 1.0,
    spike_grad: Any = None,
    reset_mechanism: str = "subtract",
    reset_delay: bool = True,
) -> LateReset:
    """Return snnTorch's Synaptic."""
    node = LateResetCurrentLIFNode(alpha=single(alpha), beta=single(beta), **_options(threshold, spike_grad))
    return _finish(node, reset_mechanism, reset_delay, ("subtract", "zero", "none"))


def alpha(alpha: Any, beta: Any, threshold: Any = 1.0, spike_grad: Any = None, reset_mechanism: str = "zero") -> LateReset:
    """Return snnTorch's Alpha."""
    node = LateResetAlphaNode(alpha=single(alpha), beta=single(beta), **_options(threshold, spike_grad))
    return _finish(node, reset_mechanism, True, ("zero", "none"))


NEURONS: dict[type, Callable[..., Any]] = {LIFNode: leaky, CurrentLIFNode: synaptic, AlphaNode: alpha}
