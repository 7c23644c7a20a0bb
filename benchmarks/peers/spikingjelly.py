"""SpikingJelly in its multi-step mode. Its fused back ends are for GPUs; on a CPU only the torch back end runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from spikingjelly.activation_based import neuron, surrogate
from torch.nn import functional

from ..work import Layer
from .torch_base import TorchContender


class Contender(TorchContender):
    """The same equations and surrogates as ours, in its own functions."""

    packages = ("torch", "spikingjelly")

    def _node(self, layer: Layer, mode: str) -> Any:
        kinds = {"relusigmoid": surrogate.Sigmoid, "triangle": surrogate.PiecewiseQuadratic}
        return neuron.LIFNode(
            tau=1 / (1 - layer.beta), decay_input=False, v_reset=None, step_mode=mode,
            surrogate_function=kinds[layer.surrogate](alpha=layer.alpha),
        )  # fmt: skip

    def lif(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons."""
        node = self._node(layer, "m")

        def apply(current: Any) -> Any:
            node.reset()
            return node(current)

        return apply

    def recurrent(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons with recurrent weights, run step by step, as in its container for recurrence."""
        node = self._node(layer, "s")

        def apply(current: Any, weight: Any) -> Any:
            node.reset()
            out = [node(current[0])]
            for ct in current[1:].unbind(0):
                out.append(node(ct + functional.linear(out[-1], weight)))
            return torch.stack(out)

        return apply
