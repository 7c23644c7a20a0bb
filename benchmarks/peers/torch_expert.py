"""Torch as written by an expert: products of all steps at once; neurons over time as one function with its own backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..work import Layer
from .torch_base import TorchContender, merged, surrogate_derivative

IN_CACHE = 32768  # elements


class Contender(TorchContender):
    """One graph node for all time steps of a layer; it saves only the membrane. Images are stored with channels last."""

    def lif(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons."""
        if layer.shape:
            return lambda current: Fused.apply(current.movedim(2, -1), None, layer).movedim(-1, 2)
        return lambda current: Fused.apply(current, None, layer)

    def conv(self, layer: Layer) -> Callable[..., Any]:
        """Return a convolution of all images at once; of one step only, if the input is the same at all steps."""
        apply = super().conv(layer)

        def last(x: Any, weight: Any, *bias: Any) -> Any:
            weight = weight.contiguous(memory_format=torch.channels_last)
            return once(x, lambda x: apply(merged(x, _channels_last), weight, *bias))

        return last

    def pool(self, layer: Layer) -> Callable[..., Any]:
        """Return max-pooling of all images at once; of one step only, if the input is the same at all steps."""
        apply = super().pool(layer)
        return lambda x: once(x, apply)

    def recurrent(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons with recurrent weights."""
        return lambda current, weight: Fused.apply(current, weight, layer)


def once(x: Any, apply: Callable[[Any], Any]) -> Any:
    """Apply a function to all time steps, or to one if they are all the same."""
    return apply(x) if x.stride(0) or len(x) == 1 else apply(x[:1]).expand(len(x), -1, -1, -1, -1)


def _channels_last(images: Any) -> Any:
    return images.contiguous(memory_format=torch.channels_last)


class Fused(torch.autograd.Function):
    """Neurons over time, with or without recurrent weights."""

    @staticmethod
    def forward(ctx: Any, current: Any, weight: Any, layer: Layer) -> Any:
        """Fill membranes before reset and spikes, both ``[T, N, n]``, in place."""
        u = torch.empty_like(current, memory_format=torch.contiguous_format)
        z = torch.empty_like(u)
        v = torch.zeros_like(current[0], memory_format=torch.contiguous_format)
        before = None
        for ct, ut, zt in zip(current.unbind(0), u.unbind(0), z.unbind(0), strict=True):
            torch.add(ct, v, alpha=layer.beta, out=ut)
            if weight is not None and before is not None:
                ut.addmm_(before, weight.t())
            torch.gt(ut, 1.0, out=zt)
            torch.sub(ut, zt, out=v)
            before = zt
        ctx.layer = layer
        ctx.save_for_backward(u, weight, z if weight is not None else None)
        return z

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """Compute the gradient of the current, step by step from the end."""
        u, weight, z = ctx.saved_tensors
        beta = ctx.layer.beta
        d = torch.empty_like(u)
        later = torch.zeros_like(d[0])
        by_spike = torch.empty_like(later)
        # The derivative of a few steps at once needs fewer calls than one per step; unlike that of all, it stays in the cache.
        chunk = max(1, IN_CACHE // later.numel())
        for uc, dc, gc in zip(*(reversed(whole.split(chunk)) for whole in (u, d, gradient)), strict=True):
            slopes = surrogate_derivative(ctx.layer, uc - 1.0)
            for st, dt, gt in zip(*(reversed(part.unbind(0)) for part in (slopes, dc, gc)), strict=True):
                torch.sub(gt, later, alpha=beta, out=by_spike)
                if weight is not None:
                    by_spike.addmm_(later, weight)
                torch.add(by_spike.mul_(st), later, alpha=beta, out=dt)
                later = dt
        by_weight = None
        if weight is not None and ctx.needs_input_grad[1]:
            by_weight = d[1:].flatten(0, 1).t() @ z[:-1].flatten(0, 1)
        return d, by_weight, None
