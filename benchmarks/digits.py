"""Training of the digits experiment: 64-128-10, T = 16, batch 64, 60 epochs of scikit-learn's digits with noise."""

from __future__ import annotations

import math
from dataclasses import replace

from .harness import Options, compare
from .work import Work, dense, lif

TITLE = "training of the digits experiment: 64-128-10, T = 16, batch 64, 60 epochs"
PEERS = ("torch_loop", "torch_expert", "torch_hoisted", "jax_expert", "jaxpike", "spyx", "spikingjelly", "snntorch", "norse")


def case(small: bool) -> Work:
    """Return the workload."""
    layers = (
        dense(64, 128, 1 / math.sqrt(3 * 64), bias=True), lif(128, beta=0.9),
        dense(128, 10, 1 / math.sqrt(3 * 128), bias=True), lif(10, beta=0.9),
    )  # fmt: skip
    work = Work(
        layers=layers, steps=16, batch=64, source="images", data="digits", loss="cross_entropy", learning_rate=1e-2,
        epochs=60, fresh=True, noise=0.2, cosine=True,
    )  # fmt: skip
    return replace(work, epochs=1, steps=4) if small else work


def run(options: Options) -> None:
    """Measure, print and write the results."""
    work = case(options.small)
    found = {"digits": (f"{work.epochs} epochs, each repetition from the same weights", work)}
    compare("digits", TITLE, found, ("ours", *options.peers), options)
