"""Norse: fires above the threshold, resets to a value in the same step, keeps its constants in float32.

Its time constants are inverse, in 1/s: with ``dt``, a rate per step is ``dt tau_inv``. These are its feed-forward steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ArgumentError

from .. import surrogate
from ..neurons import CurrentLIFNode, LIFNode, LSNNNode
from .shared import choose, number, single

__all__ = ["LEFT", "NEURONS"]

_WHERE = "dialect('norse')"

LEFT = {"alpha": (100.0, "Norse ignores its alpha with method='super': leave it out.")}


def _left(dt: float, **inverse: Any) -> list[Any]:
    """Return the shares that remain after a step."""
    step, *rates = number(_WHERE, dt=dt, **inverse)
    return [1 - single(step * rate) for rate in rates]


def _options(v_th: Any, v_leak: Any, v_reset: Any, method: Any) -> dict[str, Any]:
    if np.any(np.asarray(v_leak) != np.asarray(0.0 if v_reset is None else v_reset)):
        raise ArgumentError(
            _WHERE, "v_leak to be v_reset, or 0 with reset_subtract", repr(v_leak), "Our membrane rests at its reset value."
        )
    choose(_WHERE, "method", method, {"super": None})
    return {
        "v_threshold": single(v_th),
        "v_reset": None if v_reset is None else single(v_reset),
        "surrogate_function": surrogate.fast_sigmoid(1.0),
        "spike_value": "unit",
        "decay_input": True,
    }


def box(
    tau_mem_inv: Any = 100.0,
    v_leak: Any = 0.0,
    v_th: Any = 1.0,
    v_reset: Any = 0.0,
    method: str = "super",
    reset_method: Any = "reset_value",
    dt: float = 0.001,
) -> LIFNode:
    """Return Norse's LIFBox: leak and input, without a synaptic current."""
    hard = choose(_WHERE, "reset_method", reset_method, {"reset_value": True, "reset_subtract": False})
    (beta,) = _left(dt, tau_mem_inv=tau_mem_inv)
    return LIFNode(beta=beta, **_options(v_th, v_leak, v_reset if hard else None, method))


def lif(
    tau_syn_inv: Any = 200.0,
    tau_mem_inv: Any = 100.0,
    v_leak: Any = 0.0,
    v_th: Any = 1.0,
    v_reset: Any = 0.0,
    method: str = "super",
    dt: float = 0.001,
) -> CurrentLIFNode:
    """Return Norse's LIF."""
    alpha, beta = _left(dt, tau_syn_inv=tau_syn_inv, tau_mem_inv=tau_mem_inv)
    return CurrentLIFNode(alpha=alpha, beta=beta, **_options(v_th, v_leak, v_reset, method))


def lsnn(
    tau_syn_inv: Any = 200.0,
    tau_mem_inv: Any = 100.0,
    tau_adapt_inv: Any = 1 / 800,
    v_leak: Any = 0.0,
    v_th: Any = 1.0,
    v_reset: Any = 0.0,
    beta: Any = 1.8,
    method: str = "super",
    dt: float = 0.001,
) -> LSNNNode:
    """Return Norse's LSNN, whose ``b`` is the threshold itself; our ``b`` is its rise."""
    shares = _left(dt, tau_syn_inv=tau_syn_inv, tau_mem_inv=tau_mem_inv, tau_adapt_inv=tau_adapt_inv)
    leak = dict(zip(("alpha", "beta", "rho"), shares, strict=True))
    return LSNNNode(strength=single(beta), **leak, **_options(v_th, v_leak, v_reset, method))


NEURONS = {LIFNode: box, CurrentLIFNode: lif, LSNNNode: lsnn}
