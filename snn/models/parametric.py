"""Convolutional networks of neurons that learn their time constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Cell, Tensor, as_tensor, nn, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, ShapeError
from autograd.intake import to_generator
from autograd.nn.options import positive

from ..common.arguments import own_arguments
from ..layers import Dropout
from ..neurons import PLIFNode
from ..surrogate import atan
from .shared import Maker, check_image, maker

__all__ = ["Voting", "plif_net"]

_VOTES = 10


class Voting(Cell):
    """The mean over the neurons of each class, which are adjacent.

    Parameters
    ----------
    votes : int
        Neurons per class.

    Raises
    ------
    ArgumentError
        If it is not a positive int.
    ShapeError
        When called, if the neurons cannot be shared out equally.
    """

    per_sample = True

    def __init__(self, votes: int) -> None:
        super().__init__()
        positive("Voting", votes=votes)
        self.votes = votes

    def construct(self, x: Any) -> Tensor:
        """Map ``[N, classes * votes]`` to ``[N, classes]``."""
        x = as_tensor(x, "Voting")
        if x.ndim != 2 or x.shape[1] % self.votes:
            raise ShapeError(
                repr(self), f"an input [N, classes * {self.votes}]", describe(x), "Flatten it, or change the number of votes."
            )
        return ops.mean(ops.reshape(x, (x.shape[0], x.shape[1] // self.votes, self.votes)), -1)

    def extra_repr(self) -> str:
        """Show the number."""
        return f"{self.votes}"


@own_arguments("models.plif_net")
def plif_net(
    classes: int = 10, *, image: tuple[int, int, int] = (1, 28, 28), channels: int = 128, blocks: int = 2, hidden: int = 2048,
    dropout: float = 0.5, neuron: Maker | None = None, rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make the network of Fang et al. (2021): 128C3-BN-PLIF-MP2 twice, then 2048-PLIF-100-PLIF and ten votes per class.

    It has 3 x 3 convolutions and dense layers without biases, max pooling of spikes, and before each dense layer a dropout
    that keeps its mask for a whole run. The defaults are for MNIST and Fashion-MNIST, with 13,198,980 Parameters. Pass
    ``image=(2, 34, 34)`` for N-MNIST, and ``classes=11, image=(2, 128, 128), blocks=5, hidden=512`` for DVS Gesture.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    image : tuple of int
        Channels, rows and columns of the input.
    channels : int
        Channels of each convolution.
    blocks : int
        Number of convolutions.
    hidden : int
        Neurons of the first dense layer.
    dropout : float
        Probability of both dropouts.
    neuron : callable, optional
        Makes the neuron of a layer; by default a :class:`snn.PLIFNode` with ``tau=2``, hard reset without gradient and the
        surrogate ``atan``.
    rng : numpy.random.Generator or int, optional
        Source of random weights and dropout masks.

    Returns
    -------
    nn.SequentialCell
        Its output is the share of each class's neurons that fire, ``[T, N, classes]``; the paper takes the mean over time, as
        :func:`snn.losses.rate_mse` does.

    Raises
    ------
    ArgumentError
        If the image is too small for the pooling, or a number is not a positive int.
    DTypeError
        If ``neuron`` is not a function that makes a neuron.

    References
    ----------
    W. Fang, Z. Yu, Y. Chen, T. Masquelier, T. Huang, Y. Tian: Incorporating learnable membrane time constant to enhance
    learning of spiking neural networks. ICCV, 2021.
    """
    check_image("models.plif_net", image)
    positive("models.plif_net", classes=classes, channels=channels, blocks=blocks, hidden=hidden)
    make = maker("models.plif_net", "neuron", _plif if neuron is None else neuron)
    rng = to_generator(rng, "models.plif_net")
    before, rows, columns = image[0], image[1] >> blocks, image[2] >> blocks
    if not rows or not columns:
        least = 2**blocks
        raise ArgumentError(
            "models.plif_net", f"an image of at least {least} rows and columns", f"{image}",
            "Use fewer blocks, or larger images.",
        )  # fmt: skip
    layers: dict[str, Cell] = {}
    for n in range(1, blocks + 1):
        layers |= {
            f"conv{n}": nn.Conv2d(before, channels, 3, rng=rng), f"norm{n}": nn.BatchNorm2d(channels), f"neuron{n}": make(),
            f"pool{n}": nn.MaxPool2d(2, 2),
        }  # fmt: skip
        before = channels
    features = channels * rows * columns
    layers |= {
        "flatten": nn.Flatten(), "drop1": Dropout(dropout, rng=rng),
        "dense1": nn.Dense(features, hidden, has_bias=False, rng=rng), "hidden": make(), "drop2": Dropout(dropout, rng=rng),
        "dense2": nn.Dense(hidden, classes * _VOTES, has_bias=False, rng=rng), "voters": make(), "vote": Voting(_VOTES),
    }  # fmt: skip
    return nn.SequentialCell(layers)


def _plif() -> PLIFNode:
    return PLIFNode(tau=2.0, v_reset=0.0, detach_reset=True, surrogate_function=atan())
