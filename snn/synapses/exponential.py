"""A current that decays exponentially."""

from __future__ import annotations

from typing import Any, NamedTuple

from autograd.errors import ArgumentError

from ..neurons.leaky import left
from ..neurons.ranges import SHARE, STEPS_EXPONENTIAL
from .base import Synapse

__all__ = ["Exponential"]


class Current(NamedTuple):
    """State of an exponential synapse: its current."""

    i: Any


class Exponential(Synapse):
    """Current that jumps with its input and decays: ``i = alpha i + x`` (Gerstner et al., Neuronal Dynamics, 2014, ch. 3.1).

    ``n`` steps after an input of 1 it is ``alpha^n``; the sum over all steps is ``1 / (1 - alpha)``. Followed by a
    :class:`snn.LIFNode` it equals a :class:`snn.CurrentLIFNode`, which is faster.

    Parameters
    ----------
    tau_syn : float or array or Parameter
        Time constant in steps, above 0: ``alpha = exp(-1 / tau_syn)``, the exact solution; one value, or one for each neuron
        ([features]). Pass either ``tau_syn`` or ``alpha``.
    alpha : float or array or Parameter
        Share of the current that remains after a step, in [0, 1].
    current_first : bool
        If True, the output of a step includes its input. If False, the output is the current of the previous step.

    Raises
    ------
    ArgumentError
        If not exactly one of ``tau_syn`` and ``alpha`` is given, or it is out of range.

    Examples
    --------
    >>> import numpy as np, snn
    >>> synapse = snn.synapses.Exponential(alpha=0.5)
    >>> synapse
    Exponential(i' = 0.5 i + x; out = i')
    >>> out, _, _ = snn.run(synapse, np.array([1.0, 0, 0, 0]).reshape(4, 1, 1))
    >>> print(out.asnumpy().ravel())
    [1.    0.5   0.25  0.125]
    """

    State = Current
    ranges = {"tau_syn": STEPS_EXPONENTIAL, "alpha": SHARE}

    def __init__(self, *, tau_syn: Any = None, alpha: Any = None, current_first: bool = True) -> None:
        super().__init__()
        if (tau_syn is None) == (alpha is None):
            raise ArgumentError(
                type(self).__name__, "exactly one of tau_syn and alpha", "neither" if alpha is None else "both",
                "alpha = exp(-1 / tau_syn); tau_syn is in time steps.",
            )  # fmt: skip
        self.tau_syn, self.alpha, self.current_first = tau_syn, alpha, current_first

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: return the current for an input ``[N, ...]``, and the next state."""
        i = left(self.tau_syn, self.alpha, True, state.i) * state.i + x
        return i if self.current_first else state.i, Current(i)
