"""Ways of firing other than one spike at the threshold, for any neuron: ``firing=``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Cell, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError

__all__ = ["Firing", "MultiSpike", "Ternary"]


class Firing(Cell):
    """Base class of rules that say what a neuron fires; ``construct`` is the rule's own."""

    resets_hard = True
    """Whether the rule makes sense with a hard reset."""

    below = False
    """Whether it fires below minus the threshold too."""

    def construct(self, v: Any, threshold: Any, spikes: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Say what is fired.

        Parameters
        ----------
        v : Tensor
            Membrane before firing.
        threshold : Tensor or float
            Where it fires, above 0.
        spikes : callable
            The neuron's step: of how far a membrane is above a threshold, 1 where that fires and 0 elsewhere, with the
            gradient of its surrogate.

        Returns
        -------
        z : Tensor
            What is fired, in thresholds.
        count : Tensor
            How many spikes of either sign that is: what resets and adaptation go by.
        """
        raise NotImplementedError  # each rule's own


class MultiSpike(Firing):
    """Several spikes in a step: as many as there are thresholds below the membrane, ``ceil(v / v_threshold) - 1``.

    With ``fire_at_threshold`` one that is reached counts too: ``floor(v / v_threshold)``.

    With ``k``, the multiple of the threshold nearest to the membrane, but at least 1, ``z = k - 1 + step(v - k v_threshold)``.
    The gradient is that of the step at the nearest multiple: the surrogate repeats with every threshold (Weidel and Sheik,
    "WaveSense", 2021). The reset is soft.

    Parameters
    ----------
    limit : int, optional
        The most spikes in a step.

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
        if limit is not None and (not isinstance(limit, (int, np.integer)) or isinstance(limit, bool) or limit < 1):
            raise ArgumentError("MultiSpike", "limit to be a positive int or None", describe(limit), "None sets no limit.")
        self.limit = None if limit is None else int(limit)

    def construct(self, v: Any, threshold: Any, spikes: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the number of spikes, twice."""
        k = ops.clip(ops.round(v / threshold), 1.0, self.limit)
        z = k - 1 + spikes(v - k * threshold)
        return z, z

    def extra_repr(self) -> str:
        """Show the limit."""
        return "" if self.limit is None else f"limit={self.limit}"


class Ternary(Firing):
    """Spikes of either sign: 1 above the threshold, -1 below minus the threshold (Guo et al., "Ternary Spike", 2024).

    ``z = step(v - v_threshold) - step(-v - v_threshold)``; the gradient is that of both steps. A soft reset moves the membrane
    towards 0 from either side; a neuron that rests or is reset at or below minus its threshold is refused.

    Examples
    --------
    >>> import numpy as np, snn
    >>> spikes, v, _ = snn.run(snn.IFNode(firing=snn.Ternary()), np.full((3, 1, 1), -0.75, np.float32))
    >>> print(spikes.asnumpy().ravel(), v)
    [ 0. -1. -1.] [[-0.25]]
    """

    below = True

    def construct(self, v: Any, threshold: Any, spikes: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Return the spikes, and where there are some."""
        above, below = spikes(v - threshold), spikes(-v - threshold)
        return above - below, above + below
