"""Attributes of layers that training may change and that are not Parameters, such as the width of learnt delays."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor
from autograd.dtypes import describe
from autograd.errors import AutogradError, CellError, CheckpointError, DTypeError
from autograd.intake import to_numbers

__all__ = ["attributes_of", "digest_of", "prepared_attributes"]

Undo = Callable[[], list[str]]


def attributes_of(net: Cell) -> dict[str, Any]:
    """Return the attributes that each Cell names as :attr:`~autograd.Cell.checkpointed`, by path; Parameters left out.

    A number is returned unchanged, an array or a Tensor as an array.
    """
    return {path: _plain(value) for path, _, _, value in _places(net)}


def digest_of(net: Cell, digest: int = 0) -> int:
    """Return a CRC-32 of the attributes of a net: of names, dtypes, shapes and values; it continues ``digest``."""
    for path, _, _, value in _places(net):
        array = np.asarray(_plain(value))
        digest = zlib.crc32(f"{path}: {array.dtype} {array.shape};".encode(), digest)
        digest = zlib.crc32(np.ascontiguousarray(array).tobytes(), digest)
    return digest


def prepared_attributes(net: Cell, saved: Mapping[str, Any], where: str) -> Callable[[], Undo]:
    """Check saved attributes against those of a net, and return a function that sets them all or none.

    It returns a function that puts the old values back. If a Cell refuses a value, it puts them back itself, and raises.
    """
    places = {path: (cell, name, value) for path, cell, name, value in _places(net)}
    if set(places) != set(saved):
        raise CheckpointError(
            where, f"a net with the attributes {', '.join(sorted(saved)) or '(none)'}",
            f"one with {', '.join(sorted(places)) or 'none'}", _FIX,
        )  # fmt: skip
    ready = [(path, cell, name, _fitted(saved[path], now, f"{where}, {path}")) for path, (cell, name, now) in places.items()]

    def load() -> Undo:
        before = [(path, cell, name, _copied(getattr(cell, name))) for path, cell, name, _ in ready]

        def undo() -> list[str]:
            return [path for path, cell, name, value in reversed(before) if not _put_back(cell, name, value)]

        for path, cell, name, value in ready:
            try:
                setattr(cell, name, value)
            except Exception as error:
                lost = undo()
                expected = f"a value that {type(cell).__name__} takes"
                got = f"{describe(value)}, and {type(error).__name__}: {error}"
                if isinstance(error, AutogradError):
                    expected, got = error.expected, error.got
                raise CheckpointError(
                    f"{where}, {path}", expected, got,
                    f"The old values of {', '.join(lost)} could not be put back: build the net anew." if lost else _FIX,
                ) from error  # fmt: skip
            except BaseException:
                undo()
                raise
        return undo

    return load


_FIX = "Nothing was loaded. Build the net as it was when it was saved."


def _plain(value: Any) -> Any:
    return value.asnumpy() if isinstance(value, Tensor) else value


def _copied(value: Any) -> Any:
    """Return a copy of a value, which does not change when a Cell writes into the original."""
    return (
        np.array(value) if isinstance(value, np.ndarray) else Tensor(np.array(value)) if isinstance(value, Tensor) else value
    )


def _fitted(saved: Any, now: Any, where: str) -> Any:
    """Return a saved value in the type of the present one.

    Training code assigns numbers with and without a dtype: one may replace the other, of the same kind, and an int a float. A
    number comes back as it was saved, so that a run continues with the same bits.
    """
    if isinstance(now, (np.ndarray, Tensor)):
        if isinstance(saved, (np.ndarray, np.generic)) and (saved.shape, saved.dtype.name) == (
            now.shape,
            np.dtype(now.dtype).name,
        ):
            made = np.array(saved, np.dtype(now.dtype))
            return Tensor(made) if isinstance(now, Tensor) else made
        raise CheckpointError(where, f"{describe(saved)}, as it was saved", describe(now), _FIX)
    kind, other = np.asarray(now).dtype, np.asarray(saved).dtype
    both = isinstance(saved, np.generic) and isinstance(now, np.generic)
    fits = other == kind if both else other.kind == kind.kind or (type(saved) is int and kind.kind == "f")
    if isinstance(saved, np.ndarray) or not fits:
        raise CheckpointError(where, f"{describe(saved)}, as it was saved", describe(now), _FIX)
    return saved


def _put_back(cell: Cell, name: str, value: Any) -> bool:
    """Give a Cell its old value again; return whether it has it."""
    try:
        setattr(cell, name, value)
    except Exception:  # one that cannot be set at all still has it
        return np.array_equal(np.asarray(_plain(getattr(cell, name))), np.asarray(_plain(value)), equal_nan=True)
    return True


def _names(cell: Cell) -> list[str]:
    """Return the names that a Cell, its class and the classes above it list, each once, those of the highest class first."""
    found: list[str] = []
    for place in (*reversed(type(cell).__mro__), cell):
        names = vars(place).get("checkpointed", ())
        if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
            raise CellError(
                type(cell).__name__, "`checkpointed` as a tuple of names", repr(names)[:100],
                "Write the comma after a single name: checkpointed = ('sigma',).",
            )  # fmt: skip
        found += names
    return [*dict.fromkeys(found)]


def _places(net: Cell) -> list[tuple[str, Cell, str, Any]]:
    """Return path, Cell, name and value of each attribute."""
    found = []
    for path, cell in net.cells_and_names():
        for name in _names(cell):
            if not hasattr(cell, name):
                raise CellError(
                    type(cell).__name__, f"an attribute {name!r}, as its `checkpointed` says", "none",
                    "Set it in __init__, or remove its name from `checkpointed`, a tuple of names.",
                )  # fmt: skip
            value = getattr(cell, name)
            if isinstance(value, Parameter):
                continue
            where = f"{type(cell).__name__}, {name}"
            to_numbers(value, where)
            if type(value) not in (bool, int, float, np.ndarray) and not isinstance(value, (np.generic, Tensor)):
                raise DTypeError(
                    where, "a number, an array or a Tensor, as `checkpointed` needs", describe(value),
                    "Keep an array there: np.array(values).",
                )  # fmt: skip
            found.append((f"{path}.{name}".lstrip("."), cell, name, value))
    return found
