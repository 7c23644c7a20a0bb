"""snnTorch: ``Leaky`` and ``RLeaky`` in a loop over time, its only way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import snntorch
import torch
from torch.func import functional_call

from ..work import Layer
from .torch_base import TorchContender
from .torch_loop import spike_function


class Contender(TorchContender):
    """Its defaults, with our surrogate."""

    packages = ("torch", "snntorch")
    note = "resets one step late, and its reset has no gradient"

    def neuron(self, layer: Layer) -> Callable[[Any, Any], tuple[Any, Any]]:
        """Return one step of neurons."""
        node: Callable[[Any, Any], tuple[Any, Any]] = snntorch.Leaky(beta=layer.beta, spike_grad=spike_function(layer))
        return node

    def lif(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons."""
        node = self.neuron(layer)

        def apply(current: Any) -> Any:
            v, out = torch.zeros_like(current[0]), []
            for ct in current.unbind(0):
                spikes, v = node(ct, v)
                out.append(spikes)
            return torch.stack(out)

        return apply

    def recurrent(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons with recurrent weights."""
        node = snntorch.RLeaky(beta=layer.beta, linear_features=layer.size, spike_grad=spike_function(layer))
        node.recurrent.bias = None

        def apply(current: Any, weight: Any) -> Any:
            z, v, out = torch.zeros_like(current[0]), torch.zeros_like(current[0]), []
            for ct in current.unbind(0):
                z, v = functional_call(node, {"recurrent.weight": weight}, (ct, z, v))
                out.append(z)
            return torch.stack(out)

        return apply
