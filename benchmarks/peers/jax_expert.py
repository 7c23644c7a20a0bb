"""Jax as written by an expert: products of all steps at once, ``lax.scan`` over the neurons, a surrogate by ``custom_jvp``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..work import Layer, total
from .jax_base import JaxContender, surrogate_derivative


class Contender(JaxContender):
    """One scan per layer of a net without feedback; one scan for any other net, which is faster than several.

    Convolutions and pooling take the images of all steps at once; of an input that is the same at every step, those of one.
    """

    convolves = True

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        weights = self.work.by_layer(parameters)
        layers = self.work.layers

        def run(stage: range, received: dict[int, Any]) -> dict[int, Any]:
            if len(stage) == 1 and (apply := _AT_ONCE.get(layers[stage.start].kind)) is not None:
                now = total(received.values())
                return {stage.start: apply(layers[stage.start], now, *weights[stage.start])}
            if len(received) == 1 and len(now := next(iter(received.values()))) < self.work.steps:
                received = dict.fromkeys(received, jnp.broadcast_to(now, (self.work.steps, *now.shape[1:])))
            out: dict[int, Any]
            out, spikes = self._scan(stage, received, weights, keep=seen is not None)
            if seen is not None:
                seen.extend(spikes)
            return out

        every = range(len(layers))
        if self.work.fed_back(every):
            return run(every, {-1: x})[every[-1]]
        return self.work.walk(x[:1] if self.work.constant and layers[0].kind == "conv" else x, run)

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
                    return _dense(layer, current, *weights[i])
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
        zeros = {i: jnp.zeros((x.shape[1], *layers[i].sample), x.dtype) for i in stage}
        start = {i: zeros[i] for i in stage if layers[i].kind != "dense"}, {i: zeros[i] for i in fed_back}
        return jax.lax.scan(step, start, received, unroll=1)[1]


def _dense(layer: Layer, x: Any, weight: Any, bias: Any = None) -> Any:
    return x @ weight.T if bias is None else x @ weight.T + bias


def _conv(layer: Layer, x: Any, weight: Any, bias: Any = None) -> Any:
    pads = [(layer.padding, layer.padding)] * 2
    images = x.reshape(-1, *x.shape[2:])
    made = jax.lax.conv_general_dilated(images, weight, (1, 1), pads, dimension_numbers=("NCHW", "OIHW", "NCHW"))
    made = made if bias is None else made + bias[:, None, None]
    return made.reshape(*x.shape[:2], *made.shape[1:])


def _pool(layer: Layer, x: Any) -> Any:
    window = (1, 1, 1, layer.kernel, layer.kernel)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")


def _flatten(layer: Layer, x: Any) -> Any:
    return x.reshape(*x.shape[:2], -1)


_AT_ONCE: dict[str, Any] = {"dense": _dense, "conv": _conv, "pool": _pool, "flatten": _flatten}


def _spike(layer: Layer) -> Any:
    @jax.custom_jvp
    def spike(u: Any) -> Any:
        return (u > 0).astype(u.dtype)

    @spike.defjvp
    def _spike_jvp(primals: Any, tangents: Any) -> Any:
        return spike(*primals), surrogate_derivative(layer, *primals) * tangents[0]

    return spike
