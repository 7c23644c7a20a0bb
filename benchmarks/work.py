"""Workloads: nets, weights, inputs and labels, from fixed seeds, the same for all contenders."""

from __future__ import annotations

import gzip
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np

__all__ = [
    "Layer", "UnsupportedError", "Work", "compact", "conv", "dense", "flatten", "lif", "pool", "readout", "recurrent", "relu",
    "total",
]  # fmt: skip

Array = np.ndarray[Any, np.dtype[Any]]


class UnsupportedError(Exception):
    """A contender cannot run a workload; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of the net.

    A ``lif`` layer computes ``v = beta v + x; z = v > 1; v = v - z``, with a surrogate derivative in ``u = v - 1``:
    ``relusigmoid`` is the derivative of a sigmoid of slope ``alpha``, ``triangle`` is ``alpha max(1 - alpha |u|, 0)``. A
    ``recurrent`` layer also receives its own spikes of the previous step through a matrix. A ``readout`` never fires; its
    membrane is its output. A ``relu`` is for networks without spikes. A ``conv`` convolves images with square kernels, a
    ``pool`` takes the largest element of adjacent windows, and ``flatten`` turns each sample into a row.
    """

    kind: str
    size: int
    inputs: int = 0
    scale: float = 0.0
    """Standard deviation of the weights."""
    bias: bool = False
    sign: int = 0
    """The sign of all weights, 1 or -1; 0 keeps the signs as drawn."""
    sources: tuple[int, ...] = ()
    """Positions of the layers whose summed outputs it receives, -1 for the input; by default the previous layer.

    From itself and from later layers, it receives the output of the previous step.
    """
    beta: float = 0.95
    surrogate: str = "relusigmoid"
    alpha: float = 5.0
    shape: tuple[int, ...] = ()
    """The shape of an output sample, ``[C, H, W]``, if it is an image."""
    given: tuple[int, ...] = ()
    """The shape of an input sample, if it is an image."""
    kernel: int = 0
    """Rows and columns of a kernel or window."""
    padding: int = 0

    @property
    def fires(self) -> bool:
        """Whether its output is spikes."""
        return self.kind in ("lif", "recurrent")

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape of an output sample."""
        return self.shape or (self.size,)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of its weights: ``[out, in]`` or ``[out, in, kernel, kernel]``, then that of the bias."""
        if self.kind == "dense":
            return [(self.size, self.inputs), (self.size,)] if self.bias else [(self.size, self.inputs)]
        if self.kind == "conv":
            weight = (self.shape[0], self.given[0], self.kernel, self.kernel)
            return [weight, (self.shape[0],)] if self.bias else [weight]
        return [(self.size, self.size)] if self.kind == "recurrent" else []


def dense(inputs: int, size: int, scale: float, bias: bool = False, **options: Any) -> Layer:
    """Return a fully connected layer."""
    return Layer(kind="dense", inputs=inputs, size=size, scale=scale, bias=bias, **options)


def conv(
    given: tuple[int, ...], channels: int, kernel: int, scale: float, padding: int = 0, bias: bool = False, **options: Any
) -> Layer:
    """Return a convolution of images ``[C, H, W]``."""
    shape = channels, *(n + 2 * padding - kernel + 1 for n in given[1:])
    return Layer(
        kind="conv", given=given, shape=shape, size=math.prod(shape), kernel=kernel, scale=scale, padding=padding, bias=bias,
        **options,
    )  # fmt: skip


def pool(given: tuple[int, ...], kernel: int = 2) -> Layer:
    """Return max-pooling of images ``[C, H, W]``."""
    shape = given[0], *(n // kernel for n in given[1:])
    return Layer(kind="pool", given=given, shape=shape, size=math.prod(shape), kernel=kernel)


def flatten(given: tuple[int, ...]) -> Layer:
    """Return a layer that turns images into rows."""
    return Layer(kind="flatten", given=given, size=math.prod(given))


def lif(size: int | tuple[int, ...], **options: Any) -> Layer:
    """Return leaky integrate-and-fire neurons: a row of them, or one per element of images ``[C, H, W]``."""
    if isinstance(size, int):
        return Layer(kind="lif", size=size, **options)
    return Layer(kind="lif", size=math.prod(size), shape=size, **options)


def recurrent(size: int, scale: float, **options: Any) -> Layer:
    """Return leaky integrate-and-fire neurons that receive each other's spikes."""
    return Layer(kind="recurrent", size=size, scale=scale, **options)


def readout(size: int, beta: float = 0.95) -> Layer:
    """Return leaky integrators."""
    return Layer(kind="readout", size=size, beta=beta)


def relu(size: int) -> Layer:
    """Return rectifiers."""
    return Layer(kind="relu", size=size)


def compact() -> dict[str, Any]:
    """Return the options of neurons with a surrogate of compact support."""
    return {"surrogate": "triangle", "alpha": 2.5}


@dataclass(frozen=True, kw_only=True)
class Work:
    """A net, its input, and the computation to time."""

    layers: tuple[Layer, ...]
    steps: int
    batch: int
    source: str
    """The input: ``normal`` numbers, Bernoulli ``spikes``, ``constant`` numbers in [0, 1] with zeros among them, or ``images``
    as a constant current.
    """
    level: float = 1.0
    """Standard deviation of the numbers, or density of the spikes or of the constant numbers."""
    input_gradient: bool = False
    loss: str = "sum"
    """``sum`` of the output, or ``cross_entropy`` of its sum over time with labels."""
    learning_rate: float = 0.0
    """Learning rate of Adam; 0 computes only the gradients."""
    data: str = "synthetic"
    """Images: ``synthetic`` ones of the size of MNIST's, ``digits`` of scikit-learn, or a directory of IDX files."""
    epochs: int = 1
    """Number of passes over the images in one repetition."""
    fresh: bool = False
    """Whether each repetition starts from the initial weights instead of continuing."""
    noise: float = 0.0
    """Standard deviation of the noise on the training images."""
    cosine: bool = False
    """Whether the learning rate falls to zero along half a cosine over the epochs of one repetition."""

    def to_json(self) -> dict[str, Any]:
        """Return the workload as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Work:
        """Return the workload that :meth:`to_json` wrote."""
        listed = ("sources", "shape", "given")
        layers = tuple(Layer(**layer | {key: tuple(layer[key]) for key in listed}) for layer in values["layers"])
        return cls(**values | {"layers": layers})

    def first(self) -> Work:
        """Return the same workload with two time steps, or for one step with two samples: it loads the same code."""
        return replace(self, steps=2) if self.steps > 1 else replace(self, batch=2)

    @property
    def epochs_of_images(self) -> bool:
        """Whether a repetition passes over images, instead of one iteration on a fixed input."""
        return self.source == "images"

    @property
    def constant(self) -> bool:
        """Whether the input is the same at every time step."""
        return self.source in ("images", "constant")

    @property
    def classes(self) -> int:
        """Number of outputs."""
        return self.layers[-1].size

    def weights(self) -> list[Array]:
        """Return the weights of all layers in order; biases start at 0."""
        rng = np.random.default_rng(1)
        return [
            _signed(rng.standard_normal(shape, np.float32), layer.sign) * np.float32(layer.scale if len(shape) > 1 else 0)
            for layer in self.layers
            for shape in layer.shapes
        ]

    def by_layer(self, weights: Iterable[Any]) -> list[list[Any]]:
        """Return a list of weights for each layer."""
        left = iter(weights)
        return [[next(left) for _ in layer.shapes] for layer in self.layers]

    @property
    def chain(self) -> bool:
        """Whether each layer receives only the previous one."""
        return not any(layer.sources for layer in self.layers)

    def sources(self, i: int) -> tuple[int, ...]:
        """Return the positions of the layers whose outputs a layer receives, -1 for the input."""
        return self.layers[i].sources or (i - 1,)

    @property
    def stages(self) -> list[range]:
        """The layers in order, in stages: all layers between both ends of a feedback in one, any other layer alone."""
        found, i = [], 0
        while i < len(self.layers):
            start, end = i, i
            while i <= end:
                end = max(end, *self.sources(i))
                i += 1
            found.append(range(start, i))
        return found

    def fed_back(self, stage: Iterable[int]) -> list[int]:
        """Return the layers of a stage whose output of the previous step is needed."""
        late = {source for i in stage for source in self.sources(i) if source >= i}
        return [i for i in stage if i in late or self.layers[i].kind == "recurrent"]

    def leaving(self, stage: range) -> list[int]:
        """Return the layers of a stage whose output is needed after it."""
        later = {source for i in range(stage.stop, len(self.layers)) for source in self.sources(i)}
        return [i for i in stage if i in later or i == len(self.layers) - 1]

    def step(
        self, stage: Iterable[int], now: Mapping[int, Any], before: Mapping[int, Any], apply: Callable[[int, Any], Any]
    ) -> dict[int, Any]:
        """Compute a time step of some layers.

        Parameters
        ----------
        stage : iterable of int
            Positions of the layers.
        now, before : mapping
            Outputs of earlier layers at this step, and outputs that are fed back from the previous step.
        apply : callable
            Returns a layer's output from its position and the sum of its inputs.

        Returns
        -------
        dict
            Outputs of earlier layers and of these.
        """
        found = dict(now)
        for i in stage:
            found[i] = apply(i, total([before[source] if source >= i else found[source] for source in self.sources(i)]))
        return found

    def walk(self, x: Any, run: Callable[[range, dict[int, Any]], Mapping[int, Any]]) -> Any:
        """Run the stages in order, each over all time steps, and return the output of the last layer.

        Parameters
        ----------
        x : array
            The input.
        run : callable
            Returns the outputs of a stage's layers from the stage and the outputs that it receives. Each output is released
            after the last stage that receives it.
        """
        stages = self.stages
        needs = [{source for i in stage for source in self.sources(i) if source < stage.start} for stage in stages]
        values = {-1: x}
        del x
        for n, stage in enumerate(stages):
            later = set().union(*needs[n + 1 :])
            received = {source: values[source] if source in later else values.pop(source) for source in sorted(needs[n])}
            values.update(run(stage, received))
        return values[len(self.layers) - 1]

    def inputs(self) -> Array:
        """Return the fixed input, ``[T, N, features]`` or ``[T, N, C, H, W]``; of ``images``, the first batch."""
        if self.epochs_of_images:
            return self.over_time(next(self.batches(0))[0])
        rng = np.random.default_rng(0)
        first = self.layers[0]
        shape = (self.steps, self.batch, *(first.given or (first.inputs or first.size,)))
        if self.source == "constant":
            bright = rng.random(shape[1:], np.float32) < self.level
            return self.over_time(bright * rng.random(shape[1:], np.float32))
        if self.source == "spikes":
            return (rng.random(shape, np.float32) < self.level).astype(np.float32)
        x = rng.standard_normal(shape, np.float32)
        x *= np.float32(self.level)
        return x

    def labels(self) -> Array:
        """Return the correct classes of the fixed input, ``[N]``."""
        if self.epochs_of_images:
            return next(self.batches(0))[1]
        return np.random.default_rng(2).integers(0, self.classes, self.batch)

    def over_time(self, images: Array) -> Array:
        """Return images as a constant current, ``[T, N, ...]``, without a copy."""
        return np.broadcast_to(images, (self.steps, *images.shape))

    def images(self) -> tuple[Array, Array, Array, Array]:
        """Return training images ``[N, pixels]`` in [0, 1], their labels, test images and their labels."""
        return _images(self.data, self.layers[0].inputs, self.classes)

    def batches(self, epoch: int) -> Iterator[tuple[Array, Array]]:
        """Yield images and labels of an epoch, shuffled, in batches that differ by at most one in size."""
        images, labels, _, _ = self.images()
        rng = np.random.default_rng([3, epoch])
        for chosen in np.array_split(rng.permutation(len(images)), self.batches_per_epoch):
            picked = images[chosen]
            if self.noise:
                picked = np.clip(picked + np.float32(self.noise) * rng.standard_normal(picked.shape, np.float32), 0, 1)
            yield picked, labels[chosen]

    @property
    def batches_per_epoch(self) -> int:
        """Number of steps of the optimizer in an epoch."""
        return -(-len(self.images()[0]) // self.batch)

    def rate(self, step: int) -> float:
        """Return the learning rate at a step of the optimizer."""
        if not self.cosine:
            return self.learning_rate
        share = min(step / (self.epochs * self.batches_per_epoch), 1.0)
        return self.learning_rate * (1 + math.cos(math.pi * share)) / 2

    def active_share(self) -> float:
        """Return the share of nonzero surrogate derivatives in the first layer, which must be a ``lif``."""
        first = self.layers[0]
        reach = 1 / first.alpha if first.surrogate == "triangle" else math.inf
        v, active = np.zeros((self.batch, first.size), np.float32), 0
        for x in self.inputs():
            v = np.float32(first.beta) * v + x
            active += int(np.count_nonzero(np.abs(v - 1) < reach))
            v -= v > 1
        return active / (self.steps * v.size)


def total(values: Iterable[Any]) -> Any:
    """Return the sum of arrays."""
    return reduce(operator.add, values)


def _signed(weight: Array, sign: int) -> Array:
    return np.abs(weight) * np.float32(sign) if sign else weight


@cache
def _images(data: str, pixels: int, classes: int) -> tuple[Array, Array, Array, Array]:
    if data == "digits":
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        images = (images / 16).astype(np.float32)
        order = np.random.default_rng(4).permutation(len(images))
        images, labels, test = images[order], labels[order], len(images) // 5
    elif data == "synthetic":
        rng = np.random.default_rng(5)
        labels, test = rng.integers(0, classes, 1_000), 200
        # As in written digits, a fifth of the pixels is bright, and which ones depends on the class.
        centres = rng.random((classes, pixels), np.float32) < 0.2
        images = centres[labels] * rng.random((len(labels), pixels), np.float32)
    else:
        return _from_idx(Path(data))
    return images[test:], labels[test:], images[:test], labels[:test]


def _from_idx(directory: Path) -> tuple[Array, Array, Array, Array]:
    """Read MNIST; if there is only the test file, its first four fifths are for training."""
    test = [_read_idx(directory, f"t10k-{part}") for part in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    images, labels = test[0].reshape(len(test[0]), -1).astype(np.float32) / np.float32(255), test[1].astype(np.int64)
    if not list(directory.glob("train-images-idx3-ubyte*")):
        cut = len(images) * 4 // 5
        return images[:cut], labels[:cut], images[cut:], labels[cut:]
    train = [_read_idx(directory, f"train-{part}") for part in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    return train[0].reshape(len(train[0]), -1).astype(np.float32) / np.float32(255), train[1].astype(np.int64), images, labels


def _read_idx(directory: Path, name: str) -> Array:
    path = next(iter(directory.glob(f"{name}*")), directory / name)
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shape = np.frombuffer(raw, ">i4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)
