"""Firing rules other than one spike at the threshold, for the argument ``firing=`` of a neuron."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import Cell, ops
from autograd.dtypes import describe, is_int
from autograd.errors import ArgumentError

__all__ = ["Firing", "MultiSpike", "Ternary"]


class Firing(Cell):
    """Base class of firing rules; ``construct`` defines the rule."""

    resets_hard = True
    """Whether the rule makes sense with a hard reset."""

    below = False
    """Whether the rule also fires below minus the threshold."""

    def construct(self, v: Any, threshold: Any, spikes: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the output and the number of spikes.

        Parameters
        ----------
        v : Tensor
            Membrane before firing.
        threshold : Tensor or float
            Threshold, above 0.
        spikes : callable
            The neuron's step function of the distance above the threshold: 1 where the neuron fires and 0 elsewhere, with the
            gradient of its surrogate.

        Returns
        -------
        z : Tensor
            Output, in thresholds.
        count : Tensor
            Number of spikes, of either sign, which resets and adaptation use.
        """
        raise NotImplementedError  # each rule's own


class MultiSpike(Firing):
    """Several spikes per step: as many as multiples of the threshold lie below the membrane, ``ceil(v / v_threshold) - 1``.

    With ``fire_at_threshold``, a multiple that is just reached counts too: ``floor(v / v_threshold)``.

    The output is ``z = k - 1 + step(v - k v_threshold)``, where ``k`` is the number of the multiple nearest to the membrane,
    at least 1. Its gradient is the gradient of this step, so the surrogate repeats at every multiple (Weidel and Sheik,
    "WaveSense", 2021). The reset is soft.

    Parameters
    ----------
    limit : int, optional
        Largest number of spikes per step.

    Raises
    ------
    ArgumentError
        If the limit is not a positive int, or the neuron has a hard reset.

    Examples
    --------
    >>> import numpy as np, snn
    >>> spikes, v, _ = snn.run(snn.IFNode(firing=snn.MultiSpike()), np.full((3, 1, 1), 1.75, np.float32))
    >>> print(spikes.asnumpy().ravel(), v)
    [1. 2. 2.] [[0.25]]
    """

    resets_hard = False

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        if limit is not None and (not is_int(limit) or limit < 1):
            raise ArgumentError("MultiSpike", "limit to be a positive int or None", describe(limit), "None sets no limit.")
        self.limit = None if limit is None else int(limit)

    def construct(self, v: Any, threshold: Any, spikes: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the number of spikes, as the output and as the count."""
        k = ops.clip(ops.round(v / threshold), 1.0, self.limit)
        z = k - 1 + spikes(v - k * threshold)
        return z, z

    def extra_repr(self) -> str:
        """Show the limit."""
        return "" if self.limit is None else f"limit={self.limit}"


class Ternary(Firing):
    """Spikes of either sign: 1 above the threshold, -1 below minus the threshold (Guo et al., "Ternary Spike", 2024).

    ``z = step(v - v_threshold) - step(-v - v_threshold)``; the gradient is the sum over both steps. A soft reset moves the
    membrane towards 0 from either side. The rest and the reset of the neuron must lie above minus its threshold.

    Examples
    --------
    >>> import numpy as np, snn
    >>> spikes, v, _ = snn.run(snn.IFNode(firing=snn.Ternary()), np.full((3, 1, 1), -0.75, np.float32))
    >>> print(spikes.asnumpy().ravel(), v)
    [ 0. -1. -1.] [[-0.25]]
    """

    below = True

    def construct(self, v: Any, threshold: Any, spikes: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the signed spikes, and 1 where there is one."""
        above, below = spikes(v - threshold), spikes(-v - threshold)
        return above - below, above + below
