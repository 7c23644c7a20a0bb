"""Jaxpike: its ``Graph``, or ``Sequential`` as far as the net is a chain, run by its ``unroll``, which is a ``lax.scan``.

A ``Sequential`` computes a dense layer on all steps at once, a ``Graph`` step by step. By default eight steps are unrolled,
which suits GPUs. Without unrolling, an iteration of the graph benchmark takes two fifths to two thirds of the time on two
cores.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxpike
import numpy as np

from ..work import Array, Layer, UnsupportedError, Work
from .jax_base import JaxContender, channels_last, padding_of, weights_of_images


class Contender(JaxContender):
    """The same equations as ours. Its leak also scales the current; the weights compensate for this factor."""

    packages = ("jax", "equinox", "jaxpike")
    convolves = True
    again = False
    """Whether the backward pass recomputes each step, so that only states are kept."""

    def __init__(self, work: Work) -> None:
        betas = {layer.beta for layer in work.layers if layer.kind == "lif"}
        if len(betas) != 1 or any(layer.kind not in ("dense", "conv", "pool", "flatten", "lif") for layer in work.layers):
            raise UnsupportedError("layers of weights, pooling, and neurons of one beta only")
        self.unit = 1 / (1 - betas.pop())
        self.seen = [_net(work, i) for i, layer in enumerate(work.layers) if layer.fires]
        self.net = _net(work, len(work.layers) - 1, _chain(work))
        super().__init__(replace(work, learning_rate=work.learning_rate * self.unit))
        self.x = channels_last(self.x)

    def start(self) -> Any:
        """Return the initial weights."""
        return [jnp.asarray(weight) * np.float32(self.unit) for weight in weights_of_images(self.work)]

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; the spikes of other layers come from nets with those layers as output."""
        weights = self.work.by_layer(parameters)
        if seen is not None:
            seen.extend(self._unrolled(net, weights, x) for net in self.seen)
        return self._unrolled(self.net, weights, x)

    def _unrolled(self, net: Any, weights: Any, x: Any) -> Any:
        if self.work.layers[0].fires:  # there are no weights to compensate for it
            x = x * np.float32(self.unit)
        return jaxpike.unroll(_with(net, weights), x, scan_unroll=1, remat_step=self.again)[0]

    def train(self, images: Array, labels: Array, rate: float) -> None:
        """Do one step of the optimizer."""
        super().train(images, labels, rate * self.unit)

    def facts(self) -> dict[str, Any]:
        """Return firing rates, and norms of gradients with respect to weights in our units."""
        found = super().facts()
        return found | {"weight_gradient": self.unit * found["weight_gradient"]}


class Delay(eqx.Module):
    """A delay of one step, for an edge without one: its ``Graph`` breaks a cycle at one edge, perhaps at another than ours."""

    def init_state(self, shape: tuple[int, ...]) -> Any:
        """Return zeros."""
        return jnp.zeros(shape)

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape."""
        return shape

    def __call__(self, before: Any, x: Any) -> tuple[Any, Any]:
        """Return the input of the previous step."""
        return x, before


class Sigmoid(jaxpike.Surrogate):
    """The sigmoid surrogate, which it lacks."""

    slope: float

    def relaxation(self, v: Any) -> Any:
        """Return the smooth step."""
        return jax.nn.sigmoid(self.slope * v)


def _chain(work: Work) -> int:
    """Return the number of layers before a graph, which receives only the output of the last of them."""
    first = next((i for i, layer in enumerate(work.layers) if layer.sources), len(work.layers))
    return max(
        n for n in range(first + 1) if all(source >= n - 1 for i in range(n, len(work.layers)) for source in work.sources(i))
    )


def _net(work: Work, output: int, chain: int = 0) -> Any:
    """Return a chain of layers followed by a graph of the others, with weights to be set later."""
    layers = [_layer(layer) for layer in work.layers]
    if chain == len(layers):
        return jaxpike.Sequential(*layers)
    edges = [(source, i) for i in range(chain, len(layers)) for source in work.sources(i)]
    late = [edge for edge in edges if edge[0] >= edge[1]]
    after = {i: {(_name(i), _name(target)) for source, target in edges if source == i} for _, i in late}

    def graph(delayed: list[tuple[int, int]]) -> Any:
        nodes = {_name(i): layer for i, layer in enumerate(layers) if i >= chain}
        nodes |= {f"delay {edge}": Delay() for edge in delayed}
        wires: list[tuple[str, str]] = []
        for source, i in edges:
            delay = [f"delay {(source, i)}"] if (source, i) in delayed else []
            wires += pairwise((_name(source) if source >= chain else "input", *delay, _name(i)))
        return jaxpike.Graph(nodes, wires, _name(output))

    # A dense layer may be delayed before or after it.
    back = graph([]).back
    delayed = [edge for edge in late if (_name(edge[0]), _name(edge[1])) not in back and not after[edge[1]] <= back]
    found = graph(delayed)
    if len(found.back) + len(delayed) != len(late):
        raise UnsupportedError("its Graph delays other edges")
    return jaxpike.Sequential(*layers[:chain], found)


def _name(i: int) -> str:
    return f"layer {i}"


def _layer(layer: Layer) -> Any:
    if layer.kind == "dense":
        return jaxpike.Dense(layer.inputs, layer.size, key=jax.random.key(0), use_bias=layer.bias)
    if layer.kind == "conv":
        return jaxpike.Conv2d(
            layer.given[0], layer.shape[0], layer.kernel, key=jax.random.key(0), padding=padding_of(layer), use_bias=layer.bias
        )
    if layer.kind == "pool":
        return jaxpike.Pool2d(layer.kernel, mode="max")
    if layer.kind == "flatten":
        return jaxpike.Flatten()
    triangle = layer.surrogate == "triangle"
    surrogate = jaxpike.Triangular(width=1 / layer.alpha) if triangle else Sigmoid(slope=layer.alpha)
    return jaxpike.LIF(tau=-1 / math.log(layer.beta), surrogate=surrogate)


def _with(net: Any, weights: list[list[Any]]) -> Any:
    """Return a net with other weights."""

    def places(net: Any) -> list[Any]:
        chain = [layer for layer in net.layers if not isinstance(layer, jaxpike.Graph)]
        layers = dict(enumerate(chain))
        if len(chain) < len(net.layers):
            layers |= {i: net.layers[-1].nodes[_name(i)] for i in range(len(chain), len(weights))}
        return [
            getattr(layers[i], part) for i, own in enumerate(weights) for part, _ in zip(("weight", "bias"), own, strict=False)
        ]

    return eqx.tree_at(places, net, [weight for own in weights for weight in own])
