"""Residual networks whose blocks join spikes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import Cell, nn
from autograd.errors import ArgumentError
from autograd.intake import to_generator
from autograd.nn.options import flag, positive

from ..common.arguments import own_arguments
from ..layers import SEWBlock
from .shared import Maker, atan_if, check_sizes, maker

__all__ = ["sew_block", "sew_resnet", "sew_resnet18", "sew_resnet20"]

Norm = Callable[[int], Cell]


@own_arguments("models.sew_block")
def sew_block(
    channels: int, outputs: int, stride: int = 1, *, connect: str = "add", norm: Norm = nn.BatchNorm2d,
    neuron: Maker | None = None, rng: np.random.Generator | int | None = None,
) -> SEWBlock:  # fmt: skip
    """Make a residual block of two convolutions, norms and neurons, which joins its spikes with its input.

    It is a :class:`snn.SEWBlock` with a chain named ``branch``. If channels or size change, the shortcut has a convolution, a
    norm and a neuron (Fang et al., "Deep Residual Learning in Spiking Neural Networks", 2021).

    Parameters
    ----------
    channels, outputs : int
        Channels of the input and of the output.
    stride : int
        Stride of the first convolution.
    connect : {"add", "and", "iand"}
        How spikes are joined, as in :class:`snn.SEWBlock`.
    norm : callable
        Makes the norm after a convolution from its number of channels.
    neuron : callable, optional
        Makes a neuron; by default an :class:`snn.IFNode` with hard reset and the surrogate ``atan``.
    rng : numpy.random.Generator or int, optional
        Source of the random weights.

    Returns
    -------
    SEWBlock
        From spikes ``[T, N, C, H, W]`` to ``[T, N, C', H', W']``.

    Raises
    ------
    ArgumentError
        If ``connect`` is unknown, or requires spikes of amplitude 1 and the neurons have others.
    DTypeError
        If ``neuron`` or ``norm`` is not a function that makes a layer.
    """
    make = maker("models.sew_block", "neuron", atan_if if neuron is None else neuron)
    norm, rng = maker("models.sew_block", "norm", norm), to_generator(rng, "models.sew_block")
    branch = nn.SequentialCell(
        {
            "conv1": _conv(channels, outputs, 3, stride, rng), "norm1": norm(outputs), "neuron1": make(),
            "conv2": _conv(outputs, outputs, 3, 1, rng), "norm2": norm(outputs), "neuron2": make(),
        }
    )  # fmt: skip
    shortcut: nn.SequentialCell | None = None
    if stride != 1 or channels != outputs:
        parts = {"conv": _conv(channels, outputs, 1, stride, rng), "norm": norm(outputs), "neuron": make()}
        shortcut = nn.SequentialCell(parts)
    return SEWBlock({"branch": branch}, connect=connect, shortcut=shortcut)


def _conv(before: int, after: int, kernel: int, stride: int, rng: Any) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, "pad", kernel // 2, rng=rng)


@own_arguments("models.sew_resnet")
def sew_resnet(
    blocks: Sequence[int], widths: Sequence[int], classes: int, *, channels: int = 3, large: bool = False,
    connect: str = "add", norm: Norm = nn.BatchNorm2d, neuron: Maker | None = None,
    rng: np.random.Generator | int | None = None,
) -> nn.SequentialCell:  # fmt: skip
    """Make a residual network of :func:`sew_block` (Fang et al., "Deep Residual Learning in Spiking Neural Networks", 2021).

    Parameters
    ----------
    blocks, widths : sequence of int
        Blocks and channels of each stage; every stage but the first halves rows and columns.
    classes : int
        Outputs of the last layer.
    channels : int
        Channels of the images.
    large : bool
        If True, the first layers are a 7 x 7 convolution and max pooling, which divide rows and columns by 4; else a 3 x 3
        convolution.
    connect, norm, neuron, rng
        As for :func:`sew_block`.

    Returns
    -------
    nn.SequentialCell
        Its output is the scores ``[T, N, classes]``; average them over time.

    Raises
    ------
    ArgumentError
        If the numbers of widths and of blocks differ, one is not a positive int, or ``connect`` is unknown.
    DTypeError
        As for :func:`sew_block`.
    """
    for name, value, example in (("blocks", blocks, "(3, 3, 3)"), ("widths", widths, "(16, 32, 64)")):
        check_sizes("models.sew_resnet", name, value, example)
    positive("models.sew_resnet", classes=classes, channels=channels)
    large = flag("models.sew_resnet", "large", large)
    if len(blocks) != len(widths) or not widths:
        raise ArgumentError(
            "models.sew_resnet", "a width for each stage", f"{len(widths)} widths for {len(blocks)} stages",
            "For example blocks=(3, 3, 3), widths=(16, 32, 64).",
        )  # fmt: skip
    make = maker("models.sew_resnet", "neuron", atan_if if neuron is None else neuron)
    norm, rng, before = maker("models.sew_resnet", "norm", norm), to_generator(rng, "models.sew_resnet"), widths[0]
    kernel, stride = (7, 2) if large else (3, 1)
    layers: dict[str, Cell] = {"conv": _conv(channels, before, kernel, stride, rng), "norm": norm(before), "neuron": make()}
    if large:
        layers["pool"] = nn.MaxPool2d(3, 2, "pad", 1)
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True), 1):
        for k in range(count):
            step = 2 if stage > 1 and k == 0 else 1
            layers[f"stage{stage}_{k + 1}"] = sew_block(
                before, width, step, connect=connect, norm=norm, neuron=neuron, rng=rng
            )
            before = width
    layers |= {"mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "scores": nn.Dense(before, classes, rng=rng)}
    return nn.SequentialCell(layers)


def sew_resnet18(classes: int = 1000, **options: Any) -> nn.SequentialCell:
    """Make SEW-ResNet-18 for images ``[T, N, 3, 224, 224]`` (Fang et al., 2021): 11,689,512 trained Parameters.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    **options
        As for :func:`sew_resnet`.

    Returns
    -------
    nn.SequentialCell
        As from :func:`sew_resnet`.
    """
    return sew_resnet((2, 2, 2, 2), (64, 128, 256, 512), classes, large=True, **options)


def sew_resnet20(classes: int = 10, **options: Any) -> nn.SequentialCell:
    """Make a SEW-ResNet for images ``[T, N, 3, 32, 32]`` with the 20 layers of He et al. (2016): 272,474 Parameters.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.
    **options
        As for :func:`sew_resnet`.

    Returns
    -------
    nn.SequentialCell
        As from :func:`sew_resnet`.
    """
    return sew_resnet((3, 3, 3), (16, 32, 64), classes, **options)
