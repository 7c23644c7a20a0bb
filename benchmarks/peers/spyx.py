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
from .jax_base import JaxContender, surrogate_derivative


class Contender(JaxContender):
    """Its defaults, with our surrogate."""

    packages = ("jax", "flax", "spyx")
    note = "spikes one step late"

    def __init__(self, work: Work) -> None:
        if not work.chain:
            raise UnsupportedError("its Sequential is a chain")
        self.recurrent = any(layer.kind == "recurrent" for layer in work.layers)
        model = spyx.nn.Sequential(*map(_module, work.layers))
        weights = iter(work.weights())
        for layer, module in zip(work.layers, model.layers, strict=True):
            if layer.kind == "dense":
                module.kernel.set_value(jnp.asarray(next(weights).T))
                if layer.bias:
                    module.bias.set_value(jnp.asarray(next(weights)))
            elif layer.kind == "recurrent":
                module.recurrent_w.set_value(jnp.asarray(next(weights).T))
        # As in the others, the leak is not trained.
        self.graph, self.first, self.rest = nnx.split(model, lambda path, _: "beta" not in path, ...)
        super().__init__(work)

    def start(self) -> Any:
        """Return the initial weights."""
        return jax.tree.map(jnp.copy, self.first)

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        model = nnx.merge(self.graph, parameters, self.rest)
        if seen is None and self.recurrent:
            return spyx.nn.run(model, x)[0]
        for layer, module in zip(self.work.layers, model.layers, strict=True):
            x = module(x) if layer.kind == "dense" else spyx.nn.run(module, x)[0]
            if seen is not None and layer.fires:
                seen.append(x)
        return x


def _module(layer: Layer) -> Any:
    rngs = nnx.Rngs(0)
    if layer.kind == "dense":
        return nnx.Linear(layer.inputs, layer.size, use_bias=layer.bias, rngs=rngs)
    if layer.kind == "readout":
        return spyx.nn.LI((layer.size,), beta=layer.beta, rngs=rngs)
    kind = spyx.nn.RLIF if layer.kind == "recurrent" else spyx.nn.LIF
    activation = spyx.axn.custom(lambda u: surrogate_derivative(layer, u))
    return kind((layer.size,), beta=layer.beta, activation=activation, rngs=rngs)
