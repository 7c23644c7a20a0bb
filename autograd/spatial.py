"""Checks of the arguments of spatial operations and layers: kernels, strides, borders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .dtypes import describe, is_int
from .errors import ArgumentError, ShapeError
from .program import Value, refuse
from .state import state
from .tensor import Tensor
from .windows import Windows

LAYOUTS = {1: "[N, C, L]", 2: "[N, C, H, W]", 3: "[N, C, D, H, W]"}
PAD_MODES = ("same", "valid", "pad")
Pads = tuple[tuple[int, int], ...]


def per_axis(where: str, name: str, value: Any, axes: int, least: int = 1) -> tuple[int, ...]:
    """Return one whole number, at least ``least``, per spatial axis, from one for all axes or from a sequence."""
    several = (
        [value] * axes if is_int(value) else [*value] if isinstance(value, Sequence) and not isinstance(value, str) else []
    )
    if len(several) != axes or not all(is_int(n) and n >= least for n in several):
        each = "an int" if axes == 1 else f"an int or {axes} ints"
        raise ArgumentError(
            where, f"{name} as {each}, at least {least}", describe(value),
            f"Pass one number for all axes, such as {name}={max(least, 1)}.",
        )  # fmt: skip
    return tuple(int(n) for n in several)


def output_sizes(where: str, value: Any, axes: int) -> tuple[int | None, ...]:
    """Return the number of bins along each spatial axis; None keeps the length of an axis."""
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    if len(sizes) != axes or not all(n is None or (is_int(n) and n > 0) for n in sizes):
        each = "a positive int" if axes == 1 else f"a positive int or {axes} positive ints"
        raise ArgumentError(
            where, f"output_size as {each}", describe(value), "One number is for all axes; None keeps the length of an axis."
        )
    return tuple(n if n is None else int(n) for n in sizes)


def borders(where: str, padding: Any, axes: int) -> Pads:
    """Return (before, after) for each axis, from one number for all, one per axis, or two per axis."""
    if is_int(padding):
        padding = (padding,) * axes
    length = len(padding) if isinstance(padding, Sequence) and not isinstance(padding, str) else 0
    if length not in (axes, 2 * axes) or not all(is_int(n) and n >= 0 for n in padding):
        fix = f"Use pad_mode={padding!r}." if padding in ("same", "valid") else "For one border on all sides, use padding=1."
        raise ArgumentError(where, f"padding as an int >= 0, {axes} or {2 * axes} of them", describe(padding), fix)
    flat = [int(n) for n in padding]
    return tuple(zip(flat[::2], flat[1::2], strict=True)) if length == 2 * axes else tuple((n, n) for n in flat)


def check_pad_mode(where: str, pad_mode: Any, padding: Any, axes: int) -> None:
    """Check the options of padding, as far as this is possible without an input."""
    if pad_mode not in PAD_MODES:
        fix = (
            f"Pass a number of zeros as padding: pad_mode='pad', padding={pad_mode!r}." if is_int(pad_mode) else "Choose one."
        )
        raise ArgumentError(where, f"pad_mode {', '.join(map(repr, PAD_MODES))}", repr(pad_mode), fix)
    pads = borders(where, padding, axes)
    if pad_mode != "pad" and any(map(any, pads)):
        raise ArgumentError(
            where, f"padding=0 with pad_mode={pad_mode!r}", f"padding={padding!r}",
            "To choose the padding, use pad_mode='pad'.",
        )  # fmt: skip


def windows_on(
    where: str, size: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...],
    pad_mode: str, padding: Any,
) -> Windows:  # fmt: skip
    """Return the windows on an input of spatial lengths ``size``."""
    check_pad_mode(where, pad_mode, padding, len(size))
    pads = borders(where, padding, len(size))
    if pad_mode == "same":
        spans = Windows(kernel, stride, dilation, pads).spans
        totals = [max((-(-n // s) - 1) * s + span - n, 0) for n, s, span in zip(size, stride, spans, strict=True)]
        pads = tuple((total // 2, total - total // 2) for total in totals)
    return Windows(kernel, stride, dilation, pads)


def check_fits(where: str, x: Tensor, windows: Windows) -> None:
    """Check that at least one window lies in the padded input."""
    size = x.shape[2:]
    if min(windows.counts(size)) < 1:
        least = [max(span - sum(pads), 1) for span, pads in zip(windows.spans, windows.pads, strict=True)]
        raise ShapeError(
            where, f"an input of at least {least} on its spatial axes", describe(x), "Use a smaller kernel, or pad the input."
        )


def check_layout(where: str, x: Tensor, axes: int, channels: int | None = None) -> None:
    """Check that an input has a batch, channels, ``channels`` of them if given, and ``axes`` spatial axes."""
    refuse_elements(where, x)
    if x.ndim != axes + 2:
        fix = "Add an axis for the batch: x[None]." if x.ndim == axes + 1 else "Reshape it."
        raise ShapeError(where, f"an input {LAYOUTS[axes]}", describe(x), fix)
    if channels is not None and x.shape[1] != channels:
        raise ShapeError(
            where, f"an input with {channels} channels, {LAYOUTS[axes].replace('C', str(channels))}", describe(x),
            "Channels come second; move them with ops.transpose, or change the layer's number of channels.",
        )  # fmt: skip


def refuse_elements(where: str, *tensors: Tensor) -> None:
    """Reject an operation on whole arrays in a neuron that is being traced, where a Tensor is one element."""
    if state.tracing is not None and not state.tracing.whole and any(isinstance(t.array, Value) for t in tensors):
        refuse(where, "Work on whole arrays in a layer before or after the neuron, or run with mode='eager'.")
