"""Networks with delays."""

from __future__ import annotations

import numpy as np

from autograd import Cell, nn
from autograd.intake import to_generator
from autograd.nn.options import positive

from ..layers import Dropout, LearntDelays, TDBatchNorm
from ..neurons import LIFNode
from ..surrogate import atan
from .shared import Maker, maker

__all__ = ["shd_delayed"]

_TAU = 1.005  # steps: 10.05 ms of 10 ms


def shd_delayed(
    hidden: int = 256, classes: int = 20, *, layers: int = 2, channels: int = 140, max_delay: int = 24, dropout: float = 0.4,
    neuron: Maker | None = None, rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make the feed-forward network with learnt delays for the Spiking Heidelberg Digits: 140-256-256-20.

    Hidden layers of :class:`snn.LearntDelays`, a norm over time, leaky neurons and dropout; then one of delays and a readout
    without firing (Hammouamri, Khalfaoui-Hassani and Masquelier, "Learning delays in spiking neural networks using dilated
    convolutions with learnable spacings", ICLR 2024). The paper sums 5 neighbouring channels of the 700, and the spikes of
    10 ms; delays reach over 25 steps, 250 ms, and begin with ``sigma = max_delay / 2``, which training shrinks to 0.5 for
    :meth:`snn.LearntDelays.rounded`. 106,496 weights and as many delays, no biases, and 1,024 Parameters of norms: 214,016,
    the 0.2 M of the paper.

    Parameters
    ----------
    hidden : int
        Neurons of a hidden layer.
    classes : int
        Neurons of the readout.
    layers : int
        Hidden layers.
    channels : int
        Of the input.
    max_delay : int
        The longest delay, in steps.
    dropout : float
        Probability with which a neuron is silent for a whole run of training.
    neuron : callable, optional
        Makes a neuron; by default a :class:`snn.LIFNode` with ``tau=1.005`` steps, hard reset without gradient and the
        surrogate ``atan(5)``.
    rng : numpy.random.Generator or int, optional
        Where weights, delays and dropouts come from.

    Returns
    -------
    nn.SequentialCell
        Its output is the membranes of the readout ``[T, N, classes]``; the paper sums their softmax over time.

    Raises
    ------
    ArgumentError
        If a number is no positive int, or ``dropout`` is not in [0, 1).
    DTypeError
        If ``neuron`` is no function that makes a neuron.
    """
    where = "models.shd_delayed"
    positive(where, hidden=hidden, classes=classes, layers=layers, channels=channels, max_delay=max_delay)
    make, rng = maker(where, "neuron", _leaky if neuron is None else neuron), to_generator(rng, where)
    parts: dict[str, Cell] = {}
    before = channels
    for k in range(1, layers + 1):
        parts |= {
            f"delays{k}": LearntDelays(before, hidden, max_delay, has_bias=False, rng=rng), f"norm{k}": TDBatchNorm(hidden),
            f"neuron{k}": make(), f"dropout{k}": Dropout(dropout, rng=rng),
        }  # fmt: skip
        before = hidden
    parts["outputs"] = LearntDelays(before, classes, max_delay, has_bias=False, rng=rng)
    return nn.SequentialCell(parts | {"readout": LIFNode(tau=_TAU, decay_input=False, fire=False)})


def _leaky() -> LIFNode:
    return LIFNode(tau=_TAU, decay_input=False, v_reset=0.0, surrogate_function=atan(5.0), detach_reset=True)
