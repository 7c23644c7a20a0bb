"""Train a spiking network on MNIST, read from local files.

784-1000-10 leaky integrate-and-fire neurons over 25 time steps; the class is the neuron that spikes most. Without
training files the t10k files are split, and the run says so. A smoke run without --data makes its own small set.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from sklearn.datasets import load_digits

import snn
from autograd import Tensor, nn

from .files import FileOptions
from .fitting import Encoder, classify
from .harness import RunDirectory

__all__ = ["Config", "build", "encoder", "run", "shifted", "trained", "write_small_set"]


if TYPE_CHECKING:
    SurrogateName = str
else:
    SurrogateName = Literal[tuple(name for name in snn.surrogate.__all__ if name != "Surrogate")]


@dataclass(frozen=True, kw_only=True)
class Config(FileOptions):
    """Options of the mnist experiment."""

    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 1e-3
    steps: int = 25
    hidden: int = 1000
    beta: float = 0.95
    """Share of the membrane that remains after a step."""
    input: Literal["constant", "poisson"] = "constant"
    """Pixels as a constant current, or as the probability of a spike per step."""
    shift: int = 1
    """Largest random shift of training images, in pixels."""
    surrogate: SurrogateName = "atan"
    """Surrogate for the derivative of the step, at its default steepness; see snn.surrogate."""

    of = "MNIST"
    flat: ClassVar[bool] = True
    """Whether the network takes rows of pixels."""

    @staticmethod
    def read(directory: Path) -> snn.data.MNIST:
        """Return images ``[1, 28, 28]`` in [0, 1] and their labels."""
        return snn.data.mnist(directory)

    @staticmethod
    def make_up(directory: Path) -> None:
        """Write a small set to a directory."""
        write_small_set(directory)

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, hidden=64, steps=8)


def write_small_set(directory: Path) -> None:
    """Write 800 and 200 of scikit-learn's digits, enlarged to 28 x 28 pixels, as the four files of MNIST."""
    small, labels = load_digits(return_X_y=True)
    large = np.kron(small.reshape(-1, 8, 8), np.ones((3, 3))) * (255 / 16)
    images = np.pad(large, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    for part, chosen in {"train": slice(0, 800), "t10k": slice(800, 1000)}.items():
        for kind, values in {"images": images[chosen], "labels": labels[chosen].astype(np.uint8)}.items():
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            path = directory / f"{part}-{kind}-idx{values.ndim}-ubyte.gz"
            path.write_bytes(gzip.compress(header + values.tobytes()))


def build(config: Config, rng: np.random.Generator) -> nn.SequentialCell:
    """Return the network."""
    surrogate = getattr(snn.surrogate, config.surrogate)()
    return nn.SequentialCell(
        nn.Dense(784, config.hidden, rng=rng),
        snn.LIFNode(beta=config.beta, surrogate_function=surrogate),
        nn.Dense(config.hidden, 10, rng=rng),
        snn.LIFNode(beta=config.beta, surrogate_function=surrogate),
    )


def encoder(config: Config) -> Encoder:
    """Return a function from images in [0, 1] and a generator to the net's input, ``[T, N, 784]`` or ``[T, N, 1, 28, 28]``."""

    def encode(x: Any, rng: np.random.Generator) -> Tensor:
        x = x.reshape(len(x), -1) if config.flat else x
        if config.input == "poisson":
            return snn.encode.rate(x, config.steps, rng)
        return snn.encode.direct(x, config.steps)

    return encode


def shifted(images: Any, most: int, rng: np.random.Generator) -> Any:
    """Return images ``[N, 1, H, W]``, each moved by at most some pixels in both directions; new pixels are 0."""
    count, _, height, width = images.shape
    padded = np.pad(images[:, 0], ((0, 0), (most, most), (most, most)))
    down, right = rng.integers(0, 2 * most + 1, (2, count, 1))
    rows, columns = np.arange(height) + down, np.arange(width) + right
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng = np.random.default_rng(config.seed)
    return trained(config, directory, build(config, rng), rng, lambda guesses, net: _plot(config, directory, net, guesses))


def trained(
    config: Config, directory: RunDirectory, net: nn.SequentialCell, rng: np.random.Generator, draw: Any
) -> dict[str, float]:
    """Train a net on images; then call ``draw`` with its answers and the net. Return the results of ``run``."""
    data: snn.data.MNIST = config.splits()
    print(f"{len(data.train):,} training and {len(data.test):,} test images ({data.split})")
    augment = (lambda x, rng: shifted(x, config.shift, rng)) if config.shift else None
    return classify(
        config, directory, net, data, rng, encode=encoder(config), readout="count", augment=augment,
        draw=lambda guesses: draw(guesses, net),
    )  # fmt: skip


def _plot(config: Config, directory: RunDirectory, net: nn.SequentialCell, guesses: Any) -> None:
    """Draw three test images with the answers of the net."""
    import matplotlib.pyplot as plt

    data: snn.data.MNIST = config.splits()
    labels = data.test_labels
    # The first two correct answers and the first wrong one, if there are as many.
    right, wrong = np.flatnonzero(guesses == labels), np.flatnonzero(guesses != labels)
    chosen = np.concatenate([right[:2], wrong[:1]])
    (few,) = data.test[chosen].batches(len(chosen))
    inputs = encoder(config)(few.x, np.random.default_rng(config.seed))
    spikes, _, record = snn.run(net, inputs, record=("spike",), mode=config.mode)
    _, axes = plt.subplots(
        len(chosen), 3, figsize=(10.5, 2.2 * len(chosen)), width_ratios=(1, 1.8, 1.8), layout="constrained", squeeze=False
    )
    for sample, (image, hidden, output) in enumerate(axes):
        image.imshow(data.test_images[chosen[sample]], cmap="gray_r")
        image.set_axis_off()
        answer = snn.metrics.predictions(spikes)[sample]
        image.set_title(f"A {labels[chosen[sample]]} (answer: {answer})", fontsize=10)
        for panel, layer, name in ((hidden, "1.spike", "Hidden"), (output, "3.spike", "Output")):
            snn.plot.raster(record[layer], sample=sample, ax=panel)
            panel.set_ylabel(f"{name} neuron", size=9)
            if sample < len(chosen) - 1:
                panel.set_xlabel("")
        output.set_yticks(range(10))
    directory.save_figure("examples", axes[0, 0])
