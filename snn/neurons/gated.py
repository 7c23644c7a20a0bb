"""Neurons with learnt gates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Parameter, as_tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError

from .base import Neuron, constant
from .ranges import FINITE, check_number

__all__ = ["GLIFNode"]


class GLIFNode(Neuron):
    """Gated leaky integrate-and-fire neuron (Yao et al., "GLIF: a unified gated leaky integrate-and-fire neuron", 2022).

    Each of three gates in (0, 1) mixes two forms: of the leak (``a``), of the input (``b``) and of the reset (``c``).

    ``v = (1 - a (1 - beta)) v - (1 - a) linear_leak + (1 - b (1 - conductance)) x``

    At a spike, ``v = v - c v - (1 - c) v_subtract``. The reset takes effect in the step of the spike, before the leak of the
    next step. The conductance is the same at all steps.

    Parameters
    ----------
    v_threshold, fire, surrogate_function, detach_reset, fire_at_threshold, spike_value
        As for :class:`snn.Neuron`; there is no ``v_reset``, since the neuron learns its reset.
    leak_gate, input_gate, reset_gate : float or array
        The gates ``a``, ``b`` and ``c`` before learning, above 0 and below 1: one for the layer, or one for each neuron.
    beta, conductance : float or array
        Share of the membrane that remains after a step of the exponential leak, and share of the input that the gated form
        takes, in the same range. Each of these five is learnt as its logit, a Parameter of the same name.
    linear_leak, v_subtract : float or array or Parameter
        Amount that the linear leak subtracts per step, and amount that the soft reset subtracts; both become Parameters.

    Raises
    ------
    ArgumentError
        If an argument is out of range.
    """

    ranges = dict.fromkeys(
        ("leak_gate", "input_gate", "reset_gate", "beta", "conductance", "linear_leak", "v_subtract"), FINITE
    )  # fmt: skip
    drive = 0.4

    def __init__(
        self,
        v_threshold: Any = 1.0,
        fire: bool = True,
        surrogate_function: Callable[[Any], Any] | None = None,
        *,
        leak_gate: Any = 0.5,
        input_gate: Any = 0.5,
        reset_gate: Any = 0.5,
        beta: Any = 0.75,
        conductance: Any = 0.5,
        linear_leak: Any = 0.05,
        v_subtract: Any = 1.0,
        detach_reset: bool = False,
        fire_at_threshold: bool = False,
        spike_value: str = "threshold",
    ) -> None:
        super().__init__(
            v_threshold, fire, surrogate_function,
            detach_reset=detach_reset, fire_at_threshold=fire_at_threshold, spike_value=spike_value,
        )  # fmt: skip
        name = type(self).__name__
        self.leak_gate, self.input_gate = _logit(name, leak_gate=leak_gate), _logit(name, input_gate=input_gate)
        self.reset_gate, self.beta = _logit(name, reset_gate=reset_gate), _logit(name, beta=beta)
        self.conductance = _logit(name, conductance=conductance)
        check_number(name, linear_leak=linear_leak, v_subtract=v_subtract)
        self.linear_leak = linear_leak if isinstance(linear_leak, Parameter) else Parameter(linear_leak)
        self.v_subtract = v_subtract if isinstance(v_subtract, Parameter) else Parameter(v_subtract)

    def charge(self, x: Any, v: Any) -> Any:
        """Return the membrane after leak and input."""
        a, b, beta, conductance = (
            ops.sigmoid(constant(w, v)) for w in (self.leak_gate, self.input_gate, self.beta, self.conductance)
        )
        leak = (1 - a) * constant(self.linear_leak, v)
        return (1 - a * (1 - beta)) * v - leak + (1 - b * (1 - conductance)) * x

    def reset(self, v: Any, z: Any, amplitude: Any) -> Any:
        """Return the membrane after the spikes ``z``."""
        c = ops.sigmoid(constant(self.reset_gate, v))
        return v - self.gate(z) * (c * v + (1 - c) * constant(self.v_subtract, v))


def _logit(name: str, **given: Any) -> Parameter:
    """Return a Parameter whose sigmoid is the given value."""
    ((argument, value),) = given.items()
    check_number(name, **given)
    share = as_tensor(value, name).array
    if not np.all((share > 0) & (share < 1)):
        raise ArgumentError(
            name, f"{argument} above 0 and below 1", describe(value), "It is the sigmoid of a learnt Parameter."
        )
    return Parameter(np.log(share / (1 - share)))
