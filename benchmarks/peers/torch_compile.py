"""Torch's compiler on a plain loop, in chunks of steps: compiling the whole loop would take minutes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import torch

from ..work import Layer, UnsupportedError, Work
from . import torch_loop

CHUNK = 25


class Contender(torch_loop.Contender):
    """``torch.compile`` of 25 steps, called for each chunk."""

    note = f"compiled in chunks of {CHUNK} steps"

    def __init__(self, work: Work) -> None:
        if not any(shutil.which(compiler) for compiler in ("c++", "g++", "clang++")):
            raise UnsupportedError("no C++ compiler")
        torch._dynamo.config.recompile_limit = 64
        self.compiled: dict[tuple[int, ...], Callable[..., Any]] = {}
        super().__init__(work)

    def group(self, stage: range, received: dict[int, Any], weights: list[list[Any]], kept: list[int]) -> dict[int, Any]:
        """Run layers with feedback, chunk by chunk."""
        key = (stage.start, *kept)
        if key not in self.compiled:
            self.compiled[key] = torch.compile(self.steps(stage, kept), dynamic=False)
        v, z = self.rest(stage, next(iter(received.values())))
        chunks = []
        for chunk in zip(*(x.split(CHUNK) for x in received.values()), strict=True):
            out, v, z = self.compiled[key](dict(zip(received, chunk, strict=True)), weights, v, z)
            chunks.append(out)
        return {i: torch.cat([out[i] for out in chunks]) for i in kept}

    def lif(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons."""
        return self.recurrent(layer)

    def recurrent(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons, with recurrent weights if there are any."""
        spike = torch_loop.spike_function(layer)

        def steps(current: Any, v: Any, z: Any, weight: Any) -> Any:
            out = []
            for ct in current.unbind(0):
                v = layer.beta * v + ct
                if weight is not None:
                    v = v + z @ weight.t()
                z = spike(v - 1.0)
                v = v - z
                out.append(z)
            return torch.stack(out), v, z

        compiled = torch.compile(steps, dynamic=False)

        def apply(current: Any, weight: Any = None) -> Any:
            v = z = torch.zeros_like(current[0])
            out = []
            for chunk in current.split(CHUNK):
                spikes, v, z = compiled(chunk, v, z, weight)
                out.append(spikes)
            return torch.cat(out)

        return apply
