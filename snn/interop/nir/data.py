"""Records of runs as NIRData, and back: values on a grid of time steps, or events."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd import as_tensor
from autograd.dtypes import describe
from autograd.errors import ArgumentError, AutogradError, DataError, DTypeError, ShapeError

from ...common.files import write_whole
from ...common.others import told
from ...data.files import as_path
from .fields import LIMIT, MEND, Array, check_limit, check_names, library, positive_step
from .hdf5 import read_tree

__all__ = ["from_data", "read_data", "to_data", "write_data"]


def to_data(record: Mapping[str, Any], *, dt: float, events: bool = True, name: str = "node") -> Any:
    """Return the record of a run as NIR's graph data: the observables of each layer.

    Parameters
    ----------
    record : mapping of str to Tensor
        Record of :func:`snn.run`, ``"<layer>.<variable>"`` to ``[T, N, ...]``. Feature axes are flattened. A slash in the name
        of a layer becomes ``_``, as in :func:`to_nir`.
    dt : float
        Seconds of a time step.
    events : bool
        Whether spikes become events, at ``dt`` times the number of the step, counted from 0; spikes of an amplitude other than
        1 carry it as a value. Otherwise everything is on a grid, with spikes of 0 and 1 as bools.
    name : str
        Name of the node if the net is a single neuron, whose records have no name.

    Returns
    -------
    nir.NIRGraphData

    Raises
    ------
    MissingExtraError
        If the package nir is not installed.
    ShapeError
        If a record is not ``[T, N, ...]``.
    DTypeError
        If ``record`` is not a mapping with names as keys.
    ArgumentError
        If ``dt`` is not a number above 0, or two layers would have the same name.

    Examples
    --------
    >>> import numpy as np, snn
    >>> record = snn.run(snn.IFNode(), np.full((4, 1, 2), 0.75, np.float32), record=["spike"]).record
    >>> data = snn.interop.nir.to_data(record, dt=1e-3).nodes["node"].observables["spike"]
    >>> data.idx.tolist(), (data.time * 1e3).round(3).tolist()
    ([[0, 1, 0, 1]], [[1.0, 1.0, 2.0, 2.0]])
    """
    where = "snn.interop.nir.to_data"
    nir, step = library(where), positive_step(where, dt)
    if not isinstance(record, Mapping) or not all(isinstance(key, str) for key in record):
        raise DTypeError(where, "a record: a mapping of names to Tensors", describe(record), "snn.run(...).record is one.")
    found: dict[str, dict[str, Any]] = {}
    for key, value in record.items():
        layer, _, what = key.rpartition(".")
        layer = layer.replace("/", "_") or name
        array = np.asarray(as_tensor(value, f"{where}, {key}").asnumpy())
        if array.ndim < 2:
            raise ShapeError(f"{where}, {key}", "[T, N, ...]", describe(value), "Pass the record of a run.")
        grid = np.ascontiguousarray(array.reshape(*array.shape[:2], -1).swapaxes(0, 1))
        is_spikes = what == "spike"
        made = _events(nir, grid, step) if is_spikes and events else _gridded(nir, grid, step, is_spikes)
        if what in found.setdefault(layer, {}):
            raise ArgumentError(f"{where}, {key}", "a name of its own for each layer", f"{layer!r} twice", "Rename a layer.")
        found[layer][what] = made
    return nir.NIRGraphData({layer: nir.NIRNodeData(observables) for layer, observables in found.items()})


def _gridded(nir: Any, grid: Array, dt: float, is_spikes: bool) -> Any:
    binary = is_spikes and np.all((grid == 0) | (grid == 1))
    return nir.TimeGriddedData(grid.astype(bool) if binary else grid, dt)


def _events(nir: Any, grid: Array, dt: float) -> Any:
    n, steps, neurons = grid.shape
    counts = np.count_nonzero(grid, axis=(1, 2))
    shape = n, int(counts.max(initial=0))
    idx, time, value = np.full(shape, -1), np.full(shape, np.inf), np.zeros(shape, grid.dtype)
    times = _times(np.arange(steps + 1), dt)
    for sample in range(n):
        at, which = np.nonzero(grid[sample])
        idx[sample, : len(at)], time[sample, : len(at)] = which, times[at]
        value[sample, : len(at)] = grid[sample, at, which]
    if np.all((grid == 0) | (grid == 1)):
        return nir.EventData(idx, time, neurons, float(times[-1]))
    return nir.ValuedEventData(idx, time, neurons, float(times[-1]), value)


def _times(steps: Array, dt: float) -> Array:
    """Return times in seconds such that division by ``dt``, with truncation, gives the steps again."""
    times = steps * dt
    return np.where(np.floor(times / dt) < steps, np.nextafter(times, np.inf), times)


def from_data(data: Any, *, dt: float | None = None, limit: int = LIMIT) -> dict[str, Array]:
    """Return NIR's graph data as a record: ``"<layer>.<variable>"`` to ``[T, N, features]``.

    Parameters
    ----------
    data : nir.NIRGraphData
        Data as :func:`to_data` or :func:`read_data` returns it. Names of inner graphs come before those of their nodes.
    dt : float, optional
        Seconds of a time step, which events need.
    limit : int
        Largest size of a record in bytes.

    Returns
    -------
    dict of str to array
        Events become the sum of their values in each step, in float32 or the dtype of the values. Grids are unchanged, but
        bools become float32.

    Raises
    ------
    DTypeError
        If it is not such data.
    DataError
        If it is damaged, its grid has another ``dt``, or it needs more than ``limit`` bytes.
    ArgumentError
        If there are events and no ``dt``.
    """
    where = "snn.interop.nir.from_data"
    nir = library(where)
    if not isinstance(data, nir.NIRGraphData):
        raise DTypeError(where, "a nir.NIRGraphData", describe(data), "read_data returns one.")
    step = None if dt is None else positive_step(where, dt)
    check_limit(where, limit)
    found: dict[str, Array] = {}
    waiting = [("", data, 0)]
    while waiting:
        prefix, part, depth = waiting.pop()
        for name, node in part.nodes.items():
            if isinstance(node, nir.NIRGraphData) and depth < 50:
                waiting.append((f"{prefix}{name}.", node, depth + 1))
                continue
            for what, seen in getattr(node, "observables", {}).items():
                found[f"{prefix}{name}.{what}"] = _record(nir, seen, step, limit, f"{where}, {prefix}{name}.{what}")
    return found


def _record(nir: Any, seen: Any, dt: float | None, limit: int, where: str) -> Array:
    if isinstance(seen, nir.TimeGriddedData):
        if dt is not None and not np.isclose(seen.dt, dt, rtol=1e-6):
            raise DataError(where, f"a grid of dt = {dt:g} s", f"{seen.dt:g} s", "Leave dt out where there are no events.")
        array = np.asarray(seen.data)
        if array.ndim != 3 or array.dtype.kind not in "biuf":
            raise DataError(where, "numbers [N, T, features]", describe(seen.data), MEND)
        array = array.astype(np.float32) if array.dtype.kind == "b" else array
        return np.ascontiguousarray(array.swapaxes(0, 1))
    if not isinstance(seen, nir.EventData):
        raise DataError(where, "events, or values on a grid", type(seen).__name__, MEND)
    if dt is None:
        raise ArgumentError(where, "dt, the seconds of a time step, for events", "none", "For example dt=1e-3.")
    idx, time = np.asarray(seen.idx), np.asarray(seen.time, np.float64)
    value = np.asarray(getattr(seen, "value", np.ones(idx.shape, np.float32)))
    whole = idx.ndim == 2 and idx.shape == time.shape == value.shape and idx.dtype.kind in "iu" and value.dtype.kind in "iuf"
    ends = float(seen.t_max)
    if not whole or not 0 <= ends / dt < 1 << 40 or not 0 < int(seen.n_neurons) < 1 << 40:
        raise DataError(where, "idx and time as arrays [N, events], n_neurons and t_max above 0", "something else", MEND)
    steps, neurons = math.ceil(ends / dt - 1e-6), int(seen.n_neurons)
    if steps * len(idx) * neurons * 8 > limit:
        raise DataError(
            where, f"at most {limit:,} bytes", f"{steps} steps of {neurons} neurons", "Pass limit= or a larger dt."
        )
    sample, place = np.nonzero(idx != -1)
    which, at = idx[sample, place].astype(np.int64), np.floor(time[sample, place] / dt + 1e-6)
    if not np.all((which >= 0) & (which < neurons) & (at >= 0) & (at < max(steps, 1))):
        raise DataError(where, f"neurons below {neurons}, times below t_max, {ends:g} s", "an event outside them", MEND)
    out = np.zeros((steps, len(idx), neurons), value.dtype if value.dtype.kind == "f" else np.float32)
    np.add.at(out, (at.astype(np.int64), sample, which), value[sample, place])
    return out


def write_data(path: str | os.PathLike[str], data: Any) -> None:
    """Write NIR's graph data to an HDF5 file.

    It is written beside its destination, then moved into place.

    Parameters
    ----------
    path : str or path
        The file.
    data : nir.NIRGraphData
        Data as :func:`to_data` returns it, without inner graphs, which nir would write endlessly.

    Raises
    ------
    MissingExtraError
        If the package nir is not installed.
    DTypeError
        If it is not such data.
    DataError
        If a name of a node or an observable cannot be written.
    WriteError
        If it cannot be written; an existing file is kept.
    """
    where = "snn.interop.nir.write_data"
    nir = library(where)
    flat = isinstance(data, nir.NIRGraphData) and all(isinstance(node, nir.NIRNodeData) for node in data.nodes.values())
    if not flat:
        raise DTypeError(
            where, "a nir.NIRGraphData of nodes alone", describe(data), "Name nodes of inner graphs 'outer.inner'."
        )
    check_names(where, (name for key, node in data.nodes.items() for name in (key, *node.observables)))
    memory = io.BytesIO()
    no_events = any(not np.size(getattr(o, "idx", 1)) for node in data.nodes.values() for o in node.observables.values())
    nir.write_data(memory, data, **({"compression": None} if no_events else {}))  # there is nothing to compress
    write_whole(as_path(path, where), memory.getvalue())


def read_data(path: str | os.PathLike[str], *, limit: int = LIMIT) -> Any:
    """Read NIR's graph data from an HDF5 file, which may come from anywhere, as :func:`read` reads a graph.

    Parameters
    ----------
    path : str or path
        The file.
    limit : int
        Largest total size of its arrays in bytes.

    Returns
    -------
    nir.NIRGraphData

    Raises
    ------
    MissingExtraError
        If the package nir, or h5py, is not installed.
    DataError
        If the file is damaged, or does not hold such data.
    """
    where = "snn.interop.nir.read_data"
    nir = library(where)
    tree = read_tree(path, limit, where, ("dt", "n_neurons", "t_max"))
    try:
        return _graph(nir, tree, 0)
    except AutogradError:
        raise
    except Exception as error:  # nir takes valid fields for granted
        raise DataError(f"reading {path}", "data of the nodes of a graph", told(error), MEND) from error


def _graph(nir: Any, tree: Any, depth: int) -> Any:
    nodes = {}
    for name, part in tree["nodes"].items():
        inner = "observables" not in part and depth < 50
        nodes[name] = (
            _graph(nir, part, depth + 1)
            if inner
            else nir.NIRNodeData({what: _observable(nir, seen) for what, seen in part["observables"].items()})
        )
    return nir.NIRGraphData(nodes)


def _observable(nir: Any, seen: dict[str, Any]) -> Any:
    if "data" in seen:
        return nir.TimeGriddedData(seen["data"], float(seen["dt"]))
    common = seen["idx"], seen["time"], int(seen["n_neurons"]), float(seen["t_max"])
    return nir.ValuedEventData(*common, seen["value"]) if "value" in seen else nir.EventData(*common)
