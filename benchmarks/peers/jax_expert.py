"""Jax as an expert writes it: products of all steps at once, ``lax.scan`` over the neurons, a surrogate by ``custom_jvp``."""

from __future__ import annotations

from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp

from ..work import Layer
from .jax_base import JaxContender, surrogate_derivative


class Contender(JaxContender):
    """A scan for each layer of a feed-forward net; a recurrent net is one scan, which is faster than several."""

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        left = iter(parameters)
        layers = [(layer, list(islice(left, len(layer.shapes)))) for layer in self.work.layers]
        groups = [layers] if any(layer.kind == "recurrent" for layer, _ in layers) else [[one] for one in layers]
        for group in groups:
            if all(layer.kind == "dense" for layer, _ in group):
                x = _dense(x, *group[0][1])
                continue
            x, spikes = _scan(group, x, keep=seen is not None)
            if seen is not None:
                seen += spikes
        return x


def _dense(x: Any, weight: Any, bias: Any = None) -> Any:
    return x @ weight.T if bias is None else x @ weight.T + bias


def _scan(layers: list[tuple[Layer, list[Any]]], x: Any, keep: bool) -> Any:
    """Return the last layer's output over time and, if they are to be kept, the spikes of all layers that fire."""
    spike = {layer: _spike(layer) for layer, _ in layers if layer.fires}

    def step(states: Any, out: Any) -> Any:
        after: list[Any] = []
        spikes = []
        for (layer, own), state in zip(layers, states, strict=True):
            if layer.kind == "dense":
                out = _dense(out, *own)
                after.append(())
                continue
            v, z = state
            v = layer.beta * v + out
            if layer.kind == "recurrent":
                v = v + z @ own[0].T
            if layer.fires:
                out = spike[layer](v - 1)
                after.append((v - out, out if layer.kind == "recurrent" else z))
                spikes.append(out)
            else:
                out = v
                after.append((v, z))
        return after, (out, spikes if keep else [])

    zeros = [() if layer.kind == "dense" else (jnp.zeros((x.shape[1], layer.size), x.dtype),) * 2 for layer, _ in layers]
    return jax.lax.scan(step, zeros, x, unroll=1)[1]


def _spike(layer: Layer) -> Any:
    @jax.custom_jvp
    def spike(u: Any) -> Any:
        return (u > 0).astype(u.dtype)

    @spike.defjvp
    def _spike_jvp(primals: Any, tangents: Any) -> Any:
        return spike(*primals), surrogate_derivative(layer, *primals) * tangents[0]

    return spike
