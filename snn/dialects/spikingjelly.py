"""SpikingJelly: fires at or above the threshold, resets in the same step, to 0 by default."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.errors import ArgumentError

from .. import surrogate
from ..neurons import AdaptiveQIFNode, CLIFNode, CurrentLIFNode, EIFNode, IFNode, KLIFNode, LIFNode, PLIFNode, QIFNode
from .shared import own

__all__ = ["LEFT", "NEURONS"]

_WHERE = "dialect('spikingjelly')"

LEFT = {
    "step_mode": ("s", "Leave step_mode out: snn.run always runs all time steps."),
    "store_v_seq": (False, "snn.run(..., record=['v']) records it."),
    "store_state_seqs": (False, "snn.run(..., record=['v']) records it."),
    "backend": ("torch", "Use snn.run(..., mode='compiled') for speed."),
    "scale_reset": (False, "Our KLIFNode does not scale its reset."),
    "w_rest": (0.0, "Our adaptation starts at 0; pass your own State to start elsewhere."),
}


def _options(v_threshold: Any, v_reset: Any, surrogate_function: Any, detach_reset: bool) -> dict[str, Any]:
    return {
        "v_threshold": v_threshold,
        "v_reset": v_reset,
        "surrogate_function": own(_WHERE, "surrogate_function", surrogate_function, surrogate.sigmoid(4.0)),
        "detach_reset": detach_reset,
        "fire_at_threshold": True,
        "spike_value": "unit",
    }


def _check_start(v_reset: Any, v_rest: Any) -> None:
    if v_reset is None and v_rest != 0:
        raise ArgumentError(
            _WHERE, "v_rest=0 with v_reset=None", f"v_rest={v_rest!r}",
            "With v_reset=None SpikingJelly's membrane starts at 0, ours at v_rest.",
        )  # fmt: skip


def integrate(
    v_threshold: Any = 1.0, v_reset: Any = 0.0, surrogate_function: Any = None, detach_reset: bool = False
) -> IFNode:
    """Return SpikingJelly's IFNode."""
    return IFNode(**_options(v_threshold, v_reset, surrogate_function, detach_reset))


def leaky(
    tau: Any = 2.0,
    decay_input: bool = True,
    v_threshold: Any = 1.0,
    v_reset: Any = 0.0,
    surrogate_function: Any = None,
    detach_reset: bool = False,
) -> LIFNode:
    """Return SpikingJelly's LIFNode."""
    return LIFNode(tau=tau, decay_input=decay_input, **_options(v_threshold, v_reset, surrogate_function, detach_reset))


def parametric(
    init_tau: float = 2.0,
    decay_input: bool = True,
    v_threshold: Any = 1.0,
    v_reset: Any = 0.0,
    surrogate_function: Any = None,
    detach_reset: bool = False,
) -> PLIFNode:
    """Return SpikingJelly's ParametricLIFNode."""
    options = _options(v_threshold, v_reset, surrogate_function, detach_reset)
    node = PLIFNode(tau=init_tau, decay_input=decay_input, **options)
    node.w.set_data(np.float32(-math.log(init_tau - 1)))  # rounded once, as in SpikingJelly
    return node


def klif(
    tau: Any = 2.0,
    decay_input: bool = True,
    v_threshold: Any = 1.0,
    v_reset: Any = 0.0,
    surrogate_function: Any = None,
    detach_reset: bool = False,
) -> KLIFNode:
    """Return SpikingJelly's KLIFNode."""
    return KLIFNode(tau=tau, decay_input=decay_input, **_options(v_threshold, v_reset, surrogate_function, detach_reset))


def cuba(
    c_decay: Any = 0.5,
    v_decay: Any = 0.75,
    v_threshold: Any = 0.5,
    v_reset: Any = 0.0,
    surrogate_function: Any = None,
) -> CurrentLIFNode:
    """Return SpikingJelly's CUBALIFNode, whose membrane rests at 0, whatever its reset."""
    if v_reset is not None and v_reset != 0:
        raise ArgumentError(
            _WHERE, "v_reset=None or 0 for CUBALIFNode", repr(v_reset), "Our membrane rests at its reset value."
        )
    bump = surrogate.rectangle(1.0) if surrogate_function is None else surrogate_function
    return CurrentLIFNode(alpha=c_decay, beta=v_decay, **_options(v_threshold, v_reset, bump, False))


def complementary(tau: Any = 2.0, v_threshold: Any = 1.0, surrogate_function: Any = None) -> CLIFNode:
    """Return SpikingJelly's ComplementaryLIFNode."""
    bump = surrogate.rectangle(1.0) if surrogate_function is None else surrogate_function
    return CLIFNode(tau=tau, decay_input=False, **_options(v_threshold, None, bump, False))


def quadratic(
    tau: Any = 2.0,
    v_c: Any = 0.8,
    a0: Any = 1.0,
    v_threshold: Any = 1.0,
    v_rest: Any = 0.0,
    v_reset: Any = -0.1,
    surrogate_function: Any = None,
    detach_reset: bool = False,
) -> QIFNode:
    """Return SpikingJelly's QIFNode."""
    _check_start(v_reset, v_rest)
    options = _options(v_threshold, v_reset, surrogate_function, detach_reset)
    return QIFNode(tau=tau, v_c=v_c, a0=a0, v_rest=v_rest, **options)


def exponential(
    tau: Any = 2.0,
    delta_T: Any = 1.0,  # noqa: N803 - the peer's own
    theta_rh: Any = 0.8,
    v_threshold: Any = 1.0,
    v_rest: Any = 0.0,
    v_reset: Any = -0.1,
    surrogate_function: Any = None,
    detach_reset: bool = False,
) -> EIFNode:
    """Return SpikingJelly's EIFNode."""
    _check_start(v_reset, v_rest)
    options = _options(v_threshold, v_reset, surrogate_function, detach_reset)
    return EIFNode(tau=tau, delta=delta_T, v_rh=theta_rh, v_rest=v_rest, **options)


def izhikevich(
    tau: Any = 2.0,
    v_c: Any = 0.8,
    a0: Any = 1.0,
    v_threshold: Any = 1.0,
    v_reset: Any = 0.0,
    v_rest: Any = -0.1,
    tau_w: Any = 2.0,
    a: Any = 0.0,
    b: Any = 0.0,
    surrogate_function: Any = None,
    detach_reset: bool = False,
) -> AdaptiveQIFNode:
    """Return SpikingJelly's IzhikevichNode."""
    _check_start(v_reset, v_rest)
    options = _options(v_threshold, v_reset, surrogate_function, detach_reset)
    return AdaptiveQIFNode(tau=tau, v_c=v_c, a0=a0, v_rest=v_rest, tau_w=tau_w, a=a, b=b, **options)


NEURONS = {
    IFNode: integrate,
    LIFNode: leaky,
    PLIFNode: parametric,
    KLIFNode: klif,
    CLIFNode: complementary,
    CurrentLIFNode: cuba,
    QIFNode: quadratic,
    EIFNode: exponential,
    AdaptiveQIFNode: izhikevich,
}
