"""Ours, as one compiled Cell."""

from __future__ import annotations

from typing import Any

import numpy as np

import snn
from autograd import Cell, Tensor, nn, ops, optim, value_and_grad

from ..work import Array, Layer, Work
from .base import Base


class Contender(Base):
    """The net as an ``nn.SequentialCell``, or as a Cell that wires its layers, run with ``snn.run(mode="compiled")``."""

    packages: tuple[str, ...] = ("spikecell", "numba")
    options: dict[str, Any] = {}
    """Additional arguments of ``snn.run``."""
    mode = "compiled"

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self.net: Cell = nn.SequentialCell(*map(_cell, work.layers)) if work.chain else Wired(work)
        self.parameters = self.net.trainable_params()
        self.reset()
        given = work.inputs()
        self.x = snn.encode.direct(given[0], work.steps) if work.source == "constant" else Tensor(given)
        self.labels = work.labels()
        position = 0 if work.input_gradient else None
        self.gradients = value_and_grad(self._loss, grad_position=position, weights=self.parameters)

    def reset(self) -> None:
        """Restore the initial weights and reset the optimizer."""
        for parameter, weight in zip(self.parameters, self.work.weights(), strict=True):
            parameter.set_data(weight)
        self.rate = self.work.learning_rate
        if self.parameters:
            self.optimizer = optim.Adam(self.parameters, lambda step: self.rate)

    def _run(self, x: Any, **options: Any) -> Any:
        return snn.run(self.net, x, mode=self.mode, **self.options, **options)

    def _loss(self, x: Any, labels: Any) -> Tensor:
        out: Tensor = self._run(x)[0]
        if self.work.loss == "sum":
            return out.sum()
        count = snn.losses.count_cross_entropy if self.work.layers[-1].fires else snn.losses.membrane_cross_entropy
        return count(out, labels)

    def iteration(self) -> Any:
        """Run the forward and backward pass, and a step of the optimizer if there is one."""
        _, gradients = self.gradients(self.x, self.labels)
        if self.work.learning_rate:
            self.optimizer(gradients)
        return gradients

    def train(self, images: Array, labels: Array, rate: float) -> None:
        """Do one step of the optimizer."""
        self.rate = rate
        _, gradients = self.gradients(snn.encode.direct(images, self.work.steps), labels)
        self.optimizer(gradients)

    def scores(self, images: Array) -> Any:
        """Return the spike counts or summed membranes."""
        return self._run(snn.encode.direct(images, self.work.steps))[0].sum(0)

    def facts(self) -> dict[str, Any]:
        """Return firing rates and norms of gradients."""
        fires = [i for i, layer in enumerate(self.work.layers) if layer.fires]
        record = self._run(self.x, record=["spike"])[2] if fires else {}
        names = "{}.spike" if self.work.chain else "parts.{}.spike"
        _, gradients = self.gradients(self.x, self.labels)
        by_input, by_weights = gradients if self.work.input_gradient else (None, gradients)
        found = {
            "rates": [float(np.asarray(record[names.format(i)]).mean(dtype=np.float64)) for i in fires],
            "weight_gradient": _norm(by_weights),
        }
        return found | ({} if by_input is None else {"input_gradient": _norm([by_input])})

    def memory_estimate(self) -> int | None:
        """Return the result of ``snn.memory_estimate``."""
        estimate = getattr(snn, "memory_estimate", None)
        if estimate is None:
            return None
        images = {"features": given} if (given := self.work.layers[0].given) else {}
        said = estimate(self.net, self.work.steps, self.work.batch, **images, **self.options)
        return int(getattr(said, "total", said))


class Wired(Cell):
    """Layers wired as in the workload; the state holds all membranes and the spikes that are fed back."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.parts = nn.CellList(map(_cell, work.layers))
        self.work = work
        self.fires = [i for i, layer in enumerate(work.layers) if layer.fires]
        self.fed_back = work.fed_back(range(len(work.layers)))

    def initial_state(self, x: Any) -> Any:
        """Return zeros."""
        zeros = [ops.zeros((len(x), *layer.sample), x.dtype) for layer in self.work.layers]
        return tuple(zeros[i] for i in self.fires), tuple(zeros[i] for i in self.fed_back)

    def construct(self, x: Any, state: Any) -> Any:
        """Compute one step."""
        v, z = (dict(zip(keys, values, strict=True)) for keys, values in zip((self.fires, self.fed_back), state, strict=True))

        def apply(i: int, current: Any) -> Any:
            if i not in v:
                return self.parts[i](current)
            spikes, v[i] = self.parts[i](current, v[i])
            return spikes

        found = self.work.step(range(len(self.parts)), {-1: x}, z, apply)
        return found[len(self.parts) - 1], (tuple(v.values()), tuple(found[i] for i in z))


def _cell(layer: Layer) -> Cell:
    if layer.kind == "dense":
        return nn.Dense(layer.inputs, layer.size, has_bias=layer.bias, rng=0)
    if layer.kind == "conv":
        return nn.Conv2d(
            layer.given[0], layer.shape[0], layer.kernel, pad_mode="pad", padding=layer.padding, has_bias=layer.bias, rng=0
        )
    if layer.kind == "pool":
        return nn.MaxPool2d(layer.kernel, layer.kernel)
    if layer.kind == "flatten":
        return nn.Flatten()
    if layer.kind == "relu":
        return nn.ReLU()
    if layer.kind == "readout":
        return snn.LeakyReadout(beta=layer.beta)
    surrogate = snn.relusigmoid() if layer.surrogate == "relusigmoid" else getattr(snn.surrogate, layer.surrogate)(layer.alpha)
    node = snn.LIFNode(beta=layer.beta, surrogate_function=surrogate)
    if layer.kind == "lif":
        return node
    cell: Cell = snn.Recurrent(node, layer.size)
    return cell


def _norm(gradients: Any) -> float:
    return float(np.sqrt(sum(np.square(np.asarray(g), dtype=np.float64).sum() for g in gradients)))
