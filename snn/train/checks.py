"""Checks of the arguments of a Trainer and its hooks, of batches, and of the numbers that functions return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.dtypes import describe, is_int
from autograd.errors import ArgumentError, DTypeError

__all__ = ["callables", "generators", "measured", "plain", "samples", "text", "whole"]

_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)


def whole(where: str, name: str, value: Any, least: int, fix: str) -> int:
    """Return a count, at least ``least``, as an int."""
    if not is_int(value) or value < least:
        raise ArgumentError(where, f"{name}, a whole number of at least {least}", repr(value), fix)
    return int(value)


def text(where: str, name: str, value: Any) -> str:
    """Return the name of a metric after a check."""
    if not isinstance(value, str):
        raise DTypeError(where, f"{name}, a name as text", describe(value), "For example 'test_accuracy'.")
    return value


def callables(where: str, needed: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Check that arguments are functions; optional ones may be None."""
    for name, value in {**needed, **others}.items():
        if not callable(value) and (name in needed or value is not None):
            raise DTypeError(where, f"{name}, a function", describe(value), "See help(snn.train.Trainer).")


def generators(where: str, rng: Any) -> dict[str, np.random.Generator]:
    """Return generators by name."""
    found = dict(rng) if isinstance(rng, Mapping) else {} if rng is None else {"rng": rng}
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, np.random.Generator):
            got = describe(value) if isinstance(name, str) else f"the name {name!r}"
            raise DTypeError(
                where, "rng, a generator or a dict of them by name", got, "Make one: np.random.default_rng(seed)."
            )
    return found


def plain(where: str, name: str, value: Any) -> None:
    """Check that a value can be saved, and compared with ``!=``: numbers, text, None, lists, tuples and dicts with names."""
    if value is None or isinstance(value, (str, *_NUMBERS)):
        return
    if isinstance(value, (list, tuple)):
        inside: Iterable[tuple[Any, Any]] = enumerate(value)
    elif isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        inside = value.items()
    else:
        raise DTypeError(
            where, f"{name} of numbers, text, None, lists, tuples and dicts with names", describe(value),
            "Convert it to these, such as array.tolist() or str(path).",
        )  # fmt: skip
    for key, item in inside:
        plain(where, f"{name}[{key!r}]", item)


def measured(metrics: Any, where: str, taken: set[str]) -> dict[str, float]:
    """Return metrics as floats by name, after a check that no name is taken."""
    if not isinstance(metrics, Mapping) or not all(isinstance(name, str) for name in metrics):
        raise DTypeError(f"Trainer, {where}", "metrics as a dict of names and numbers", describe(metrics), "Name each number.")
    if both := taken & set(metrics):
        raise ArgumentError(
            f"Trainer, {where}", "metrics with names of their own", ", ".join(sorted(both)), "The history already has it."
        )
    for name, value in metrics.items():
        if not isinstance(value, _NUMBERS) and not (isinstance(value, (Tensor, np.ndarray)) and not value.ndim):
            raise DTypeError(
                f"Trainer, {where}", f"a number as {name!r}", describe(value), "Return one for the whole, such as its mean."
            )
    return {name: float(value) for name, value in metrics.items()}


def samples(batch: Any) -> int:
    """Return the number of samples of a batch: the first axis of the batch, of its ``labels``, or of all its arrays."""
    found = _firsts(getattr(batch, "labels", batch))
    if len(found) != 1 or None in found:
        lengths = " and ".join(sorted(map(str, found - {None}))) or describe(batch)
        several = f"{type(batch).__name__} with first axes of {lengths}" if len(found - {None}) > 1 else describe(batch)
        raise DTypeError(
            "Trainer, batch", "an array, a batch with labels, or a tuple or dict of arrays with the same first axis",
            several,
            "Tell it the number of samples: Trainer(..., samples=lambda batch: ...).",
        )  # fmt: skip
    return int(found.pop())  # type: ignore[arg-type]


def _firsts(value: Any) -> set[int | None]:
    """Return the lengths of the first axes of all arrays, and None if a value has no such axis."""
    if isinstance(value, (tuple, list, Mapping)):
        inside = value.values() if isinstance(value, Mapping) else value
        return {first for item in inside if item is not None for first in _firsts(item)}
    shape = getattr(value, "shape", None)
    return {shape[0]} if isinstance(shape, tuple) and shape else {None}
