"""Overhead of eager mode: a chain of 1,000 additions of 10 numbers with its gradient, in one process and one thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from autograd import Tensor, grad

from .harness import Options, interleaved, table, write
from .rounds import Result

TITLE = "chain of 1,000 additions of 10 numbers, forward and backward"
PEERS = ("torch",)
STEPS, SIZE = 1000, 10


def ours(steps: int) -> Callable[[], Any]:
    """Return the workload on this library."""
    x, y = Tensor(np.zeros(SIZE, np.float32)), Tensor(np.ones(SIZE, np.float32))

    def chain(a: Tensor, b: Tensor) -> Tensor:
        for _ in range(steps):
            a = a + b
        return a

    gradient = grad(chain, (0, 1))
    return lambda: gradient(x, y)


def torch(steps: int) -> Callable[[], Any]:
    """Return the same workload on torch, in one thread."""
    import torch

    torch.set_num_threads(1)
    x, y = torch.zeros(SIZE, requires_grad=True), torch.ones(SIZE, requires_grad=True)

    def work() -> Any:
        a = x
        for _ in range(steps):
            a = a + y
        return torch.autograd.grad(a.sum(), (x, y))

    return work


def run(options: Options) -> None:
    """Measure, print and write the results."""
    from . import plots

    steps = 20 if options.small else STEPS
    results, work = {"ours": Result()}, {"ours": ours(steps)}
    for peer in options.peers:
        results[peer] = Result()
        try:
            work[peer] = torch(steps)
        except ModuleNotFoundError as error:
            results[peer].reason = f"not installed: {error.name}"
    for name, seconds in interleaved(work, options.repeats).items():
        results[name].seconds = seconds
    table(f"{TITLE}, medians of {options.repeats} interleaved repeats (quartiles)", results)
    path = write("overhead", TITLE, options, {"results": {name: asdict(result) for name, result in results.items()}})
    plots.bars(TITLE, {"overhead": {name: result.seconds for name, result in results.items()}}, path)
