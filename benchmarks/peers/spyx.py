"""Spyx: its neurons in its ``Sequential``, run by its ``run``, which is a ``lax.scan``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import spyx
from flax import nnx

from ..work import Layer, Work
from .jax_base import JaxContender, surrogate_derivative


class Contender(JaxContender):
    """The surrogate is ours; the rest is its default."""

    packages = ("jax", "flax", "spyx")
    note = "spikes one step late"

    def __init__(self, work: Work) -> None:
        model = spyx.nn.Sequential(*map(_module, work.layers))
        weights = iter(work.weights())
        for layer, module in zip(work.layers, model.layers, strict=True):
            if layer.kind == "dense":
                module.kernel.set_value(jnp.asarray(next(weights).T))
                if layer.bias:
                    module.bias.set_value(jnp.asarray(next(weights)))
            elif layer.kind == "recurrent":
                module.recurrent_w.set_value(jnp.asarray(next(weights).T))
        # The leak is not trained, as in the others.
        self.graph, self.first, self.rest = nnx.split(model, lambda path, _: "beta" not in path, ...)
        super().__init__(work)

    def start(self) -> Any:
        """Return the first weights."""
        return jax.tree.map(jnp.copy, self.first)

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        model = nnx.merge(self.graph, parameters, self.rest)
        if seen is not None:
            for i, layer in enumerate(self.work.layers):
                if layer.fires:
                    seen.append(spyx.nn.run(spyx.nn.Sequential(*model.layers[: i + 1]), x)[0])
        return spyx.nn.run(model, x)[0]


def _module(layer: Layer) -> Any:
    rngs = nnx.Rngs(0)
    if layer.kind == "dense":
        return nnx.Linear(layer.inputs, layer.size, use_bias=layer.bias, rngs=rngs)
    if layer.kind == "readout":
        return spyx.nn.LI((layer.size,), beta=layer.beta, rngs=rngs)
    kind = spyx.nn.RLIF if layer.kind == "recurrent" else spyx.nn.LIF
    activation = spyx.axn.custom(lambda u: surrogate_derivative(layer, u))
    return kind((layer.size,), beta=layer.beta, activation=activation, rngs=rngs)
