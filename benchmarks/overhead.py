"""Eager overhead: a chain of 1,000 additions of 10 numbers with its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Tensor, grad

TITLE = "chain of 1,000 additions of 10 numbers, forward and backward"
STEPS, SIZE = 1000, 10


def ours() -> Callable[[], Any]:
    """Return the work for us."""
    x, y = Tensor(np.zeros(SIZE, np.float32)), Tensor(np.ones(SIZE, np.float32))

    def chain(a: Tensor, b: Tensor) -> Tensor:
        for _ in range(STEPS):
            a = a + b
        return a

    gradient = grad(chain, (0, 1))
    return lambda: gradient(x, y)


def torch() -> Callable[[], Any]:
    """Return the same work for torch, on one thread."""
    import torch

    torch.set_num_threads(1)
    x, y = torch.zeros(SIZE, requires_grad=True), torch.ones(SIZE, requires_grad=True)

    def work() -> Any:
        a = x
        for _ in range(STEPS):
            a = a + y
        return torch.autograd.grad(a.sum(), (x, y))

    return work


PEERS = {"torch": torch}
