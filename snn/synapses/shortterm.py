"""Short-term plasticity: synapses that depress, and synapses that facilitate."""

from __future__ import annotations

from typing import Any, NamedTuple

from autograd import Cell, ops

from ..neurons.base import constant
from ..neurons.leaky import left
from ..neurons.ranges import POSITIVE, STEPS_EXPONENTIAL, Range
from .base import Synapse, as_numbers

__all__ = ["TsodyksMarkram"]


class Resources(NamedTuple):
    """State of a synapse with short-term plasticity: the share that a spike uses, and the share that is available."""

    u: Any
    r: Any


class _Arrived(Cell):
    """1 where there is a spike, of any amplitude; the gradient is divided by the amplitude."""

    def __init__(self, amplitude: Any) -> None:
        super().__init__()
        self.amplitude = amplitude

    def construct(self, x: Any) -> Any:
        return ops.where(ops.not_equal(x, 0), ops.ones_like(x), 0.0)

    def bprop(self, x: Any, out: Any, dout: Any) -> Any:
        return (dout / constant(self.amplitude, x),)


class TsodyksMarkram(Synapse):
    """Depression and facilitation of a neuron's spikes (Tsodyks, Pawelzik and Markram, 1998; Markram, Wang and Tsodyks, 1998).

    Place it after the neuron and before the weights. Each spike uses the share ``u`` of the resources ``r``, which are 1 at
    the start, and the weights get ``x u r``. In a step:

    - time passes: ``u = u exp(-1 / tau_facil)`` and ``r = 1 - (1 - r) exp(-1 / tau_rec)``;
    - at a spike ``u = u + U (1 - u)``, then the output is ``x u r``, then ``r = r - u r``.

    The first spike therefore gives ``U x``: divide the weights by ``U`` to compensate. Every nonzero input is a spike; its
    amplitude only scales the output.

    Parameters
    ----------
    U : float or array or Parameter
        Share of the resources that a first spike uses, in [0, 1]; one value, or one for each neuron ([features]).
    tau_rec : float or array or Parameter
        Time constant of the recovery of the resources in steps, above 0.
    tau_facil : float or array or Parameter, optional
        Time constant of the decay of ``u`` in steps, above 0; None means no facilitation: the synapse only depresses.
    amplitude : float or array
        The amplitude of the spikes, for their gradients through ``u`` and ``r``.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> import numpy as np, snn
    >>> spikes = np.ones((4, 1, 1))
    >>> for synapse in (snn.synapses.TsodyksMarkram(0.5, 20.0), snn.synapses.TsodyksMarkram(0.1, 2.0, 20.0)):
    ...     out, _, _ = snn.run(synapse, spikes)
    ...     print(out.asnumpy().ravel().round(3))
    [0.5   0.262 0.149 0.095]
    [0.1   0.174 0.222 0.251]
    """

    State = Resources
    ranges = {
        "U": Range(0, 1, "{} in [0, 1]", "{} is the share of the resources that a first spike uses."),
        "tau_rec": STEPS_EXPONENTIAL,
        "tau_facil": STEPS_EXPONENTIAL,
        "amplitude": POSITIVE,
    }

    def __init__(
        self,
        U: Any,  # noqa: N803 - its name in the papers
        tau_rec: Any,
        tau_facil: Any = None,
        *,
        amplitude: Any = 1.0,
    ) -> None:
        super().__init__()
        self.U, self.tau_rec, self.tau_facil, self.amplitude = U, tau_rec, tau_facil, amplitude
        self.arrived = _Arrived(amplitude)

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: all resources available."""
        zeros = self.zeros(x)
        return Resources(zeros, zeros + 1)

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: return ``x u r`` for spikes ``x``, ``[N, ...]``, and the state after them."""
        x = as_numbers(x, state.u)
        s, share = self.arrived(x), constant(self.U, state.u)
        recovered = 1 - (1 - state.r) * left(self.tau_rec, None, True, state.r)
        if self.tau_facil is None:
            u = share * s
        else:
            u = left(self.tau_facil, None, True, state.u) * state.u
            u = u + share * (1 - u) * s
        used = u * recovered
        return x * used, Resources(u, recovered - used * s)
