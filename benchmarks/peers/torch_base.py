"""Shared parts of contenders on torch: weights, loss, gradients, optimizer. Each defines the layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ..work import Array, Layer, UnsupportedError, Work, total
from . import threads
from .base import Base

__all__ = ["TorchContender", "merged", "surrogate_derivative"]


class TorchContender(Base):
    """A net whose layers are functions of ``[T, N, features]``, or images ``[T, N, C, H, W]``, and of their weights.

    Parameters
    ----------
    work : Work
        The workload.
    """

    packages: tuple[str, ...] = ("torch",)
    unit = 1.0
    """Factor from our currents to the library's units, in which the weights are kept."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        torch.set_num_threads(threads())
        self.layers = [getattr(self, layer.kind)(layer) for layer in work.layers]
        self.reset()
        x = self._over_time(np.array(work.inputs()[0])) if work.constant else torch.from_numpy(np.array(work.inputs()))
        self.x = x if work.layers[0].kind in ("dense", "conv") else x.mul_(self.unit)
        self.x.requires_grad_(work.input_gradient)
        self.labels = torch.from_numpy(work.labels())

    def dense(self, layer: Layer) -> Callable[..., Any]:
        """Return a fully connected layer on all time steps at once."""
        linear: Callable[..., Any] = functional.linear
        return linear

    def relu(self, layer: Layer) -> Callable[..., Any]:
        """Return rectifiers."""
        positive: Callable[..., Any] = functional.relu
        return positive

    def conv(self, layer: Layer) -> Callable[..., Any]:
        """Return a convolution of the images of all time steps at once."""
        return lambda x, *weights: merged(x, lambda images: functional.conv2d(images, *weights, padding=layer.padding))

    def pool(self, layer: Layer) -> Callable[..., Any]:
        """Return max-pooling of the images of all time steps at once."""
        return lambda x: merged(x, lambda images: functional.max_pool2d(images, layer.kernel))

    def flatten(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer that turns images into rows."""
        return lambda x: x.flatten(2)

    def lif(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons."""
        raise NotImplementedError

    def recurrent(self, layer: Layer) -> Callable[..., Any]:
        """Return a layer of neurons with recurrent weights."""
        raise NotImplementedError

    def neuron(self, layer: Layer) -> Callable[[Any, Any], tuple[Any, Any]]:
        """Return one step of neurons: from current and membrane to spikes and membrane."""
        raise UnsupportedError("its neurons run all time steps at once, which excludes feedback")

    def readout(self, layer: Layer) -> Callable[..., Any]:
        """Return leaky integrators as one product over time. They are a small part; all contenders share this fastest way."""
        steps = torch.arange(self.work.steps)
        ages = (steps[:, None] - steps).clamp(min=0)
        kernel = torch.tril(torch.tensor(layer.beta) ** ages)
        return lambda current: (kernel @ current.flatten(1)).view_as(current)

    def reset(self) -> None:
        """Restore the initial weights and reset the optimizer."""
        weights = [torch.from_numpy(weight * np.float32(self.unit)) for weight in self.work.weights()]
        self.parameters = [weight.requires_grad_() for weight in weights]
        self.optimizer = torch.optim.Adam(self.parameters, lr=self.work.learning_rate * self.unit, fused=True)

    def forward(self, x: Any, seen: list[Any] | None = None) -> Any:
        """Run the net; collect the spikes of its layers."""
        weights = self.work.by_layer(self.parameters)

        def run(stage: range, received: dict[int, Any]) -> dict[int, Any]:
            fires = [i for i in stage if self.work.layers[i].fires]
            if len(stage) > 1:
                out = self.group(stage, received, weights, self.work.leaving(stage) if seen is None else fires)
            else:
                (i,) = stage
                given = list(received.values())
                received.clear()
                out = {i: self.layers[i](total(given), *weights[i])}
            if seen is not None:
                seen.extend(out[i] for i in fires)
            return out

        return self.work.walk(x, run)

    def group(self, stage: range, received: dict[int, Any], weights: list[list[Any]], kept: list[int]) -> dict[int, Any]:
        """Run layers with feedback; return the outputs over time of the layers in ``kept``."""
        out: dict[int, Any]
        out, _, _ = self.steps(stage, kept)(received, weights, *self.rest(stage, next(iter(received.values()))))
        return out

    def rest(self, stage: range, x: Any) -> tuple[dict[int, Any], dict[int, Any]]:
        """Return membranes and outputs before the first step."""
        layers = self.work.layers
        zeros = {i: x.new_zeros(x.shape[1], *layers[i].sample) for i in stage}
        return {i: zeros[i] for i in stage if layers[i].fires}, {i: zeros[i] for i in self.work.fed_back(stage)}

    def steps(self, stage: range, kept: list[int]) -> Callable[..., Any]:
        """Return a plain loop, from inputs, weights, membranes and outputs to outputs over time and both at the end."""
        cells = {i: self.neuron(self.work.layers[i]) if self.work.layers[i].fires else self.layers[i] for i in stage}

        def steps(received: dict[int, Any], weights: list[list[Any]], v: dict[int, Any], z: dict[int, Any]) -> Any:
            v = dict(v)
            out: dict[int, list[Any]] = {i: [] for i in kept}

            def apply(i: int, current: Any) -> Any:
                if i not in v:
                    return cells[i](current, *weights[i])
                spikes, v[i] = cells[i](current, v[i])
                return spikes

            for now in zip(*(x.unbind(0) for x in received.values()), strict=True):
                found = self.work.step(stage, dict(zip(received, now, strict=True)), z, apply)
                z = {i: found[i] for i in z}
                for i in kept:
                    out[i].append(found[i])
            return {i: torch.stack(values) for i, values in out.items()}, v, z

        return steps

    def _backward(self, x: Any, labels: Any) -> None:
        for leaf in (*self.parameters, x):
            leaf.grad = None
        out = self.forward(x)
        loss = out.sum() if self.work.loss == "sum" else functional.cross_entropy(out.sum(0), labels)
        loss.backward()

    def iteration(self) -> None:
        """Run the forward and backward pass, and a step of the optimizer if there is one."""
        self._backward(self.x, self.labels)
        if self.work.learning_rate:
            self.optimizer.step()

    def _over_time(self, images: Array) -> Any:
        return torch.from_numpy(images).expand(self.work.steps, *images.shape)

    def train(self, images: Array, labels: Array, rate: float) -> None:
        """Do one step of the optimizer."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * self.unit
        self._backward(self._over_time(images), torch.from_numpy(labels))
        self.optimizer.step()

    def scores(self, images: Array) -> Any:
        """Return the spike counts or summed membranes."""
        with torch.no_grad():
            return self.forward(self._over_time(images)).sum(0).numpy()

    def facts(self) -> dict[str, Any]:
        """Return firing rates and norms of gradients."""
        seen: list[Any] = []
        with torch.no_grad():
            self.forward(self.x, seen)
        self._backward(self.x, self.labels)
        scale = self.unit
        found = {
            "rates": [spikes.mean(dtype=torch.float64).item() for spikes in seen],
            "weight_gradient": scale * sum(p.grad.double().square().sum().item() for p in self.parameters) ** 0.5,
        }
        if self.work.input_gradient:
            of_current = self.work.layers[0].kind not in ("dense", "conv")
            found["input_gradient"] = (scale if of_current else 1.0) * self.x.grad.double().norm().item()
        return found


def merged(x: Any, apply: Callable[[Any], Any]) -> Any:
    """Apply a function of images ``[N, C, H, W]`` to those of all time steps at once."""
    return apply(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def surrogate_derivative(layer: Layer, u: Any) -> Any:
    """Return the surrogate's derivative, computed in one new array."""
    if layer.surrogate == "triangle":
        return u.abs().mul_(-layer.alpha).add_(1).clamp_(min=0).mul_(layer.alpha)
    s = (u * layer.alpha).sigmoid_()
    return torch.addcmul(s, s, s, value=-1, out=s).mul_(layer.alpha)
