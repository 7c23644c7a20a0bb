"""Attributes of layers that training may change and that are no Parameters, such as the width of learnt delays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd import Cell, Parameter
from autograd.dtypes import describe
from autograd.errors import AutogradError, CellError, CheckpointError
from autograd.intake import to_numbers

__all__ = ["attributes_of", "prepared_attributes"]


def attributes_of(net: Cell) -> dict[str, Any]:
    """Return the attributes that each Cell names as :attr:`~autograd.Cell.checkpointed`, by path; Parameters left out.

    Raises
    ------
    CellError
        If there is no such attribute.
    DTypeError
        If one is neither a number nor an array.
    """
    found: dict[str, Any] = {}
    for path, cell, name in _places(net):
        value = getattr(cell, name)
        numbers = to_numbers(value, f"{type(cell).__name__}, {name}")
        found[path] = value if isinstance(value, (bool, int, float)) else numbers[()]
    return found


def prepared_attributes(net: Cell, saved: Mapping[str, Any], where: str) -> Callable[[], None]:
    """Check saved attributes against those of a net, and return a function that sets them.

    Parameters
    ----------
    net : Cell
        The net.
    saved : mapping
        What :func:`attributes_of` returned.
    where : str
        For errors.

    Raises
    ------
    CheckpointError
        If one is missing, has another shape or cannot be used. Nothing has been set.
    """
    places = {path: (cell, name) for path, cell, name in _places(net)}
    if set(places) != set(saved):
        raise CheckpointError(
            where, f"a net with the attributes {', '.join(sorted(saved)) or 'of none of its layers'}",
            f"one with {', '.join(sorted(places)) or 'none'}", _FIX,
        )  # fmt: skip
    for path, (cell, name) in places.items():
        value, shape = np.asarray(saved[path]), np.shape(getattr(cell, name))
        if value.shape != shape or value.dtype.kind not in "biuf" or not np.isfinite(value).all():
            raise CheckpointError(f"{where}, {path}", f"finite numbers of shape {list(shape)}", describe(saved[path]), _FIX)
        try:
            setattr(copy.copy(cell), name, saved[path])
        except AutogradError as error:
            raise CheckpointError(f"{where}, {path}", error.expected, error.got, _FIX) from error

    def load() -> None:
        for path, (cell, name) in places.items():
            setattr(cell, name, copy.copy(saved[path]))

    return load


_FIX = "Nothing was loaded. Build the net as it was when it was saved."


def _places(net: Cell) -> list[tuple[str, Cell, str]]:
    """Return path, Cell and name of each attribute."""
    found = []
    for path, cell in net.cells_and_names():
        for name in cell.checkpointed:
            if not hasattr(cell, name):
                raise CellError(
                    type(cell).__name__, f"an attribute {name!r}, as its `checkpointed` says", "none",
                    "Set it in __init__, or remove its name from `checkpointed`, a tuple of names.",
                )  # fmt: skip
            if not isinstance(getattr(cell, name), Parameter):
                found.append((f"{path}.{name}".lstrip("."), cell, name))
    return found
