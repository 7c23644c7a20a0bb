"""Convolutional networks without shortcuts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, nn
from autograd.dtypes import describe
from autograd.errors import ArgumentError
from autograd.intake import to_generator
from autograd.nn.options import number, positive

from ..common.arguments import own_arguments
from ..neurons import LIFNode
from .shared import Maker, atan_lif, check_image, check_sizes, check_width, maker

__all__ = ["convnet", "vgg9", "vgg11"]

_KERNEL = 5
_VGG9 = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool")
_VGG11 = (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool")


@own_arguments("models.convnet")
def convnet(
    classes: int = 10, *, channels: tuple[int, int] = (12, 64), gains: tuple[float, float, float] = (1.0, 1.0, 1.0),
    neuron: Maker | None = None, rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make 12C5-MP2-64C5-MP2-10 for images ``[T, N, 1, 28, 28]`` (Eshraghian et al., 2023; snnTorch's tutorial 6).

    Convolutions have no padding, and their currents are pooled before the neurons. It has 29,826 Parameters.

    Parameters
    ----------
    classes : int
        Neurons of the last layer.
    channels : tuple of int
        Channels of the two convolutions.
    gains : tuple of float
        One per layer with weights: initial weights are uniform within the gain times ``1 / sqrt(inputs)``.
    neuron : callable, optional
        Makes the neuron of a layer; by default a :class:`snn.LIFNode` with ``beta=0.5``.
    rng : numpy.random.Generator or int, optional
        Source of the random weights.

    Returns
    -------
    nn.SequentialCell
        Its output is the spikes ``[T, N, classes]``.

    Raises
    ------
    ArgumentError
        If ``channels`` or ``gains`` have another length, or a number is out of range.
    DTypeError
        If ``neuron`` is not a function that makes a neuron.

    Examples
    --------
    >>> import numpy as np, snn
    >>> net = snn.models.convnet(rng=0)
    >>> sum(parameter.size for parameter in net.get_parameters())
    29826
    >>> snn.run(net, np.ones((3, 1, 1, 28, 28), np.float32)).out.shape
    (3, 1, 10)
    """
    make = maker("models.convnet", "neuron", (lambda: LIFNode(beta=0.5)) if neuron is None else neuron)
    check_sizes("models.convnet", "channels", channels, "(12, 64)", 2)
    positive("models.convnet", classes=classes)
    if not isinstance(gains, (tuple, list)) or len(gains) != 3:
        raise ArgumentError(
            "models.convnet", "gains as a tuple of 3 numbers", describe(gains), "One for each layer with weights: (1, 1, 1)."
        )
    factors = [number("models.convnet", "gains", gain, 0) for gain in gains]
    rng = to_generator(rng, "models.convnet")
    first, second = channels
    inputs = _KERNEL**2, first * _KERNEL**2, second * 4 * 4

    def weights(layer: int) -> nn.init.Uniform:
        return nn.init.Uniform(factors[layer] / math.sqrt(inputs[layer]))

    def convolution(layer: int, before: int, after: int) -> nn.Conv2d:
        return nn.Conv2d(before, after, _KERNEL, pad_mode="valid", has_bias=True, weight_init=weights(layer), rng=rng)

    return nn.SequentialCell(
        convolution(0, 1, first), nn.MaxPool2d(2, 2), make(),
        convolution(1, first, second), nn.MaxPool2d(2, 2), make(),
        nn.Flatten(), nn.Dense(inputs[2], classes, weight_init=weights(2), rng=rng), make(),
    )  # fmt: skip


@own_arguments("models.vgg9")
def vgg9(
    classes: int = 10, *, image: tuple[int, int, int] = (3, 32, 32), width: float = 1.0,
    norm: Callable[[int], Cell] | None = nn.BatchNorm2d, neuron: Maker | None = None,
    rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make the spiking VGG-9 of Kim and Panda (2021): 64-64-P-128-128-P-256-256-256-P-1024-10.

    It has 3 x 3 convolutions and dense layers, all without biases, neurons after each but the last, and average pooling of
    spikes. It has 5,938,880 weights for ten classes of 32 x 32 images.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    image : tuple of int
        Channels, rows and columns of the input.
    width : float
        Factor for the numbers of channels and of the neurons before the last layer, above 0; at least one remains.
    norm : callable or None
        Makes the norm after a convolution from its number of channels. The paper uses a separate norm for each time step.
    neuron : callable, optional
        Makes the neuron of a layer; by default a :class:`snn.LIFNode` with ``beta=0.95``.
    rng : numpy.random.Generator or int, optional
        Source of the random weights.

    Returns
    -------
    nn.SequentialCell
        Its output is the scores ``[T, N, classes]``; sum them over time.

    Raises
    ------
    ArgumentError
        If the image is too small for the pooling, or ``width`` is not above 0.
    DTypeError
        If ``neuron`` or ``norm`` is not a function that makes a layer.
    """
    make: Maker = (lambda: LIFNode(beta=0.95, detach_reset=True)) if neuron is None else neuron
    pool: Maker = lambda: nn.AvgPool2d(2, 2)  # noqa: E731
    return _vgg("models.vgg9", _VGG9, (1024,), classes, image, width, norm, False, pool, make, rng)


@own_arguments("models.vgg11")
def vgg11(
    classes: int = 10, *, image: tuple[int, int, int] = (3, 32, 32), width: float = 1.0, head: Sequence[int] = (4096, 4096),
    norm: Callable[[int], Cell] | None = nn.BatchNorm2d, neuron: Maker | None = None,
    rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make a spiking VGG-11: configuration A of Simonyan and Zisserman (2015) with neurons in place of its rectifiers.

    It has 3 x 3 convolutions and dense layers with biases, and max pooling of spikes. Without norms it has 132,863,336
    Parameters for 1,000 classes of 224 x 224 images, as in the paper, and 28,144,010 for ten classes of 32 x 32 images.

    Parameters
    ----------
    classes, image, width, rng
        As for :func:`vgg9`.
    head : sequence of int
        Neurons of the dense layers before the last one.
    norm : callable or None
        Makes the norm after a convolution from its number of channels.
    neuron : callable, optional
        Makes the neuron of a layer; by default a :class:`snn.LIFNode` with ``tau=2``, hard reset and the surrogate ``atan``.

    Returns
    -------
    nn.SequentialCell
        Its output is the scores ``[T, N, classes]``; sum them over time.

    Raises
    ------
    ArgumentError
        If the image is too small for the pooling, ``width`` is not above 0, or a size is not a positive int.
    DTypeError
        If ``neuron`` or ``norm`` is not a function that makes a layer.
    """
    pool: Maker = lambda: nn.MaxPool2d(2, 2)  # noqa: E731
    make = atan_lif if neuron is None else neuron
    return _vgg("models.vgg11", _VGG11, head, classes, image, width, norm, True, pool, make, rng)


def _vgg(
    where: str, plan: Sequence[int | str], head: Sequence[int], classes: int, image: tuple[int, int, int], width: float,
    norm: Callable[[int], Cell] | None, has_bias: bool, pool: Maker, neuron: Maker, rng: Any,
) -> nn.SequentialCell:  # fmt: skip
    check_image(where, image)
    check_width(where, width)
    check_sizes(where, "head", head, "(4096, 4096)")
    positive(where, classes=classes)
    maker(where, "neuron", neuron)
    if norm is not None:
        maker(where, "norm", norm)
    rng = to_generator(rng, where)
    layers: dict[str, Cell] = {}
    channels, *size = image
    block = number = 1
    for item in plan:
        if isinstance(item, str):
            layers[f"pool{block}"] = pool()
            size, block, number = [n // 2 for n in size], block + 1, 1
            continue
        name, n = f"{block}_{number}", max(1, round(item * width))
        layers[f"conv{name}"] = nn.Conv2d(channels, n, 3, has_bias=has_bias, rng=rng)
        if norm is not None:
            layers[f"norm{name}"] = norm(n)
        layers[f"neuron{name}"] = neuron()
        channels, number = n, number + 1
    if not all(size):
        least = 2 ** (block - 1)
        raise ArgumentError(
            where, f"an image of at least {least} rows and columns", str([*image]), "Pass image=(channels, rows, columns)."
        )
    layers["flatten"] = nn.Flatten()
    features = channels * math.prod(size)
    for k, item in enumerate(head, 1):
        n = max(1, round(item * width))
        layers |= {f"dense{k}": nn.Dense(features, n, has_bias=has_bias, rng=rng), f"neuron{k}": neuron()}
        features = n
    layers["scores"] = nn.Dense(features, classes, has_bias=has_bias, rng=rng)
    return nn.SequentialCell(layers)
