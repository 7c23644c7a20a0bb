"""A walk through a net that notes what the compiled mode makes of each layer: for :func:`snn.explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Cell, Tensor

from .layer import Layer
from .layerwise import Layerwise, Waiting
from .layout import Options
from .parts import tried
from .spikes import Spikes
from .weights import Weights, why_not

__all__ = ["Found", "Overlook"]


@dataclass
class Found:
    """A layer that the walk came by.

    Attributes
    ----------
    names : str
        In the net.
    cells : list of Cell
        A dense layer and the neuron behind it, or one of them, or another layer.
    layer : Layer or None
        What the compiled mode makes of them; None for another layer.
    density : float or None
        Share of its input that is not 0, if there is one.
    reason : str or None
        Why another layer is not taken as a dense one, if it has a matrix.
    """

    names: str
    cells: list[Cell]
    layer: Layer | None = None
    density: float | None = None
    reason: str | None = None


class Overlook(Layerwise):
    """Passes an input through a net, or, if not ``real``, something in its shape.

    Attributes
    ----------
    found : list of Found
        In order.
    """

    def __init__(self, fresh: bool, real: bool) -> None:
        super().__init__(fresh, (), None, False, Options(seen=self._see))
        self.real = real
        self.waiting = ""
        self.found: list[Found] = []

    def through(self, net: Cell, x: Tensor, state: Any) -> None:
        """Pass an input through the net."""
        out, _ = self(net, x, state)
        if isinstance(out, Waiting):
            out.current()

    def _see(self, layer: Layer) -> None:
        self.found[-1].layer = layer

    def layer(self, cell: Cell, x: Any, name: str) -> Any:
        """Note the name of a layer that waits."""
        out = super().layer(cell, x, name)
        self.waiting = name
        return out

    def run(self, name: str, cell: Cell | None, dense: Weights | None, x: Tensor, before: Any) -> tuple[Tensor, Any, Any]:
        """Note a dense layer, a neuron or both."""
        named = [(self.waiting, None if dense is None else dense.cell), (name, cell)]
        names = ", ".join(key for key, kind in named if kind is not None)
        cells = [kind for _, kind in named if kind is not None]
        if self.real:
            self.found.append(Found(names, cells, density=_density(x)))
            return super().run(name, cell, dense, x, before)
        layer = Layer(cell, dense, x, before, (), None, self.options)
        self.found.append(Found(names, cells, layer))
        return self._such_as(x, layer.shape, layer.plan.program.instructions[layer.plan.out].dtype), before, {}

    def all_steps(self, name: str, cell: Cell, x: Tensor) -> Tensor:
        """Note another layer."""
        self.found.append(Found(name, [cell], reason=why_not(cell, x)))
        if self.real:
            return super().all_steps(name, cell, x)
        out = tried(cell, x)
        return self._such_as(x, out.shape, out.dtype)

    def _such_as(self, x: Tensor, shape: tuple[int, ...], dtype: Any) -> Tensor:
        return Tensor.wrap(np.broadcast_to(np.zeros((), dtype), (len(x), *shape)))


def _density(x: Tensor) -> float:
    array = x.flags if isinstance(x, Spikes) else x.array[:1] if x.array.strides[0] == 0 else x.array
    return float(np.count_nonzero(array) / max(1, array.size))
