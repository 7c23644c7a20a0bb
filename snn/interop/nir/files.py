"""NIR files: written atomically, and read safely even if a file is malicious."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from autograd.dtypes import describe
from autograd.errors import DataError, DTypeError

from ...common.files import write_whole
from ...common.others import told
from ...data.files import as_path
from .fields import LIMIT, MEND, check_names, library
from .hdf5 import read_tree

__all__ = ["read", "write"]

_DEEPEST = 50


def write(path: str | os.PathLike[str], graph: Any) -> None:
    """Write a graph to an HDF5 file that every package with NIR reads.

    It is written beside its destination, then moved into place.

    Parameters
    ----------
    path : str or path
        The file, by convention ``*.nir``.
    graph : nir.NIRGraph
        A graph as :func:`to_nir` returns it.

    Raises
    ------
    MissingExtraError
        If the package nir is not installed.
    DTypeError
        If ``graph`` is not a graph.
    DataError
        If the name of a node cannot be written.
    WriteError
        If it cannot be written; an existing file is kept.
    """
    nir = library("snn.interop.nir.write")
    if not isinstance(graph, nir.NIRGraph):
        raise DTypeError("snn.interop.nir.write", "a nir.NIRGraph", describe(graph), "Make one of a net with to_nir.")
    _check_nodes(nir, graph, 0)
    memory = io.BytesIO()
    nir.write(memory, graph)
    write_whole(as_path(path, "snn.interop.nir.write"), memory.getvalue())


def _check_nodes(nir: Any, graph: Any, depth: int) -> None:
    check_names("snn.interop.nir.write, nodes", graph.nodes)
    for node in graph.nodes.values():
        if isinstance(node, nir.NIRGraph) and depth < _DEEPEST:
            _check_nodes(nir, node, depth + 1)


def read(path: str | os.PathLike[str], *, limit: int = LIMIT) -> Any:
    """Read a graph from an HDF5 file, which may come from anywhere.

    ``nir.read`` trusts its file. This function follows no link, reads nothing from other files, and takes no more memory than
    allowed. It does not infer shapes: :func:`from_nir` checks all of them.

    Parameters
    ----------
    path : str or path
        The file.
    limit : int
        Largest total size of its arrays in bytes.

    Returns
    -------
    nir.NIRGraph

    Raises
    ------
    MissingExtraError
        If the package nir, or h5py, is not installed.
    DataError
        If the file is damaged, or does not hold a graph.
    ArgumentError
        If ``limit`` is not a whole number above 0.
    """
    where = "snn.interop.nir.read"
    nir = library(where)
    tree = read_tree(path, limit, where).get("node")
    return _node(nir, tree, f"reading {path}", 0)


def _node(nir: Any, tree: Any, where: str, depth: int) -> Any:
    kind = tree.get("type") if isinstance(tree, dict) else None
    make: Any = getattr(nir, kind) if isinstance(kind, str) and kind in nir.ir.__all__ else None
    known = isinstance(make, type) and issubclass(make, nir.NIRNode) and make is not nir.NIRNode
    if depth > _DEEPEST or not known:
        raise DataError(where, "nodes of NIR", f"{kind!r} as the type"[:100], MEND)
    fields = {name: value for name, value in tree.items() if name != "type"}
    if not isinstance(fields.get("metadata", {}), dict):
        raise DataError(f"{where}, metadata", "a group", "a value", MEND)
    if kind == "NIRGraph":
        nodes, edges = fields.get("nodes"), fields.get("edges", np.empty((0, 2), object))
        pairs = isinstance(edges, np.ndarray) and edges.ndim == 2 and edges.shape[1] == 2 and edges.dtype == object
        pairs = pairs or (isinstance(edges, np.ndarray) and not edges.size)
        if not isinstance(nodes, dict) or not pairs:
            raise DataError(where, "a dict of nodes, and edges as pairs of texts", "something else", MEND)
        inside = {name: _node(nir, item, f"{where}, node {name!r}"[:300], depth + 1) for name, item in nodes.items()}
        listed = [(str(a), str(b)) for a, b in edges.reshape(-1, 2).tolist()]
        return nir.NIRGraph(inside, listed, metadata=fields.get("metadata", {}), type_check=False)
    shapes = {np.shape(fields[name]) for name in ("v_leak", "v_threshold") if name in fields}
    if "w_in" in fields and np.shape(fields["w_in"]) not in ((), (1,), *shapes):
        raise DataError(f"{where}, w_in", "one value, or one for each neuron", f"{np.shape(fields['w_in'])}", MEND)
    try:
        return make.from_dict({"type": kind, **fields})
    except Exception as error:  # nir asserts, and takes valid fields for granted
        raise DataError(f"{where} ({kind})", "the parameters of such a node", told(error), MEND) from error
