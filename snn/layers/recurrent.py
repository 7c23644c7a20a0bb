"""Populations of neurons with feedback through any layer, such as a convolution."""

from __future__ import annotations

from typing import Any

from autograd import Cell, Tensor, as_tensor, ops
from autograd.dtypes import describe
from autograd.errors import ArgumentError, CellError, ShapeError
from autograd.nn.stateful import untouched

from ..common.structure import holds_neurons, initial_state, is_stateful
from ..recurrent import RecurrentState, checked

__all__ = ["RecurrentThrough"]


class RecurrentThrough(Cell):
    """Neurons with feedback: their spikes of the previous step return through a layer of weights.

    ``current = x + back(fired)``. With a convolution as ``back`` it is a convolutional recurrent layer for spikes, like a
    ConvLSTM for numbers (Shi et al., "Convolutional LSTM Network", NeurIPS 2015); with an ``nn.Dense`` it equals a
    :class:`snn.Recurrent`, which is faster. Put a convolution of the input before this layer.

    The compiled mode steps it inside one loop if ``back`` is an ``nn.Dense`` for features ``[N, F]`` or an ``nn.Conv1d``,
    ``nn.Conv2d`` or ``nn.Conv3d``; with any other layer it runs step by step, as in the eager mode.

    Parameters
    ----------
    node : Cell
        A neuron: ``construct(x, state) -> (spike, state)``.
    back : Cell
        A layer without state, from spikes ``[N, ...]`` to currents of the same shape.

    Raises
    ------
    CellError
        If ``node`` is not a neuron, or ``back`` has a state.
    ShapeError
        When a run starts, if ``back`` changes the shape.
    StateError
        When called, if the state does not belong to this layer and input.

    Examples
    --------
    >>> import numpy as np, snn
    >>> from autograd import nn
    >>> back = nn.Conv1d(1, 1, 3, weight_init=np.array([[[1.5, 0.0, 0.0]]]))  # to the next position
    >>> layer = snn.RecurrentThrough(snn.IFNode(), back)
    >>> x = np.zeros((3, 1, 1, 4), np.float32)
    >>> x[0, 0, 0, 0] = 1.5
    >>> print(snn.run(layer, x).out.asnumpy()[:, 0, 0])
    [[1. 0. 0. 0.]
     [0. 1. 0. 0.]
     [0. 0. 1. 0.]]
    """

    is_neuron = True
    keeps_spikes = False
    runs = "step by step, as in eager mode: its layer cannot step inside a compiled loop"

    def __init__(self, node: Cell, back: Cell) -> None:
        super().__init__()
        if not isinstance(node, Cell) or not is_stateful(node) or holds_neurons(node):
            raise CellError(
                "RecurrentThrough", "a neuron, such as snn.LIFNode(beta=0.9)", describe(node), "Pass one neuron as node."
            )
        if not isinstance(back, Cell) or is_stateful(back) or holds_neurons(back):
            raise CellError(
                "RecurrentThrough, back", "a layer without state, such as nn.Conv2d(...)", describe(back),
                "For feedback through a layer with a state, write your own net: see docs/wiring.md.",
            )  # fmt: skip
        if getattr(back, "over_time", False):
            raise ArgumentError(
                "RecurrentThrough, back", "a layer for one time step", describe(back), "Feedback comes from the previous step."
            )
        self.node, self.back = node, back

    def __call__(self, x: Any, state: Any = None) -> Any:
        """Check the state against the input, then run one step."""
        x, state = checked(x, state, "RecurrentThrough")
        return super().__call__(x, state)

    def initial_state(self, x: Any) -> Any:
        """Return the initial state for inputs such as ``x``, ``[N, ...]``: the neuron's initial state, and no spikes."""
        x = as_tensor(x, "RecurrentThrough")
        inner = initial_state(self.node, x)
        with untouched(self.node) as twin:
            fired = ops.zeros_like(twin(x, inner)[0])
        with untouched(self.back) as twin:
            returned = twin(fired)
        if returned.shape != x.shape:
            raise ShapeError(
                "RecurrentThrough, back", f"currents in the shape of the input, {list(x.shape)}", describe(returned),
                "Give the convolution as many filters as channels, a stride of 1 and pad_mode='same'.",
            )  # fmt: skip
        return RecurrentState(inner, fired)

    def construct(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Run one step: add the feedback to the currents ``[N, ...]``; the state also contains the spikes."""
        out, inner = self.node(x + self.back(state.spike), state.v)
        return out, RecurrentState(inner, out)

    def all_steps(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run all time steps of currents ``[T, N, ...]``, one after the other."""
        outs = []
        for xt in ops.unstack(x):
            out, state = self(xt, state)
            outs.append(out)
        return ops.stack(outs), state
