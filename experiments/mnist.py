"""Train a spiking network on MNIST, read from files that you have.

784-1000-10 leaky integrate-and-fire neurons over 25 time steps; the class is that of the neuron that spikes most. Without a
training file the t10k file is split, and the run says so. A smoke run without --data makes up a small set of its own.
"""

from __future__ import annotations

import functools
import gzip
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro
from sklearn.datasets import load_digits

import snn
from autograd import Tensor, nn
from autograd.errors import ArgumentError

from .harness import RunDirectory
from .training import Split, Trained, TrainingOptions, train

__all__ = ["Config", "build", "encoder", "load", "run", "write_small_set"]


if TYPE_CHECKING:
    SurrogateName = str
else:
    SurrogateName = Literal[tuple(name for name in snn.surrogate.__all__ if name != "Surrogate")]


@dataclass(frozen=True, kw_only=True)
class Config(TrainingOptions):
    """Options of the mnist experiment."""

    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where the MNIST files are, gzipped or not, such as train-images-idx3-ubyte.gz."""
    epochs: int = 3
    batch_size: int = 128
    learning_rate: float = 5e-4
    steps: int = 25
    hidden: int = 1000
    beta: float = 0.95
    input: Literal["constant", "poisson"] = "constant"
    """Pixels as a constant current, or as the probability of a spike in each step."""
    surrogate: SurrogateName = "atan"
    """Stands in for the derivative of the step, at its default steepness; see snn.surrogate."""

    def smaller(self) -> Config:
        """Return the options of a smoke run."""
        return replace(self, epochs=2, hidden=64, steps=8)

    def check(self) -> None:
        """Read the data."""
        load(self)


def load(config: Config) -> snn.data.MNIST:
    """Return images and labels, which are read once for all runs of a command.

    Raises
    ------
    ArgumentError
        If no directory was given; a smoke run needs none.
    DataError
        If the files cannot be used.
    """
    if config.data is None and not config.smoke:
        raise ArgumentError(
            "option --data", "the directory of the MNIST files", "none", "Give it, or try --smoke, which needs no files."
        )
    return _read(config.data)


@functools.lru_cache(maxsize=1)
def _read(directory: Path | None) -> snn.data.MNIST:
    if directory is not None:
        return snn.data.mnist(directory)
    with tempfile.TemporaryDirectory() as place:
        write_small_set(Path(place))
        return snn.data.mnist(place)


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


def encoder(config: Config) -> Any:
    """Return what makes the net's input ``[T, N, 784]`` of pixels ``[N, 784]`` in [0, 1] and a generator."""

    def encode(x: Any, rng: np.random.Generator) -> Tensor:
        if config.input == "poisson":
            return snn.encode.rate(x, config.steps, rng)
        return snn.encode.direct(x, config.steps)

    return encode


def run(config: Config, directory: RunDirectory) -> dict[str, float]:
    """Train, test and plot; return the test accuracy and the seconds that training took."""
    rng = np.random.default_rng(config.seed)
    data, net = load(config), build(config, rng)
    train_x, test_x = (images.reshape(len(images), -1) / np.float32(255) for images in (data.train_images, data.test_images))
    print(f"{len(train_x):,} training and {len(test_x):,} test images ({data.split})")
    split = Split(train_x, test_x, data.train_labels, data.test_labels)
    trained = train(config, directory, net, split, encoder(config), rng)
    _plot(config, directory, net, trained, data)
    return trained.results


def _plot(config: Config, directory: RunDirectory, net: nn.SequentialCell, trained: Trained, data: snn.data.MNIST) -> None:
    """Draw the training curve, the confusion matrix, and what the net makes of three test images."""
    import matplotlib.pyplot as plt

    labels, predictions = data.test_labels, snn.metrics.predictions(trained.counts)
    directory.save_figure("training", snn.plot.training(trained.history)[0])
    classes = [str(digit) for digit in range(10)]
    directory.save_figure("confusion", snn.plot.confusion(labels, predictions, classes=classes))
    # The first two that it gets right and the first that it does not, if there are so many.
    right, wrong = np.flatnonzero(predictions == labels), np.flatnonzero(predictions != labels)
    chosen = np.concatenate([right[:2], wrong[:1]])
    x = data.test_images[chosen].reshape(len(chosen), -1) / np.float32(255)
    inputs = encoder(config)(x, np.random.default_rng(config.seed))
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
