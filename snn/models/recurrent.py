"""Recurrent networks."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from autograd import nn
from autograd.errors import ArgumentError
from autograd.intake import to_generator

from ..common.arguments import own_arguments
from ..neurons import CurrentLIFNode
from ..recurrent import Recurrent
from ..surrogate import fast_sigmoid

__all__ = ["shd_recurrent"]

_MEMBRANE, _SYNAPSE = 20.0, 10.0


@own_arguments("models.shd_recurrent")
def shd_recurrent(
    hidden: int = 128, classes: int = 20, *, channels: int = 700, dt: float = 1.0,
    rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make the recurrent network for the Spiking Heidelberg Digits (Cramer et al., 2022): 700-128-20.

    It has a recurrent layer of leaky neurons with decaying currents, and a readout of the same neurons without firing. The
    time constants are those of the paper, 20 ms for the membrane and 10 ms for the current. The membrane takes ``1 - beta``
    of the current per step, as in the solution of its equation. There are no biases, and the reset is hard, to 0. It has
    108,544 weights.

    Parameters
    ----------
    hidden : int
        Neurons of the recurrent layer.
    classes : int
        Neurons of the readout.
    channels : int
        Channels of the input.
    dt : float
        Length of a time step in ms.
    rng : numpy.random.Generator or int, optional
        Source of the random weights.

    Returns
    -------
    nn.SequentialCell
        Its output is the membranes of the readout ``[T, N, classes]``; the paper takes the largest value of each over time, as
        :func:`snn.losses.max_membrane_cross_entropy` does.

    Raises
    ------
    ArgumentError
        If ``dt`` is not a number above 0.
    """
    if isinstance(dt, bool) or not isinstance(dt, (int, float)) or not 0 < dt < math.inf:
        raise ArgumentError(
            "models.shd_recurrent", "dt above 0, in milliseconds", repr(dt), "It is the length of a time step."
        )
    rng = to_generator(rng, "models.shd_recurrent")
    alpha, beta = math.exp(-dt / _SYNAPSE), math.exp(-dt / _MEMBRANE)
    make = partial(CurrentLIFNode, alpha=alpha, beta=beta, decay_input=True)
    return nn.SequentialCell(
        {
            "inputs": nn.Dense(channels, hidden, has_bias=False, rng=rng),
            "hidden": Recurrent(make(v_reset=0.0, surrogate_function=fast_sigmoid(), detach_reset=True), hidden, rng=rng),
            "outputs": nn.Dense(hidden, classes, has_bias=False, rng=rng),
            "readout": make(fire=False),
        }
    )
