"""Norse: fires above the threshold, resets at once to a value, keeps its constants in float32.

Its time constants are inverse and in seconds; with ``dt``, a rate is ``dt tau_inv``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.errors import ArgumentError

from .. import surrogate
from ..neurons import CurrentLIFNode, LIFNode, LSNNNode
from ..neurons.base import constant
from .shared import choose, single

__all__ = ["LEFT", "NEURONS"]

LEFT = {"alpha": (100.0, "Norse leaves its alpha out with method='super', and so do we.")}


def _rate(dt: float, inverse: Any) -> Any:
    return single(np.float32(dt) * np.asarray(inverse, np.float32))


def _options(v_th: Any, v_leak: Any, v_reset: Any, method: Any) -> dict[str, Any]:
    if np.any(np.asarray(v_leak) != np.asarray(0.0 if v_reset is None else v_reset)):
        raise ArgumentError(
            "dialect('norse')", "v_leak to be v_reset, or 0 with reset_subtract", repr(v_leak),
            "Our membrane rests where it is reset to.",
        )  # fmt: skip
    choose("dialect('norse')", "method", method, {"super": None})
    return {
        "v_threshold": single(v_th),
        "v_reset": None if v_reset is None else single(v_reset),
        "surrogate_function": surrogate.fast_sigmoid(1.0),
        "spike_value": "unit",
    }


class ThresholdNode(LSNNNode):
    """Norse's LSNN: ``b`` is the threshold and starts at 0: ``b = b + rate (th - b)``; after a spike ``b = b + beta``."""

    rate: Any = 0.00125

    def charge(self, x: Any, state: Any) -> Any:
        """Return membrane, current and threshold before firing."""
        b = state.b + constant(self.rate, state.b) * (constant(self.v_threshold, state.b) - state.b)
        return super().charge(x, state)._replace(b=b)

    def threshold(self, state: Any) -> Any:
        """Return the threshold."""
        return state.b


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
    hard = choose("dialect('norse')", "reset_method", reset_method, {"reset_value": True, "reset_subtract": False})
    options = _options(v_th, v_leak, v_reset if hard else None, method)
    return LIFNode(beta=1 - _rate(dt, tau_mem_inv), decay_input=True, **options)


def lif(
    tau_syn_inv: Any = 200.0,
    tau_mem_inv: Any = 100.0,
    v_leak: Any = 0.0,
    v_th: Any = 1.0,
    v_reset: Any = 0.0,
    method: str = "super",
    dt: float = 0.001,
) -> CurrentLIFNode:
    """Return Norse's LIF, its feed-forward step."""
    rates = {"alpha": 1 - _rate(dt, tau_syn_inv), "beta": 1 - _rate(dt, tau_mem_inv)}
    return CurrentLIFNode(decay_input=True, **rates, **_options(v_th, v_leak, v_reset, method))


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
    """Return Norse's LSNN, its feed-forward step."""
    rates = {"alpha": 1 - _rate(dt, tau_syn_inv), "beta": 1 - _rate(dt, tau_mem_inv)}
    node = ThresholdNode(strength=single(beta), **rates, **_options(v_th, v_leak, v_reset, method))
    node.rate = _rate(dt, tau_adapt_inv)
    return node


NEURONS = {LIFNode: box, CurrentLIFNode: lif, LSNNNode: lsnn}
