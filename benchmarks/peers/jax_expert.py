"""Jax as an expert writes it: products of all steps at once, ``lax.scan`` over the neurons, a surrogate by ``custom_jvp``."""

from __future__ import annotations

from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp

from ..work import Layer
from .jax_base import JaxContender, surrogate_derivative


class Contender(JaxContender):
    """Where weights are among the neurons, the backward is written by hand: their gradient is one product at its end."""

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        weights = iter(parameters)
        for layer in self.work.layers:
            own = list(islice(weights, len(layer.shapes)))
            if layer.kind == "dense":
                x = x @ own[0].T
                x = x + own[1] if layer.bias else x
            elif layer.kind == "recurrent":
                x = _recurrent(layer)(x, own[0])
            elif layer.kind == "lif":
                x = _lif(layer, x)
            else:
                x = _scan(lambda v, ct, beta=layer.beta: (beta * v + ct,) * 2, x)
            if seen is not None and layer.fires:
                seen.append(x)
        return x


def _scan(step: Any, current: Any) -> Any:
    return jax.lax.scan(step, jnp.zeros_like(current[0]), current, unroll=1)[1]


def _lif(layer: Layer, current: Any) -> Any:
    @jax.custom_jvp
    def spike(u: Any) -> Any:
        return (u > 0).astype(u.dtype)

    @spike.defjvp
    def _spike_jvp(primals: Any, tangents: Any) -> Any:
        return spike(*primals), surrogate_derivative(layer, *primals) * tangents[0]

    def step(v: Any, ct: Any) -> Any:
        v = layer.beta * v + ct
        z = spike(v - 1)
        return v - z, z

    return _scan(step, current)


def _recurrent(layer: Layer) -> Any:
    def run(current: Any, weight: Any) -> Any:
        def step(carry: Any, ct: Any) -> Any:
            v, z = carry
            u = layer.beta * v + ct + z @ weight.T
            z = (u > 1).astype(u.dtype)
            return (u - z, z), (u, z)

        zero = jnp.zeros_like(current[0])
        return jax.lax.scan(step, (zero, zero), current)[1]

    @jax.custom_vjp
    def apply(current: Any, weight: Any) -> Any:
        return run(current, weight)[1]

    def forward(current: Any, weight: Any) -> Any:
        u, z = run(current, weight)
        return z, (u, z, weight)

    def backward(saved: Any, gradient: Any) -> Any:
        u, z, weight = saved

        def step(later: Any, now: Any) -> Any:
            gt, ut = now
            by_spike = gt + later @ weight - layer.beta * later
            d = layer.beta * later + by_spike * surrogate_derivative(layer, ut - 1)
            return d, d

        _, d = jax.lax.scan(step, jnp.zeros_like(u[0]), (gradient, u), reverse=True)
        return d, jnp.einsum("tni,tnj->ij", d[1:], z[:-1])

    apply.defvjp(forward, backward)
    return apply
