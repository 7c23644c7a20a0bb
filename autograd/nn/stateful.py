"""Cells with a state over time: ``construct(x, state) -> (out, state)``."""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..cell import Cell
from ..dtypes import float32
from ..errors import StateError
from ..ops import zeros
from ..state import no_grad

__all__ = ["holds_neurons", "is_stateful", "start", "untouched"]

_arities: WeakKeyDictionary[type, int] = WeakKeyDictionary()


def is_stateful(cell: Cell) -> bool:
    """Return whether a Cell's ``construct`` takes an input and a state."""
    kind = type(cell)
    if kind not in _arities:
        parameters = list(inspect.signature(kind.construct).parameters.values())[1:]
        _arities[kind] = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    return _arities[kind] == 2


def holds_neurons(cell: Cell) -> bool:
    """Return whether a Cell has neurons among its parts, and is not itself a neuron."""
    return not getattr(cell, "is_neuron", False) and any(
        is_stateful(part) for part_name, part in cell.cells_and_names() if part_name
    )


def start(cell: Cell, x: Any, where: str) -> Any:
    """Return the initial state of a Cell for inputs such as ``x``, ``[N, ...]``.

    It is the result of the Cell's own ``initial_state``; a single neuron without one starts with zeros in the shape of ``x``.
    """
    if hasattr(cell, "initial_state"):
        return cell.initial_state(x)
    if holds_neurons(cell):
        raise StateError(
            where, "a method initial_state(x), or state= in snn.run", "neither",
            "Return the state of each neuron inside, such as (ops.zeros((len(x), 128)), ops.zeros((len(x), 10))).",
        )  # fmt: skip
    return zeros(x.shape, x.dtype if x.dtype.kind == "f" else float32)


@contextmanager
def untouched(cell: Cell) -> Iterator[Cell]:
    """Yield a copy of a Cell, to run for the shapes of its outputs; numpy's and Python's random states are restored.

    No hook is called. A Cell that cannot be copied is yielded itself, and its generators (``rng``) are restored.
    """
    try:
        twin = copy.deepcopy(cell)
    except Exception:
        twin = cell
    parts = [part for _, part in twin.cells_and_names()]
    generators = (getattr(part, "rng", None) for part in parts)
    sources = {id(rng): rng.bit_generator for rng in generators if isinstance(rng, np.random.Generator)}
    before = {key: source.state for key, source in sources.items()}
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002 - there are users who draw from it
    hooks = [(part, part._hooks) for part in parts if part.hooked]
    for part, _ in hooks:
        part._hooks = ()
    try:
        with no_grad():
            yield twin
    finally:
        for part, kept in hooks:
            part._hooks = kept
        for key, source in sources.items():
            source.state = before[key]
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)
