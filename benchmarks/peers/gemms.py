"""Only the matrix products of the workload, by numpy: the cost of layers that do not exploit spikes, without neurons."""

from __future__ import annotations

import numpy as np

from ..work import UnsupportedError, Work
from .base import Base


class Contender(Base):
    """One product for the forward pass, one for the gradient of the weights, and one for that of the input if needed."""

    note = "no neurons, only matrix products"

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        if any(layer.kind not in ("dense", "lif") for layer in work.layers) or work.fed_back(range(len(work.layers))):
            raise UnsupportedError("products of all time steps at once only")
        rows = work.steps * work.batch
        rng = np.random.default_rng(0)
        self.products = []
        for i, layer in enumerate(work.layers):
            if layer.kind == "dense":
                x, g = (rng.standard_normal((rows, size), np.float32) for size in (layer.inputs, layer.size))
                w = rng.standard_normal((layer.size, layer.inputs), np.float32)
                self.products += [(x, w.T), (g.T, x)]
                if i or work.input_gradient:
                    self.products.append((g, w))

    def iteration(self) -> None:
        """Multiply."""
        for a, b in self.products:
            a @ b
