"""Blocks with a shortcut, for spikes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from autograd import Cell, nn, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, CellError, ShapeError
from autograd.nn.stateful import start, untouched

from ..common.structure import has_state, label
from ..neurons.base import Neuron

__all__ = ["SEWBlock"]

_CONNECT: dict[str, Callable[[Any, Any], Any]] = {"add": ops.add, "and": ops.mul, "iand": lambda out, x: (1 - out) * x}

_HANDS_ON = nn.Dropout, nn.Flatten


class SEWBlock(nn.SequentialCell):
    """Layers with a shortcut, whose spikes are joined element by element (spike-element-wise, SEW).

    ``out = connect(block(x), shortcut(x))`` in each time step (Fang et al., "Deep Residual Learning in Spiking Neural
    Networks", NeurIPS 2021):

    - ``"add"``: ``block + x``, the sum of the spikes;
    - ``"and"``: ``block x``, a spike where both have one;
    - ``"iand"``: ``(1 - block) x``, a spike of ``x`` where the block has none.

    It is a chain, and can be used like any chain. Its layers keep their states by name, and may be layers over time. In
    the compiled mode a layer of weights that reads a sum of spikes sums over the events of both terms.

    Parameters
    ----------
    *cells : Cell
        The layers of the block, or one list of them, or one mapping from names to them; the last should be a neuron.
    connect : {"add", "and", "iand"}
        How spikes are joined. The last two require spikes of amplitude 1.
    shortcut : Cell, optional
        The shortcut: a layer, or a chain, such as a convolution with a stride, a norm and a neuron. None passes the input
        unchanged.

    Raises
    ------
    ArgumentError
        If ``connect`` is unknown, or the spikes of the block do not have the amplitude it requires.
    CellError
        If the block has no layers, an argument is not a Cell, or a layer is named ``shortcut``.
    ShapeError
        When called, if block and shortcut give different shapes.

    Examples
    --------
    >>> import numpy as np, snn
    >>> block = snn.SEWBlock(snn.IFNode(), connect="iand")
    >>> x = np.array([1.0, 1, 0, 1, 1]).reshape(5, 1, 1)
    >>> print(snn.run(snn.IFNode(), x).out.asnumpy().ravel(), snn.run(block, x).out.asnumpy().ravel())
    [0. 1. 0. 1. 1.] [1. 0. 0. 0. 0.]
    """

    shortcut: Cell | None = None

    def __init__(self, *cells: Any, connect: str = "add", shortcut: Cell | None = None) -> None:
        super().__init__(*cells)
        if not len(self) or not (shortcut is None or isinstance(shortcut, Cell)):
            got = "no layers" if not len(self) else f"{describe(shortcut)} as the shortcut"
            raise CellError("SEWBlock", "layers, and a Cell or None as the shortcut", got, "Wrap a function in a Cell.")
        if shortcut is not None:
            self.shortcut = shortcut
        self.connect = connect

    @property
    def connect(self) -> str:
        """How spikes are joined; a new value is checked on assignment."""
        return self._connect

    @connect.setter
    def connect(self, connect: str) -> None:
        if not isinstance(connect, str) or connect not in _CONNECT:
            raise ArgumentError("SEWBlock", f"connect among {', '.join(map(repr, _CONNECT))}", repr(connect), "Choose one.")
        for way, where in (([cell for _, cell in self._items()], "last layer"), ([self.shortcut], "shortcut")):
            last = _made_by(way)
            if connect != "add" and isinstance(last, Neuron) and not _of_one(last):
                raise ArgumentError(
                    f"SEWBlock, {where}", f"spikes of amplitude 1 for connect={connect!r}", repr(last),
                    "Give it spike_value='unit', or v_threshold=1.0.",
                )  # fmt: skip
        self._connect = sys.intern(connect)  # the compiled mode compares identities to find changes

    def _items(self) -> list[tuple[str, Cell]]:
        """Return (name, Cell) for each layer of the block, without the shortcut."""
        return [(name, cell) for name, cell in super()._items() if name != "shortcut"]

    def through(self, x: Any, run: Any, call: Any = lambda function, *values: function(*values)) -> Any:
        """Pass a value through block and shortcut; see :meth:`autograd.nn.SequentialCell.through`."""
        out = around = x
        for name, cell in self.named():
            if name == "shortcut":
                around = run(name, cell, x)
            else:
                out = run(name, cell, out)
        return call(self.joined, out, around)

    def joined(self, out: Any, x: Any) -> Any:
        """Return the spikes of the block joined with those of the shortcut."""
        if out.shape != x.shape:
            raise ShapeError(
                "SEWBlock", "block and shortcut with outputs of the same shape", f"{describe(out)} and {describe(x)}",
                "Pass shortcut=, a layer whose output has the shape of the block's.",
            )  # fmt: skip
        return _CONNECT[self.connect](out, x)

    def initial_state(self, x: Any) -> dict[str, Any]:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: the states of layers that have one, by name."""
        states: dict[str, Any] = {}

        def run(name: str, cell: Cell, x: Any) -> Any:
            if has_state(cell):
                states[name] = start(cell, x, label(name, cell))
            with untouched(cell) as twin:
                return twin(x, states[name])[0] if name in states else twin(x)

        self.through(x, run)
        return states


def _made_by(way: list[Any]) -> Any:
    """Return the layer whose spikes a chain returns: the last one that does not just pass spikes on."""
    layers = [*way]
    while layers:
        last = layers.pop()
        if isinstance(last, nn.SequentialCell):
            layers += last
        elif not (getattr(last, "keeps_spikes", False) or isinstance(last, _HANDS_ON)):
            return last
    return None


def _of_one(node: Neuron) -> bool:
    """Return whether the spikes of a neuron have amplitude 1, as far as its attributes tell."""
    unit = getattr(node, "spike_value", "threshold") == "unit"
    threshold = getattr(node, "v_threshold", 1.0)
    return unit or (isinstance(threshold, (int, float)) and threshold == 1)
