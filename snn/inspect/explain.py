"""Show how the compiled mode runs a neuron or a net."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from autograd import Cell, as_tensor
from autograd.dtypes import describe
from autograd.errors import CompileError, DTypeError, ShapeError

from ..common.structure import says_too_deep
from ..compiled.auto import decision
from .unchanged import unchanged

__all__ = ["explain"]


@says_too_deep
def explain(net: Cell, x: Any = None, state: Any = None, *, file: TextIO | None = None) -> None:
    """Print how the compiled mode runs a neuron or a net, which it leaves unchanged.

    For a neuron: its equations, the traced step and its backward step, the values that the forward pass saves, where its
    gradient matters, and the emitted loops. For a net: the same in short for each loop over time, and how its currents are
    computed; for a net that wires its neurons itself, also its graph. If something cannot be compiled, the text gives the
    reason. With an input, the last line says how ``mode="auto"`` runs the net on it, and why. In programs, ``tiny`` is
    the smallest normal number: added to a value, it turns ``> 0`` into ``>= 0``.

    Parameters
    ----------
    net : Cell
        A neuron, an ``nn.SequentialCell`` of layers, or a Cell that wires neurons itself.
    x : Tensor or array, optional
        Input, ``[T, N, ...]``. If given, the net runs forward once, and the text shows how this run computed the currents. A
        net that wires its neurons itself needs it.
    state : optional
        Where that run starts, as for :func:`snn.run`.
    file : text file, optional
        Where to print; by default ``sys.stdout``.

    Raises
    ------
    DTypeError
        If ``net`` is not a Cell.
    ShapeError
        If ``x`` is not ``[T, N, ...]``.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> snn.explain(nn.SequentialCell(nn.Dense(3, 2, rng=0), snn.IFNode()), np.zeros((4, 1, 3), np.float32))
    layers 0, 1: Dense(in_channels=3, out_channels=2, has_bias=True)
        IFNode(h = v + x; z = h > 1 [relusigmoid()]; spike = z; v' = h - z)
      currents: dense: the product is small; 0 % of the input is nonzero
      products: currents, input gradient, weight gradient by the BLAS (each is small)
      output: spikes of amplitude 1, one byte each
      saved: t6 = t4 - 1.0, float32, 4 bytes
      total: 4 bytes per neuron per step, 5 with the output
      gradient of the output: needed everywhere, since the equations never set its factor to 0
    mode='auto' runs this step by step: that takes about 0.8 ms with its gradient, less than 5 ms.
    """
    if not isinstance(net, Cell):
        raise DTypeError("snn.explain", "a Cell", describe(net), "Pass a neuron or an nn.SequentialCell of layers.")
    out = sys.stdout if file is None else file
    x = None if x is None else as_tensor(x, "snn.explain, input x")
    if x is not None and (x.ndim < 2 or not len(x)):
        raise ShapeError(
            "snn.explain, input x", "[T, N, ...]", describe(x), "Put time first, and add a batch axis: x[:, None]."
        )
    from .explanation import lines

    refused = False
    with unchanged(net):
        try:
            for line in lines(net, x, state):
                print(line, file=out)
        except CompileError as error:
            print(f"Not compiled: {error}", file=out)
            refused = True
        if x is not None:
            cells = [cell for _, cell in net.cells_and_names()]
            print(decision(net, x, cells, refused), file=out)
