"""Spyx: its neurons, run by its ``run``, which is a ``lax.scan``.

Its ``Sequential`` multiplies by the weights step by step. Products of all steps at once reduce the time of the layer
benchmark by a sixth, so it runs with them; recurrent nets are faster in one scan.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import spyx
from flax import nnx

from ..work import Layer, UnsupportedError, Work
from .jax_base import JaxContender, channels_last, padding_of, surrogate_derivative, weights_of_images

_AT_ONCE = "dense", "conv", "pool", "flatten"


class Contender(JaxContender):
    """Its defaults, with our surrogate."""

    packages = ("jax", "flax", "spyx")
    convolves = True
    note = "spikes and resets one step late, so that its gradients differ"

    def __init__(self, work: Work) -> None:
        if not work.chain:
            raise UnsupportedError("its Sequential is a chain")
        self.recurrent = any(layer.kind == "recurrent" for layer in work.layers)
        model = spyx.nn.Sequential(*map(_module, work.layers))
        weights = iter(weights_of_images(work))
        for layer, module in zip(work.layers, model.layers, strict=True):
            if layer.kind in ("dense", "conv"):
                kernel = next(weights)
                module.kernel.set_value(jnp.asarray(kernel.T if layer.kind == "dense" else kernel))
                if layer.bias:
                    module.bias.set_value(jnp.asarray(next(weights)))
            elif layer.kind == "recurrent":
                module.recurrent_w.set_value(jnp.asarray(next(weights).T))
        # As in the others, the leak is not trained.
        self.graph, self.first, self.rest = nnx.split(model, lambda path, _: "beta" not in path, ...)
        super().__init__(work)
        self.x = channels_last(self.x)

    def start(self) -> Any:
        """Return the initial weights."""
        return jax.tree.map(jnp.copy, self.first)

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        model = nnx.merge(self.graph, parameters, self.rest)
        if seen is None and self.recurrent:
            return spyx.nn.run(model, x)[0]
        for layer, module in zip(self.work.layers, model.layers, strict=True):
            x = module(x) if layer.kind in _AT_ONCE else spyx.nn.run(module, x)[0]
            if seen is not None and layer.fires:
                seen.append(x)
        return x


def _module(layer: Layer) -> Any:
    rngs = nnx.Rngs(0)
    if layer.kind == "dense":
        return nnx.Linear(layer.inputs, layer.size, use_bias=layer.bias, rngs=rngs)
    if layer.kind == "conv":
        size = layer.kernel, layer.kernel
        return nnx.Conv(layer.given[0], layer.shape[0], size, padding=padding_of(layer), use_bias=layer.bias, rngs=rngs)
    if layer.kind == "pool":
        window = layer.kernel, layer.kernel
        return lambda x: nnx.max_pool(x.reshape(-1, *x.shape[2:]), window, window).reshape(*x.shape[:2], *_last(layer.shape))
    if layer.kind == "flatten":
        return lambda x: x.reshape(*x.shape[:2], -1)
    if layer.kind == "readout":
        return spyx.nn.LI((layer.size,), beta=layer.beta, rngs=rngs)
    kind = spyx.nn.RLIF if layer.kind == "recurrent" else spyx.nn.LIF
    activation = spyx.axn.custom(lambda u: surrogate_derivative(layer, u))
    return kind(_last(layer.sample), beta=layer.beta, activation=activation, rngs=rngs)


def _last(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[1:], shape[0]) if len(shape) == 3 else shape
