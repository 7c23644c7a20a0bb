"""Feed-forward networks that learn delays."""

from __future__ import annotations

import numpy as np

from autograd import Cell, nn
from autograd.intake import to_generator
from autograd.nn.options import positive

from ..common.arguments import own_arguments
from ..layers import Dropout, LearntDelays, TDBatchNorm
from ..neurons import LeakyReadout, LIFNode
from ..surrogate import atan

__all__ = ["shd_delayed"]


@own_arguments("models.shd_delayed")
def shd_delayed(
    hidden: int = 256, classes: int = 20, *, channels: int = 140, layers: int = 2, max_delay: int = 24, tau: float = 1.005,
    dropout: float = 0.4, rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make the network with learnt delays for the Spiking Heidelberg Digits (Hammouamri et al., 2024): 140-256-256-20.

    Each layer has a weight and a delay for each connection, without biases, then a norm, leaky neurons and a dropout that
    keeps its mask for a whole run. The readout never fires; the output is its softmax in each step. A step is 10 ms, delays
    span 25 steps, and each input channel combines five channels of the cochlea. It has 214,016 Parameters, 1,024 of them in
    the norms.

    Parameters
    ----------
    hidden : int
        Neurons of a hidden layer.
    classes : int
        Neurons of the readout.
    channels : int
        Channels of the input.
    layers : int
        Number of hidden layers.
    max_delay : int
        The longest delay, in steps.
    tau : float
        Time constant of all membranes, in steps.
    dropout : float
        Probability of the dropouts.
    rng : numpy.random.Generator or int, optional
        Source of random weights, delays and dropout masks.

    Returns
    -------
    nn.SequentialCell
        Its output is ``[T, N, classes]``; the paper sums it over time, as :func:`snn.losses.cross_entropy` does. In training,
        shrink ``sigma`` of its layers ``delays1``, ``delays2``, ..., ``outputs``: see :class:`snn.LearntDelays`.

    Raises
    ------
    ArgumentError
        If a number is not a positive int, or ``dropout`` is not a probability below 1.

    References
    ----------
    I. Hammouamri, I. Khalfaoui-Hassani, T. Masquelier: Learning delays in spiking neural networks using dilated convolutions
    with learnable spacings. ICLR, 2024.
    """
    positive("models.shd_delayed", hidden=hidden, classes=classes, channels=channels, layers=layers, max_delay=max_delay)
    rng = to_generator(rng, "models.shd_delayed")
    found: dict[str, Cell] = {}
    for n in range(1, layers + 1):
        found |= {
            f"delays{n}": LearntDelays(channels, hidden, max_delay, has_bias=False, rng=rng), f"norm{n}": TDBatchNorm(hidden),
            f"neuron{n}": LIFNode(tau=tau, decay_input=True, v_reset=0.0, detach_reset=True, surrogate_function=atan(5.0)),
            f"drop{n}": Dropout(dropout, rng=rng),
        }  # fmt: skip
        channels = hidden
    found |= {
        "outputs": LearntDelays(channels, classes, max_delay, has_bias=False, rng=rng),
        "readout": LeakyReadout(tau=tau, decay_input=True), "softmax": nn.Softmax(-1),
    }  # fmt: skip
    return nn.SequentialCell(found)
