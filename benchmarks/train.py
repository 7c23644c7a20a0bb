"""One training epoch of 784-1000-10 on images as a constant current, with Adam and cross-entropy of the spike counts."""

from __future__ import annotations

import math

from .harness import Options, compare
from .work import Work, dense, lif

TITLE = "one epoch of 784-1000-10, T = 25, batch 128, constant current; accuracy after 3 epochs"
PEERS = (
    "torch_hoisted", "torch_expert", "torch_loop", "torch_compile", "jax_expert", "jaxpike", "spyx", "spikingjelly",
    "snntorch", "norse",
)  # fmt: skip


def case(small: bool, data: str) -> Work:
    """Return the workload."""
    hidden, steps, batch = (32, 5, 100) if small else (1000, 25, 128)
    layers = (
        dense(784, hidden, _default(784), bias=True), lif(hidden, beta=0.95),
        dense(hidden, 10, _default(hidden), bias=True), lif(10, beta=0.95),
    )  # fmt: skip
    return Work(layers=layers, steps=steps, batch=batch, source="images", data=data, loss="cross_entropy", learning_rate=5e-4)


def _default(inputs: int) -> float:
    """Return the standard deviation of weights that are uniform within ``1 / sqrt(inputs)``, the default of all contenders."""
    return 1 / math.sqrt(3 * inputs)


def run(options: Options) -> None:
    """Measure, print and write the results. The first epoch warms up, so that the accuracy after three needs two repeats."""
    text = "synthetic images of the size of MNIST's" if options.data == "synthetic" else "MNIST"
    compare("train", TITLE, {"epoch": (text, case(options.small, options.data))}, ("ours", *options.peers), options)
