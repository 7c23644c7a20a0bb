"""Torch as users first write it: a loop over time that autograd follows, with the surrogate as a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..work import Layer
from .torch_base import TorchContender, surrogate_derivative

__all__ = ["Contender", "Spike", "spike_function"]


class Spike(torch.autograd.Function):
    """A step forward, the surrogate's derivative backward."""

    @staticmethod
    def forward(ctx: Any, u: Any, layer: Layer) -> Any:
        """Return spikes."""
        ctx.layer = layer
        ctx.save_for_backward(u)
        return (u > 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """Multiply by the derivative."""
        (u,) = ctx.saved_tensors
        return surrogate_derivative(ctx.layer, u).mul_(gradient), None


def spike_function(layer: Layer) -> Callable[[Any], Any]:
    """Return the spike as a function of the membrane above threshold."""
    return lambda u: Spike.apply(u, layer)


class Contender(TorchContender):
    """A plain loop. It uses ``unbind``, since indexing a step would make the backward pass quadratic in T."""

    def conv(self, layer: Layer) -> Callable[..., Any]:
        """Return a convolution, step by step."""
        apply = super().conv(layer)
        return lambda x, *weights: torch.cat([apply(part, *weights) for part in x.split(1)])

    def pool(self, layer: Layer) -> Callable[..., Any]:
        """Return max-pooling, step by step."""
        apply = super().pool(layer)
        return lambda x: torch.cat([apply(part) for part in x.split(1)])

    def neuron(self, layer: Layer) -> Callable[[Any, Any], tuple[Any, Any]]:
        """Return one step of neurons."""
        spike = spike_function(layer)

        def step(current: Any, v: Any) -> tuple[Any, Any]:
            v = layer.beta * v + current
            z = spike(v - 1.0)
            return z, v - z

        return step

    def lif(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons."""
        return self.recurrent(layer)

    def recurrent(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons, with recurrent weights if there are any."""
        spike = spike_function(layer)

        def apply(current: Any, weight: Any = None) -> Any:
            v = torch.zeros_like(current[0])
            out: list[Any] = []
            for ct in current.unbind(0):
                v = layer.beta * v + ct
                if weight is not None and out:
                    v = v + out[-1] @ weight.t()
                out.append(spike(v - 1.0))
                v = v - out[-1]
            return torch.stack(out)

        return apply
