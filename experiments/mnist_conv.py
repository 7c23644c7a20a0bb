"""Train a convolutional spiking network on MNIST, read from local files.

12C5-MP2-64C5-MP2-10 leaky integrate-and-fire neurons, the network of snnTorch's sixth tutorial (Eshraghian et al., 2023):
convolutions without padding, and pooling of their currents before the neurons. The images are a constant current, so the first
convolution is computed once; after it each spike adds its kernels to its targets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import snn
from autograd import nn

from . import mnist
from .harness import RunDirectory

__all__ = ["Config", "build", "run"]


@dataclass(frozen=True, kw_only=True)
class Config(mnist.Config):
    """Options of the mnist_conv experiment."""

    epochs: int = 4
    batch_size: int = 64
    learning_rate: float = 2e-3
    steps: int = 8
    hidden: int = 64
    """Channels of the second convolution; the first has 12."""
    beta: float = 0.5
    shift: int = 0

    flat = False

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, hidden=16, steps=4)


def build(config: Config, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network."""

    def neuron() -> snn.LIFNode:
        surrogate = getattr(snn.surrogate, config.surrogate)()
        return snn.LIFNode(beta=config.beta, surrogate_function=surrogate)

    # With these gains a few per cent of the neurons fire at the start, so that few spikes reach the later layers.
    return snn.models.convnet(channels=(12, config.hidden), gains=(1.0, 2.0, 3.0), neuron=neuron, rng=rng)


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng = np.random.default_rng(config.seed)
    return mnist.trained(config, directory, build(config, rng), rng, lambda _, net: _plot(config, directory, net))


def _plot(config: Config, directory: RunDirectory, net: nn.SequentialCell) -> None:
    """Draw a test image with the kernels, maps of rates and rates by layer."""
    (one,) = config.splits().test[:1].batches(1)
    x = mnist.encoder(config)(one.x, np.random.default_rng(config.seed))
    record = snn.run(net, x, record=("spike",), mode=config.mode)[2]
    rates = {key: (spikes.asnumpy()[:, 0] != 0).mean(0) for key, spikes in record.items()}
    weights: Any = net[0]
    directory.save_figure("maps", _maps(one.x[0, 0], weights.weight.asnumpy()[:, 0], rates))


def _maps(image: Any, kernels: Any, rates: dict[str, Any]) -> Any:
    """Draw an image, the kernels of the first layer with the rates of its neurons, and the mean rate of each layer."""
    import matplotlib.pyplot as plt

    first, *_ = rates.values()
    figure: Any = plt.figure(figsize=(11, 4.6), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1, 2.6, 1.2))
    seen = left.subplots()
    seen.imshow(image, cmap="gray_r")
    seen.set_title("Image", fontsize=10)
    seen.set_axis_off()
    middle.suptitle("Kernels of the first layer, and the rates of its neurons", fontsize=10)
    largest = np.abs(kernels).max()
    for axes, kernel, rate in zip(middle.subplots(4, 6).reshape(-1, 2, order="C"), kernels, first, strict=True):
        axes[0].imshow(kernel, cmap="RdBu_r", vmin=-largest, vmax=largest)
        axes[1].imshow(rate, cmap="viridis", vmin=0, vmax=max(first.max(), 1e-6))
        for ax in axes:
            ax.set_axis_off()
    bars = right.subplots()
    names = [f"layer {key.rpartition('.')[0]}" for key in rates]
    bars.barh(names, [rate.mean() for rate in rates.values()], color="tab:blue")
    bars.invert_yaxis()
    bars.set_xlabel("Spikes per neuron per step")
    bars.set_title("Mean rates", fontsize=10)
    return seen
