"""Our layers as NIR's nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import Cell, Parameter, nn
from autograd.errors import ArgumentError
from autograd.nn.weighted import Weighted

from ...layers.delay import Delay
from ...layers.one_to_one import OneToOne
from .cells import Scale
from .fields import Array

__all__ = ["WRITERS", "Layer", "frozen", "plain_weight"]


@dataclass
class Layer:
    """A layer in NIR's terms: the name of its node's class, the arguments of the node, and our metadata."""

    kind: str
    arguments: dict[str, Any]
    hints: dict[str, Any] = field(default_factory=dict)


def frozen(cell: Cell) -> dict[str, Any]:
    """Return metadata with the names of the Parameters of a layer that are not trained."""
    names = [name for name, held in vars(cell).items() if isinstance(held, Parameter) and not held.requires_grad]
    return {"frozen": names} if names else {}


def plain_weight(cell: Weighted, where: str) -> Array:
    """Return the weights of a layer; an error if they go through a transform."""
    if cell.weight_transform is not None:
        raise ArgumentError(
            where, "weights as they are", f"a weight_transform, {type(cell.weight_transform).__name__}",
            "Bake it in: layer.weight.set_data(layer.effective_weight()), then layer.weight_transform = None.",
        )  # fmt: skip
    return np.array(cell.weight.asnumpy())


def _dense(cell: Any, before: tuple[int, ...], after: tuple[int, ...], dt: float, where: str) -> Layer:
    if cell.activation is not None:
        raise ArgumentError(where, "a layer without activation", f"activation={cell.activation!r}", "NIR has no such node.")
    if len(before) != 1:
        raise ArgumentError(
            where, "an input [N, features], as NIR's Affine takes it", f"features {list(before)}",
            "Put nn.Flatten() before it.",
        )  # fmt: skip
    weight = plain_weight(cell, where)
    if cell.bias is None:
        return Layer("Linear", {"weight": weight})
    return Layer("Affine", {"weight": weight, "bias": np.array(cell.bias.asnumpy())})


def _one_to_one(cell: Any, before: tuple[int, ...], after: tuple[int, ...], dt: float, where: str) -> Layer:
    weight = np.array(cell.weight.asnumpy())
    if len(before) != 1:
        raise ArgumentError(where, "an input [N, features]", f"features {list(before)}", "snn.interop.nir.Scale takes images.")
    if cell.bias is None:
        return Layer("Scale", {"scale": weight})
    return Layer("Affine", {"weight": np.diag(weight), "bias": np.array(cell.bias.asnumpy())}, {"layer": "OneToOne"})


def _scale(cell: Any, before: tuple[int, ...], after: tuple[int, ...], dt: float, where: str) -> Layer:
    return Layer("Scale", {"scale": np.array(cell.weight.asnumpy())}, {"layer": "Scale"})


def _conv(cell: Any, before: tuple[int, ...], after: tuple[int, ...], dt: float, where: str) -> Layer:
    weight, axes = plain_weight(cell, where), cell.axes
    stride, dilation = (_each(value, axes) for value in (cell.stride, cell.dilation))
    kernel = weight.shape[2:]
    padding: Any = _padding(cell, before[1:], kernel, stride, dilation, where)
    if cell.pad_mode == "same" and max(stride) == 1:
        padding = "same"
    square = len({*kernel}) == 1 and cell.group == 1  # otherwise nir cannot infer the shape of its output
    arguments = {
        "input_shape": (before[1] if axes == 1 else tuple(before[1:])) if square else None,
        "weight": weight,
        "stride": stride[0] if axes == 1 else stride,
        "padding": padding[0] if axes == 1 and padding != "same" else padding,
        "dilation": dilation[0] if axes == 1 else dilation,
        "groups": cell.group,
        "bias": np.zeros(len(weight), weight.dtype) if cell.bias is None else np.array(cell.bias.asnumpy()),
    }
    same = {"pad_mode": "same"} if cell.pad_mode == "same" else {}
    return Layer(f"Conv{axes}d", arguments, {"has_bias": cell.bias is not None, **same})


def _pool(cell: Any, before: tuple[int, ...], after: tuple[int, ...], dt: float, where: str) -> Layer:
    kernel = _each(cell.kernel_size, 2)
    stride = kernel if cell.stride is None else _each(cell.stride, 2)
    padding = _padding(cell, before[1:], kernel, stride, (1, 1), where)
    refused = {"ceil_mode": cell.ceil_mode, "divisor_override": getattr(cell, "divisor_override", None) is not None}
    refused["count_include_pad=False"] = any(padding) and not getattr(cell, "count_include_pad", True)
    refused["pad_mode='same' that pads"] = any(padding) and cell.pad_mode == "same" and isinstance(cell, nn.AvgPool2d)
    for name, is_so in refused.items():
        if is_so:
            raise ArgumentError(
                where, "windows as NIR defines them", name, "Pad in a layer of its own, or choose other windows."
            )
    arrays = {"kernel_size": np.array(kernel), "stride": np.array(stride), "padding": np.array(padding)}
    return Layer(type(cell).__name__, arrays)


def _flatten(cell: Any, before: tuple[int, ...], after: tuple[int, ...], dt: float, where: str) -> Layer:
    axes = len(before) + 1
    start, end = cell.start_dim % axes, cell.end_dim % axes
    if not start:
        raise ArgumentError(where, "a Flatten that keeps the batch axis", "start_dim=0", "Use start_dim=1.")
    last = -1 if end == axes - 1 else end - 1
    return Layer("Flatten", {"input_type": {"input": np.array(before)}, "start_dim": start - 1, "end_dim": last})


def _delay(cell: Any, before: tuple[int, ...], after: tuple[int, ...], dt: float, where: str) -> Layer:
    return Layer("Delay", {"delay": np.ascontiguousarray(np.broadcast_to(cell.delay, before)) * dt})


WRITERS: dict[type[Cell], Callable[..., Layer]] = {
    nn.Dense: _dense, OneToOne: _one_to_one, Scale: _scale, nn.Conv1d: _conv, nn.Conv2d: _conv, nn.SumPool2d: _pool,
    nn.AvgPool2d: _pool, nn.Flatten: _flatten, Delay: _delay,
}  # fmt: skip
"""For each of our layers, a function of the Cell, the shapes of a sample before and after it, dt and where."""


def _each(value: Any, axes: int) -> tuple[int, ...]:
    return tuple(int(n) for n in value) if isinstance(value, (tuple, list)) else (int(value),) * axes


def _padding(
    cell: Any, before: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], where: str
) -> tuple[int, ...]:
    """Return the padding on both sides of each axis."""
    axes = len(kernel)
    if cell.pad_mode == "valid":
        return (0,) * axes
    if cell.pad_mode == "pad":
        flat = _each(cell.padding, axes)
        pairs = [*zip(flat[::2], flat[1::2], strict=True)] if len(flat) == 2 * axes else [(n, n) for n in flat]
    else:
        pairs = []
        for size, k, s, d in zip(before, kernel, stride, dilation, strict=True):
            total = max((math.ceil(size / s) - 1) * s + d * (k - 1) + 1 - size, 0)
            pairs.append((total // 2, total - total // 2))
    uneven = any(low != high for low, high in pairs)
    if uneven and not (cell.pad_mode == "same" and max(stride) == 1 and hasattr(cell, "weight")):
        raise ArgumentError(
            where, "as much padding before an axis as after it, as NIR defines it",
            f"{pairs}" + " of pad_mode='same'" * (cell.pad_mode == "same"), "Choose another kernel, or pad_mode='pad'.",
        )  # fmt: skip
    return tuple(low for low, _ in pairs)
