"""Shared parts of contenders on jax: loss, gradients and optimizer in one compiled function. Each defines the net."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..work import Array, Layer, UnsupportedError, Work
from .base import Base

__all__ = ["JaxContender", "channels_last", "padding_of", "surrogate_derivative", "weights_of_images"]

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


class JaxContender(Base):
    """A net as a function of its weights and ``[T, N, features]``.

    Parameters
    ----------
    work : Work
        The workload.
    """

    packages: tuple[str, ...] = ("jax",)
    convolves = False
    """Whether it has layers for images."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        if not self.convolves and any(layer.kind == "conv" for layer in work.layers):
            raise UnsupportedError("no convolution is implemented for it")
        self.reset()
        self.x, self.labels = jnp.asarray(work.inputs()), jnp.asarray(work.labels())
        positions = (0, 1) if work.input_gradient else (0,)
        self.gradients = jax.jit(jax.value_and_grad(self._loss, positions))
        self.adam = jax.jit(self._step, donate_argnums=(0, 1))
        self.adam_on_images = jax.jit(
            lambda parameters, memory, images, *rest: self._step(parameters, memory, self._over_time(images), *rest),
            donate_argnums=(0, 1),
        )
        self.counts = jax.jit(lambda parameters, images: self.forward(parameters, self._over_time(images)).sum(0))

    def start(self) -> Any:
        """Return the initial weights."""
        return [jnp.asarray(weight) for weight in self.work.weights()]

    def forward(self, parameters: Any, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        raise NotImplementedError

    def reset(self) -> None:
        """Restore the initial weights and reset the optimizer."""
        self.parameters = self.start()
        zeros = jax.tree.map(jnp.zeros_like, self.parameters)
        self.memory = (zeros, jax.tree.map(jnp.zeros_like, self.parameters), jnp.zeros((), jnp.int32))

    def _over_time(self, images: Any) -> Any:
        return jnp.broadcast_to(images, (self.work.steps, *images.shape))

    def _loss(self, parameters: Any, x: Any, labels: Any) -> Any:
        out = self.forward(parameters, x)
        if self.work.loss == "sum":
            return out.sum()
        scores = jax.nn.log_softmax(out.sum(0))
        return -jnp.take_along_axis(scores, labels[:, None], 1).mean()

    def _step(self, parameters: Any, memory: Any, x: Any, labels: Any, rate: Any) -> Any:
        """Return parameters and memory after a step of Adam."""
        gradients = jax.grad(self._loss)(parameters, x, labels)
        first, second, n = memory
        n = n + 1
        first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
        second = jax.tree.map(lambda s, g: BETA2 * s + (1 - BETA2) * g * g, second, gradients)
        parameters = jax.tree.map(
            lambda p, m, s: p - rate * (m / (1 - BETA1**n)) / (jnp.sqrt(s / (1 - BETA2**n)) + EPS), parameters, first, second
        )
        return parameters, (first, second, n)

    def iteration(self) -> Any:
        """Run the forward and backward pass, and a step of the optimizer if there is one."""
        if not self.work.learning_rate:
            return jax.block_until_ready(self.gradients(self.parameters, self.x, self.labels))
        after = self.adam(self.parameters, self.memory, self.x, self.labels, self.work.learning_rate)
        self.parameters, self.memory = jax.block_until_ready(after)
        return None

    def train(self, images: Array, labels: Array, rate: float) -> None:
        """Do one step of the optimizer."""
        after = self.adam_on_images(self.parameters, self.memory, images, labels, rate)
        self.parameters, self.memory = jax.block_until_ready(after)

    def scores(self, images: Array) -> Any:
        """Return the spike counts or summed membranes."""
        return self.counts(self.parameters, images)

    def facts(self) -> dict[str, Any]:
        """Return firing rates and norms of gradients."""

        def spikes(parameters: Any, x: Any) -> list[Any]:
            seen: list[Any] = []
            self.forward(parameters, x, seen)
            return [z.mean() for z in seen]

        _, gradients = self.gradients(self.parameters, self.x, self.labels)
        found = {
            "rates": [float(rate) for rate in jax.jit(spikes)(self.parameters, self.x)],
            "weight_gradient": _norm(jax.tree.leaves(gradients[0])),
        }
        return found | ({"input_gradient": _norm([gradients[1]])} if self.work.input_gradient else {})


def _norm(gradients: Any) -> float:
    return float(np.sqrt(sum(np.square(np.asarray(g), dtype=np.float64).sum() for g in gradients)))


def surrogate_derivative(layer: Layer, u: Any) -> Any:
    """Return the surrogate's derivative."""
    if layer.surrogate == "triangle":
        return layer.alpha * jnp.maximum(1 - layer.alpha * jnp.abs(u), 0)
    s = jax.nn.sigmoid(layer.alpha * u)
    return layer.alpha * s * (1 - s)


# Layers of the libraries take images with the channels last.


def channels_last(x: Any) -> Any:
    """Return images ``[T, N, C, H, W]`` as ``[T, N, H, W, C]``. Other arrays stay the same."""
    return jnp.moveaxis(x, 2, -1) if x.ndim == 5 else x


def weights_of_images(work: Work) -> list[Array]:
    """Return the weights for images with the channels last: kernels ``[H, W, in, out]``, and dense weights after them."""
    found, flat = [], None
    for layer, own in zip(work.layers, work.by_layer(work.weights()), strict=True):
        for weight in own:
            if weight.ndim == 4:
                weight = weight.transpose(2, 3, 1, 0)
            elif weight.ndim == 2 and flat is not None:
                weight = weight.reshape(-1, *flat).transpose(0, 2, 3, 1).reshape(weight.shape)
            found.append(weight)
        flat = layer.given if layer.kind == "flatten" else flat if not own else None
    return found


def padding_of(layer: Layer) -> str:
    """Return the name of a convolution's padding."""
    if layer.padding and 2 * layer.padding != layer.kernel - 1:
        raise UnsupportedError("no padding, or as much as keeps the size")
    return "SAME" if layer.padding else "VALID"
