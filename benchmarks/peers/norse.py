"""Norse: ``LIFBoxCell``, its neuron without a synapse's current, in a loop over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters
from norse.torch.functional.reset import reset_subtract
from norse.torch.module.lif_box import LIFBoxCell
from torch.nn import functional

from ..work import Layer, UnsupportedError, Work
from .torch_base import TorchContender

DT = 0.001


class Contender(TorchContender):
    """The same equations as ours, but its own surrogates. Its leak also scales the current; the weights compensate."""

    packages = ("torch", "norse")
    note = "other surrogates: superspike, or a triangle of width 1"

    def __init__(self, work: Work) -> None:
        betas = {layer.beta for layer in work.layers if layer.kind != "dense"}
        if len(betas) != 1:
            raise UnsupportedError("one beta for all layers only")
        self.unit = 1 / (1 - betas.pop())
        super().__init__(work)

    def readout(self, layer: Layer) -> Callable[..., Any]:
        """Return leaky integrators."""
        apply = super().readout(layer)
        return lambda current: apply(current) / self.unit

    def lif(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons."""
        return self.recurrent(layer)

    def recurrent(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons, with recurrent weights if there are any."""
        p = LIFBoxParameters(
            tau_mem_inv=torch.tensor((1 - layer.beta) / DT), reset_method=reset_subtract,
            method="triangle" if layer.surrogate == "triangle" else "super", alpha=1.0,
        )  # fmt: skip
        cell = LIFBoxCell(p, dt=DT)

        def apply(current: Any, weight: Any = None) -> Any:
            state = LIFBoxFeedForwardState(v=torch.zeros_like(current[0]))
            out: list[Any] = []
            for ct in current.unbind(0):
                if weight is not None and out:
                    ct = ct + functional.linear(out[-1], weight)
                z, state = cell(ct, state)
                out.append(z)
            return torch.stack(out)

        return apply
