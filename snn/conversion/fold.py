"""A chain of rectifiers as weights, rectifiers and pooling: norms are folded into the weights in front of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd import Cell, Parameter, nn, ops
from autograd.dtypes import Array, describe
from autograd.errors import CellError

from ..common.structure import label

__all__ = ["WEIGHTED", "folded", "with_weights"]

WEIGHTED = (nn.Dense, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_INSTEAD = {
    "MaxPool1d": "Train with nn.AvgPool1d: the largest of several rates is not a sum of spikes.",
    "MaxPool2d": "Train with nn.AvgPool2d: the largest of several rates is not a sum of spikes.",
    "Softmax": "Leave it out: it does not change which class is the largest.",
    "LogSoftmax": "Leave it out: it does not change which class is the largest.",
}


def folded(ann: nn.SequentialCell) -> dict[str, Cell]:
    """Return the layers of a chain: weights with the norms after them, rectifiers, pooling."""
    layers: dict[str, Cell] = {}
    last = linear = ""  # the layer of weights that nothing follows yet; that no rectifier follows
    layer: Any
    for name, layer in _flat(ann, ""):
        where = label(name, layer)
        name = _free(name.replace(".", "_"), layers)
        if layer.hooked:
            raise CellError(f"snn.convert, {where}", "layers without hooks", "one with a hook", "Remove it.")
        if type(layer) in WEIGHTED:
            w = layer.effective_weight().asnumpy()
            bias = np.zeros(len(w), w.dtype) if layer.bias is None else layer.bias.stored
            layers[name], last, linear = with_weights(layer, w, bias), name, name
            if (activation := getattr(layer, "activation", None)) is not None:
                if not isinstance(activation, nn.ReLU) and activation is not ops.relu:
                    raise _not_convertible(where, f"the activation {describe(activation)}", "")
                layers[_free(f"{name}_relu", layers)], last, linear = nn.ReLU(), "", ""
        elif type(layer) in _NORMS:
            if not last:
                raise CellError(
                    f"snn.convert, {where}", "a norm directly after a layer with weights", "one after another layer",
                    "Put it between the weights and the rectifier.",
                )  # fmt: skip
            if layer.use_batch_statistics:
                raise CellError(
                    f"snn.convert, {where}", "a norm that uses its moving statistics", "one with use_batch_statistics=True",
                    "Leave it out: then training uses the statistics of the batch, and updates the norm's own.",
                )  # fmt: skip
            layers[last] = _normed(layers[last], layer)
        elif type(layer) is nn.ReLU:
            if not linear:
                raise CellError(
                    f"snn.convert, {where}", "a rectifier after a layer with weights", "one after another layer",
                    "Put it after the weights, their norm, or a pooling of these.",
                )  # fmt: skip
            layers[name], last, linear = layer, "", ""
        elif type(layer) in _POOLS:
            layers[name], last = layer, ""
        elif type(layer) is nn.Flatten and (layer.start_dim, layer.end_dim) == (1, -1):
            layers[name], last, linear = layer, "", ""
        elif type(layer) not in (nn.Dropout, nn.Identity):
            raise _not_convertible(where, type(layer).__name__, _INSTEAD.get(type(layer).__name__, ""))
    return layers


def _free(name: str, taken: dict[str, Cell]) -> str:
    while name in taken:
        name += "_"
    return name


def _flat(cell: nn.SequentialCell, path: str) -> Iterator[tuple[str, Cell]]:
    for name, layer in cell.named():
        if isinstance(layer, nn.SequentialCell):
            yield from _flat(layer, f"{path}{name}.")
        else:
            yield f"{path}{name}", layer


def _not_convertible(where: str, got: str, fix: str) -> CellError:
    return CellError(
        f"snn.convert, {where}", "dense layers, convolutions, norms after them, nn.ReLU, average pooling, nn.Flatten", got,
        fix or "Train with these, or train the spiking net itself.",
    )  # fmt: skip


def _normed(layer: Any, norm: Any) -> Any:
    """Return a layer of weights with a norm by moving statistics folded into it."""
    gain = norm.gamma.stored / np.sqrt(norm.moving_variance.stored + norm.moving_variance.dtype.type(norm.eps))
    w = layer.weight.stored
    bias = (layer.bias.stored - norm.moving_mean.stored) * gain + norm.beta.stored
    return with_weights(layer, w * gain.reshape(-1, *(1,) * (w.ndim - 1)), bias)


def with_weights(layer: Any, weight: Array, bias: Array) -> Any:
    """Return a layer like another, with these weights and this bias."""
    twin = copy.deepcopy(layer)
    dtype = layer.weight.dtype
    twin.weight, twin.bias = Parameter(weight.astype(dtype), name="weight"), Parameter(bias.astype(dtype), name="bias")
    twin.has_bias, twin.weight_transform, twin.activation = True, None, None
    return twin
