"""Graphs for users: ``snn.graph``."""

from __future__ import annotations

from typing import Any

from autograd import Cell, as_tensor, tree
from autograd.dtypes import describe
from autograd.errors import DTypeError, ShapeError

from ..common.structure import says_too_deep
from .graph import Graph
from .trace import trace_step

__all__ = ["graph"]


@says_too_deep
def graph(net: Cell, x: Any, state: Any = None) -> Graph:
    """Return the computation of a net in one time step, as nodes and edges.

    Parameters
    ----------
    net : Cell
        A neuron, an ``nn.SequentialCell``, or a Cell of your own with ``construct(x, state) -> (out, state)``.
    x : Tensor or array
        Input, ``[T, N, ...]``; only the shape of a step and the dtype count.
    state : optional
        A state, as for :func:`snn.run`.

    Returns
    -------
    Graph
        ``print`` shows it as a table, ``to_dot()`` returns it in the language of Graphviz, and :func:`snn.plot.graph` draws
        it. Edges that cross a time step, from a value to the state that holds it in the next step, are marked.

    Raises
    ------
    CompileError
        If a step cannot be traced, for example because of an ``if`` or a numpy function on a value. The error names the line.
    ShapeError
        If ``x`` is not ``[T, N, ...]`` with at least one step.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> net = nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.IFNode())
    >>> print(snn.graph(net, np.zeros((5, 1, 3), np.float32)))
    One step of SequentialCell:
      name  kind    output          weights  from
      x     input   [1, 3] float32
      0     Dense   [1, 2] float32        8  x
      1     IFNode  [1, 2] float32           0, its own state
      output: 1
    """
    if not isinstance(net, Cell):
        raise DTypeError("snn.graph", "a Cell as the net", describe(net), "Put layers in an nn.SequentialCell.")
    x = as_tensor(x, "snn.graph, input x")
    if x.ndim < 2 or not len(x):
        raise ShapeError(
            "snn.graph, input x", "[T, N, ...]: at least one time step, then the batch", describe(x),
            "Put time first, and add a batch axis: x[:, None].",
        )  # fmt: skip
    given = None if state is None else tree.map_leaves(lambda leaf: as_tensor(leaf, "snn.graph, state"), state)
    return trace_step(net, x[0], given, steps=len(x))
