"""Properties of our Cells that NIR's fields leave out, as metadata of a node, so that ours come back to the bit.

NIR asks that no back end rely on metadata, and other packages need not read it. A Cell that the fields do not describe is
refused when it is written, unless the caller allows it to go beyond NIR.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np

from autograd import Cell, Parameter, Tensor
from autograd.errors import AutogradError, DataError

from ... import surrogate
from ...common.others import told
from ...neurons.ranges import Checked
from ...surrogate.base import Surrogate
from .fields import Array
from .neurons import CELLS, said

__all__ = ["KEY", "hint", "hinted", "pack", "restored"]

KEY = "spikecell"
"""Key of our metadata, a text in JSON. Its arrays are beside it."""

_AGAIN = "Pass metadata=False to read the fields of the graph alone."
_MOST = 1 << 20  # characters


def hint(**values: Any) -> dict[str, Any]:
    """Return metadata of plain values."""
    return {KEY: json.dumps(values)}


def hinted(metadata: Any, where: str) -> dict[str, Any]:
    """Return our values from the metadata of a node or a graph, and no others."""
    text = metadata.get(KEY) if isinstance(metadata, dict) else None
    if text is None:
        return {}
    try:
        found = json.loads(text) if isinstance(text, str) and len(text) <= _MOST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DataError(f"{where}, metadata {KEY!r}", "an object in JSON", f"{text!r}"[:100], _AGAIN)
    return found


def pack(cell: Cell) -> dict[str, Any]:
    """Return the metadata of one of :data:`CELLS`: its class and the arguments that make it.

    A surrogate that is not from :mod:`snn.surrogate` is left out.
    """
    arrays: dict[str, Array] = {}
    made = {name: _packed(getattr(cell, name), arrays) for name in _arguments(type(cell))}
    text = json.dumps({"cell": type(cell).__name__, "arguments": made})
    return {KEY: text, **arrays}


def _arguments(kind: type) -> list[str]:
    if issubclass(kind, Checked):
        return [*kind.takes()]
    return [*inspect.signature(kind).parameters]


def _packed(value: Any, arrays: dict[str, Array]) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Surrogate) and type(value).__module__.startswith("snn.surrogate."):
        made = {name: _packed(getattr(value, name), arrays) for name in _arguments(type(value))}
        return {"surrogate": type(value).__name__, "arguments": made}
    if isinstance(value, (Cell, type)) or callable(value):
        return None  # a surrogate of the user's own
    array = np.asarray(value.asnumpy() if isinstance(value, Tensor) else value)
    name = f"{KEY}{len(arrays)}"
    arrays[name] = np.atleast_1d(array)
    found = {"array": name, "shape": [*array.shape], "scalar": isinstance(value, np.generic)}
    if isinstance(value, Parameter):
        found["trained"] = bool(value.requires_grad)
    return found


def restored(
    node: Any, kind: str, found: dict[str, Any], shape: tuple[int, ...], dt: float, surrogate_function: Any, where: str
) -> Cell:
    """Return the Cell that the metadata of a node describes, of which ``found`` is the result of :func:`hinted`.

    ``surrogate_function`` is for a neuron whose own surrogate is not known. Metadata that is damaged, or that contradicts the
    fields since the graph was changed, is an error.
    """
    known = {cell.__name__: cell for cell in CELLS}
    try:
        maker: Any = known[found["cell"]]
        arguments = {name: _unpacked(value, node.metadata) for name, value in found["arguments"].items()}
        if "surrogate_function" in arguments and arguments["surrogate_function"] is None:
            arguments["surrogate_function"] = surrogate_function
        cell: Cell = maker(**arguments)
        fields = {name: np.asarray(getattr(node, name)) for name in vars(node) if not name.endswith("type")}
        fields.pop("metadata", None)
        dtype = next(iter(fields.values())).dtype
        expected = said(cell, shape, dtype, dt, where)
        agrees = expected.kind == kind and expected.fields.keys() == fields.keys()
        agrees = agrees and all(np.array_equal(expected.fields[name], fields[name]) for name in fields)
    except (AutogradError, LookupError, TypeError, ValueError, AttributeError, OverflowError, StopIteration) as error:
        raise DataError(f"{where}, metadata {KEY!r}", "a Cell of ours", told(error), _AGAIN) from error
    if not agrees:
        raise DataError(
            where, "fields as in its metadata: the graph as spikecell wrote it", "other fields: it was changed since", _AGAIN
        )
    return cell


def _unpacked(value: Any, metadata: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        if value is None or type(value) in (bool, int, float, str):
            return value
        raise ValueError(f"{type(value).__name__} as an argument")
    if "surrogate" in value:
        kind = getattr(surrogate, value["surrogate"]) if value["surrogate"] in dir(surrogate) else None
        if not (isinstance(kind, type) and issubclass(kind, Surrogate)):
            raise ValueError(f"the surrogate {value['surrogate']!r}")
        return kind(**{name: _unpacked(item, metadata) for name, item in value["arguments"].items()})
    array = np.asarray(metadata[value["array"]])
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{array.dtype} as numbers")
    array = array.reshape([int(n) for n in value["shape"]])
    if "trained" in value:
        return Parameter(array, requires_grad=bool(value["trained"]))
    return array[()] if value["scalar"] else np.array(array)
