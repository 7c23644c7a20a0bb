"""Leave a net unchanged after a run that only inspects it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd import Cell

__all__ = ["unchanged"]


@contextmanager
def unchanged(net: Any) -> Iterator[None]:
    """Restore all that a run of a net may change: generators (numpy's and Python's global ones too) and Parameters it sets."""
    cells = [cell for _, cell in net.cells_and_names()] if isinstance(net, Cell) else []
    held = [value for cell in cells for value in vars(cell).values()]
    held += [value.rng for value in held if hasattr(value, "rng")]
    states = [(value, value.bit_generator.state) for value in held if isinstance(value, np.random.Generator)]
    arrays = [(parameter, parameter.stored) for cell in cells[:1] for parameter in cell.get_parameters()]
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002 - there are users who draw from it
    try:
        yield
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)
        for generator, before in states:
            generator.bit_generator.state = before
        for parameter, array in arrays:
            parameter.array = array
