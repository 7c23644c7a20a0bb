"""Readouts, which turn an output over time into one score for each class; losses and metrics share them."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from autograd import Cell, Tensor, as_tensor, float16, float32, ops
from autograd.dtypes import Array, describe
from autograd.errors import ArgumentError, DTypeError, ShapeError
from autograd.intake import to_numbers

from .neurons.base import Neuron

__all__ = ["READOUTS", "check_labels", "check_mask", "for_loss", "from_record", "mark_resets", "over_time", "read"]

Result = tuple[Tensor, Any, dict[str, Tensor]]


def _sum(x: Tensor, keep: Any) -> Tensor:
    return (x if keep is None else ops.where(keep, x, 0.0)).sum(0)


def _rate(x: Tensor, keep: Any) -> Tensor:
    return x.mean(0) if keep is None else _sum(x, keep) / keep.sum(0).astype(x.dtype)


def _max(x: Tensor, keep: Any) -> Tensor:
    return (x if keep is None else ops.where(keep, x, -np.inf)).max(0)


def _last(x: Tensor, keep: Any) -> Tensor:
    if keep is None:
        return x[-1]
    steps = np.arange(len(keep)).reshape(-1, 1, 1)
    return ops.where(steps == np.where(keep, steps, -1).max(0), x, 0.0).sum(0)


def _first_spike(x: Tensor, keep: Any) -> Tensor:
    fired = x.asnumpy() != 0 if keep is None else (x.asnumpy() != 0) & keep
    time = np.where(fired.any(0), fired.argmax(0), len(fired))
    return Tensor(-time, x.dtype)


READOUTS: dict[str, Callable[[Tensor, Any], Tensor]] = {
    "count": _sum, "sum": _sum, "rate": _rate, "max": _max, "last": _last, "first_spike": _first_spike,
}  # fmt: skip
"""Functions from an output ``[T, N, classes]`` and the steps that count, ``[T, N, 1]`` or None, to scores ``[N, classes]``."""


def read(out: Any, readout: Any, mask: Any, where: str, *, scores: bool = False) -> Tensor:
    """Return the scores ``[N, classes]`` of an output over time; with ``scores``, also take finished scores."""
    if not isinstance(readout, str) or readout not in READOUTS:
        raise ArgumentError(
            where, f"a readout among {', '.join(READOUTS)}", describe(readout), "Choose the readout that the loss uses."
        )
    x = as_tensor(from_record(out, where), where)
    scores = scores and mask is None
    if scores and x.ndim == 2:
        _check_sizes(x, where)
        return _wide(x)
    x = over_time(x, where, "[N, classes] or [T, N, classes]" if scores else "[T, N, classes]")
    keep = check_mask(mask, x, where)
    return READOUTS[readout](x, None if keep is None else keep[..., None])


def over_time(x: Any, where: str, known: str = "[T, N, classes]") -> Tensor:
    """Return an output over time, ``[T, N, classes]``, as a Tensor that can be summed safely."""
    tensor = as_tensor(x, where)
    if tensor.ndim != 3:
        raise ShapeError(where, known, describe(tensor), _advice(tensor))
    _check_sizes(tensor, where)
    return _wide(tensor)


def _check_sizes(x: Tensor, where: str) -> None:
    if not x.shape[-1] or (x.ndim == 3 and not x.shape[0]):
        raise ShapeError(where, "at least one time step and one class", describe(x), _advice(x))


def _advice(x: Tensor) -> str:
    if x.ndim == 1 and x.dtype.kind in "iu":
        return "The output of snn.run comes first, then the labels."
    return "Pass the output of snn.run, with one neuron per class."


def _wide(x: Tensor) -> Tensor:
    """Return a Tensor of floats to sum over many steps; a count in float16 would stop at 2048."""
    return x if x.dtype.kind == "f" and x.dtype != float16 else x.astype(float32)


def check_mask(
    mask: Any, x: Any, where: str, *, of_each: bool = True, fix: str = "Pass the mask of the run."
) -> Array | None:  # fmt: skip
    """Return a mask of the steps that count, ``[T, N]``; with ``of_each``, for scores: each sample needs such a step."""
    if mask is None:
        return None
    if of_each and isinstance(mask, str) and mask in READOUTS:
        raise DTypeError(f"{where}, mask", "bools, [T, N]", describe(mask), f"Name the readout: readout={mask!r}.")
    keep = to_numbers(mask, f"{where}, mask")
    if keep.shape != x.shape[:2] or keep.dtype != bool or (of_each and not keep.any(0).all()):
        some = " with a step for each sample" * of_each
        raise ShapeError(f"{where}, mask", f"[T, N] = {list(x.shape[:2])} Bool{some}", describe(keep), fix)
    return keep


def check_labels(labels: Any, scores: Any, where: str) -> Array:
    """Return the correct classes, ``[N]`` whole numbers, for scores ``[N, classes]``."""
    where = f"{where}, labels"
    positions = to_numbers(labels, where)
    if positions.size == 0:
        raise ShapeError(where, "at least one sample", describe(positions), "An empty batch has no mean.")
    if positions.dtype.kind not in "iu":
        fix = "Pass classes, such as labels.argmax(-1)." if positions.ndim > 1 else "Convert them with .astype(int)."
        raise DTypeError(where, "whole numbers", describe(positions), fix)
    if scores.ndim != 2 or positions.shape != scores.shape[:1]:
        raise ShapeError(
            where, f"[N] for scores [N, classes] = {list(scores.shape)}", describe(positions),
            "Pass one label per sample, such as labels.argmax(-1) of one-hot labels. Is time the first axis of the scores?",
        )  # fmt: skip
    classes = scores.shape[1]
    if not (np.minimum.reduce(positions) >= 0 and np.maximum.reduce(positions) < classes):
        raise ArgumentError(
            where, f"classes 0 to {classes - 1}", f"{positions.min()} to {positions.max()}",
            "Give the last layer one neuron for each class.",
        )  # fmt: skip
    return positions


# A loss on a membrane whose reset passes a gradient teaches the neuron of the correct class to fire less.

_resetting: dict[int, tuple[weakref.ref[Any], str]] = {}


def mark_resets(net: Cell, result: Result) -> Result:
    """Return the result of a run, and note its membranes whose reset passes a gradient, for as long as they exist."""
    record = result[2]
    cells = dict(net.cells_and_names()) if record else {}
    for key, v in record.items():
        name, _, what = key.rpartition(".")
        cell = cells.get(name)
        if what in ("v", "v_before_reset") and isinstance(cell, Neuron) and _learns_by_reset(cell):
            _resetting[id(v)] = weakref.ref(v, partial(_forget, id(v))), key
    return result


def _forget(number: int, _: Any) -> None:
    _resetting.pop(number, None)


def _learns_by_reset(cell: Neuron) -> bool:
    ours = type(cell).construct is Neuron.construct
    return ours and cell.fire and not cell.detach_reset and not isinstance(cell.v_reset, str)


def from_record(v: Any, where: str) -> Any:
    """Return a membrane; from a record, the ``v_before_reset`` of the last layer."""
    if not isinstance(v, Mapping):
        return v
    before = [key for key in v if key.rpartition(".")[2] == "v_before_reset"]
    if not before:
        raise ArgumentError(
            where, "a membrane or a record with v_before_reset", f"a record with {', '.join(map(str, v)) or 'nothing'}",
            "Run with record=['v_before_reset'], or pass the output of a readout that never fires.",
        )  # fmt: skip
    return v[before[-1]]


def for_loss(v: Any, where: str) -> Any:
    """Return the membrane for a loss, and warn if a gradient passes its reset."""
    v = from_record(v, where)
    reference, key = _resetting.get(id(v), (None, ""))
    if reference is not None and reference() is v:
        warnings.warn(
            f"{where}: a gradient of {key!r} passes through the reset and teaches the right class to fire less. To count "
            "spikes, give the last neurons detach_reset=True or v_reset='never'; or use a readout that never fires, such as "
            "snn.LeakyReadout.",
            stacklevel=3,  # the caller of the loss
        )
    return v
