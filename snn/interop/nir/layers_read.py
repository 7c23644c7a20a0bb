"""Layers without state from NIR's nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Cell, Parameter, nn
from autograd.dtypes import describe
from autograd.errors import AutogradError, DataError

from ...layers.one_to_one import OneToOne
from .cells import Scale
from .fields import MEND, Array, full, numbers, sizes, whole

__all__ = ["READERS", "delay_steps", "freeze"]

# Each reads a node after the shape of a sample before it, our metadata, dt and where, and returns a Cell and its shape.
Read = tuple[Cell | None, tuple[int, ...]]


def _weights(node: Any, where: str, axes: int) -> Array:
    weight = numbers(node, "weight", where)
    if weight.ndim != axes or not weight.size:
        raise DataError(
            f"{where}, weight", f"an array of {axes} axes", describe(weight), "Each of our layers has one matrix or kernel."
        )
    return _floats(weight)


def _floats(array: Array) -> Array:
    return array if array.dtype in (np.float16, np.float32, np.float64) else array.astype(np.float32)


def _need(before: tuple[int, ...], expected: tuple[int | None, ...], where: str) -> None:
    if len(before) != len(expected) or any(e is not None and e != b for e, b in zip(expected, before, strict=True)):
        shown = ", ".join("any" if e is None else str(e) for e in expected)
        raise DataError(where, f"an input [{shown}]", f"{list(before)}", MEND)


def _made(kind: type[Cell], where: str, *arguments: Any, **options: Any) -> Cell:
    try:
        return kind(*arguments, **options)
    except AutogradError as error:
        raise DataError(where, error.expected, error.got, MEND) from error


def _read_dense(node: Any, before: tuple[int, ...], found: dict[str, Any], dt: float, where: str) -> Read:
    weight = _weights(node, where, 2)
    _need(before, (weight.shape[1],), where)
    bias = _bias(node, len(weight), where) if hasattr(node, "bias") else None
    if found.get("layer") == "OneToOne" and weight.shape[0] == weight.shape[1] and bias is not None:
        diagonal = np.diagonal(weight)
        if np.array_equal(np.diag(diagonal), weight):
            options = {"weight_init": np.array(diagonal), "bias_init": bias, "has_bias": True, "dtype": weight.dtype}
            return _made(OneToOne, where, len(weight), **options), before
    options = {"weight_init": weight, "bias_init": bias, "has_bias": bias is not None, "dtype": weight.dtype}
    return _made(nn.Dense, where, *weight.shape[::-1], **options), weight.shape[:1]


def _bias(node: Any, n: int, where: str) -> Array:
    bias = numbers(node, "bias", where)
    if bias.shape != (n,):
        raise DataError(f"{where}, bias", f"[{n}]", describe(bias), MEND)
    return bias


def _read_scale(node: Any, before: tuple[int, ...], found: dict[str, Any], dt: float, where: str) -> Read:
    scale = np.array(full(_floats(numbers(node, "scale", where)), before, f"{where}, scale"))
    if found.get("layer") == "sum":
        return None, before
    if len(before) != 1 or found.get("layer") == "Scale":
        return Scale(scale), before
    return _made(OneToOne, where, len(scale), weight_init=scale, dtype=scale.dtype), before


def _read_conv(node: Any, before: tuple[int, ...], found: dict[str, Any], dt: float, where: str) -> Read:
    axes = 1 if type(node).__name__ == "Conv1d" else 2
    weight = _weights(node, where, axes + 2)
    groups = whole(node.groups, f"{where}, groups", 1)
    _need(before, (weight.shape[1] * groups, *[None] * axes), where)
    declared = getattr(node, "input_shape", None)
    if declared is not None and sizes(declared, f"{where}, input_shape", axes) != before[1:]:
        raise DataError(f"{where}, input_shape", f"{list(before[1:])}, as its source", f"{declared}", MEND)
    stride, dilation = (sizes(getattr(node, name), f"{where}, {name}", axes, 1) for name in ("stride", "dilation"))
    bias = _bias(node, len(weight), where)
    has_bias = bool(found.get("has_bias", True)) or bool(bias.any())
    mode, padding = _read_padding(node, found, stride, axes, where)
    span = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    after = _windows(before[1:], span, stride, mode, padding, where)
    make: Any = nn.Conv1d if axes == 1 else nn.Conv2d
    cell = _made(
        make, where, before[0], len(weight), _short(weight.shape[2:]), stride=_short(stride), pad_mode=mode,
        padding=_short(padding), dilation=_short(dilation), group=groups, has_bias=has_bias, weight_init=weight,
        bias_init=bias if has_bias else None, dtype=weight.dtype,
    )  # fmt: skip
    return cell, (len(weight), *after)


def _read_padding(
    node: Any, found: dict[str, Any], stride: tuple[int, ...], axes: int, where: str
) -> tuple[str, tuple[int, ...]]:
    padding = node.padding
    if isinstance(padding, (str, bytes)):
        text = padding.decode("utf-8", "replace") if isinstance(padding, bytes) else padding
        if text not in ("same", "valid") or (text == "same" and max(stride) > 1):
            raise DataError(
                f"{where}, padding", "'valid', 'same' with a stride of 1, or whole numbers", f"{text!r}"[:50], MEND
            )
        return text, (0,) * axes
    each = sizes(padding, f"{where}, padding", axes)
    if found.get("pad_mode") == "same":
        return "same", (0,) * axes
    return ("pad" if any(each) else "valid"), each


def _windows(
    before: tuple[int, ...], span: list[int], stride: tuple[int, ...], mode: str, padding: tuple[int, ...], where: str
) -> tuple[int, ...]:
    """Return how many windows there are along each axis."""
    if mode == "same":
        return tuple(math.ceil(size / s) for size, s in zip(before, stride, strict=True))
    after = tuple((b + 2 * p - k) // s + 1 for b, k, s, p in zip(before, span, stride, padding, strict=True))
    if min(after) < 1:
        raise DataError(where, "windows that fit in the input", f"windows {span} in {list(before)}", MEND)
    return after


def _short(values: tuple[int, ...]) -> Any:
    """Return one number where all are the same."""
    return values[0] if len({*values}) == 1 else tuple(values)


def _read_pool(node: Any, before: tuple[int, ...], found: dict[str, Any], dt: float, where: str) -> Read:
    _need(before, (None, None, None), where)
    kernel, stride = (sizes(getattr(node, name), f"{where}, {name}", 2, 1) for name in ("kernel_size", "stride"))
    padding = sizes(node.padding, f"{where}, padding", 2)
    mode = "pad" if any(padding) else "valid"
    after = _windows(before[1:], [*kernel], stride, mode, padding, where)
    make: Any = nn.SumPool2d if type(node).__name__ == "SumPool2d" else nn.AvgPool2d
    return _made(make, where, _short(kernel), _short(stride), mode, _short(padding)), (before[0], *after)


def _read_flatten(node: Any, before: tuple[int, ...], found: dict[str, Any], dt: float, where: str) -> Read:
    axes = len(before)
    ends = []
    for name in ("start_dim", "end_dim"):
        value = np.asarray(getattr(node, name))
        if value.size != 1 or value.dtype.kind not in "iu" or not -axes <= int(value.reshape(())) < axes:
            raise DataError(f"{where}, {name}", f"an axis of {list(before)}, without the batch", describe(value), MEND)
        ends.append(int(value.reshape(())) % axes)
    start, end = ends
    if end < start:
        raise DataError(where, "start_dim before end_dim", f"{start} and {end}", MEND)
    after = (*before[:start], math.prod(before[start : end + 1]), *before[end + 1 :])
    return nn.Flatten(start + 1, -1 if end == axes - 1 else end + 1), after


def delay_steps(node: Any, before: tuple[int, ...] | None, dt: float, limit: int, where: str) -> Array:
    """Return the delays of a Delay in whole steps, which must fit into the memory of ``limit`` bytes."""
    seconds = numbers(node, "delay", where).astype(np.float64)
    seconds = seconds if before is None else np.array(full(seconds, before, f"{where}, delay"))
    steps = np.rint(seconds / dt)
    if not np.all(np.abs(seconds / dt - steps) <= 1e-5 * np.maximum(steps, 1)) or np.any(steps < 0):
        raise DataError(
            f"{where}, delay", f"whole steps of dt = {dt:g} s, at least 0", f"{seconds.min():g} to {seconds.max():g} s",
            "Choose a dt that divides the delays, or round them in the graph.",
        )  # fmt: skip
    if steps.max(initial=0) * steps.size * 8 > limit:
        raise DataError(
            f"{where}, delay", f"delays whose inputs are at most {limit:,} bytes per sample", f"up to {seconds.max():g} s",
            "Choose a larger dt, or pass limit= if the graph is trusted.",
        )  # fmt: skip
    return steps.astype(np.int64)


def freeze(cell: Cell | None, found: dict[str, Any], where: str) -> None:
    """Freeze the Parameters that our metadata lists as not trained."""
    names = found.get("frozen", [])
    for name in names if isinstance(names, list) and cell is not None else ():
        held = vars(cell).get(str(name))
        if not isinstance(held, Parameter):
            raise DataError(f"{where}, metadata", "names of Parameters that are not trained", f"{name!r}"[:50], MEND)
        held.requires_grad = False


READERS: dict[str, Callable[..., Read]] = {
    "Affine": _read_dense, "Linear": _read_dense, "Scale": _read_scale, "Conv1d": _read_conv, "Conv2d": _read_conv,
    "SumPool2d": _read_pool, "AvgPool2d": _read_pool, "Flatten": _read_flatten,
}  # fmt: skip
"""For each kind of NIR without state, except Threshold, the function that makes our layer of a node."""
