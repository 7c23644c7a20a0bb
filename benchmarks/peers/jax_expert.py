"""Jax as written by an expert: products of all steps at once, ``lax.scan`` over the neurons, a surrogate by ``custom_jvp``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..work import Layer, total
from .jax_base import JaxContender, surrogate_derivative


class Contender(JaxContender):
    """One scan per layer of a net without feedback; one scan for any other net, which is faster than several."""

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        weights = self.work.by_layer(parameters)
        layers = self.work.layers

        def run(stage: range, received: dict[int, Any]) -> dict[int, Any]:
            if len(stage) == 1 and layers[stage.start].kind == "dense":
                return {stage.start: _dense(total(received.values()), *weights[stage.start])}
            out: dict[int, Any]
            out, spikes = self._scan(stage, received, weights, keep=seen is not None)
            if seen is not None:
                seen.extend(spikes)
            return out

        every = range(len(layers))
        if self.work.fed_back(every):
            return run(every, {-1: x})[every[-1]]
        return self.work.walk(x, run)

    def _scan(self, stage: range, received: dict[int, Any], weights: list[list[Any]], keep: bool) -> Any:
        """Return the outputs over time that leave a stage and, if ``keep``, the spikes of all its layers."""
        layers, leaving, fed_back = self.work.layers, self.work.leaving(stage), self.work.fed_back(stage)
        spike = {i: _spike(layers[i]) for i in stage if layers[i].fires}

        def step(carry: Any, now: Any) -> Any:
            before, z = carry
            after = {}

            def apply(i: int, current: Any) -> Any:
                layer = layers[i]
                if layer.kind == "dense":
                    return _dense(current, *weights[i])
                v = layer.beta * before[i] + current
                if layer.kind == "recurrent":
                    v = v + z[i] @ weights[i][0].T
                out = spike[i](v - 1) if layer.fires else v
                after[i] = v - out if layer.fires else v
                return out

            found = self.work.step(stage, now, z, apply)
            outputs = {i: found[i] for i in leaving}, [found[i] for i in spike if keep]
            return (after, {i: found[i] for i in fed_back}), outputs

        x = next(iter(received.values()))
        zeros = {i: jnp.zeros((x.shape[1], layers[i].size), x.dtype) for i in stage}
        start = {i: zeros[i] for i in stage if layers[i].kind != "dense"}, {i: zeros[i] for i in fed_back}
        return jax.lax.scan(step, start, received, unroll=1)[1]


def _dense(x: Any, weight: Any, bias: Any = None) -> Any:
    return x @ weight.T if bias is None else x @ weight.T + bias


def _spike(layer: Layer) -> Any:
    @jax.custom_jvp
    def spike(u: Any) -> Any:
        return (u > 0).astype(u.dtype)

    @spike.defjvp
    def _spike_jvp(primals: Any, tangents: Any) -> Any:
        return spike(*primals), surrogate_derivative(layer, *primals) * tangents[0]

    return spike
