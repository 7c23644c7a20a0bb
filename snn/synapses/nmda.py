"""NMDA receptors: a slow conductance that magnesium blocks unless the membrane is depolarised."""

from __future__ import annotations

import math
from typing import Any

from autograd import ops

from ..neurons.base import constant
from ..neurons.ranges import FINITE, POSITIVE, Checked
from .alpha import DoubleExponential
from .conductance import Receptor

__all__ = ["NMDA", "MagnesiumBlock"]

_HALF = math.log(1 / 3.57) / 0.062


class MagnesiumBlock(Checked):
    """Share of NMDA channels that magnesium leaves open, ``1 / (1 + exp(-slope (v - half)))``.

    With the defaults it is ``1 / (1 + [Mg] / 3.57 exp(-0.062 v))``, with ``v`` in mV and 1 mM of magnesium (Jahr and Stevens,
    Journal of Neuroscience 10, 1990). At another concentration ``half`` is ``log([Mg] / 3.57) / 0.062``. For a neuron whose
    membrane is not in mV, choose both.

    Parameters
    ----------
    slope : float or array or Parameter
        Steepness of the opening, above 0; one value, or one for each neuron ([features]).
    half : float or array or Parameter
        Membrane at which half of the channels are open.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    >>> import autograd as ms, snn
    >>> print(snn.synapses.MagnesiumBlock()(ms.Tensor([-70.0, -20.5, 20.0])).asnumpy().round(3))
    [0.044 0.5   0.925]
    """

    ranges = {"slope": POSITIVE, "half": FINITE}

    def __init__(self, slope: Any = 0.062, half: Any = _HALF) -> None:
        super().__init__()
        self.slope, self.half = slope, half

    def construct(self, v: Any) -> Any:
        """Return the share that is open at a membrane ``v``."""
        return ops.sigmoid(constant(self.slope, v) * (v - constant(self.half, v)))


class NMDA(Receptor):
    """NMDA receptor: a conductance that rises and decays slowly, times the share that :class:`MagnesiumBlock` leaves open.

    Parameters
    ----------
    tau_rise, tau_decay : float or array or Parameter
        As for :class:`DoubleExponential`, in steps.
    reversal : float or array or Parameter
        Reversal potential.
    slope, half : float or array or Parameter
        As for :class:`MagnesiumBlock`: by default in mV, at 1 mM of magnesium.

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Examples
    --------
    A neuron with a threshold of 1 and a resting potential of 0, where NMDA channels open about halfway to the threshold:

    >>> import snn
    >>> from snn.synapses import Conductance, Exponential, NMDA, Receptor
    >>> node = Conductance(
    ...     snn.LIFNode(beta=0.95),
    ...     ampa=Receptor(Exponential(tau_syn=2.0), reversal=3.0),
    ...     nmda=NMDA(tau_rise=2.0, tau_decay=50.0, reversal=3.0, slope=6.0, half=0.5),
    ... )
    """

    def __init__(
        self,
        tau_rise: Any = 2.0,
        tau_decay: Any = 100.0,
        reversal: Any = 0.0,
        *,
        slope: Any = 0.062,
        half: Any = _HALF,
    ) -> None:
        super().__init__(DoubleExponential(tau_rise, tau_decay), reversal, gate=MagnesiumBlock(slope, half))
